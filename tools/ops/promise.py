"""The promise (docs/architecture.md), checked: units and money agree.

`violations` is the one statement of it that every workflow test ends with and that operators run
against live tables.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from paymongo.resources import CURRENCY
from rentals.models import PaymentStatus, Rental

Item = Mapping[str, Any]

# "Nothing stays pending for longer than the longest hold plus a few minutes."
_GRACE = timedelta(minutes=5)


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


def violations(
    rentals: Iterable[Item],
    units: Iterable[Item],
    customers: Iterable[Item],
    ledger: Iterable[LedgerPayment],
    *,
    now: datetime | None = None,
) -> list[Violation]:
    """Every violation of the promise, given whole tables and PayMongo's payments.

    What operators have acknowledged as given back in another way is no violation (it is listed by
    `settled_outside`), unless PayMongo gives it back as well.
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
        *_shelves_are_right(all_units),
        *_money_agrees(own, known.keys(), payments),
        *_nothing_hangs(known.values(), now),
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


def _shelves_are_right(units: Sequence[Item]) -> Iterator[Violation]:
    for unit in units:
        is_held = unit.get("reservedBy") is not None
        is_offered = unit.get("availableCollectibleId") is not None
        if is_held is is_offered or (unit["isAvailable"] == "true") is is_held:
            yield Violation("shelf", unit["id"], "held and on the shelf, or neither")
        if is_offered and unit["availableCollectibleId"] != unit["collectibleId"]:
            yield Violation("shelf", unit["id"], "offered as another collectible")


def _money_agrees(
    rentals: Mapping[str, Rental], known: Set[str], ledger: Mapping[str, Sequence[LedgerPayment]]
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
            total = [
                payment
                for payment in kept
                if payment.kept == rental.total_fee_centavos and payment.currency == CURRENCY
            ]
            if len(kept) != 1 or len(total) != 1:
                yield Violation(
                    "completed is paid once",
                    rental.id,
                    f"{[p.kept for p in kept]} kept for a total of {rental.total_fee_centavos}",
                )
            if rental.unit_id is None:
                yield Violation("completed holds a unit", rental.id, "it holds none")
        elif not rental.is_pending:
            if rental.unit_id is not None:
                yield Violation("ended holds no unit", rental.id, f"holds {rental.unit_id}")
            if kept:
                yield Violation(
                    "ended keeps no money",
                    rental.id,
                    f"{rental.payment_status} with {[p.kept for p in kept]} centavos kept",
                )


def _nothing_hangs(rentals: Iterable[Rental], now: datetime) -> Iterator[Violation]:
    for rental in rentals:
        if rental.is_pending and is_past_its_hold(rental.hold_expires_at, rental.created_at, now):
            age = now - datetime.fromisoformat(rental.created_at)
            yield Violation("nothing hangs", rental.id, f"pending for {age}")


def is_past_its_hold(hold_expires_at: str | None, created_at: str, now: datetime) -> bool:
    """Whether a rental should have ended by now: it has minutes from the end of its own hold, or
    from its creation, to begin one.
    """
    return now > datetime.fromisoformat(hold_expires_at or created_at) + _GRACE


def _holds_are_counted(
    rentals: Mapping[str, Rental], customers: Iterable[Item]
) -> Iterator[Violation]:
    counted = {
        rental_id: customer["id"]
        for customer in customers
        for rental_id in customer.get("openRentals", ())
    }
    pending = {rental.id for rental in rentals.values() if rental.is_pending}
    for rental_id in counted.keys() - pending:
        yield Violation("holds are counted", rental_id, "counted as open, and is not pending")
    for rental_id in pending - counted.keys():
        yield Violation("holds are counted", rental_id, "pending, and not counted as open")
