"""The HTTP shell of every route: the envelope, errors as clear answers, the raw body."""

import base64
import functools
import json
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws import describe
from infra.telemetry import logger, metrics
from rentals.errors import (
    IdempotencyKeyReused,
    InvalidSignature,
    NotFound,
    RentalError,
    TooManyHolds,
    TransientFailure,
)

MAX_BODY_BYTES = 64 * 1024

Event = dict[str, Any]
Response = dict[str, Any]

# What pages of other origins may send and read. Never with credentials: the API has none.
_CORS_HEADERS = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Idempotency-Key, Prefer",
    "Access-Control-Expose-Headers": "Location, Retry-After",
    "Access-Control-Max-Age": "7200",
}

# For the catalogue: shared caches (CloudFront) may keep it, browsers ask every time, so that a
# visitor who comes back from paying does not see their own unit on the shelf for long.
SHARED_FOR_SECONDS = {"Cache-Control": "public, max-age=0, s-maxage=5"}

_SECURITY_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class HttpError(Exception):
    """A request that gets a clear answer instead of what it asked for."""

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


# First match wins, so subclasses stand before their bases.
_ANSWERS: list[tuple[type[RentalError], HTTPStatus, str | None]] = [
    (NotFound, HTTPStatus.NOT_FOUND, None),
    (IdempotencyKeyReused, HTTPStatus.UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED"),
    (TooManyHolds, HTTPStatus.TOO_MANY_REQUESTS, "TOO_MANY_HOLDS"),
    # Never 403: the distribution takes that for a page that does not exist (template.yaml).
    (InvalidSignature, HTTPStatus.UNAUTHORIZED, "INVALID_SIGNATURE"),
    (TransientFailure, HTTPStatus.SERVICE_UNAVAILABLE, "TRY_AGAIN"),
]


def route(answer: Callable[[Event], Response]) -> Callable[[Event, LambdaContext], Response]:
    """Make a handler of a function from an API Gateway proxy event to a response.

    Errors that the caller can do something about become 4xx; everything else is logged by class
    and becomes a 500 that says nothing of the inside.
    """

    @metrics.log_metrics
    @functools.wraps(answer)
    def handler(event: Event, context: LambdaContext) -> Response:
        logger.structure_logs(append=False, route=event.get("resource"))
        try:
            response = answer(event)
        except HttpError as error:
            response = failure(error.status, error.code, str(error), error.field_errors)
        except RentalError as error:
            response = _answer_to(error)
        except (ClientError, BotoCoreError) as error:
            logger.error("an AWS call failed", extra={"call": describe(error)})
            response = failure(
                HTTPStatus.SERVICE_UNAVAILABLE, "TRY_AGAIN", "something is slow here; try again"
            )
        except Exception:  # noqa: BLE001 - logged here, and told to nobody
            logger.exception("unexpected error")
            response = failure(
                HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", "something went wrong here"
            )
        logger.info("answered", extra={"status": response["statusCode"]})
        response["headers"] |= _cors(event)
        return response

    return handler


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


def _cors(event: Event) -> dict[str, str]:
    """Headers for the origin that asks, if the template allows it (SiteUrl, OtherOrigins): the list
    is a variable of API Gateway's stage.
    """
    allowed = (event.get("stageVariables") or {}).get("AllowedOrigins", "").split(",")
    origin = header(event, "Origin")
    if not origin or origin not in allowed:
        return {"Vary": "Origin"}
    return {"Vary": "Origin", "Access-Control-Allow-Origin": origin, **_CORS_HEADERS}


def raw_body(event: Event, most_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The request body, byte for byte. Raises HttpError: 413 over `most_bytes`, 400 when
    unreadable.
    """
    body = event.get("body") or ""
    try:
        raw = (
            base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
        )
    except ValueError:
        raise HttpError(
            HTTPStatus.BAD_REQUEST, "MALFORMED_BODY", "the body cannot be decoded"
        ) from None
    if len(raw) > most_bytes:
        raise HttpError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "BODY_TOO_LARGE",
            f"the body is {len(raw)} bytes; at most {most_bytes} are accepted",
        )
    return raw


def json_object(event: Event) -> dict[str, Any]:
    """The body as a JSON object. Raises HttpError."""
    raw = raw_body(event)
    try:
        value = json.loads(raw)
        json.dumps(value, ensure_ascii=False).encode()  # refuses lone surrogates: they are no text
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise HttpError(HTTPStatus.BAD_REQUEST, "MALFORMED_JSON", "the body must be a JSON object")
    return value


def header(event: Event, name: str) -> str | None:
    """A request header, whatever the case of its name."""
    wanted = name.lower()
    for each, value in (event.get("headers") or {}).items():
        if each.lower() == wanted:
            return str(value)
    return None


def query(event: Event, name: str) -> str | None:
    """A query parameter, or None."""
    value = (event.get("queryStringParameters") or {}).get(name)
    return None if value is None else str(value)


def _answer_to(error: RentalError) -> Response:
    for kind, status, code in _ANSWERS:
        if isinstance(error, kind):
            return failure(status, code or _code_of(error), str(error))
    logger.exception("an error that has no answer of its own")
    return failure(HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", "something went wrong here")


def _code_of(error: RentalError) -> str:
    """`CollectibleNotFound` as `COLLECTIBLE_NOT_FOUND`."""
    name = type(error).__name__
    return "".join("_" + c if c.isupper() else c for c in name).lstrip("_").upper()


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
