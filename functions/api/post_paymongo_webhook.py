"""POST /api/webhooks/paymongo: what PayMongo tells us.

2xx once what the event says is durable. An event that concerns nothing of ours, or that cannot be
read, gets 2xx as well: PayMongo disables endpoints that keep failing. Only what a retry can cure is
a 5xx.
"""

import time
from collections.abc import Sequence
from http import HTTPStatus

from api.http import Event, HttpError, Response, header, raw_body, route, success
from api.paymongo_events import (
    MAX_EVENT_BYTES,
    PAYMENT,
    REFUND,
    REFUNDED_PAYMENT,
    SESSION,
    PaymentResource,
    PayMongoEvent,
    RefundResource,
    SessionResource,
    read_event,
    read_resource,
)
from infra.secret_values import other_webhook_secrets, paymongo_keys
from infra.settings import integer_setting
from infra.telemetry import count, logger
from rentals import inventory, payments, repository
from rentals.errors import InvalidSignature, RefundFailed
from rentals.models import Rental
from rentals.payments import Outcome
from rentals.signatures import verify_webhook, verify_with_any


@route
def handler(event: Event) -> Response:
    """401 for a signature that does not verify, 200 for whatever is signed."""
    try:
        told = _verified(event)
    except InvalidSignature as error:
        count("WebhookRejected")
        raise HttpError(HTTPStatus.UNAUTHORIZED, "INVALID_SIGNATURE", str(error)) from None
    if told is None:
        return success({"result": Outcome.IGNORED})
    outcome = _handle(told)
    logger.info(
        "webhook handled",
        extra={"event_id": told.id, "event_type": told.type, "outcome": outcome},
    )
    if outcome is Outcome.DUPLICATE:
        count("DuplicateWebhook")
    return success({"result": outcome})


def _verified(event: Event) -> PayMongoEvent | None:
    """Read when it is PayMongo's and not before; None when it cannot be read."""
    body, keys = raw_body(event, MAX_EVENT_BYTES), paymongo_keys()
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
    told = read_event(body)
    if told is not None and told.livemode is not keys.is_live:
        raise InvalidSignature("the event is of the other mode")
    return told


def _handle(event: PayMongoEvent) -> Outcome:
    kind = event.type
    if kind == "checkout_session.payment.paid" and (session := read_resource(event, SESSION)):
        return _session_paid(session)
    if kind == "payment.paid" and (payment := read_resource(event, PAYMENT)):
        return _payment_paid(payment)
    if kind == "payment.failed" and (payment := read_resource(event, PAYMENT)):
        return _payment_failed(payment, event.id or payment.payment.id)
    if kind == "payment.refunded" and (refunds := read_resource(event, REFUNDED_PAYMENT)):
        return _payment_refunded(refunds)
    if kind == "payment.refund.updated" and (refund := read_resource(event, REFUND)):
        return _refund_updated(refund)
    return Outcome.IGNORED


def _session_paid(session: SessionResource) -> Outcome:
    """Its payments are told twice, by session and intent: whichever can be read is enough."""
    paid = {each.payment.id: each.payment for each in session.payments if each.payment.is_paid}
    rental = _find_rental(session.rental_ids, session.payment_intent_ids) if paid else None
    if rental is None:
        return Outcome.IGNORED
    return [payments.payment_received(rental, payment) for payment in paid.values()][-1]


def _payment_paid(resource: PaymentResource) -> Outcome:
    rental = _find_rental_of(resource) if resource.payment.is_paid else None
    if rental is None:
        return Outcome.IGNORED
    return payments.payment_received(rental, resource.payment)


def _payment_failed(resource: PaymentResource, event_id: str) -> Outcome:
    rental = _find_rental_of(resource)
    return Outcome.IGNORED if rental is None else payments.payment_declined(rental, event_id)


def _payment_refunded(refunds: Sequence[RefundResource]) -> Outcome:
    """Carries every refund of the payment: several may have given it back in parts."""
    refunded = sum(each.refund.amount for each in refunds if each.refund.status == "succeeded")
    return [_refund_updated(each, refunded) for each in refunds][-1]


def _refund_updated(resource: RefundResource, refunded: int | None = None) -> Outcome:
    refund = resource.refund
    rental = _find_rental([resource.rental_id], ()) or repository.find_by_payment(refund.payment_id)
    if rental is None:
        return Outcome.IGNORED
    try:
        inventory.record_refund(rental, refund, refunded)
    except RefundFailed:
        payments.start_settlement(rental.id, refund.id)
        return Outcome.SETTLING
    return Outcome.RECORDED


def _find_rental_of(resource: PaymentResource) -> Rental | None:
    return _find_rental([resource.rental_id], [resource.payment.payment_intent_id])


def _find_rental(
    rental_ids: Sequence[str | None], intent_ids: Sequence[str | None]
) -> Rental | None:
    """By metadata, then by payment intent: PayMongo copies the session's metadata to payments,
    documented for paid ones only (docs/paymongo.md).
    """
    lookups = [(repository.find, rental_ids), (repository.find_by_payment_intent, intent_ids)]
    for find, ids in lookups:
        for each in dict.fromkeys(filter(None, ids)):
            rental = find(each)
            if rental is not None:
                logger.append_keys(rental_id=rental.id)
                return rental
    return None
