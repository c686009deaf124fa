"""POST /api/rentals/quote: what a rental would cost and when it would arrive."""

from api.http import Event, Response, json_object, route, success
from api.requests import QUOTE, parse
from api.views import pesos
from rentals import catalogue
from rentals.pricing import price_rental


@route
def handler(event: Event) -> Response:
    """Reserves nothing. 400 for a wrong body, 404 for an unknown collectible or store."""
    body = parse(QUOTE, json_object(event))
    offer = catalogue.offer(body.collectible_id, body.store_id)
    price = price_rental(offer.collectible.size, body.duration)
    return success(
        {
            "collectible_id": body.collectible_id,
            "store_id": body.store_id,
            "duration": body.duration,
            "daily_rate": pesos(price.daily_rate),
            "total_fee": pesos(price.total_fee),
            "is_special_rate": price.is_special_rate,
            "stock": offer.stock,
            "eta": offer.eta,
        }
    )
