"""What went back of a rental's payments: what was ordered here, and what PayMongo says.

An order is written on the row before PayMongo is asked. What PayMongo says of a refund is a member
of the set `refundsSeen`, one for each status that was heard of: news may come twice and in any
order, and nothing is overwritten.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from infra import clock
from infra.dynamo import Condition, absent
from rentals import follow_ups
from rentals.models import ClosedReason, FollowUp, Rental

if TYPE_CHECKING:  # most functions hear nothing of PayMongo
    from paymongo.resources import Refund

# Names the order in a refund's metadata: two equal refunds can't be told apart otherwise.
ORDER_KEY = "refund_order"
# Later ones replace earlier ones, in whatever order they are heard of.
_STATUSES = ("pending", "processing", "failed", "succeeded")


class Purpose(StrEnum):
    """Why a part of a payment goes back."""

    DEPOSIT = "deposit"
    CANCELLED = "cancelled"
    NOT_COLLECTED = "not_collected"
    SHOP_FAULT = "shop_fault"
    FOUND = "found"
    GOODWILL = "goodwill"


@dataclass(frozen=True, slots=True)
class Order:
    """A decision to give `centavos` of a payment back; without a payment, at the counter, where its
    `receipt` says that it was done.
    """

    key: str
    purpose: Purpose
    centavos: int
    at: str
    by: str
    payment_id: str | None = None
    reason: str = ""
    receipt: str | None = None

    def entry(self) -> dict[str, Any]:
        """As the row has it."""
        values = {
            "key": self.key,
            "purpose": self.purpose,
            "centavos": self.centavos,
            "at": self.at,
            "by": self.by,
            "paymentId": self.payment_id,
            "reason": self.reason,
            "receipt": self.receipt,
        }
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class SeenRefund:
    """A refund as PayMongo last told of it; `order` is the key of the order it carries out."""

    payment_id: str
    id: str
    centavos: int
    status: str
    at: str
    order: str

    @property
    def is_live(self) -> bool:
        """Whether it gave money back or still may."""
        return self.status != "failed"


@dataclass(frozen=True, slots=True)
class GoingBack:
    """One sum that goes back: an order, a refund, or both. `status` is `ordered`, then PayMongo's,
    or `at_counter`; without a purpose somebody gave it back at PayMongo's dashboard.
    """

    key: str
    centavos: int
    status: str
    at: str
    purpose: Purpose | None = None
    reason: str = ""
    by: str = ""
    payment_id: str | None = None


def orders(rental: Rental) -> list[Order]:
    """What was ordered, the oldest first."""
    return [
        Order(
            key=each["key"],
            purpose=Purpose(each["purpose"]),
            centavos=int(each["centavos"]),
            at=each["at"],
            by=each["by"],
            payment_id=each.get("paymentId"),
            reason=each.get("reason", ""),
            receipt=each.get("receipt"),
        )
        for each in rental.refund_orders
    ]


def refunds(rental: Rental) -> list[SeenRefund]:
    """What PayMongo says of the rental's refunds, the oldest first."""
    found: dict[str, SeenRefund] = {}
    for entry in rental.refunds_seen:
        payment_id, refund_id, centavos, status, at, order = entry.split("#")
        seen = SeenRefund(payment_id, refund_id, int(centavos), status, at, order)
        known = found.get(refund_id)
        if known is None or _STATUSES.index(known.status) < _STATUSES.index(status):
            found[refund_id] = seen
    return sorted(found.values(), key=lambda each: (each.at, each.id))


def news(rental: Rental, told: "Iterable[Refund]") -> set[str]:
    """The members of `refundsSeen` that the row does not have yet."""
    return {_entry(each) for each in told if each.status in _STATUSES} - rental.refunds_seen


def _entry(refund: "Refund") -> str:
    at = "" if refund.created_at is None else clock.timestamp_of(refund.created_at)
    order = refund.metadata.get(ORDER_KEY, "").replace("#", "")
    return "#".join((refund.payment_id, refund.id, str(refund.amount), refund.status, at, order))


def given(rental: Rental, payment_id: str | None) -> int:
    """Centavos of a payment that went back or are on their way, as far as PayMongo has told."""
    return sum(e.centavos for e in refunds(rental) if e.payment_id == payment_id and e.is_live)


def succeeded(rental: Rental, payment_id: str | None) -> int:
    """Centavos of a payment that certainly went back."""
    done = (e for e in refunds(rental) if e.status == "succeeded")
    return sum(each.centavos for each in done if each.payment_id == payment_id)


def taken_back(rental: Rental) -> int:
    """Centavos of the rental's own payment that the customer's bank took, because a dispute was
    lost; PayMongo makes no refund of it.
    """
    lost = set[tuple[str, int]]()
    for entry in rental.disputes_seen:
        payment_id, dispute_id, centavos, status = entry.split("#")
        if status == "lost" and payment_id == rental.payment_id:
            lost.add((dispute_id, int(centavos)))
    return sum(centavos for _, centavos in lost)


def open_orders(rental: Rental) -> list[Order]:
    """Orders that were not carried out: no refund of theirs that may succeed, no receipt.

    A refund that somebody made at PayMongo's dashboard carries out an earlier order of its amount;
    and nothing is left to carry out once all of the rental's payment goes back.
    """
    live = [each for each in refunds(rental) if each.is_live]
    named = {each.order for each in live}
    unnamed = [each for each in live if not each.order]
    is_all_back = bool(rental.refund_requested_at) or (
        given(rental, rental.payment_id) >= (rental.amount_paid or 0)
    )
    found = []
    for each in orders(rental):
        is_void = each.payment_id == rental.payment_id and is_all_back
        if each.key in named or each.receipt is not None or is_void:
            continue
        by_hand = next((one for one in unnamed if _carries_out(one, each)), None)
        if by_hand is None:
            found.append(each)
        else:
            unnamed.remove(by_hand)
    return found


def going_back(rental: Rental) -> list[GoingBack]:
    """Every sum that went back of the rental's payments, or is about to, the oldest first."""
    ordered = {each.key: each for each in orders(rental)}
    carried_out = (ordered.get(each.order) for each in refunds(rental))
    found = [
        GoingBack(
            key=each.id,
            centavos=each.centavos,
            status=each.status,
            at=each.at or (order.at if order else ""),
            purpose=order.purpose if order else None,
            reason=order.reason if order else "",
            by=order.by if order else "",
            payment_id=each.payment_id,
        )
        for each, order in zip(refunds(rental), carried_out, strict=True)
    ]
    waiting = {each.key for each in open_orders(rental)}
    found += [
        GoingBack(
            key=e.key,
            centavos=e.centavos,
            status=_status_of(e),
            at=e.at,
            purpose=e.purpose,
            reason=e.reason,
            by=e.by,
            payment_id=e.payment_id,
        )
        for e in ordered.values()
        if e.key in waiting or e.receipt is not None
    ]
    return sorted(found, key=lambda each: each.at)


def _status_of(unsent: Order) -> str:
    if unsent.receipt is not None:
        return "at_counter"
    return "ordered" if unsent.payment_id else "at_counter_soon"


def _carries_out(refund: SeenRefund, wanted: Order) -> bool:
    is_the_sum = (refund.payment_id, refund.centavos) == (wanted.payment_id, wanted.centavos)
    return is_the_sum and refund.at >= wanted.at[: len("2026-01-31T10:00:00")]


def is_under_way(rental: Rental) -> bool:
    """Whether something of the rental's payments is still on its way back, or was not sent yet."""
    waits = any(each.payment_id for each in open_orders(rental))
    return waits or any(e.status in ("pending", "processing") for e in refunds(rental))


def left(rental: Rental, payment_id: str | None, amount: int) -> int:
    """Centavos of a payment of `amount` that are neither back nor ordered back."""
    is_own = payment_id == rental.payment_id
    is_all_back = is_own and (rental.refund_requested_at or rental.is_settled_outside)
    if payment_id is None or is_all_back:
        return 0
    ordered = sum(e.centavos for e in open_orders(rental) if e.payment_id == payment_id)
    return max(0, amount - given(rental, payment_id) - ordered)


def left_of_own(rental: Rental) -> int:
    """Centavos of the rental's own payment that are neither back nor ordered back."""
    return left(rental, rental.payment_id, rental.amount_paid or 0)


def deposit_held(rental: Rental) -> int:
    """Centavos of deposit that are still held, online or at the counter. Whoever never had the unit
    gets it back with the rent's share.
    """
    if rental.closed_reason in (ClosedReason.CANCELLED, ClosedReason.NOT_COLLECTED):
        return 0
    back = sum(e.centavos for e in orders(rental) if e.purpose is Purpose.DEPOSIT)
    if rental.deposit_centavos:
        return max(0, min(rental.deposit_centavos - back, left_of_own(rental)))
    if rental.counter_deposit_receipt is not None:
        return max(0, (rental.counter_deposit_centavos or 0) - back)
    return 0


def order(  # noqa: PLR0913 - what an order is made of
    rental: Rental,
    purpose: Purpose,
    centavos: int,
    *,
    by: str,
    payment_id: str | None,
    reason: str = "",
) -> Order:
    """A new order; its key says which one of the rental's it is."""
    key = f"{purpose}-{len(rental.refund_orders) + 1}"
    return Order(key, purpose, centavos, clock.now_timestamp(), by, payment_id, reason)


def with_orders(rental: Rental, added: Sequence[Order]) -> dict[str, Any]:
    """The attributes that add orders to a row, and have the reconciler carry them out."""
    if not added:
        return {}
    entries = [*map(dict, rental.refund_orders), *(each.entry() for each in added)]
    follow_up = (
        follow_ups.due(rental.id, FollowUp.REFUND, follow_ups.PAYMENT_SECONDS)
        if any(each.payment_id for each in added)
        else {}
    )
    return {"refundOrders": entries, **follow_up}


def as_read(rental: Rental) -> Condition:
    """The row has the orders that were read."""
    if not rental.refund_orders:
        return absent("refundOrders")
    values = {"orders": len(rental.refund_orders)}
    return Condition("size(#refundOrders) = :orders", ["refundOrders"], values)
