"""POST /api/rentals/find: mail the link of a rental to whoever made it."""

from http import HTTPStatus

from api.bodies import FindRental, parse
from api.requests import Event, client_address, json_object
from api.responses import Response, success
from api.routes import route
from rentals import link_requests, sources


@route
def handler(event: Event) -> Response:
    """202 whether there is such a rental or not; 429 when this source asks too often."""
    body = parse(FindRental, json_object(event))
    sources.count_asking(client_address(event))
    link_requests.ask(body.number, body.email)
    message = "If there is such a rental, its link is on its way to that address."
    return success({"message": message}, HTTPStatus.ACCEPTED)
