"""POST /api/rentals/{rental_id}/extension?days=N: a page to pay N more days on."""

from api.access import rental_in_path, require_access
from api.money_views import charge_view
from api.requests import Event, site_url, whole_number
from api.responses import Response, success
from api.routes import route
from rentals import charge_sessions, extensions


@route
def handler(event: Event) -> Response:
    """200 with where to pay; the due date moves when it is paid. 401 without the rental's key, 409
    when it cannot be extended so, 502 when PayMongo opens no page.
    """
    rental, days = rental_in_path(event), whole_number(event, "days")
    require_access(event, rental)
    charge = charge_sessions.open_session(rental, extensions.start(rental, days), site_url(event))
    return success(charge_view(charge, may_pay=True))
