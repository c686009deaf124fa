"""GET /api/collectibles: what can be rented, with stock and, for a store, ETA; or one of it."""

from api.catalogue_views import availability_view, offer_view
from api.requests import Event, query
from api.responses import SHARED_FOR_SECONDS, Response, success
from api.routes import route
from rentals import catalogue


@route
def handler(event: Event) -> Response:
    """404 for an unknown store_id or collectible_id."""
    if wanted := query(event, "collectible_id"):
        offer, by_store = catalogue.offer_at_every_store(wanted)
        one = offer_view(offer) | {"availability": availability_view(by_store)}
        return success([one], headers=SHARED_FOR_SECONDS)
    offers = catalogue.offers(query(event, "store_id"))
    return success([offer_view(each) for each in offers], headers=SHARED_FOR_SECONDS)
