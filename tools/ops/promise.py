"""The promise (docs/architecture.md), checked: units and money agree.

`violations` is the one statement of it that every workflow test ends with and that operators run
against live tables.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from paymongo import CURRENCY
from rentals import deadlines, retention, unit_moves
from rentals.allocation import held_key
from rentals.charges import Charge, ChargeStatus
from rentals.models import FulfillmentStatus, PaymentStatus, Rental, Unit, UnitStatus
from rentals.notices import NoticeStatus
from rentals.rows import from_row
from rentals.statement import Statement

Item = Mapping[str, Any]

# "Nothing stays pending for longer than the longest hold plus a few minutes."
_GRACE = timedelta(minutes=5)
# The clock's bound: it looks every minute, and again after ten when something was in its way.
_CLOCK = timedelta(minutes=15)
# What is due is erased within a day, and looked at again a day later when it was in use.
_ERASURE = timedelta(days=2)
_WITHOUT_A_RENTAL = {
    UnitStatus.AVAILABLE,
    UnitStatus.TO_WAREHOUSE,
    UnitStatus.MAINTENANCE,
    UnitStatus.LOST,
    UnitStatus.RETIRED,
}


@dataclass(frozen=True, slots=True)
class LedgerPayment:
    """A payment as PayMongo knows it; `amount` and `refunded` are centavos. `refunded` counts what
    was given back or is on the way.
    """

    id: str
    rental_id: str
    amount: int
    currency: str
    is_paid: bool
    refunded: int

    @property
    def kept(self) -> int:
        """Centavos that PayMongo still holds for us."""
        return self.amount - self.refunded if self.is_paid else 0


@dataclass(frozen=True, slots=True)
class SettledOutside:
    """A payment that PayMongo keeps because an operator says that it was given back in another way;
    `amount` is centavos.
    """

    rental_id: str
    payment_id: str
    amount: int
    at: str
    by: str
    note: str


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which units and money disagree."""

    rule: str
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.subject}: {self.detail}"


def violations(  # noqa: PLR0913 - the tables
    rentals: Iterable[Item],
    units: Iterable[Item],
    customers: Iterable[Item],
    ledger: Iterable[LedgerPayment],
    *,
    notices: Iterable[Item] = (),
    charges: Iterable[Item] = (),
    longest_hold: timedelta = timedelta(hours=1),
    now: datetime | None = None,
) -> list[Violation]:
    """Every violation of the promise, given whole tables and PayMongo's payments.

    What operators have acknowledged as given back in another way is no violation (it is listed by
    `settled_outside`), unless PayMongo gives it back as well.
    `longest_hold` is the stack's.
    Of a rental that was imported, money and an ended hold are another system's affair: what is
    checked is the unit that it still holds.
    """
    now = now or datetime.now(UTC)
    rows = {row["id"]: row for row in rentals}
    known = {rental_id: Rental.from_row(row) for rental_id, row in rows.items()}
    own = {
        rental_id: known[rental_id] for rental_id in known if "importedAt" not in rows[rental_id]
    }
    payments: dict[str, list[LedgerPayment]] = {}
    for payment in ledger:
        payments.setdefault(payment.rental_id, []).append(payment)
    all_units = list(units)
    return [
        *_units_and_rentals_agree(known, all_units),
        *_units_are_somewhere(known, all_units, now),
        *_deadlines_are_kept(known.values(), now),
        *_notices_are_told(known, notices, now),
        *_personal_data_is_erased(known.values(), now),
        *_money_agrees(own, known.keys(), payments, _charges_of(charges)),
        *_payments_are_one_rentals(known.values()),
        *_nothing_hangs(known.values(), longest_hold, now),
        *_holds_are_counted(known, customers),
    ]


def settled_outside(rentals: Iterable[Item]) -> list[SettledOutside]:
    """What makes units and money agree on an operator's word alone: PayMongo still holds it."""
    return [
        SettledOutside(row["id"], payment_id, int(amount), each["at"], each["by"], each["note"])
        for row in rentals
        for each in row.get("acknowledgements", ())
        for payment_id, amount in each["payments"].items()
    ]


def _units_and_rentals_agree(
    rentals: Mapping[str, Rental], units: Sequence[Item]
) -> Iterator[Violation]:
    holder = {unit["id"]: unit.get("reservedBy") for unit in units}
    for unit_id, rental_id in holder.items():
        if rental_id is None:
            continue
        rental = rentals.get(rental_id)
        if rental is None:
            yield Violation("unit agrees", unit_id, f"held by unknown rental {rental_id}")
        elif rental.unit_id != unit_id:
            yield Violation("unit agrees", unit_id, f"{rental_id} says it holds {rental.unit_id}")
    counts = Counter(rental.unit_id for rental in rentals.values() if rental.unit_id)
    for unit_id, count in counts.items():
        if count > 1:
            yield Violation("one rental a unit", unit_id, f"held by {count} rentals")
    for rental in rentals.values():
        if rental.unit_id and holder.get(rental.unit_id) != rental.id:
            yield Violation("rental agrees", rental.id, f"unit {rental.unit_id} is not held by it")


def _units_are_somewhere(
    rentals: Mapping[str, Rental], units: Sequence[Item], now: datetime
) -> Iterator[Violation]:
    for row in units:
        unit = from_row(Unit, row)
        status, held = unit.current_status, held_key(unit.collectible_id)
        is_offered = row.get("availableCollectibleId") not in (None, held)
        is_free = status is UnitStatus.AVAILABLE
        if is_free is not is_offered or (unit.is_available == "true") is not is_free:
            yield Violation("shelf", unit.id, f"{status}, and offered: {is_offered}")
        if is_offered and row["availableCollectibleId"] != unit.collectible_id:
            yield Violation("shelf", unit.id, "offered as another collectible")
        rental = rentals.get(unit.reserved_by or "")
        if row.get("availableCollectibleId") == held and not (rental and rental.is_pending):
            yield Violation("shelf", unit.id, "counted as held unpaid, and is not")
        wanted = unit_moves.status_for(rental) if rental else None
        is_where_it_should_be = status is wanted if wanted else status in _WITHOUT_A_RENTAL
        if not is_where_it_should_be and (rental or unit.reserved_by is None):
            yield Violation("unit status", unit.id, f"{status}, its rental says {wanted}")
        if (status is UnitStatus.TO_WAREHOUSE) is not (unit.shelve_at is not None):
            yield Violation("unit status", unit.id, f"{status}, to be shelved {unit.shelve_at}")
        elif unit.shelve_at and datetime.fromisoformat(unit.shelve_at) + _CLOCK < now:
            yield Violation("unit shelved", unit.id, f"on its way since {unit.shelve_at}")


def _deadlines_are_kept(rentals: Iterable[Rental], now: datetime) -> Iterator[Violation]:
    for rental in rentals:
        if not rental.is_out:
            continue
        if rental.fulfillment_due_at is None or rental.fulfillment_execution is None:
            yield Violation("on the clock", rental.id, "nothing looks at its deadlines")
        for due in deadlines.of(rental):
            if datetime.fromisoformat(due.at) + _CLOCK >= now:
                continue
            if due.key not in rental.deadlines_met:
                yield Violation("deadline kept", rental.id, f"{due.deadline} since {due.at}")
            elif due.needs_somebody and rental.fulfillment_attention is None:
                yield Violation("deadline kept", rental.id, f"{due.deadline}, and nobody looks")


def _notices_are_told(
    rentals: Mapping[str, Rental], notices: Iterable[Item], now: datetime
) -> Iterator[Violation]:
    for notice in notices:
        since, rental = notice["createdAt"], rentals.get(notice["rentalId"])
        is_waiting = notice["status"] == NoticeStatus.PENDING
        is_late = is_waiting and datetime.fromisoformat(since) + _CLOCK < now
        if is_late and (rental is None or rental.fulfillment_attention is None):
            yield Violation("notice told", notice["id"], f"pending since {since}")


def _charges_of(rows: Iterable[Item]) -> dict[str, list[Charge]]:
    found: dict[str, list[Charge]] = {}
    for row in rows:
        found.setdefault(row["rentalId"], []).append(from_row(Charge, row))
    return found


def _personal_data_is_erased(rentals: Iterable[Rental], now: datetime) -> Iterator[Violation]:
    for rental in rentals:
        if rental.erased_at is not None or retention.in_use(rental) is not None:
            continue
        until = retention.kept_until(rental)
        if datetime.fromisoformat(until) + _ERASURE < now:
            yield Violation("personal data erased", rental.id, f"kept, and its time was {until}")


def _money_agrees(
    rentals: Mapping[str, Rental],
    known: Set[str],
    ledger: Mapping[str, Sequence[LedgerPayment]],
    charges: Mapping[str, Sequence[Charge]],
) -> Iterator[Violation]:
    for rental_id in ledger.keys() - known:
        if any(payment.kept for payment in ledger[rental_id]):
            yield Violation("ended keeps no money", rental_id, "paid, and there is no such rental")
    for rental in rentals.values():
        kept = [
            payment
            for payment in ledger.get(rental.id, ())
            if payment.kept and payment.id not in rental.settled_outside
        ]
        for payment in ledger.get(rental.id, ()):
            if payment.kept < rental.settled_outside.get(payment.id, 0):
                yield Violation(
                    "given back once",
                    rental.id,
                    f"{payment.id} was settled outside PayMongo and refunded by PayMongo too",
                )
        if rental.payment_status is PaymentStatus.COMPLETED:
            statement = Statement(rental, charges.get(rental.id, ()))
            yield from _payments_pay_for_something(statement, kept)
            yield from _deposit_is_settled(statement)
            is_closed = rental.fulfillment_status is FulfillmentStatus.CLOSED
            if (rental.unit_id is None) is not is_closed:
                what = f"{rental.fulfillment_status}, and holds {rental.unit_id}"
                yield Violation("completed holds a unit", rental.id, what)
        elif not rental.is_pending:
            if rental.unit_id is not None:
                yield Violation("ended holds no unit", rental.id, f"holds {rental.unit_id}")
            if kept:
                yield Violation(
                    "ended keeps no money",
                    rental.id,
                    f"{rental.payment_status} with {[p.kept for p in kept]} centavos kept",
                )


def _payments_pay_for_something(
    statement: Statement, kept: Sequence[LedgerPayment]
) -> Iterator[Violation]:
    """Received = what it pays for + given back, for each payment of a completed rental."""
    rental = statement.rental
    wanted = {id_: amount for id_, amount in statement.kept.items() if amount}
    if rental.refund_requested_at is not None:
        wanted.pop(str(rental.payment_id), None)
    found = {each.id: each.kept for each in kept if each.currency == CURRENCY}
    if not rental.is_paid_in_full or found != wanted:
        what = f"{sorted(found.values())} kept for {sorted(wanted.values())}"
        yield Violation("completed is paid once", rental.id, what)


def _deposit_is_settled(statement: Statement) -> Iterator[Violation]:
    """What a charge says is paid was received, from the deposit or in money; after the closing all
    of a deposit was kept or ordered back.
    """
    rental = statement.rental
    for charge in statement.charges:
        money = charge.amount_paid or 0
        is_enough = charge.receipt is not None or charge.from_deposit + money >= charge.centavos
        if charge.status is ChargeStatus.PAID and not is_enough:
            yield Violation("charge is paid", charge.id, f"{money} of {charge.centavos} received")
        if charge.id not in rental.charge_ids:
            yield Violation("charge is named", charge.id, "its rental's row does not name it")
    if rental.fulfillment_status is FulfillmentStatus.CLOSED and statement.deposit_held:
        yield Violation("deposit is settled", rental.id, f"{statement.deposit_held} still held")


def _payments_are_one_rentals(rentals: Iterable[Rental]) -> Iterator[Violation]:
    counts = Counter(
        payment_id
        for rental in rentals
        for payment_id in {rental.payment_id, *rental.surplus_payment_ids} - {None}
    )
    for payment_id, count in counts.items():
        if count > 1:
            yield Violation("one rental a payment", str(payment_id), f"of {count} rentals")


def _nothing_hangs(
    rentals: Iterable[Rental], longest: timedelta, now: datetime
) -> Iterator[Violation]:
    for rental in rentals:
        age = now - datetime.fromisoformat(rental.created_at)
        if rental.is_pending and age > longest + _GRACE:
            yield Violation("nothing hangs", rental.id, f"pending for {age}")


def _holds_are_counted(
    rentals: Mapping[str, Rental], customers: Iterable[Item]
) -> Iterator[Violation]:
    entries = (entry for customer in customers for entry in customer.get("openRentals", ()))
    # Version 0.1 counted for e-mail addresses, and without the time; nobody reads that any more.
    counted = {entry.partition("#")[2] for entry in entries} - {""}
    pending = {each.id for each in rentals.values() if each.is_pending and each.source_key}
    for rental_id in counted - pending:
        yield Violation("holds are counted", rental_id, "counted as open, and is not pending")
    for rental_id in pending - counted:
        yield Violation("holds are counted", rental_id, "pending, and not counted as open")
