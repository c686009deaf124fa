"""GET /api/stores: where customers pick up."""

from api.catalogue_views import store_view
from api.requests import Event
from api.responses import SHARED_FOR_SECONDS, Response, success
from api.routes import route
from rentals import catalogue


@route
def handler(event: Event) -> Response:
    """Always the whole list."""
    return success([store_view(each) for each in catalogue.stores()], headers=SHARED_FOR_SECONDS)
