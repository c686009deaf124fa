"""GET /api/desk/rentals/{rental_id}: one rental, with its customer, for staff."""

from api.access import rental_in_path
from api.desk_views import details_view
from api.requests import Event
from api.responses import Response, success
from api.routes import route
from api.staff import signed_in
from rentals import statement
from rentals.desk import possible_actions
from rentals.photographs import photographs_of


@route
def handler(event: Event) -> Response:
    """200 with what was done, what may be done next, its money and the photographs."""
    staff, rental = signed_in(event), rental_in_path(event)
    actions = possible_actions(rental, is_manager=staff.is_manager)
    return success(details_view(statement.of(rental), actions, photographs_of(rental)))
