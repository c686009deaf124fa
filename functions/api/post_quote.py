"""POST /api/rentals/quote: what a rental would cost and when it would arrive."""

from api.bodies import Quote, parse
from api.requests import Event, json_object
from api.responses import Response, success
from api.routes import route
from api.views import pesos
from rentals import catalogue
from rentals.pricing import price_rental


@route
def handler(event: Event) -> Response:
    """Reserves nothing. 400 for a wrong body, 404 for an unknown collectible or store."""
    body = parse(Quote, json_object(event))
    offer = catalogue.offer(body.collectible_id, body.store_id)
    price = price_rental(offer.collectible.size, body.duration)
    return success(
        {
            "collectible_id": body.collectible_id,
            "store_id": body.store_id,
            "duration": body.duration,
            "daily_rate": pesos(price.daily_rate_centavos),
            "total_fee": pesos(price.total_fee_centavos),
            "is_special_rate": price.is_special_rate,
            "stock": offer.stock,
            "eta": offer.eta,
        }
    )
