"""GET /api/collectibles: what can be rented, with stock and, for a store, ETA."""

from dataclasses import asdict

from api.http import SHARED_FOR_SECONDS, Event, Response, query, route, success
from api.views import pesos
from rentals import catalogue
from rentals.pricing import base_daily_rate, special_daily_rate


@route
def handler(event: Event) -> Response:
    """404 for an unknown store_id."""
    return success(
        [
            {
                **asdict(offer.collectible),
                "daily_rate": pesos(base_daily_rate(offer.collectible.size)),
                "special_daily_rate": pesos(special_daily_rate(offer.collectible.size)),
                "stock": offer.stock,
                "eta": offer.eta,
            }
            for offer in catalogue.offers(query(event, "store_id"))
        ],
        headers=SHARED_FOR_SECONDS,
    )
