"""GET /api/rentals/{rental_id}/extension?days=N: what it costs to keep the unit N days longer."""

from api.access import rental_in_path
from api.money_views import extension_view
from api.requests import Event, whole_number
from api.responses import Response, success
from api.routes import route
from rentals import extensions


@route
def handler(event: Event) -> Response:
    """200, and nothing is written; 409 when the rental cannot be extended so."""
    rental, days = rental_in_path(event), whole_number(event, "days")
    return success(extension_view(extensions.quote(rental, days)))
