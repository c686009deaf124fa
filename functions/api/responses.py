"""Answers: the envelope, errors, redirects, and the headers that all of them have."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

Response = dict[str, Any]

# For the catalogue: shared caches (CloudFront) may keep it, browsers ask every time, so that a
# visitor who comes back from paying does not see their own unit on the shelf for long.
SHARED_FOR_SECONDS = {"Cache-Control": "public, max-age=0, s-maxage=5"}

_SECURITY_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class HttpError(Exception):
    """A request that is answered with an error."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        message: str,
        field_errors: Sequence[Mapping[str, str]] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.field_errors = field_errors


def success(
    data: Any,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The envelope of an answer."""
    return _response(status, {"success": True, "data": data}, headers)


def failure(
    status: HTTPStatus,
    code: str,
    message: str,
    field_errors: Sequence[Mapping[str, str]] | None = None,
) -> Response:
    """The envelope of an error; `field_errors` are {field, message} pairs."""
    body: dict[str, Any] = {"success": False, "error": message, "code": code}
    if field_errors is not None:
        body["errors"] = list(field_errors)
    return _response(status, body)


def redirect(location: str) -> Response:
    """303 to a page of the site."""
    return {
        "statusCode": HTTPStatus.SEE_OTHER.value,
        "headers": {**_SECURITY_HEADERS, "Location": location, "Referrer-Policy": "no-referrer"},
        "body": "",
    }


def _response(
    status: HTTPStatus, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    return {
        "statusCode": status.value,
        "headers": {
            **_SECURITY_HEADERS,
            "Content-Type": "application/json; charset=utf-8",
            **(headers or {}),
        },
        "body": json.dumps(body, ensure_ascii=False, separators=(",", ":")),
    }
