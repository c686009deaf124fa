"""POST /api/desk/rentals/{rental_id}/actions: staff receive, hand over, take back, inspect."""

from api.access import rental_in_path
from api.bodies import parse
from api.desk_bodies import DeskAction
from api.desk_views import line_view
from api.requests import Event, json_object
from api.responses import Response, success
from api.routes import route
from api.staff import signed_in
from rentals import desk
from rentals.desk import Actor, Condition
from rentals.models import CENTAVOS_PER_PESO


@route
def handler(event: Event) -> Response:
    """200 and whether it is new; 409 with the rental's stage when it cannot be done now."""
    staff, rental = signed_in(event), rental_in_path(event)
    body = parse(DeskAction, json_object(event))
    moved = desk.act(
        rental,
        body.action,
        Actor(staff.name, staff.at(body.store_id), staff.is_manager),
        condition=body.condition or Condition.FINE,
        note=body.note,
        centavos=None if body.amount is None else body.amount * CENTAVOS_PER_PESO,
        receipt=body.receipt,
    )
    return success({"rental": line_view(moved.rental), "is_new": moved.is_new})
