"""POST /api/webhooks/paymongo: what PayMongo tells us.

2xx once what the event says is durable. An event that concerns nothing of ours, or that cannot be
read, gets 2xx as well: PayMongo disables endpoints that keep failing. Only what a retry can cure is
a 5xx.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus

from api.paymongo_events import PayMongoEvent, read_resource, verified_event
from api.requests import Event
from api.responses import HttpError, Response, success
from api.routes import route
from infra.telemetry import count, logger
from paymongo import resources
from paymongo.resources import CheckoutSession, Payment, Refund
from rentals import charge_payments, disputes, payments, refund_records, repository
from rentals.errors import InvalidSignature, RefundFailed
from rentals.models import Rental
from rentals.payments import Outcome


@route
def handler(event: Event) -> Response:
    """401 for a signature that does not verify, 200 for whatever is signed."""
    try:
        news = verified_event(event)
    except InvalidSignature as error:
        count("WebhookRejected")
        raise HttpError(HTTPStatus.UNAUTHORIZED, "INVALID_SIGNATURE", str(error)) from None
    if news is None:
        return success({"result": Outcome.IGNORED})
    outcome = _handle(news)
    logger.info(
        "webhook handled",
        extra={"event_id": news.id, "event_type": news.type, "outcome": outcome},
    )
    if outcome is Outcome.DUPLICATE:
        count("DuplicateWebhook")
    return success({"result": outcome})


def _handle(event: PayMongoEvent) -> Outcome:
    handle = _HANDLERS.get(event.type)
    return handle(event) if handle is not None else Outcome.IGNORED


def _session_paid(event: PayMongoEvent) -> Outcome:
    """Every paid payment is passed on: a customer may have paid twice."""
    session = read_resource(event, resources.read_session)
    if session is None or session.paid_payment is None:
        return Outcome.IGNORED
    known: list[CheckoutSession | Payment] = [session, *session.payments]
    rental = _find_rental((e.metadata for e in known), (e.payment_intent_id for e in known))
    if rental is None:
        return Outcome.IGNORED
    charge_id = session.metadata.get("charge_id")
    paid = (each for each in session.payments if each.is_paid)
    *_, outcome = [charge_payments.received(rental, payment, charge_id) for payment in paid]
    return outcome


def _payment_paid(event: PayMongoEvent) -> Outcome:
    payment = read_resource(event, resources.read_payment)
    if payment is None or not payment.is_paid or not (rental := _find_rental_of(payment)):
        return Outcome.IGNORED
    return charge_payments.received(rental, payment, payment.metadata.get("charge_id"))


def _payment_failed(event: PayMongoEvent) -> Outcome:
    payment = read_resource(event, resources.read_payment)
    is_of_charge = payment is not None and "charge_id" in payment.metadata
    # A charge's session stays open for another try.
    if payment is None or is_of_charge or not (rental := _find_rental_of(payment)):
        return Outcome.IGNORED
    return payments.payment_declined(rental, event.id or payment.id)


def _payment_refunded(event: PayMongoEvent) -> Outcome:
    """Carries every refund of the payment: several may have given it back in parts."""
    refunds = read_resource(event, resources.read_refunds_of) or []
    refunded = sum(each.amount for each in refunds if each.status == "succeeded")
    outcomes = [_refund_changed(each, refunded) for each in refunds]
    return outcomes[-1] if outcomes else Outcome.IGNORED


def _refund_updated(event: PayMongoEvent) -> Outcome:
    refund = read_resource(event, resources.read_refund)
    return Outcome.IGNORED if refund is None else _refund_changed(refund, None)


def _disputed(event: PayMongoEvent) -> Outcome:
    dispute = read_resource(event, resources.read_dispute)
    if dispute is None:
        return Outcome.IGNORED
    rental = _find_rental([dispute.metadata], ()) or repository.find_by_payment(dispute.payment_id)
    if rental is None:
        return Outcome.IGNORED
    return Outcome.RECORDED if disputes.record(rental, dispute) else Outcome.DUPLICATE


_HANDLERS = {
    "checkout_session.payment.paid": _session_paid,
    "payment.paid": _payment_paid,
    "payment.failed": _payment_failed,
    "payment.refunded": _payment_refunded,
    "payment.refund.updated": _refund_updated,
    "dispute.created": _disputed,
    "dispute.resolved": _disputed,
}


def _refund_changed(refund: Refund, refunded: int | None) -> Outcome:
    rental = _find_rental([refund.metadata], ()) or repository.find_by_payment(refund.payment_id)
    if rental is None:
        return Outcome.IGNORED
    try:
        refund_records.record_refund(rental, refund, refunded)
    except RefundFailed:
        payments.start_settlement(rental.id, refund.id)
        return Outcome.SETTLING
    return Outcome.RECORDED


def _find_rental_of(payment: Payment) -> Rental | None:
    return _find_rental([payment.metadata], [payment.payment_intent_id])


def _find_rental(
    metadata: Iterable[Mapping[str, str]], intent_ids: Iterable[str | None]
) -> Rental | None:
    rental = repository.find_named([each.get("rental_id") for each in metadata], intent_ids)
    if rental is not None:
        logger.append_keys(rental_id=rental.id)
    return rental
