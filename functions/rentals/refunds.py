"""Giving money back, once.

Asking PayMongo for a refund is the one step that is not naturally idempotent, and its
Idempotency-Key cannot be relied on. So: write the intent on the rental first, which also keeps
everybody else from giving it a unit; look for refunds of the payment that exist; only then ask.
An answer that is lost is looked up by the next run before it asks again.
"""

from collections.abc import Sequence

from infra import clock, dynamo
from infra.settings import setting
from infra.telemetry import count
from paymongo.client import PayMongo, paymongo
from rentals import inventory, repository
from rentals.errors import PaymentProviderRejected, PaymentProviderUnavailable, RefundFailed
from rentals.models import FollowUp, PaymentStatus, Refund, Rental

_UNDER_WAY = "resource_processing_state"


def refund_what_buys_nothing(rental: Rental) -> Rental:
    """Refund surplus payments, and the rental's own payment unless it has bought the rental and
    nobody asked for it back; never one that an operator has given back in another way.

    A refund that failed is asked for again only once somebody was told of it. Returns the rental on
    record. Raises RefundFailed, PaymentProviderUnavailable, PaymentProviderRejected,
    WriteContended.
    """
    client, is_told = paymongo(), rental.attention is not None
    failures: list[RefundFailed] = []
    if rental.surplus_payment_ids:
        refunds = []
        for payment_id in sorted(rental.surplus_payment_ids - rental.settled_outside.keys()):
            try:
                refunds.append(_refund_once(client, rental, payment_id, is_told))
            except RefundFailed as failure:
                failures.append(failure)
        rental = _watch_surplus(rental, refunds, is_trouble_over=not failures)
    if rental.payment_id is not None:
        rental = inventory.release_for_refund(rental)
    if rental.is_settled_outside:
        rental = repository.end_follow_up(rental)
    elif rental.payment_id is not None and rental.refund_requested_at is not None:
        try:
            refund = _refund_once(client, rental, rental.payment_id, is_told)
        except RefundFailed:
            inventory.record_refund_refused(rental)
            raise
        rental = inventory.record_refund(rental, refund, rental.amount_paid)
    elif rental.payment_id is None or rental.payment_status is PaymentStatus.COMPLETED:
        rental = repository.end_follow_up(rental)
    if failures:
        raise failures[0]
    return rental


def _refund_once(client: PayMongo, rental: Rental, payment_id: str, is_told: bool) -> Refund:
    """Have all of a payment given back, or what others have not given back of it before.

    Returns the refund to watch: with those that have succeeded it gives back the whole payment.
    """
    refunds = client.list_refunds(payment_id)
    payment = client.retrieve_payment(payment_id)
    left = payment.amount - _given(refunds)
    if left <= 0:
        return _to_watch(refunds)
    if not is_told and (failed := [each for each in refunds if each.status == "failed"]):
        raise RefundFailed(rental.id, f"refund {failed[-1].id} failed at PayMongo")
    try:
        refund = client.create_refund(payment, left, rental.id, attempt=len(refunds) + 1)
    except PaymentProviderRejected as error:
        refunds = client.list_refunds(payment_id)
        if _given(refunds) >= payment.amount:
            return _to_watch(refunds)
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


def _to_watch(refunds: Sequence[Refund]) -> Refund:
    """The first refund that is still under way, or the last one."""
    live = _live(refunds)
    return next((each for each in live if each.status != "succeeded"), live[-1])


def _watch_surplus(rental: Rental, refunds: Sequence[Refund], *, is_trouble_over: bool) -> Rental:
    """Forget surplus payments that were given back; the reconciler looks at the others again."""
    done = {refund.payment_id for refund in refunds if refund.status == "succeeded"}
    done |= rental.surplus_payment_ids & rental.settled_outside.keys()
    return Rental.from_item(
        dynamo.update(
            dynamo.expression(
                setting("RENTALS_TABLE"),
                rental.id,
                update="SET updatedAt = :now, followUp = :followUp, followUpAt = :followUpAt"
                + (" DELETE surplusPaymentIds :done" if done else "")
                + (" REMOVE attention" if is_trouble_over else ""),
                values={
                    "now": clock.now_timestamp(),
                    "followUp": FollowUp.REFUND,
                    "followUpAt": clock.timestamp_in(inventory.REFUND_FOLLOW_UP_SECONDS),
                    **({"done": done} if done else {}),
                },
            )
        )
    )
