"""What a rental's row says of refunds: asked for by an operator, how they stand, refused."""

from collections.abc import Sequence
from contextlib import suppress

from infra import clock, dynamo
from infra.dynamo import absent, either, equal, present, unlike
from paymongo.resources import Refund
from rentals import endings, follow_ups, given_back, repository
from rentals.errors import RefundFailed, WriteContended
from rentals.models import FollowUp, PaymentStatus, Rental
from rentals.notices import NoticeKind, new_notice

_TRIES = 5


def request_refund(rental: Rental) -> Rental:
    """Write that a completed rental's payment goes back because an operator decided so.

    The rental keeps its unit until PayMongo has accepted the refund; from here
    on the reconciler follows it to its end. Returns the rental on record, as it was when it is not
    completed.
    """
    if rental.payment_status is not PaymentStatus.COMPLETED or rental.refund_requested_at:
        return rental
    requested = repository.change(
        rental.id,
        {"refundRequestedAt": clock.now_timestamp(), **follow_ups.due(rental.id, FollowUp.REFUND)},
        equal("paymentStatus", PaymentStatus.COMPLETED),
        absent("refundRequestedAt"),
    )
    try:
        return repository.update(requested)
    except dynamo.ConditionFailed:
        return repository.get(rental.id)


def record_refund(rental: Rental, refund: Refund, refunded: int | None = None) -> Rental:
    """Write how a refund of the rental's payment stands; the reconciler follows it to its end.

    `refunded` is what all refunds of the payment, with this one, give back, in centavos, when that
    is known.
    When the whole payment of a completed rental is given back before the unit was handed over,
    here or at PayMongo, that cancels the rental; a part of it changes nothing, as does a refund of
    another payment. Returns the rental on record. Raises RefundFailed when the refund failed: the
    money is still here; WriteContended.
    """
    rental = record_seen(rental, [refund])
    has_failed = refund.status == "failed"
    is_surplus = refund.payment_id in rental.surplus_payment_ids - rental.settled_outside.keys()
    if is_surplus and has_failed:
        raise RefundFailed(rental.id, f"refund {refund.id} failed at PayMongo")
    if refund.payment_id != rental.payment_id:
        return rental
    known = max(refund.amount, refunded or 0, given_back.succeeded(rental, refund.payment_id))
    is_full = known >= (rental.amount_paid or 0)
    if rental.payment_status is not PaymentStatus.REFUNDED and rental.refund_id is None:
        is_asked_for = rental.refund_requested_at is not None and not has_failed
        if not is_asked_for and (refund.status != "succeeded" or not is_full):
            return rental
        rental = endings.end_as_refunded(rental)
    elif not is_full and refund.id != rental.refund_id:
        return rental  # somebody gave back a part; the refund of the rest is followed
    return _record_of_refunded(rental, refund)


def record_seen(rental: Rental, refunds: Sequence[Refund]) -> Rental:
    """Write what PayMongo says of refunds, and have the customer told of each part that went back.
    Returns the rental on record. Raises WriteContended.
    """
    for _ in range(_TRIES):
        news = given_back.news(rental, refunds)
        if not news:
            return rental
        seen = repository.change(rental.id, {}, present("id"), add={"refundsSeen": news})
        after = rental.after(seen)
        told = _parts(after) - _parts(rental)
        try:
            if not told:
                return repository.update(seen)
            notices = [new_notice(rental, NoticeKind.PART_REFUNDED, each) for each in sorted(told)]
            dynamo.transact([seen, *notices])
        except dynamo.ConditionFailed:  # another event told of it
            rental = repository.get(rental.id)
        else:
            return after
    raise WriteContended(f"rental {rental.id} keeps changing")


def _parts(rental: Rental) -> set[str]:
    """The refunds that gave back a part of a completed rental's money."""
    if rental.payment_status is not PaymentStatus.COMPLETED:
        return set()
    paid = {rental.payment_id: rental.amount_paid}
    return {
        each.id
        for each in given_back.refunds(rental)
        if each.status == "succeeded"
        and each.payment_id not in rental.surplus_payment_ids
        and given_back.succeeded(rental, each.payment_id) != paid.get(each.payment_id)
    }


def _record_of_refunded(rental: Rental, refund: Refund) -> Rental:
    has_failed = refund.status == "failed"
    if rental.refund_status == "succeeded" or (rental.is_settled_outside and has_failed):
        return follow_ups.end(rental)
    is_of_an_earlier_try = rental.refund_id not in (None, refund.id) and has_failed
    if is_of_an_earlier_try:
        return rental
    if (rental.refund_id, rental.refund_status) != (refund.id, refund.status):
        rental = _write_refund(rental, refund)
    if has_failed and rental.refund_status == "failed":
        raise RefundFailed(rental.id, f"refund {refund.id} failed at PayMongo")
    return rental


def record_refund_refused(rental: Rental) -> None:
    """Write that PayMongo refuses to give the payment back, so that the customer can read it."""
    refused = repository.change(
        rental.id,
        {"refundStatus": "failed"},
        present("refundRequestedAt"),
        either(absent("refundStatus"), equal("refundStatus", "failed")),
    )
    with suppress(dynamo.ConditionFailed):
        dynamo.update(refused)


def _write_refund(rental: Rental, refund: Refund) -> Rental:
    is_over = refund.status == "succeeded" and not rental.surplus_payment_ids
    followed = follow_ups.NONE_LEFT if is_over else follow_ups.due(rental.id, FollowUp.REFUND)
    if not is_over and refund.status != "failed":
        # The refund is being retried: clear the flag so that another failure is reported.
        followed = followed | {"attention": None}
    written = repository.change(
        rental.id,
        {"refundId": refund.id, "refundStatus": refund.status, **followed},
        present("refundRequestedAt"),
        # Events come in any order: "pending" must not replace "succeeded".
        unlike("refundStatus", "succeeded"),
        *([absent("surplusPaymentIds")] if is_over else []),
    )
    try:
        if refund.status != "succeeded":
            return repository.update(written)
        dynamo.transact([written, new_notice(rental, NoticeKind.REFUNDED)])
    except dynamo.ConditionFailed:
        existing = repository.get(rental.id)
        if existing.refund_status == "succeeded":
            return existing
        raise WriteContended(f"rental {rental.id} changed while its refund was written") from None
    return rental.after(written)
