"""How a checkout ends: completed, unpaid, or refunded. The unit and its source's count of open
rentals change in the same transaction.

Every function reads the rental first and answers from it when its work is done already, so each
may run twice, late, or after its own answer was lost. What a transaction has written is not read
again: its conditions say what the row was.
"""

from typing import Any

from infra import clock, dynamo
from infra.dynamo import absent, equal
from infra.settings import integer_setting
from rentals import follow_ups, fulfillment, repository, sources, unit_moves
from rentals.errors import (
    PaymentMismatch,
    PaymentNotReceived,
    PaymentReceived,
    PaymentSessionOpen,
    RentalEnded,
    UnitNotHeld,
    WriteContended,
)
from rentals.models import ClosedReason, EndReason, FollowUp, PaymentStatus, Rental

# Nobody waits for the rental's payment any more.
_NOT_PAYABLE = {"taskToken": None, "paymentUrl": None}


def confirm_rental(rental: Rental) -> Rental:
    """Complete a rental that is paid in full and holds a unit.

    Returns the rental as it was written. Raises PaymentNotReceived, PaymentMismatch, UnitNotHeld,
    RentalEnded (its money is on the way back), WriteContended.
    """
    if rental.payment_status is PaymentStatus.COMPLETED:
        return rental
    _require_confirmable(rental)
    # A surplus payment still has to go back, and one may arrive at this moment.
    is_over = not rental.surplus_payment_ids
    complete = repository.change(
        rental.id,
        {
            "paymentStatus": PaymentStatus.COMPLETED,
            "completedAt": clock.now_timestamp(),
            "endReason": None,
            **_NOT_PAYABLE,
            **fulfillment.beginning(rental),
            **(follow_ups.NONE_LEFT if is_over else {}),
        },
        equal("unitId", rental.unit_id),
        equal("paymentId", rental.payment_id),
        equal("paymentStatus", rental.payment_status),
        absent("refundRequestedAt"),
        *([absent("surplusPaymentIds")] if is_over else []),
    )
    confirmed = rental.after(complete)
    others = fulfillment.written_when_paid(rental, confirmed)
    try:
        dynamo.transact([complete, *sources.no_longer_open(rental, is_paid=True), *others])
    except dynamo.ConditionFailed:
        return _unless_changed(rental, PaymentStatus.COMPLETED)
    return confirmed


def _require_confirmable(rental: Rental) -> None:
    if rental.refund_requested_at is not None:
        raise RentalEnded(rental.id, rental.payment_status)
    if rental.payment_id is None:
        raise PaymentNotReceived(rental.id)
    if not rental.is_paid_in_full:
        raise PaymentMismatch(
            rental.id,
            rental.amount_due_centavos or 0,
            rental.amount_paid or 0,
            rental.payment_currency or "",
        )
    if rental.unit_id is None:
        raise UnitNotHeld(rental.id)


def end_unpaid(rental: Rental, reason: EndReason) -> Rental:
    """End a pending rental that nobody paid for and put its unit, if any, back on the shelf.

    Returns the rental as it was written; one that ended before is left as it is. One that is held
    too long ends with its session open, and is followed until that is closed. Raises
    PaymentReceived when money has arrived, PaymentSessionOpen while it still can, WriteContended.
    """
    if not rental.is_pending:
        is_settled = rental.payment_id is None and rental.attention is not None
        is_over = is_settled and not rental.has_open_session
        return follow_ups.end(rental) if is_over else rental
    _require_unpayable(rental)
    next_look = None if rental.has_open_session else follow_ups.LAST_CHECK_SECONDS
    ending = _ending(
        rental,
        {
            "paymentStatus": reason.status,
            "endReason": reason,
            "endedAt": clock.now_timestamp(),
            **follow_ups.NONE_LEFT,
            **(
                follow_ups.due(rental.id, FollowUp.PAYMENT, next_look)
                if rental.checkout_session_id is not None
                else {}
            ),
        },
        equal("checkoutSessionId", rental.checkout_session_id),
        equal("sessionClosedAt", rental.session_closed_at),
    )
    try:
        dynamo.transact(ending)
    except dynamo.ConditionFailed:
        now = repository.get(rental.id)
        if now.is_pending:
            _require_unpayable(now)
        return _unless_changed(rental, None)
    return rental.after(ending[0])


def _require_unpayable(rental: Rental) -> None:
    if rental.payment_id is not None:
        raise PaymentReceived(rental.id)
    if rental.has_open_session and not is_held_too_long(rental):
        raise PaymentSessionOpen(str(rental.checkout_session_id))


def is_held_too_long(rental: Rental) -> bool:
    """Whether the longest hold has passed and nobody has paid: the unit goes back on the shelf even
    if the session can still be paid. What is paid then is late money.
    """
    begun_by = clock.timestamp_in(-integer_setting("LONGEST_HOLD_SECONDS"))
    return rental.payment_id is None and rental.created_at <= begun_by


def release_for_refund(rental: Rental) -> Rental:
    """End the rental as refunded, still to be done, unless its payment has bought something by now.

    From here on nobody gives the rental a unit. A unit held against a payment of the wrong amount
    goes back on the shelf in the same transaction. Returns the rental on record, without
    `refund_requested_at` when its money bought something. Raises WriteContended.
    """
    has_bought = rental.unit_id is not None and rental.is_paid_in_full
    if (
        rental.payment_id is None
        or rental.refund_requested_at is not None
        or rental.payment_status is PaymentStatus.COMPLETED
        or has_bought
    ):
        return rental
    try:
        return end_as_refunded(rental)
    except WriteContended:
        now = repository.get(rental.id)
        if now == rental:
            raise
        return release_for_refund(now)


def end_as_refunded(rental: Rental) -> Rental:
    """In one transaction: the intent, the ending, and the unit, if any, on the shelf. A completed
    rental stays completed: it is cancelled if its unit was not handed over yet.

    Returns the rental on record. Raises WriteContended when the rental is not as it was read.
    """
    intent = {
        "refundRequestedAt": rental.refund_requested_at or clock.now_timestamp(),
        # No refund exists yet, so use the shorter (payment) interval for the first check.
        **follow_ups.due(rental.id, FollowUp.REFUND, follow_ups.PAYMENT_SECONDS),
    }
    try:
        if rental.payment_status is PaymentStatus.COMPLETED:
            return fulfillment.give_back_completed(rental, intent)
        is_as_read = equal("refundRequestedAt", rental.refund_requested_at)
        refunded = {"paymentStatus": PaymentStatus.REFUNDED, **intent}
        dynamo.transact(_ending(rental, refunded, is_as_read))
    except dynamo.ConditionFailed:
        # PayMongo tells of one refund in two events, often at once: the other may have ended it.
        now = repository.get(rental.id)
        is_cancelled = now.closed_reason is ClosedReason.CANCELLED
        if now.payment_status is PaymentStatus.REFUNDED or is_cancelled:
            return now
        raise WriteContended(f"rental {rental.id} changed, or disagrees with its unit") from None
    return repository.get(rental.id)


def _ending(
    rental: Rental, attributes: dict[str, Any], *when: dynamo.Condition
) -> list[dynamo.Change]:
    """The changes that end a rental without a unit, given what was read of it; its own first."""
    ending = repository.change(
        rental.id,
        {**attributes, "unitId": None, **_NOT_PAYABLE},
        equal("paymentStatus", rental.payment_status),
        equal("paymentId", rental.payment_id),
        equal("unitId", rental.unit_id),
        *when,
    )
    changes = [ending, *sources.no_longer_open(rental)]
    if rental.unit_id is not None:
        changes.append(
            unit_moves.release(rental.unit_id, rental.id, collectible_id=rental.collectible_id)
        )
    return changes


def _unless_changed(before: Rental, wanted: PaymentStatus | None) -> Rental:
    """The rental on record if it has ended (as `wanted`, if given); else somebody is changing it.

    Raises RentalEnded, WriteContended.
    """
    now = repository.get(before.id)
    if now.is_pending or now == before:
        raise WriteContended(f"rental {before.id} changed while it was being written")
    if wanted is not None and now.payment_status is not wanted:
        raise RentalEnded(now.id, now.payment_status)
    return now
