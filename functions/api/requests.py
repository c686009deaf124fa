"""Reading requests: API Gateway's proxy events."""

import base64
import json
import re
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from api.responses import HttpError

MAX_BODY_BYTES = 64 * 1024

# A header is in no access log, no history and no Referer.
ACCESS_KEY_HEADER = "X-Rental-Key"

Event = dict[str, Any]


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
    """The body as a JSON object. Raises HttpError: 415 for a body that does not say that it is
    JSON, which a page of another origin cannot say without asking first (CORS).
    """
    media_type = (header(event, "Content-Type") or "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise HttpError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED_MEDIA_TYPE",
            "send JSON, with the header Content-Type: application/json",
        )
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


def client_address(event: Event) -> str:
    """The address that the request came from, as the distribution says."""
    return header(event, "X-Client-Address") or event["requestContext"]["identity"]["sourceIp"]


def site_url(event: Event) -> str:
    """The site's address, as the distribution says: it is not known to a function that is part of
    the API, which the distribution is made after.
    """
    return header(event, "X-Site-Url") or f"https://{event['requestContext']['domainName']}"


def is_navigation(event: Event) -> bool:
    """Whether somebody is following a link, and no browser, scanner or frame loads it for them.
    Browsers say so (Fetch Metadata, Sec-Purpose); who says nothing is believed.
    """
    purpose = f"{header(event, 'Sec-Purpose')} {header(event, 'Purpose')}"
    return (
        "prefetch" not in purpose.lower()
        and header(event, "Sec-Fetch-Mode") in (None, "navigate")
        and header(event, "Sec-Fetch-Dest") in (None, "document")
    )


def query(event: Event, name: str) -> str | None:
    """A query parameter, or None."""
    value = (event.get("queryStringParameters") or {}).get(name)
    return None if value is None else str(value)


def whole_number(event: Event, name: str) -> int:
    """A query parameter that is a whole number. Raises HttpError: 400 for anything else."""
    return int(_parameter(event, name, "[0-9]{1,8}", "must be a whole number"))


def money(event: Event, name: str) -> int:
    """A query parameter in pesos, as centavos. Raises HttpError: 400 for anything else."""
    value = _parameter(event, name, r"[0-9]{1,8}(\.[0-9]{1,2})?", "must be pesos, like 150.50")
    return int(Decimal(value) * 100)


def _parameter(event: Event, name: str, pattern: str, message: str) -> str:
    value = query(event, name) or ""
    if not re.fullmatch(pattern, value):
        raise HttpError(
            HTTPStatus.BAD_REQUEST,
            "VALIDATION_ERROR",
            f"please correct: {name}",
            [{"field": name, "message": message}],
        )
    return value
