"""POST /api/desk/session: staff sign in, or go on."""

from api import sessions
from api.bodies import parse
from api.requests import Event, json_object
from api.responses import Response, success
from api.routes import route
from api.session_bodies import Session


@route
def handler(event: Event) -> Response:
    """200 with the tokens; 401 whatever is not right, 409 when a new password is needed."""
    body = parse(Session, json_object(event))
    if body.refresh_token:
        return success(sessions.refresh(body.refresh_token))
    return success(sessions.sign_in(body.email, body.password, body.new_password))
