"""What is settled when a paid rental closes: late fee, damage or loss, what the deposit pays of
them, and what goes back. One transaction writes it with the closing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from infra import clock
from infra.dynamo import Change, Write
from rentals import charges, given_back, terms
from rentals.charges import Charge, ChargeKind, ChargeStatus
from rentals.given_back import Order, Purpose
from rentals.models import FulfillmentStatus, Rental
from rentals.notices import NoticeKind, new_notice


@dataclass(frozen=True, slots=True)
class Final:
    """The charges and the orders with which a rental closes."""

    charges: Sequence[Charge] = ()
    orders: Sequence[Order] = ()

    @property
    def charge_ids(self) -> set[str]:
        """What the rental's row names."""
        return {each.id for each in self.charges}

    def attributes(self, rental: Rental) -> dict[str, Any]:
        """What is written on the rental's row."""
        return given_back.with_orders(rental, self.orders)

    def writes(self, rental: Rental) -> list[Write]:
        """The rows of the charges, and the customer told of each that is to be paid."""
        told = [each for each in self.charges if each.outstanding]
        return [
            *map(charges.row_of, self.charges),
            *(new_notice(rental, NoticeKind.CHARGE, each.id) for each in told),
        ]


NO_CHARGES = Final()


@dataclass(frozen=True, slots=True)
class Assessed:
    """What the desk says that the customer owes: `centavos`, why, and who says so."""

    centavos: int = 0
    reason: str = ""
    by: str = "clock"


NOTHING = Assessed()


def when_returned(rental: Rental, damage: Assessed = NOTHING) -> Final:
    """The unit is back: late fee, damage; the deposit pays what it can, its rest goes back."""
    back_at = rental.returned_at or clock.now_timestamp()
    late, centavos = terms.within_value(rental, terms.late_fee(rental, back_at), damage.centavos)
    return _final(rental, late, ChargeKind.DAMAGE, replace(damage, centavos=centavos))


def when_lost(rental: Rental, loss: Assessed) -> Final:
    """Lost while the customer had it: late fee until now, and the loss. Lost by the shop before:
    everything goes back; by the shop afterwards: as if it was fine.
    """
    if rental.fulfillment_status is not FulfillmentStatus.PICKED_UP:
        is_over = rental.fulfillment_status is FulfillmentStatus.RETURNED
        return when_returned(rental) if is_over else by_the_shop(rental, loss.by, loss.reason)
    wanted = terms.late_fee(rental, clock.now_timestamp())
    late, centavos = terms.within_value(rental, wanted, loss.centavos)
    return _final(rental, late, ChargeKind.LOSS, replace(loss, centavos=centavos))


def by_the_shop(rental: Rental, by: str, reason: str = "") -> Final:
    """The shop's fault: all that is left of the payment goes back."""
    return _back(rental, given_back.left_of_own(rental), Purpose.SHOP_FAULT, by, reason)


def by_the_customer(rental: Rental, purpose: Purpose, by: str) -> Final:
    """Cancelled, or not collected: the tier's share of the rent is kept, the rest goes back."""
    centavos = given_back.left_of_own(rental) - terms.cancellation_fee(rental)
    return _back(rental, max(0, centavos), purpose, by)


def when_found(rental: Rental, made: Sequence[Charge], by: str) -> tuple[list[Change], list[Order]]:
    """A lost unit is found: the loss is waived and what was paid of it goes back, less the late fee
    until now. Returns what is written of charges, and the orders.
    """
    loss = next((e for e in made if e.kind is ChargeKind.LOSS), None)
    if loss is None or loss.status is ChargeStatus.WAIVED:
        return [], []
    charged = sum(e.centavos for e in made if e.kind is ChargeKind.LATE)
    late = max(0, terms.late_fee(rental, clock.now_timestamp()) - charged)
    kept = min(late, loss.centavos)
    paid = loss.centavos - loss.outstanding - loss.from_deposit
    from_deposit = min(kept, loss.from_deposit)
    own = rental.payment_id if rental.deposit_centavos else None
    back = (
        (Purpose.DEPOSIT, own, loss.from_deposit - from_deposit),
        (Purpose.FOUND, loss.payment_id, max(0, paid - (kept - from_deposit))),
    )
    is_settled = paid + loss.from_deposit >= kept
    changed = charges.change(
        loss,
        {
            "centavos": kept,
            "fromDeposit": from_deposit,
            "reason": "late until it was found",
            "status": ChargeStatus.OPEN if not is_settled else _kept_status(kept),
            **(charges.no_longer_payable(loss) if is_settled else {}),
        },
    )
    orders: list[Order] = []
    for purpose, payment_id, centavos in back:
        if centavos:
            entries = (*rental.refund_orders, *(each.entry() for each in orders))
            known = replace(rental, refund_orders=entries)
            orders.append(given_back.order(known, purpose, centavos, by=by, payment_id=payment_id))
    return [changed], orders


def _kept_status(kept: int) -> ChargeStatus:
    return ChargeStatus.PAID if kept else ChargeStatus.WAIVED


def _back(rental: Rental, centavos: int, purpose: Purpose, by: str, reason: str = "") -> Final:
    if not centavos:
        return Final()
    own = rental.payment_id
    ordered = given_back.order(rental, purpose, centavos, by=by, payment_id=own, reason=reason)
    return Final(orders=[ordered])


def _final(rental: Rental, late: int, kind: ChargeKind, other: Assessed) -> Final:
    held, made = given_back.deposit_held(rental), list[Charge]()
    for owed, what in ((Assessed(late), ChargeKind.LATE), (other, kind)):
        if owed.centavos:
            paid = min(held, owed.centavos)
            held -= paid
            named = replace(rental, charge_ids=rental.charge_ids | {each.id for each in made})
            made.append(
                charges.new(
                    named, what, owed.centavos, reason=owed.reason, by=owed.by, from_deposit=paid
                )
            )
    if not held:
        return Final(made)
    own = rental.payment_id if rental.deposit_centavos else None
    ordered = given_back.order(rental, Purpose.DEPOSIT, held, by=other.by, payment_id=own)
    return Final(made, [ordered])
