"""Units and the rentals that hold them: one transaction changes both, so they cannot disagree.

Every function reads the rental first and answers from it when its work is done already, so each
may run twice, late, or after its own answer was lost. What a transaction has written is not read
again: its conditions say what the row was.
"""

from contextlib import suppress
from dataclasses import replace

from infra import clock, dynamo
from infra.settings import setting
from rentals import allocation, catalogue, repository
from rentals.errors import (
    NoUnitAvailable,
    PaymentMismatch,
    PaymentNotReceived,
    PaymentReceived,
    PaymentSessionOpen,
    RefundFailed,
    RentalEnded,
    UnitNotHeld,
    WriteContended,
)
from rentals.models import EndReason, FollowUp, PaymentStatus, Refund, Rental, Warehouse

# After each loss the index is asked anew, at half a read unit: what was found with the lost unit is
# as old as it was, and a write in vain costs four write units.
_RESERVATION_TRIES = 16
# The reconciler looks at a refund this often until PayMongo says that it succeeded or failed.
REFUND_FOLLOW_UP_SECONDS = 600
# A write that ends the watch over a rental must not overlook a second payment.
_NO_SURPLUS = " AND attribute_not_exists(surplusPaymentIds)"


def reserve_unit(rental: Rental) -> Rental:
    """Hold the nearest available unit for a pending rental, or for one that was paid too late.

    Returns the rental as it was written. Raises NoUnitAvailable, RentalEnded, WriteContended.
    """
    if rental.unit_id is not None:
        return rental
    _require_reservable(rental)
    warehouses = catalogue.warehouses()
    lost: set[str] = set()
    for _ in range(_RESERVATION_TRIES):
        found = allocation.candidate(
            rental.collectible_id, warehouses, rental.store_id, lost
        ) or _from_a_new_warehouse(rental, warehouses, lost)
        if found is None:
            raise NoUnitAvailable(rental.collectible_id)
        unit_id, warehouse = found
        held = replace(
            rental,
            unit_id=unit_id,
            warehouse_id=warehouse.id,
            eta=allocation.eta_days(warehouse.distances[rental.store_id]),
            updated_at=clock.now_timestamp(),
        )
        try:
            dynamo.transact(_reserve(held))
        except dynamo.ConditionFailed as failure:
            if 1 in failure.failed:
                now = repository.get(rental.id)
                if now.unit_id is not None:
                    return now
                _require_reservable(now)
            if 0 in failure.failed:
                lost.add(unit_id)
        else:
            return held
    raise WriteContended(f"every unit of {rental.collectible_id} that was tried went elsewhere")


def _from_a_new_warehouse(
    rental: Rental, known: dict[str, Warehouse], lost: set[str]
) -> tuple[str, Warehouse] | None:
    warehouses = catalogue.warehouses(anew=True)
    if warehouses == known:
        return None
    return allocation.candidate(rental.collectible_id, warehouses, rental.store_id, lost)


def _require_reservable(rental: Rental) -> None:
    is_open = rental.is_pending or rental.payment_id is not None
    if not is_open or rental.refund_requested_at is not None:
        raise RentalEnded(rental.id, rental.payment_status)


def _reserve(held: Rental) -> list[dynamo.Item]:
    return [
        dynamo.expression(
            setting("UNITS_TABLE"),
            str(held.unit_id),
            update="SET isAvailable = :no, reservedBy = :rental, reservedAt = :now"
            " REMOVE availableCollectibleId",
            condition="isAvailable = :yes AND attribute_not_exists(reservedBy)",
            values={"yes": "true", "no": "false", "rental": held.id, "now": held.updated_at},
        ),
        dynamo.expression(
            setting("RENTALS_TABLE"),
            held.id,
            update="SET unitId = :unit, warehouseId = :warehouse, eta = :eta, updatedAt = :now",
            condition="attribute_not_exists(unitId) AND attribute_not_exists(refundRequestedAt)"
            " AND (paymentStatus = :pending OR attribute_exists(paymentId))",
            values={
                "unit": held.unit_id,
                "warehouse": held.warehouse_id,
                "eta": held.eta,
                "now": held.updated_at,
                "pending": PaymentStatus.PENDING,
            },
        ),
    ]


def confirm_rental(rental: Rental) -> Rental:
    """Complete a rental that is paid in full and holds a unit.

    Returns the rental as it was written. Raises PaymentNotReceived, PaymentMismatch, UnitNotHeld,
    RentalEnded (its money is on the way back), WriteContended.
    """
    if rental.payment_status is PaymentStatus.COMPLETED:
        return rental
    if rental.refund_requested_at is not None:
        raise RentalEnded(rental.id, rental.payment_status)
    if rental.payment_id is None:
        raise PaymentNotReceived(rental.id)
    if not rental.is_paid_in_full:
        raise PaymentMismatch(
            rental.id,
            rental.total_fee or 0,
            rental.amount_paid or 0,
            rental.payment_currency or "",
        )
    if rental.unit_id is None:
        raise UnitNotHeld(rental.id)
    is_over = not rental.surplus_payment_ids
    now = clock.now_timestamp()
    complete = dynamo.expression(
        setting("RENTALS_TABLE"),
        rental.id,
        update="SET paymentStatus = :completed, completedAt = :now, updatedAt = :now"
        " REMOVE endReason, taskToken, paymentUrl"
        + (f", {repository.NOTHING_LEFT_TO_DO}" if is_over else ""),
        condition="unitId = :unit AND paymentId = :payment AND paymentStatus = :status"
        " AND attribute_not_exists(refundRequestedAt)" + (_NO_SURPLUS if is_over else ""),
        values={
            "completed": PaymentStatus.COMPLETED,
            "status": rental.payment_status,
            "unit": rental.unit_id,
            "payment": rental.payment_id,
            "now": now,
        },
    )
    try:
        dynamo.transact([complete, repository.end_hold(rental.customer, rental.id)])
    except dynamo.ConditionFailed:
        return _unless_changed(rental, PaymentStatus.COMPLETED)
    completed = replace(
        rental,
        payment_status=PaymentStatus.COMPLETED,
        updated_at=now,
        end_reason=None,
        task_token=None,
        payment_url=None,
    )
    return _not_watched(completed) if is_over else completed


def end_unpaid(rental: Rental, reason: EndReason) -> Rental:
    """End a pending rental that nobody paid for and put its unit, if any, back on the shelf.

    Returns the rental as it was written; one that ended before is left as it is. Raises
    PaymentReceived when money has arrived, PaymentSessionOpen while it still can, WriteContended.
    """
    if not rental.is_pending:
        is_trouble_over = rental.payment_id is None and rental.attention is not None
        return repository.end_follow_up(rental) if is_trouble_over else rental
    _require_unpayable(rental)
    ended_at = clock.now_timestamp()
    last_look_at = (
        clock.timestamp_in(repository.LAST_LOOK_AFTER_SECONDS)
        if rental.checkout_session_id is not None
        else None
    )
    operations = [
        dynamo.expression(
            setting("RENTALS_TABLE"),
            rental.id,
            update="SET paymentStatus = :status, endReason = :reason, endedAt = :now,"
            " updatedAt = :now"
            + (", followUp = :followUp, followUpAt = :lastLookAt" if last_look_at else "")
            + " REMOVE unitId, taskToken, paymentUrl, "
            + (repository.NO_TROUBLE_LEFT if last_look_at else repository.NOTHING_LEFT_TO_DO),
            condition="paymentStatus = :pending AND attribute_not_exists(paymentId) AND "
            + (
                "attribute_exists(sessionClosedAt)"
                if last_look_at
                else "attribute_not_exists(checkoutSessionId)"
            )
            + " AND "
            + ("unitId = :unit" if rental.unit_id else "attribute_not_exists(unitId)"),
            values={
                "status": reason.status,
                "reason": reason,
                "pending": PaymentStatus.PENDING,
                "now": ended_at,
                **(
                    {"followUp": FollowUp.PAYMENT, "lastLookAt": last_look_at}
                    if last_look_at
                    else {}
                ),
                **({"unit": rental.unit_id} if rental.unit_id else {}),
            },
        ),
        repository.end_hold(rental.customer, rental.id),
    ]
    if rental.unit_id is not None:
        operations.append(release(rental.unit_id, rental.id))
    try:
        dynamo.transact(operations)
    except dynamo.ConditionFailed:
        now = repository.get(rental.id)
        if now.is_pending:
            _require_unpayable(now)
        return _unless_changed(rental, None)
    ended = replace(
        rental,
        payment_status=reason.status,
        updated_at=ended_at,
        end_reason=reason,
        unit_id=None,
        task_token=None,
        payment_url=None,
    )
    if last_look_at is None:
        return _not_watched(ended)
    return replace(_not_watched(ended), follow_up=FollowUp.PAYMENT, follow_up_at=last_look_at)


def request_refund(rental: Rental) -> Rental:
    """Write that a completed rental's payment goes back because an operator decided so.

    The rental stays completed and keeps its unit until PayMongo has accepted the refund; from here
    on the reconciler sees it through. Returns the rental on record, as it was when it is not
    completed.
    """
    if rental.payment_status is not PaymentStatus.COMPLETED or rental.refund_requested_at:
        return rental
    try:
        return Rental.from_item(
            dynamo.update(
                dynamo.expression(
                    setting("RENTALS_TABLE"),
                    rental.id,
                    update="SET refundRequestedAt = :now, updatedAt = :now, followUp = :followUp,"
                    " followUpAt = :followUpAt",
                    condition="paymentStatus = :completed"
                    " AND attribute_not_exists(refundRequestedAt)",
                    values={
                        "completed": PaymentStatus.COMPLETED,
                        "now": clock.now_timestamp(),
                        "followUp": FollowUp.REFUND,
                        "followUpAt": clock.timestamp_in(REFUND_FOLLOW_UP_SECONDS),
                    },
                )
            )
        )
    except dynamo.ConditionFailed:
        return repository.get(rental.id)


def _require_unpayable(rental: Rental) -> None:
    if rental.payment_id is not None:
        raise PaymentReceived(rental.id)
    if rental.checkout_session_id is not None and rental.session_closed_at is None:
        raise PaymentSessionOpen(rental.checkout_session_id)


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
        return _end_as_refunded(rental)
    except WriteContended:
        now = repository.get(rental.id)
        if now == rental:
            raise
        return release_for_refund(now)


def record_refund(rental: Rental, refund: Refund, refunded: int | None = None) -> Rental:
    """Write how a refund of the rental's payment stands; the reconciler watches it to its end.

    `refunded` is what all refunds of the payment, with this one, give back, in centavos, when that
    is known.
    When somebody gives back the whole payment of a completed rental at PayMongo, that ends the
    rental and puts the unit back on the shelf; a part of it changes nothing, as does a refund of
    another payment. Returns the rental on record. Raises RefundFailed when the refund failed: the
    money is still here; WriteContended.
    """
    has_failed = refund.status == "failed"
    is_surplus = refund.payment_id in rental.surplus_payment_ids - rental.settled_outside.keys()
    if is_surplus and has_failed:
        raise RefundFailed(rental.id, f"refund {refund.id} failed at PayMongo")
    if refund.payment_id != rental.payment_id:
        return rental
    is_full = max(refund.amount, refunded or 0) >= (rental.amount_paid or 0)
    if rental.payment_status is not PaymentStatus.REFUNDED:
        is_asked_for = rental.refund_requested_at is not None and not has_failed
        if not is_asked_for and (refund.status != "succeeded" or not is_full):
            return rental
        rental = _end_as_refunded(rental)
    elif not is_full and refund.id != rental.refund_id:
        return rental  # somebody gave back a part; what gives back the rest is watched
    if rental.refund_status == "succeeded" or (rental.is_settled_outside and has_failed):
        return repository.end_follow_up(rental)
    is_of_an_earlier_try = rental.refund_id not in (None, refund.id) and has_failed
    if is_of_an_earlier_try:
        return rental
    if (rental.refund_id, rental.refund_status) != (refund.id, refund.status):
        rental = _write_refund(rental, refund)
    if has_failed and rental.refund_status == "failed":
        raise RefundFailed(rental.id, f"refund {refund.id} failed at PayMongo")
    return rental


def record_refund_refused(rental: Rental) -> None:
    """Write that PayMongo does not give the rental's payment back, so that its customer is told."""
    with suppress(dynamo.ConditionFailed):
        dynamo.update(
            dynamo.expression(
                setting("RENTALS_TABLE"),
                rental.id,
                update="SET refundStatus = :failed, updatedAt = :now",
                condition="attribute_exists(refundRequestedAt)"
                " AND (attribute_not_exists(refundStatus) OR refundStatus = :failed)",
                values={"failed": "failed", "now": clock.now_timestamp()},
            )
        )


def _end_as_refunded(rental: Rental) -> Rental:
    """In one transaction: the intent, the ending, the hold, and the unit, if any, on the shelf.

    Raises WriteContended when the rental is not as it was read.
    """
    operations = [
        dynamo.expression(
            setting("RENTALS_TABLE"),
            rental.id,
            update="SET paymentStatus = :refunded, updatedAt = :now,"
            " refundRequestedAt = if_not_exists(refundRequestedAt, :now),"
            " followUp = :followUp, followUpAt = :followUpAt REMOVE unitId, taskToken, paymentUrl",
            condition="paymentId = :payment AND paymentStatus = :status AND "
            + ("unitId = :unit" if rental.unit_id else "attribute_not_exists(unitId)"),
            values={
                "payment": rental.payment_id,
                "status": rental.payment_status,
                "refunded": PaymentStatus.REFUNDED,
                "now": clock.now_timestamp(),
                # Until there is a refund to look at, it is looked at as soon as a payment is.
                "followUp": FollowUp.REFUND,
                "followUpAt": clock.timestamp_in(repository.FOLLOW_UP_AFTER_SECONDS),
                **({"unit": rental.unit_id} if rental.unit_id else {}),
            },
        ),
        repository.end_hold(rental.customer, rental.id),
    ]
    if rental.unit_id is not None:
        operations.append(release(rental.unit_id, rental.id))
    try:
        dynamo.transact(operations)
    except dynamo.ConditionFailed:
        # PayMongo tells of one refund in two events, often at once: the other may have ended it.
        now = repository.get(rental.id)
        if now.payment_status is PaymentStatus.REFUNDED:
            return now
        raise WriteContended(f"rental {rental.id} changed, or disagrees with its unit") from None
    return repository.get(rental.id)


def _write_refund(rental: Rental, refund: Refund) -> Rental:
    is_over = refund.status == "succeeded" and not rental.surplus_payment_ids
    watch = {
        "followUp": FollowUp.REFUND,
        "followUpAt": clock.timestamp_in(REFUND_FOLLOW_UP_SECONDS),
    }
    try:
        item = dynamo.update(
            dynamo.expression(
                setting("RENTALS_TABLE"),
                rental.id,
                update="SET refundId = :refund, refundStatus = :status, updatedAt = :now"
                + (
                    f" REMOVE {repository.NOTHING_LEFT_TO_DO}"
                    if is_over
                    else ", followUp = :followUp, followUpAt = :followUpAt"
                    # PayMongo is at it again: should it fail again, that is told again.
                    + (" REMOVE attention" if refund.status != "failed" else "")
                ),
                # Events come in any order: "pending" must not replace "succeeded".
                condition="attribute_exists(refundRequestedAt)"
                " AND (attribute_not_exists(refundStatus) OR refundStatus <> :succeeded)"
                + (_NO_SURPLUS if is_over else ""),
                values={
                    "refund": refund.id,
                    "status": refund.status,
                    "succeeded": "succeeded",
                    "now": clock.now_timestamp(),
                    **({} if is_over else watch),
                },
            )
        )
    except dynamo.ConditionFailed:
        existing = repository.get(rental.id)
        if existing.refund_status == "succeeded":
            return existing
        raise WriteContended(f"rental {rental.id} changed while its refund was written") from None
    return Rental.from_item(item)


def release(unit_id: str, rental_id: str, *, table: str | None = None) -> dynamo.Item:
    """The operation that puts a unit back on the shelf, if this rental still holds it."""
    return dynamo.expression(
        table or setting("UNITS_TABLE"),
        unit_id,
        update="SET isAvailable = :yes, availableCollectibleId = collectibleId"
        " REMOVE reservedBy, reservedAt",
        condition="reservedBy = :rental",
        values={"yes": "true", "rental": rental_id},
    )


def _not_watched(rental: Rental) -> Rental:
    return replace(
        rental,
        follow_up=None,
        follow_up_at=None,
        attention=None,
        attention_count=0,
        settlement=None,
    )


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
