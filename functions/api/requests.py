"""What may come in: the bodies of POST requests, checked all at once."""

import re
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    EmailStr,
    Field,
    StringConstraints,
    ValidationError,
)

from api.http import HttpError
from rentals.checkout import CheckoutRequest
from rentals.models import Customer, PaymentMethod
from rentals.pricing import MAX_DURATION_DAYS, MIN_DURATION_DAYS


def _has_enough_digits(phone: str) -> str:
    if sum(c.isdigit() for c in phone) < 7:
        raise ValueError("must contain at least 7 digits")
    return phone


def _is_printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not contain control characters")
    return text


Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Duration = Annotated[int, Field(strict=True, ge=MIN_DURATION_DAYS, le=MAX_DURATION_DAYS)]
Printable = AfterValidator(_is_printable)
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), Printable
]
Address = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Printable
]
City = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), Printable
]
Email = Annotated[EmailStr, StringConstraints(strip_whitespace=True, min_length=3, max_length=254)]
Phone = Annotated[
    str,
    StringConstraints(strip_whitespace=True, pattern=r"^[0-9+() -]{7,20}$"),
    AfterValidator(_has_enough_digits),
]
PostalCode = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9]{4}$")]

_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Body(BaseModel):
    """Unknown fields are refused: a misspelt one is a mistake worth telling."""

    model_config = ConfigDict(extra="forbid", str_max_length=10_000)


class QuoteBody(Body):
    """POST /api/rentals/quote."""

    collectible_id: Id
    store_id: Id
    duration: Duration


class CustomerBody(Body):
    """Who rents."""

    name: Name
    email: Email
    phone: Phone
    address: Address
    city: City
    postal_code: PostalCode


class CheckoutBody(Body):
    """POST /api/rentals/checkout."""

    collectible_id: Id
    store_id: Id
    duration: Duration
    payment_method: PaymentMethod
    customer: CustomerBody

    def to_request(self) -> CheckoutRequest:
        """The same for the domain."""
        return CheckoutRequest(
            collectible_id=self.collectible_id,
            store_id=self.store_id,
            duration=self.duration,
            payment_method=self.payment_method,
            customer=Customer(**self.customer.model_dump()),
        )


AnyBody = TypeVar("AnyBody", bound=Body)


def parse(model: type[AnyBody], body: dict[str, Any]) -> AnyBody:
    """Check a body. Raises HttpError 400 that names every wrong field and what to change."""
    try:
        return model.model_validate(body)
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
        "model_type": "must be an object",
        "value_error": str(context.get("error", "")),
    }
    if field == "email" and kind == "value_error":
        return "must be an e-mail address"
    return messages.get(kind) or str(error["msg"])
