"""What may come in: the bodies of POST requests, checked all at once."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic_core import CoreSchema, ValidationError, core_schema

from api.http import HttpError
from api.validation import Shape
from rentals.checkout import CheckoutRequest
from rentals.models import Customer, PaymentMethod
from rentals.pricing import MAX_DURATION_DAYS, MIN_DURATION_DAYS

Request = TypeVar("Request")

_EMAIL_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
_EMAIL_LABEL = r"[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?"
# A mailbox of atoms and dots, a domain of two labels or more: the addresses that people have, in
# any script, and no comments, quotes or bare IP addresses (RFC 5321 and 6531 allow those as well).
_EMAIL = re.compile(rf"({_EMAIL_ATOM}(?:\.{_EMAIL_ATOM})*)@(?:{_EMAIL_LABEL}\.)+{_EMAIL_LABEL}")
_MAX_EMAIL_MAILBOX = 64
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class QuoteRequest:
    """What a customer asks the price of; `duration` is days."""

    collectible_id: str
    store_id: str
    duration: int


def _is_email(text: str) -> str:
    found = _EMAIL.fullmatch(text)
    last = text.rpartition(".")[2]
    if not found or len(found[1]) > _MAX_EMAIL_MAILBOX or len(last) < 2 or last.isdigit():
        raise ValueError("must be an e-mail address")
    return text


def _has_enough_digits(phone: str) -> str:
    if sum(c.isdigit() for c in phone) < 7:
        raise ValueError("must contain at least 7 digits")
    return phone


def _is_printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not contain control characters")
    return text


def _text(
    max_length: int | None = None,
    pattern: str | None = None,
    check: Callable[[str], str] | None = None,
) -> CoreSchema:
    text = core_schema.str_schema(
        strip_whitespace=True,
        min_length=None if pattern else 1,
        max_length=max_length,
        pattern=pattern,
    )
    return core_schema.no_info_after_validator_function(check, text) if check else text


_ORDER = {
    "collectible_id": _text(64),
    "store_id": _text(64),
    "duration": core_schema.int_schema(strict=True, ge=MIN_DURATION_DAYS, le=MAX_DURATION_DAYS),
}
# Unknown fields are refused: a misspelt one is a mistake worth telling.
CUSTOMER = Shape(
    Customer,
    {
        "name": _text(100, check=_is_printable),
        "email": _text(254, check=_is_email),
        "phone": _text(pattern=r"^[0-9+() -]{7,20}$", check=_has_enough_digits),
        "address": _text(200, check=_is_printable),
        "city": _text(100, check=_is_printable),
        "postal_code": _text(pattern=r"^[0-9]{4}$"),
    },
    extra="forbid",
)
# POST /api/rentals/quote
QUOTE = Shape(QuoteRequest, _ORDER, extra="forbid")
# POST /api/rentals/checkout
CHECKOUT = Shape(
    CheckoutRequest,
    _ORDER
    | {
        "payment_method": core_schema.enum_schema(PaymentMethod, list(PaymentMethod)),
        "customer": CUSTOMER.schema,
    },
    extra="forbid",
)


def parse(shape: Shape[Request], body: dict[str, Any]) -> Request:
    """Check a body. Raises HttpError 400 that names every wrong field and what to change."""
    try:
        return shape.read(body)
    except ValidationError as error:
        field_errors = [
            {"field": ".".join(map(str, each["loc"])), "message": _message(each)}
            for each in error.errors(include_url=False, include_context=True, include_input=False)
        ]
    fields = ", ".join(each["field"] for each in field_errors)
    raise HttpError(
        HTTPStatus.BAD_REQUEST, "VALIDATION_ERROR", f"please correct: {fields}", field_errors
    )


def idempotency_key(value: str | None) -> str | None:
    """Check an Idempotency-Key header. Raises HttpError 400."""
    if value is not None and not _IDEMPOTENCY_KEY.fullmatch(value):
        raise HttpError(
            HTTPStatus.BAD_REQUEST,
            "VALIDATION_ERROR",
            "please correct: Idempotency-Key",
            [
                {
                    "field": "Idempotency-Key",
                    "message": "must be 1 to 255 visible ASCII characters",
                }
            ],
        )
    return value


_PATTERN_MESSAGES = {
    "phone": "must be 7 to 20 digits, spaces, +, - and brackets",
    "postal_code": "must be 4 digits",
}


def _message(error: Any) -> str:
    field, kind, context = error["loc"][-1], error["type"], error.get("ctx", {})
    messages = {
        "missing": "is required",
        "extra_forbidden": "is not a known field",
        "string_type": "must be text",
        "string_too_short": "must not be empty",
        "string_too_long": f"must be at most {context.get('max_length')} characters",
        "string_pattern_mismatch": _PATTERN_MESSAGES.get(field, "has the wrong form"),
        "int_type": "must be a whole number, not text or a fraction",
        "greater_than_equal": f"must be at least {context.get('ge')}",
        "less_than_equal": f"must be at most {context.get('le')}",
        "enum": f"must be one of {', '.join(PaymentMethod)}",
        "dict_type": "must be an object",
        "value_error": str(context.get("error", "")),
    }
    if field == "email" and kind.startswith("string_too"):
        return "must be an e-mail address"
    return messages.get(kind) or str(error["msg"])
