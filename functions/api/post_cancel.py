"""POST /api/rentals/{rental_id}/cancel: the customer cancels on our own page."""

from http import HTTPStatus

from api.access import has_access, rental_in_path
from api.redirects import is_paid_or_cancel
from api.requests import Event
from api.responses import HttpError, Response, success
from api.routes import route
from rentals.errors import InvalidAccessKey


@route
def handler(event: Event) -> Response:
    """200 and whether it was paid, so not cancelled; 401 without its key, 409 too early."""
    rental = rental_in_path(event)
    if not has_access(event, rental):
        raise InvalidAccessKey
    if rental.is_pending and rental.payment_url is None:
        raise HttpError(
            HTTPStatus.CONFLICT,
            "RENTAL_NOT_READY",
            "this rental is being prepared; cancel it when it can be paid",
        )
    return success({"rental_id": rental.id, "is_paid": is_paid_or_cancel(rental)})
