"""POST /api/rentals/{rental_id}/cancel: the customer cancels on our own page.

A paid rental is cancelled for what goes back then: `refund`, pesos, in the query.
"""

from http import HTTPStatus

from api.access import rental_in_path, require_access
from api.money_views import exact_pesos
from api.redirects import is_paid_or_cancel
from api.requests import Event, money, query
from api.responses import HttpError, Response, success
from api.routes import route
from rentals import cancelling


@route
def handler(event: Event) -> Response:
    """200 and whether it was paid, so not cancelled, or what goes back of a paid one; 401 without
    its key, 409 too early, too late, or when another sum would go back.
    """
    rental = rental_in_path(event)
    require_access(event, rental)
    if rental.is_pending and rental.payment_url is None:
        raise HttpError(
            HTTPStatus.CONFLICT,
            "RENTAL_NOT_READY",
            "this rental is being prepared; cancel it when it can be paid",
        )
    if query(event, "refund") is not None:
        refund = money(event, "refund")
        cancelling.cancel(rental, refund)
        return success({"rental_id": rental.id, "is_paid": True, "refund": exact_pesos(refund)})
    return success({"rental_id": rental.id, "is_paid": is_paid_or_cancel(rental)})
