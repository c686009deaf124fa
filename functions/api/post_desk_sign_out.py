"""POST /api/desk/sign-out: the session of a browser does not go on."""

from api import sessions
from api.bodies import parse
from api.requests import Event, json_object
from api.responses import Response, success
from api.routes import route
from api.session_bodies import SignOut


@route
def handler(event: Event) -> Response:
    """200, also for a session that is over."""
    sessions.sign_out(parse(SignOut, json_object(event)).refresh_token)
    return success({"signed_out": True})
