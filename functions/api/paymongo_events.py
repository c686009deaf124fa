"""PayMongo's events, as far as rentals need them (PAYMONGO.md, Webhooks): what else is in them, and
fields that are null, are no reason to refuse money.
"""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from api.http import HttpError
from rentals.models import Payment, Refund


class PaymentAttributes(BaseModel):
    """A payment, as far as rentals need it; `amount` is centavos."""

    amount: int
    currency: str
    status: str
    payment_intent_id: str | None = None
    metadata: dict[str, Any] | None = None
    refunds: list["RefundResource"] | None = None


class PaymentResource(BaseModel):
    """A bare payment."""

    id: Annotated[str, Field(min_length=1, max_length=100)]
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


class RefundAttributes(BaseModel):
    """A refund, as far as rentals need it; `amount` is centavos."""

    amount: int
    payment_id: str
    status: str
    metadata: dict[str, Any] | None = None


class RefundResource(BaseModel):
    """A refund."""

    id: Annotated[str, Field(min_length=1, max_length=100)]
    attributes: RefundAttributes

    def to_refund(self) -> Refund:
        """The same for the domain."""
        return Refund(
            id=self.id,
            payment_id=self.attributes.payment_id,
            amount=self.attributes.amount,
            status=self.attributes.status,
        )


class SessionAttributes(BaseModel):
    """A checkout session, as far as rentals need it."""

    payments: list[PaymentResource] | None = None
    payment_intent: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class EventAttributes(BaseModel):
    """What happened; `data` is the resource it happened to."""

    type: str
    livemode: bool
    data: dict[str, Any]


class EventData(BaseModel):
    """One event; a manual resend repeats its id."""

    id: Annotated[str, Field(min_length=1, max_length=100)]
    type: Literal["event"]
    attributes: EventAttributes


class Envelope(BaseModel):
    """What PayMongo posts."""

    data: EventData


def read_event(body: bytes) -> Envelope:
    """Read what PayMongo posted. Raises HttpError 400 when it is no event."""
    try:
        return Envelope.model_validate_json(body)
    except ValidationError:
        raise HttpError(
            HTTPStatus.BAD_REQUEST, "MALFORMED_EVENT", "the body is not a PayMongo event"
        ) from None
