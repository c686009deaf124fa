"""GET /api/stores: where customers pick up."""

from dataclasses import asdict

from api.http import SHARED_FOR_SECONDS, Event, Response, route, success
from rentals import catalogue


@route
def handler(event: Event) -> Response:
    """Always the whole list."""
    return success([asdict(store) for store in catalogue.stores()], headers=SHARED_FOR_SECONDS)
