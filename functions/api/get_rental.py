"""GET /api/rentals/{rental_id}: how a rental stands, for the customer's page."""

from api.requests import Event
from api.responses import Response, success
from api.routes import route
from api.views import rental_view
from infra.telemetry import logger
from rentals import repository


@route
def handler(event: Event) -> Response:
    """404 for an unknown rental."""
    rental = repository.get(event["pathParameters"]["rental_id"][:64])
    # Only what a row has: a caller must not choose what stands in the log that alarms read.
    logger.append_keys(rental_id=rental.id)
    return success(rental_view(rental))
