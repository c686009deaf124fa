"""Giving money back, once.

Asking PayMongo for a refund is the one step that is not naturally idempotent, and its
Idempotency-Key cannot be relied on. So: write the intent on the rental first, which also keeps
everybody else from giving it a unit; look for refunds of the payment that exist; only then ask.
An answer that is lost is looked up by the next run before it asks again.
"""

from collections.abc import Sequence

from rentals import clock, dynamo, inventory, repository
from rentals.errors import PaymentProviderRejected, PaymentProviderUnavailable, RefundFailed
from rentals.models import FollowUp, Payment, PaymentStatus, Refund, Rental
from rentals.paymongo import PayMongo, paymongo
from rentals.settings import setting
from rentals.telemetry import count

_UNDER_WAY = "resource_processing_state"


def refund_what_buys_nothing(rental: Rental) -> Rental:
    """Refund surplus payments, and the rental's own payment unless it has bought the rental and
    nobody asked for it back.

    Returns the rental on record. Raises RefundFailed, PaymentProviderUnavailable,
    PaymentProviderRejected.
    """
    client = paymongo()
    if rental.surplus_payment_ids:
        refunds = [
            _refund_once(client, rental, payment_id)
            for payment_id in sorted(rental.surplus_payment_ids)
        ]
        rental = _watch_surplus(rental, refunds)
    is_kept = (
        rental.payment_status is PaymentStatus.COMPLETED and rental.refund_requested_at is None
    )
    if rental.payment_id is None or is_kept:
        return repository.end_follow_up(rental)
    rental = inventory.release_for_refund(rental)
    if rental.payment_id is None or rental.refund_requested_at is None:
        return rental
    refund = _refund_once(client, rental, rental.payment_id)
    return inventory.record_refund(rental, refund)


def _refund_once(client: PayMongo, rental: Rental, payment_id: str) -> Refund:
    existing = _existing_refund(client, payment_id)
    if existing is not None:
        return existing
    payment = client.retrieve_payment(payment_id)
    return _ask(client, rental, payment)


def _ask(client: PayMongo, rental: Rental, payment: Payment) -> Refund:
    try:
        refund = client.create_refund(payment, payment.amount, rental.id)
    except PaymentProviderRejected as error:
        existing = _existing_refund(client, payment.id)
        if existing is not None:
            return existing
        if any(code.startswith(_UNDER_WAY) for code in error.codes):
            raise PaymentProviderUnavailable("a refund is under way and not listed yet") from None
        raise RefundFailed(rental.id, str(error)) from None
    count("Refund")
    return refund


def _existing_refund(client: PayMongo, payment_id: str) -> Refund | None:
    """The refund of a payment that succeeded or still may; a failed one gave nothing back."""
    live = [each for each in client.list_refunds(payment_id) if each.status != "failed"]
    return live[0] if live else None


def _watch_surplus(rental: Rental, refunds: Sequence[Refund]) -> Rental:
    """Forget surplus payments that are refunded; the reconciler looks at the others again."""
    done = {refund.payment_id for refund in refunds if refund.status == "succeeded"}
    return Rental.from_item(
        dynamo.update(
            dynamo.expression(
                setting("RENTALS_TABLE"),
                rental.id,
                update="SET updatedAt = :now, followUp = :followUp, followUpAt = :followUpAt"
                + (" DELETE surplusPaymentIds :done" if done else ""),
                values={
                    "now": clock.now_timestamp(),
                    "followUp": FollowUp.REFUND,
                    "followUpAt": clock.timestamp_in(inventory.REFUND_FOLLOW_UP_SECONDS),
                    **({"done": done} if done else {}),
                },
            )
        )
    )
