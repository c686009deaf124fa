"""PayMongo's events, as far as rentals need them (PAYMONGO.md, Webhooks): what else is in them, and
fields that are null, are no reason to refuse money.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic_core import CoreSchema, ValidationError, core_schema

from api.http import HttpError
from api.validation import Shape, optional
from rentals.models import Payment, Refund

Resource = TypeVar("Resource")


@dataclass(frozen=True, slots=True)
class PaymentAttributes:
    """A payment, as far as rentals need it; `amount` is centavos."""

    amount: int
    currency: str
    status: str
    payment_intent_id: str | None
    metadata: dict[str, Any] | None
    refunds: "list[RefundResource] | None"


@dataclass(frozen=True, slots=True)
class PaymentResource:
    """A bare payment."""

    id: str
    attributes: PaymentAttributes

    def to_payment(self) -> Payment:
        """The same for the domain."""
        return Payment(
            id=self.id,
            amount=self.attributes.amount,
            currency=self.attributes.currency,
            status=self.attributes.status,
            payment_intent_id=self.attributes.payment_intent_id,
        )


@dataclass(frozen=True, slots=True)
class RefundAttributes:
    """A refund, as far as rentals need it; `amount` is centavos."""

    amount: int
    payment_id: str
    status: str
    metadata: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class RefundResource:
    """A refund."""

    id: str
    attributes: RefundAttributes

    def to_refund(self) -> Refund:
        """The same for the domain."""
        return Refund(
            id=self.id,
            payment_id=self.attributes.payment_id,
            amount=self.attributes.amount,
            status=self.attributes.status,
        )


@dataclass(frozen=True, slots=True)
class SessionAttributes:
    """A checkout session, as far as rentals need it."""

    payments: list[PaymentResource] | None
    payment_intent: dict[str, Any] | None
    metadata: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class EventAttributes:
    """What happened; `data` is the resource it happened to."""

    type: str
    livemode: bool
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EventData:
    """One event; a manual resend repeats its id."""

    id: str
    type: str
    attributes: EventAttributes


@dataclass(frozen=True, slots=True)
class Envelope:
    """What PayMongo posts."""

    data: EventData


def _shape(make: Callable[..., Resource], **fields: CoreSchema) -> Shape[Resource]:
    return Shape(make, fields, extra="ignore")


_ID = core_schema.str_schema(min_length=1, max_length=100)
_TEXT = core_schema.str_schema()
_INTEGER = core_schema.int_schema()
_OBJECT = core_schema.dict_schema(core_schema.str_schema(), core_schema.any_schema())

REFUND = _shape(
    RefundResource,
    id=_ID,
    attributes=_shape(
        RefundAttributes,
        amount=_INTEGER,
        payment_id=_TEXT,
        status=_TEXT,
        metadata=optional(_OBJECT),
    ).schema,
)
PAYMENT = _shape(
    PaymentResource,
    id=_ID,
    attributes=_shape(
        PaymentAttributes,
        amount=_INTEGER,
        currency=_TEXT,
        status=_TEXT,
        payment_intent_id=optional(_TEXT),
        metadata=optional(_OBJECT),
        refunds=optional(core_schema.list_schema(REFUND.schema)),
    ).schema,
)
SESSION_ATTRIBUTES = _shape(
    SessionAttributes,
    payments=optional(core_schema.list_schema(PAYMENT.schema)),
    payment_intent=optional(_OBJECT),
    metadata=optional(_OBJECT),
)
_ENVELOPE = _shape(
    Envelope,
    data=_shape(
        EventData,
        id=_ID,
        type=core_schema.literal_schema(["event"]),
        attributes=_shape(
            EventAttributes, type=_TEXT, livemode=core_schema.bool_schema(), data=_OBJECT
        ).schema,
    ).schema,
)


def read_event(body: bytes) -> Envelope:
    """Read what PayMongo posted. Raises HttpError 400 when it is no event."""
    try:
        return _ENVELOPE.read_json(body)
    except ValidationError:
        raise HttpError(
            HTTPStatus.BAD_REQUEST, "MALFORMED_EVENT", "the body is not a PayMongo event"
        ) from None
