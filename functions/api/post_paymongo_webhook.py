"""POST /api/webhooks/paymongo: what PayMongo tells us.

2xx once what the event says is durable. An event that concerns nothing of ours gets 2xx as well:
PayMongo disables endpoints that keep failing. Only what a retry can cure is a 5xx.
"""

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from api.http import Event, HttpError, Response, header, raw_body, route, success
from rentals import inventory, payments, repository
from rentals.errors import InvalidSignature, RefundFailed
from rentals.models import Payment, Refund, Rental
from rentals.payments import Outcome
from rentals.secret_values import paymongo_keys
from rentals.settings import integer_setting
from rentals.signatures import verify_webhook
from rentals.telemetry import count, logger


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


@route
def handler(event: Event) -> Response:
    """401 for a signature that does not verify, 400 for a body that is no event."""
    try:
        envelope = _verified(event)
    except InvalidSignature as error:
        count("WebhookRejected")
        raise HttpError(HTTPStatus.UNAUTHORIZED, "INVALID_SIGNATURE", str(error)) from None
    outcome = _handle(envelope.data)
    logger.info(
        "webhook handled",
        extra={
            "event_id": envelope.data.id,
            "event_type": envelope.data.attributes.type,
            "outcome": outcome,
        },
    )
    if outcome is Outcome.DUPLICATE:
        count("DuplicateWebhook")
    return success({"result": outcome})


def _verified(event: Event) -> Envelope:
    body, keys = raw_body(event), paymongo_keys()
    verify_webhook(
        header(event, "Paymongo-Signature") or "",
        body,
        keys.webhook_secret,
        is_live=keys.is_live,
        now=time.time(),
        tolerance=integer_setting("WEBHOOK_TOLERANCE_SECONDS"),
    )
    envelope = _read(body)
    if envelope.data.attributes.livemode is not keys.is_live:
        raise InvalidSignature("the event is of the other mode")
    return envelope


def _read(body: bytes) -> Envelope:
    try:
        return Envelope.model_validate_json(body)
    except ValidationError:
        raise HttpError(
            HTTPStatus.BAD_REQUEST, "MALFORMED_EVENT", "the body is not a PayMongo event"
        ) from None


def _handle(event: EventData) -> Outcome:
    kind, resource = event.attributes.type, event.attributes.data
    try:
        if kind == "checkout_session.payment.paid":
            return _session_paid(SessionAttributes.model_validate(resource.get("attributes")))
        if kind in ("payment.paid", "payment.failed"):
            payment = PaymentResource.model_validate(resource)
            return _payment_event(kind, event.id, payment)
        if kind == "payment.refunded":
            refunds = PaymentResource.model_validate(resource).attributes.refunds
            return [_refund_event(refund) for refund in refunds][-1] if refunds else Outcome.IGNORED
        if kind == "payment.refund.updated":
            return _refund_event(RefundResource.model_validate(resource))
    except ValidationError:
        # Signed by PayMongo and not what it documents: an operator should know, a retry won't help.
        logger.error("an event of a known type could not be read", extra={"event_type": kind})
        count("WebhookUnreadable")
    return Outcome.IGNORED


def _session_paid(session: SessionAttributes) -> Outcome:
    intent_id = (session.payment_intent or {}).get("id")
    rental = _find_rental(session.metadata, intent_id if isinstance(intent_id, str) else None)
    paid = [each.to_payment() for each in session.payments or () if each.to_payment().is_paid]
    if rental is None or not paid:
        return Outcome.IGNORED
    return [payments.payment_received(rental, payment) for payment in paid][-1]


def _payment_event(kind: str, event_id: str, resource: PaymentResource) -> Outcome:
    rental = _find_rental(resource.attributes.metadata, resource.attributes.payment_intent_id)
    if rental is None:
        return Outcome.IGNORED
    if kind == "payment.failed":
        return payments.payment_declined(rental, event_id)
    payment = resource.to_payment()
    return payments.payment_received(rental, payment) if payment.is_paid else Outcome.IGNORED


def _refund_event(resource: RefundResource) -> Outcome:
    refund = resource.to_refund()
    rental = _find_rental(resource.attributes.metadata, None)
    if rental is None:
        rental = repository.find_by_payment(refund.payment_id)
    if rental is None:
        return Outcome.IGNORED
    try:
        inventory.record_refund(rental, refund)
    except RefundFailed:
        repository.flag_for_attention(rental.id, RefundFailed.__name__)
        count("NeedsAttention")
    return Outcome.RECORDED


def _find_rental(metadata: Mapping[str, Any] | None, intent_id: str | None) -> Rental | None:
    """By metadata, then by payment intent: PayMongo copies the session's metadata to payments,
    documented for paid ones only (PAYMONGO.md).
    """
    rental_id = (metadata or {}).get("rental_id")
    rental = repository.find(rental_id) if isinstance(rental_id, str) and rental_id else None
    if rental is None and intent_id:
        rental = repository.find_by_payment_intent(intent_id)
    if rental is not None:
        logger.append_keys(rental_id=rental.id)
    return rental
