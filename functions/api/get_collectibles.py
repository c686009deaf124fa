"""GET /api/collectibles: what can be rented, with stock and, for a store, ETA."""

from api.catalogue_views import offer_view
from api.requests import Event, query
from api.responses import SHARED_FOR_SECONDS, Response, success
from api.routes import route
from rentals import catalogue


@route
def handler(event: Event) -> Response:
    """404 for an unknown store_id."""
    offers = catalogue.offers(query(event, "store_id"))
    return success([offer_view(each) for each in offers], headers=SHARED_FOR_SECONDS)
