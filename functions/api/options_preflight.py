"""OPTIONS: a browser asks whether a page of another origin may call the API."""

from http import HTTPStatus

from api.requests import Event
from api.responses import Response
from api.routes import route


@route
def handler(event: Event) -> Response:
    """204; the headers that allow it are there for the origins of the template only."""
    return {"statusCode": HTTPStatus.NO_CONTENT.value, "headers": {}, "body": ""}
