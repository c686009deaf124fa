"""Where the money is: received = what it bought + what went back + what lost disputes took + what
operators gave back in another way than by PayMongo + what is still being settled.

A whole scan of the Rentals and Charges tables, so that a rental which no index and no follow-up
knows of is found as well.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from infra import clock, dynamo
from infra.settings import setting
from rentals import given_back
from rentals.charges import Charge
from rentals.models import PaymentStatus, Rental
from rentals.rows import from_row
from rentals.statement import Statement

# Settling takes seconds; the reconciler looks again after minutes. What stands still for an hour
# is not under way.
SETTLING_SECONDS = 3600

_GIVEN_BACK = {"pending", "processing", "succeeded"}


@dataclass(slots=True)
class Balance:
    """Sums in centavos. `completed` is what was paid and kept for rentals and charges,
    `settled_outside` what PayMongo keeps of what the customers have back; `unaccounted` holds the
    ids of rentals whose money bought nothing and is not on its way back either, was given back
    twice, or is another rental's as well.
    """

    received: int = 0
    completed: int = 0
    refunded: int = 0
    taken_back: int = 0
    settled_outside: int = 0
    settling: int = 0
    unaccounted: list[str] = field(default_factory=list)

    @property
    def difference(self) -> int:
        """Centavos received that nothing accounts for; zero when all is well."""
        back = self.refunded + self.taken_back + self.settled_outside
        return self.received - self.completed - back - self.settling


def statements() -> Iterator[Statement]:
    """Those of all rentals that were paid, as they are now."""
    paid = dynamo.scan_where(setting("RENTALS_TABLE"), "attribute_exists(paymentId)")
    charges: dict[str, list[Charge]] = {}
    for row in dynamo.scan_where(setting("CHARGES_TABLE"), "attribute_exists(paymentId)"):
        charges.setdefault(row["rentalId"], []).append(from_row(Charge, row))
    for row in paid:
        yield Statement(Rental.from_row(row), charges.get(row["id"], ()))


def balance(statements: Iterable[Statement], settling_since: str | None = None) -> Balance:
    """The balance of rentals that were paid; changes before `settling_since`, by default an hour
    ago, are over.
    """
    settling_since = settling_since or clock.timestamp_in(-SETTLING_SECONDS)
    total, seen = Balance(), set[str]()
    for statement in statements:
        rental = statement.rental
        payments = {str(rental.payment_id), *statement.payments}
        if seen & payments:
            total.unaccounted.append(rental.id)
        seen |= payments
        is_settling = rental.updated_at >= settling_since
        _add_outside(total, rental)
        for each in statement.charges:
            back = given_back.given(rental, each.payment_id)
            total.received += each.amount_paid or 0
            total.refunded += back
            total.completed += (each.amount_paid or 0) - back
        is_accounted = _add_own(total, rental, is_settling)
        if not is_accounted or (rental.surplus_payment_ids and not is_settling):
            total.unaccounted.append(rental.id)
    return total


def _add_outside(total: Balance, rental: Rental) -> None:
    others = sum(v for k, v in rental.settled_outside.items() if k != rental.payment_id)
    total.received += others
    total.settled_outside += others


def _add_own(total: Balance, rental: Rental, is_settling: bool) -> bool:
    """Whether something accounts for the rental's own payment."""
    amount, back = rental.amount_paid or 0, given_back.given(rental, rental.payment_id)
    is_all_back = rental.refund_status in _GIVEN_BACK
    total.received += amount
    if (outside := rental.settled_outside.get(str(rental.payment_id))) is not None:
        total.settled_outside += outside
        total.refunded += amount if is_all_back else amount - outside
        return not is_all_back
    if is_all_back and rental.payment_status in (PaymentStatus.COMPLETED, PaymentStatus.REFUNDED):
        total.refunded += amount
    elif rental.payment_status is PaymentStatus.COMPLETED and rental.is_paid_in_full:
        taken = min(given_back.taken_back(rental), max(0, amount - back))
        total.refunded += back
        total.taken_back += taken
        total.completed += amount - back - taken
        return back <= amount
    elif is_settling:
        total.settling += amount
    else:
        return False
    return True
