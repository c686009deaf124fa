"""POST /api/waiting-list: be told once when a collectible is back, or no more."""

from http import HTTPStatus

from api.bodies import WaitingList, parse
from api.requests import Event, client_address, json_object
from api.responses import Response, success
from api.routes import route
from rentals import sources, waiting_list


@route
def handler(event: Event) -> Response:
    """202, and never whether the address was on the list before; 404 for an unknown collectible,
    429 when this source asks too often.
    """
    body = parse(WaitingList, json_object(event))
    sources.count_asking(client_address(event))
    change = waiting_list.add if body.is_wanted else waiting_list.remove
    change(body.collectible_id, body.email)
    return success({"is_wanted": body.is_wanted}, HTTPStatus.ACCEPTED)
