"""GET /api/desk/rentals: the rentals that somebody means."""

from api.desk_views import line_view
from api.requests import Event, query
from api.responses import Response, success
from api.routes import route
from api.staff import signed_in
from rentals import lookups


@route
def handler(event: Event) -> Response:
    """200, also when there is none; a name is looked for at one store."""
    staff, words = signed_in(event), query(event, "q") or ""
    found = lookups.find(words)
    if not found and (store_id := staff.at(query(event, "store_id"))):
        found = lookups.in_store_by_name(store_id, words)
    return success([line_view(each) for each in found])
