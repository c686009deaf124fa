"""The bodies of POST requests, checked all at once (pydantic)."""

import re
import unicodedata
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from api.responses import HttpError
from rentals import models
from rentals.checkout import CheckoutRequest
from rentals.models import PaymentMethod
from rentals.pricing import MAX_DURATION_DAYS, MIN_DURATION_DAYS

# What <input type=email> accepts (HTML, 4.10.5.1.5), but with a dot in the domain: static/js/
# validation.js checks the same.
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_EMAIL = rf"^[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})+$"
_PHONE = r"^[0-9+() -]{7,20}$"
# Philippine, with its trunk prefix or country code.
_MOBILE = re.compile(r"(?:0|63)9[0-9]{9}")
_POSTAL_CODE = r"^[0-9]{4}$"
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
# Zero-width joiners: Persian names and many emoji are written with them.
_JOINERS = "\u200c\u200d"
_WHITE_SPACE = " \t\n\v\f\r\x85\u2028\u2029"

Model = TypeVar("Model", bound="Body")


def _clean(value: Any) -> Any:
    """Phones and messengers paste invisible characters and odd spaces around what is copied."""
    if not isinstance(value, str):
        return value
    kept = (
        " " if unicodedata.category(each) == "Zs" else each
        for each in value
        if unicodedata.category(each) != "Cf" or each in _JOINERS
    )
    return "".join(kept).strip(_WHITE_SPACE + _JOINERS)


def _is_printable(text: str) -> str:
    if not all(each.isprintable() or each in _JOINERS for each in text):
        raise ValueError("must not contain control characters")
    return text


def _has_its_digits(phone: str) -> str:
    digits = "".join(each for each in phone if each.isdigit())
    if len(digits) < 7:
        raise ValueError("must contain at least 7 digits")
    if digits.startswith(("09", "639")) and not _MOBILE.fullmatch(digits):
        raise ValueError("must be complete, like 0917 123 4567")
    return phone


CLEAN, PRINTABLE = BeforeValidator(_clean), AfterValidator(_is_printable)
Id = Annotated[str, Field(min_length=1, max_length=64), CLEAN, PRINTABLE]
Name = Annotated[str, Field(min_length=1, max_length=100), CLEAN, PRINTABLE]
Address = Annotated[str, Field(min_length=1, max_length=200), CLEAN, PRINTABLE]
Email = Annotated[str, Field(pattern=_EMAIL, max_length=254), CLEAN]
Phone = Annotated[str, Field(pattern=_PHONE), CLEAN, AfterValidator(_has_its_digits)]
PostalCode = Annotated[str, Field(pattern=_POSTAL_CODE), CLEAN]
Days = Annotated[int, Field(strict=True, ge=MIN_DURATION_DAYS, le=MAX_DURATION_DAYS)]


class Body(BaseModel):
    """Unknown fields are refused: a misspelt one is a mistake worth telling."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Customer(Body):
    """Who rents."""

    name: Name
    email: Email
    phone: Phone
    address: Address
    city: Name
    postal_code: PostalCode


class Quote(Body):
    """POST /api/rentals/quote; `duration` is days."""

    collectible_id: Id
    store_id: Id
    duration: Days


class Checkout(Quote):
    """POST /api/rentals/checkout."""

    payment_method: PaymentMethod
    customer: Customer

    def request(self) -> CheckoutRequest:
        """What the domain is asked for."""
        values = dict(self)
        return CheckoutRequest(**values | {"customer": models.Customer(**dict(self.customer))})


class FindRental(Body):
    """POST /api/rentals/find."""

    number: Id
    email: Email


class WaitingList(Body):
    """POST /api/waiting-list."""

    collectible_id: Id
    email: Email
    is_wanted: Annotated[bool, Field(strict=True)] = True


def parse(kind: type[Model], body: dict[str, Any]) -> Model:
    """Check a body. Raises HttpError 400 that names every wrong field and what to change."""
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        field_errors = [
            {
                "field": ".".join(str(part) or '""' for part in each["loc"]),
                "message": _message(each),
            }
            for each in error.errors(include_url=False, include_context=True, include_input=False)
        ]
    fields = ", ".join(each["field"] for each in field_errors)
    raise HttpError(
        HTTPStatus.BAD_REQUEST, "VALIDATION_ERROR", f"please correct: {fields}", field_errors
    )


def idempotency_key(value: str | None) -> str | None:
    """Check an Idempotency-Key header. Raises HttpError 400."""
    if value is not None and not _IDEMPOTENCY_KEY.fullmatch(value):
        message = "must be 1 to 255 visible ASCII characters"
        raise HttpError(
            HTTPStatus.BAD_REQUEST,
            "VALIDATION_ERROR",
            "please correct: Idempotency-Key",
            [{"field": "Idempotency-Key", "message": message}],
        )
    return value


_PATTERN_MESSAGES = {
    _EMAIL: "must be an e-mail address",
    _PHONE: "must be 7 to 20 digits, spaces, +, - and brackets",
    _POSTAL_CODE: "must be 4 digits",
}


def _message(error: Any) -> str:
    kind, context = error["type"], error.get("ctx", {})
    choices = str(context.get("expected")).replace(" or ", ", ").replace("'", "")
    messages = {
        "missing": "is required",
        "extra_forbidden": "is not a known field",
        "string_type": "must be text",
        "string_too_short": "must not be empty",
        "string_too_long": f"must be at most {context.get('max_length')} characters",
        "string_pattern_mismatch": _PATTERN_MESSAGES.get(context.get("pattern"), ""),
        "int_type": "must be a whole number, not text or a fraction",
        "greater_than_equal": f"must be at least {context.get('ge')}",
        "less_than_equal": f"must be at most {context.get('le')}",
        "enum": f"must be one of {choices}",
        "model_type": "must be an object",
        "bool_type": "must be true or false",
        "value_error": str(context.get("error", "")),
    }
    if error["loc"][-1] == "email" and kind == "string_too_long":
        return _PATTERN_MESSAGES[_EMAIL]
    return messages.get(kind) or str(error["msg"])
