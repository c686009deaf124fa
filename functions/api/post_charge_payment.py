"""POST /api/rentals/{rental_id}/charges/{charge_id}/payment: a page to pay a charge on."""

from api.access import rental_in_path, require_access
from api.money_views import charge_view
from api.requests import Event, site_url
from api.responses import Response, success
from api.routes import route
from rentals import charge_sessions, charges
from rentals.errors import ChargeNotFound


@route
def handler(event: Event) -> Response:
    """200 with where to pay, the same page for an hour; 401 without the rental's key, 409 when
    nothing is to be paid, 502 when PayMongo opens no page.
    """
    rental = rental_in_path(event)
    require_access(event, rental)
    charge_id = event["pathParameters"]["charge_id"][:128]
    if charge_id not in rental.charge_ids:
        raise ChargeNotFound(charge_id)
    charge = charge_sessions.open_session(rental, charges.get(charge_id), site_url(event))
    return success(charge_view(charge, may_pay=True))
