"""Giving money back, once.

Asking PayMongo for a refund is the one step that is not naturally idempotent, and its
Idempotency-Key cannot be relied on. So: write the intent on the rental first, which also keeps
everybody else from giving it a unit; look for refunds of the payment that exist; only then ask.
An answer that is lost is looked up by the next run before it asks again.
"""

from collections.abc import Sequence

from infra.telemetry import count, logger
from paymongo.client import PayMongo, paymongo
from paymongo.resources import Refund
from rentals import endings, follow_ups, given_back, payment_check, refund_records, repository
from rentals.errors import (
    PaymentProviderRejected,
    PaymentProviderUnavailable,
    PaymentUnknown,
    RefundFailed,
)
from rentals.models import FollowUp, PaymentStatus, Rental

# PayMongo's codes while another refund of the payment is not over.
_UNDER_WAY = ("resource_processing_state", "resource_pending_state")


def refund_unused_payments(rental: Rental) -> Rental:
    """Refund surplus payments, and the rental's own payment unless it has bought the rental and
    nobody asked for it back; never one that an operator has given back in another way.

    A refund that failed is asked for again only once an operator was told of it. Returns the rental
    on record. Raises RefundFailed, PaymentProviderUnavailable, PaymentProviderRejected,
    WriteContended.
    """
    client, is_reported = paymongo(), rental.attention is not None
    failures: list[RefundFailed] = []
    if rental.surplus_payment_ids:
        done = set(rental.surplus_payment_ids & rental.settled_outside.keys())
        for payment_id in sorted(rental.surplus_payment_ids - done):
            try:
                refund = _refund_once(client, rental, payment_id, is_reported)
            except PaymentUnknown:
                count("PaymentUnknown")
                logger.error("PayMongo has no such payment", extra={"payment_id": payment_id})
                done |= {payment_id}
            except RefundFailed as failure:
                failures.append(failure)
            else:
                done |= {payment_id} if refund.status == "succeeded" else set()
        rental = _follow_surplus(rental, done, needs_attention=bool(failures))
    rental = _refund_own_payment(client, rental, is_reported)
    for order in given_back.open_orders(rental):
        if order.payment_id is not None:
            try:
                rental = _carry_out(client, rental, order, is_reported)
            except RefundFailed as failure:
                failures.append(failure)
    if failures:
        raise failures[0]
    return _end(rental)


def look(rental: Rental) -> Rental:
    """Ask PayMongo what went back of a rental's payments: some is still under way, or somebody gave
    it back at the dashboard and the event was lost. Returns the rental on record.

    Raises RefundFailed, PaymentProviderUnavailable, PaymentProviderRejected, WriteContended.
    """
    payments = {rental.payment_id, *(each.payment_id for each in given_back.refunds(rental))}
    for payment_id in sorted(filter(None, payments)):
        told = paymongo().list_refunds(payment_id)
        rental = refund_records.record_seen(rental, told)
        if payment_id == rental.payment_id and told:
            rental = refund_records.record_refund(rental, _to_follow(told))
    return _end(rental)


def _end(rental: Rental) -> Rental:
    """Nothing of the rental's money is to be followed any more, unless something is under way."""
    is_completed = rental.payment_status is PaymentStatus.COMPLETED
    if not is_completed or rental.refund_requested_at or rental.follow_up is None:
        return rental
    if given_back.is_under_way(rental):
        later = follow_ups.due(rental.id, FollowUp.REFUND) | follow_ups.NO_ATTENTION
        return repository.update(repository.change(rental.id, later))
    return follow_ups.end(rental)


def _carry_out(
    client: PayMongo, rental: Rental, order: given_back.Order, is_reported: bool
) -> Rental:
    """Have a part of a payment given back, unless PayMongo has a refund for this order."""
    payment_id = str(order.payment_id)
    refunds = client.list_refunds(payment_id)
    rental = refund_records.record_seen(rental, refunds)
    if order not in given_back.open_orders(rental):
        return rental
    is_own = payment_id == rental.payment_id
    paid = rental.amount_paid if is_own else client.retrieve_payment(payment_id).amount
    tries = [each for each in refunds if each.metadata.get(given_back.ORDER_KEY) == order.key]
    if tries and not is_reported:
        raise RefundFailed(rental.id, f"refund {tries[-1].id} failed at PayMongo")
    try:
        refund = client.create_refund(
            payment_id,
            # Somebody may have given back more than what was left for this at the dashboard.
            min(order.centavos, (paid or 0) - _given(refunds)),
            notes=f"Rental {rental.number}: {order.purpose.replace('_', ' ')}",
            metadata={"rental_id": rental.id, given_back.ORDER_KEY: order.key},
            idempotency_key=f"{rental.id}-{order.key}-{len(tries) + 1}",
        )
    except PaymentProviderRejected as error:
        if any(code.startswith(_UNDER_WAY) for code in error.codes):
            raise PaymentProviderUnavailable("another refund is under way") from None
        raise RefundFailed(rental.id, str(error)) from None
    count("Refund")
    return refund_records.record_seen(rental, [refund])


def _refund_own_payment(client: PayMongo, rental: Rental, is_reported: bool) -> Rental:
    if rental.payment_id is None:
        return follow_ups.end(rental)
    rental = endings.release_for_refund(rental)
    if rental.is_settled_outside:
        return follow_ups.end(rental)
    if rental.refund_requested_at is None:
        return rental
    try:
        refund = _refund_once(client, rental, str(rental.payment_id), is_reported)
    except (PaymentUnknown, RefundFailed) as error:
        refund_records.record_refund_refused(rental)
        raise RefundFailed(rental.id, str(error)) from None
    return refund_records.record_refund(rental, refund, rental.amount_paid)


def _refund_once(client: PayMongo, rental: Rental, payment_id: str, is_reported: bool) -> Refund:
    """Have all of a payment given back, or what others have not given back of it before.

    Returns the refund to follow: with those that have succeeded it gives back the whole payment.
    Raises PaymentUnknown when an event alone tells of it.
    """
    payment = payment_check.paid_for(client, rental, payment_id)
    refunds = client.list_refunds(payment_id)
    left = payment.amount - _given(refunds)
    if left <= 0:
        return _to_follow(refunds)
    if not is_reported and (failed := [each for each in refunds if each.status == "failed"]):
        raise RefundFailed(rental.id, f"refund {failed[-1].id} failed at PayMongo")
    try:
        refund = client.create_refund(
            payment_id,
            left,
            notes=f"Rental {rental.id} could not be provided",
            metadata={"rental_id": rental.id},
            # Numbered: PayMongo must not answer with an earlier refund that failed.
            idempotency_key=f"{rental.id}-{payment_id}-{len(refunds) + 1}",
        )
    except PaymentProviderRejected as error:
        refunds = client.list_refunds(payment_id)
        if _given(refunds) >= payment.amount:
            return _to_follow(refunds)
        if any(code.startswith(_UNDER_WAY) for code in error.codes):
            raise PaymentProviderUnavailable("a refund is under way and not listed yet") from None
        raise RefundFailed(rental.id, str(error)) from None
    count("Refund")
    return refund


def _live(refunds: Sequence[Refund]) -> list[Refund]:
    """Refunds that succeeded or still may; a failed one gave nothing back."""
    return [each for each in refunds if each.status != "failed"]


def _given(refunds: Sequence[Refund]) -> int:
    """Centavos that refunds have given back or are about to."""
    return sum(each.amount for each in _live(refunds))


def _to_follow(refunds: Sequence[Refund]) -> Refund:
    """The first refund that is still under way, or the last one."""
    live = _live(refunds) or refunds
    return next((each for each in live if each.status != "succeeded"), live[-1])


def _follow_surplus(rental: Rental, done: set[str], *, needs_attention: bool) -> Rental:
    """Forget surplus payments that are done with; the reconciler looks at the others again."""
    followed = follow_ups.due(rental.id, FollowUp.REFUND) | (
        {} if needs_attention else {"attention": None}
    )
    delete = {"surplusPaymentIds": done} if done else None
    return repository.update(repository.change(rental.id, followed, delete=delete))
