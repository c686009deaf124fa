"""POST /api/rentals/quote: what a rental would cost, and its days."""

from api.bodies import Quote, parse
from api.catalogue_views import quote_view
from api.requests import Event, json_object
from api.responses import Response, success
from api.routes import route
from rentals import catalogue
from rentals.pricing import price_rental


@route
def handler(event: Event) -> Response:
    """Reserves nothing. 400 for a wrong body, 404 for an unknown collectible or store."""
    body = parse(Quote, json_object(event))
    offer = catalogue.offer(body.collectible_id, body.store_id)
    wanted = offer.collectible
    price = price_rental(wanted.size, body.duration, wanted.daily_rate_centavos)
    return success(quote_view(offer, price, body.duration) | {"store_id": body.store_id})
