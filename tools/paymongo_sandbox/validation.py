"""What PayMongo checks in a request; all problems are reported at once."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from tools.paymongo_sandbox.errors import ApiError, Problem
from tools.paymongo_sandbox.resources import Json

MINIMUM_TOTAL = 2_000
MINIMUM_REFUND = 100
MAXIMUM_TOTAL = 999_999_999

# PayMongo's names, and what its page calls them.
PAYMENT_METHODS = {
    "billease": "BillEase",
    "brankas_bdo": "BDO",
    "brankas_landbank": "LandBank",
    "brankas_metrobank": "Metrobank",
    "card": "Credit or debit card",
    "dob": "BPI online banking",
    "dob_ubp": "UnionBank online banking",
    "gcash": "GCash",
    "grab_pay": "GrabPay",
    "paymaya": "Maya",
    "qrph": "QR Ph",
    "shopee_pay": "ShopeePay",
}
_HTTP_URL = TypeAdapter(HttpUrl)
# PayMongo's codes by pydantic's; errors raised here have PayMongo's already.
_CODES = {
    "missing": "parameter_required",
    "too_short": "parameter_required",
    "string_too_short": "parameter_required",
    "literal_error": "parameter_invalid",
    "greater_than_equal": "parameter_below_minimum",
    "string_too_long": "parameter_above_maximum",
    "string_pattern_mismatch": "parameter_format_invalid",
    "url_parsing": "parameter_format_invalid",
    "url_scheme": "parameter_format_invalid",
}


def _url(text: str) -> str:
    _HTTP_URL.validate_python(text)
    return text


def _method(method: str, info: ValidationInfo) -> str:
    if method not in PAYMENT_METHODS:
        raise PydanticCustomError("parameter_invalid", "There is no such payment method")
    if method in (info.context or ()):
        raise PydanticCustomError(
            "payment_method_not_configured",
            "The payment method {method} is not active for this account",
            {"method": method},
        )
    return method


Text = Annotated[str, StringConstraints(min_length=1)]
Url = Annotated[str, AfterValidator(_url)]
Metadata = dict[str, str] | None
Method = Annotated[str, AfterValidator(_method)]
EventType = Literal[
    "checkout_session.payment.paid", "dispute.created", "dispute.resolved", "link.payment.paid",
    "payment.failed", "payment.paid", "payment.refund.updated", "payment.refunded", "qrph.expired",
    "source.chargeable",
]  # fmt: skip


class _Attributes(BaseModel):
    model_config = ConfigDict(strict=True)


class _LineItem(_Attributes):
    amount: Annotated[int, Field(ge=1)]
    currency: Literal["PHP"]
    description: str | None = None
    images: list[str] = []
    name: Text
    quantity: Annotated[int, Field(ge=1)]


class _Address(_Attributes):
    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None


class _Billing(_Attributes):
    address: _Address = _Address()
    email: Annotated[str, StringConstraints(pattern=r"^(\S+@\S+\.\S+)?$")] | None = None
    name: str | None = None
    phone: str | None = None


class _CheckoutSession(_Attributes):
    billing: _Billing = _Billing()
    cancel_url: Url | None = None
    customer_email: str | None = None
    show_description: bool = False
    description: Annotated[str | None, Field(validate_default=True)] = None
    line_items: Annotated[list[_LineItem], Field(min_length=1)]
    metadata: Metadata = None
    payment_method_types: Annotated[list[Method], Field(min_length=1)]
    reference_number: str | None = None
    send_email_receipt: bool = False
    show_line_items: bool = True
    statement_descriptor: str | None = None
    success_url: Url | None = None

    @field_validator("description")
    @classmethod
    def _required_when_shown(cls, description: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("show_description") and not description:
            raise PydanticCustomError("parameter_required", "is required")
        return description

    @field_validator("line_items")
    @classmethod
    def _total(cls, items: list[_LineItem]) -> list[_LineItem]:
        total = sum(item.amount * item.quantity for item in items)
        if total < MINIMUM_TOTAL:
            raise PydanticCustomError("parameter_below_minimum", "The total is too small")
        if total > MAXIMUM_TOTAL:
            raise PydanticCustomError("parameter_above_maximum", "The total is too large")
        return items


class _Refund(_Attributes):
    amount: Annotated[int, Field(ge=MINIMUM_REFUND)]
    payment_id: Text
    reason: Literal["duplicate", "fraudulent", "requested_by_customer", "others"]
    notes: Annotated[str, StringConstraints(max_length=255)] | None = None
    metadata: Metadata = None


class _Webhook(_Attributes):
    url: Url
    events: Annotated[list[EventType], Field(min_length=1)]


class _WebhookUpdate(_Attributes):
    url: Url | None = None
    events: Annotated[list[EventType], Field(min_length=1)] | None = None


M = TypeVar("M", bound=_Attributes)


def checkout_session_attributes(body: Any, inactive_methods: frozenset[str]) -> Json:
    """The attributes of a new checkout session, complete and valid. Raises ApiError."""
    return _checked(_CheckoutSession, body, inactive_methods).model_dump()


def refund_attributes(body: Any) -> Json:
    """The attributes of a new refund. Raises ApiError."""
    return _checked(_Refund, body).model_dump()


def webhook_attributes(body: Any, *, partial: bool = False) -> Json:
    """The `url` and `events` of a webhook; `partial` (an update) allows either alone.

    Raises ApiError.
    """
    return _checked(_WebhookUpdate if partial else _Webhook, body).model_dump(exclude_none=True)


def _checked(model: type[M], body: Any, context: Any = None) -> M:
    data = body.get("data") if isinstance(body, dict) else None
    attributes = data.get("attributes") if isinstance(data, dict) else None
    if not isinstance(attributes, dict):
        pointer = "data.attributes" if isinstance(data, dict) else "data"
        raise ApiError(400, Problem("parameter_required", f"{pointer} is required.", pointer))
    try:
        return model.model_validate(_without_nulls(attributes), context=context)
    except ValidationError as error:
        raise ApiError(400, *map(_problem, error.errors(include_url=False))) from None


def _without_nulls(value: Any) -> Any:
    """PayMongo takes null for a value that is absent."""
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def _problem(error: Any) -> Problem:
    pointer = "".join(f"[{at}]" if isinstance(at, int) else f".{at}" for at in error["loc"])[1:]
    kind = error["type"]
    code = _CODES.get(kind) or ("parameter_data_type_invalid" if kind.endswith("_type") else kind)
    detail = (
        f"{pointer} is required." if code == "parameter_required" else f"{pointer}: {error['msg']}."
    )
    return Problem(code, detail, pointer)
