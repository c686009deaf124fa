"""POST /api/webhooks/paymongo: what PayMongo tells us.

2xx once what the event says is durable. An event that concerns nothing of ours gets 2xx as well:
PayMongo disables endpoints that keep failing. Only what a retry can cure is a 5xx.
"""

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic_core import ValidationError

from api.http import Event, HttpError, Response, header, raw_body, route, success
from api.paymongo_events import (
    PAYMENT,
    REFUND,
    SESSION_ATTRIBUTES,
    Envelope,
    EventData,
    PaymentResource,
    RefundResource,
    SessionAttributes,
    read_event,
)
from rentals import inventory, payments, repository
from rentals.errors import InvalidSignature, RefundFailed
from rentals.models import Rental
from rentals.payments import Outcome
from rentals.secret_values import other_webhook_secrets, paymongo_keys
from rentals.settings import integer_setting
from rentals.signatures import verify_webhook, verify_with_any
from rentals.telemetry import count, logger


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
    verify_with_any(
        lambda secret: verify_webhook(
            header(event, "Paymongo-Signature") or "",
            body,
            secret,
            is_live=keys.is_live,
            now=time.time(),
            tolerance=integer_setting("WEBHOOK_TOLERANCE_SECONDS"),
        ),
        keys.webhook_secret,
        other_webhook_secrets(),
    )
    envelope = read_event(body)
    if envelope.data.attributes.livemode is not keys.is_live:
        raise InvalidSignature("the event is of the other mode")
    return envelope


def _handle(event: EventData) -> Outcome:
    kind, resource = event.attributes.type, event.attributes.data
    try:
        if kind == "checkout_session.payment.paid":
            return _session_paid(SESSION_ATTRIBUTES.read(resource.get("attributes")))
        if kind in ("payment.paid", "payment.failed"):
            payment = PAYMENT.read(resource)
            return _payment_event(kind, event.id, payment)
        if kind == "payment.refunded":
            return _payment_refunded(PAYMENT.read(resource))
        if kind == "payment.refund.updated":
            return _refund_event(REFUND.read(resource))
    except ValidationError:
        # Signed by PayMongo and not what it documents: an operator should know, a retry won't help.
        logger.error("an event of a known type could not be read", extra={"event_type": kind})
        count("WebhookUnreadable")
    return Outcome.IGNORED


def _session_paid(session: SessionAttributes) -> Outcome:
    rental = _find_rental(session.metadata, (session.payment_intent or {}).get("id"))
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


def _payment_refunded(payment: PaymentResource) -> Outcome:
    """Carries every refund of the payment: several may have given it back in parts."""
    refunds = payment.attributes.refunds or []
    refunded = sum(
        each.attributes.amount for each in refunds if each.attributes.status == "succeeded"
    )
    outcomes = [_refund_event(each, refunded) for each in refunds]
    return outcomes[-1] if outcomes else Outcome.IGNORED


def _refund_event(resource: RefundResource, refunded: int | None = None) -> Outcome:
    refund = resource.to_refund()
    rental = _find_rental(resource.attributes.metadata, None)
    if rental is None:
        rental = repository.find_by_payment(refund.payment_id)
    if rental is None:
        return Outcome.IGNORED
    try:
        inventory.record_refund(rental, refund, refunded)
    except RefundFailed:
        payments.start_settlement(rental.id, refund.id)
        return Outcome.SETTLING
    return Outcome.RECORDED


def _find_rental(metadata: Mapping[str, Any] | None, intent_id: object) -> Rental | None:
    """By metadata, then by payment intent: PayMongo copies the session's metadata to payments,
    documented for paid ones only (PAYMONGO.md).
    """
    rental_id = (metadata or {}).get("rental_id")
    rental = repository.find(rental_id) if isinstance(rental_id, str) else None
    if rental is None and isinstance(intent_id, str):
        rental = repository.find_by_payment_intent(intent_id)
    if rental is not None:
        logger.append_keys(rental_id=rental.id)
    return rental
