"""POST /api/desk/rentals/{rental_id}/photographs: staff store a photograph of how a unit is."""

from api.access import rental_in_path
from api.requests import Event
from api.responses import Response, success
from api.routes import route
from api.staff import signed_in
from rentals import photographs


@route
def handler(event: Event) -> Response:
    """200 with the form that stores it; 409 for a rental that is not paid."""
    signed_in(event)
    return success(photographs.form(rental_in_path(event)))
