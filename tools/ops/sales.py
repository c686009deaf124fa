"""What was earned, by month, store and collectible, and for how many days each unit was out."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from infra import clock
from rentals import dates, given_back
from rentals.charges import Charge, ChargeStatus
from rentals.given_back import Purpose
from rentals.models import CENTAVOS_PER_PESO, PaymentStatus, Rental
from rentals.rows import from_row
from rentals.statement import Statement
from tools.ops import rows
from tools.ops.target import Target

Json = dict[str, Any]

_DAY_SECONDS = 86_400


@dataclass
class Sales:
    """Of a month (`2026-11`, in Manila, of the payment), a store and a collectible. `centavos` is
    what was earned: received, less what goes back and deposits that are held.
    """

    month: str
    store_id: str
    collectible_id: str
    collectible_name: str
    rentals: int = 0
    centavos: int = 0

    def to_json(self) -> Json:
        """With pesos."""
        return {
            "month": self.month,
            "storeId": self.store_id,
            "collectibleId": self.collectible_id,
            "collectibleName": self.collectible_name,
            "rentals": self.rentals,
            "pesos": self.centavos / CENTAVOS_PER_PESO,
        }


@dataclass
class UnitOut:
    """How often and for how long a unit was with customers in a month."""

    month: str
    unit_id: str
    collectible_id: str
    rentals: int = 0
    days: float = 0.0

    def to_json(self) -> Json:
        """Days to the tenth."""
        return {
            "month": self.month,
            "unitId": self.unit_id,
            "collectibleId": self.collectible_id,
            "rentals": self.rentals,
            "days": round(self.days, 1),
        }


def statements(target: Target) -> list[Statement]:
    """The statement of every rental, the oldest first."""
    charges = defaultdict[str, list[Charge]](list)
    for row in rows.scan(target, "Charges"):
        charge = from_row(Charge, row)
        charges[charge.rental_id].append(charge)
    rentals = map(Rental.from_row, rows.scan(target, "Rentals"))
    return [
        Statement(each, sorted(charges[each.id], key=lambda charge: charge.created_at))
        for each in sorted(rentals, key=lambda each: (each.created_at, each.id))
    ]


def earned(found: Statement) -> int:
    """Centavos that a rental brought, online and at the counter: none before it is paid."""
    rental = found.rental
    if rental.payment_status is not PaymentStatus.COMPLETED:
        return 0
    online = sum(given_back.left(rental, *each) for each in found.payments.items())
    if rental.deposit_centavos:
        online -= found.deposit_held
    counter = sum(
        each.centavos - each.from_deposit
        for each in found.charges
        if each.status is ChargeStatus.PAID and each.receipt is not None
    )
    if not rental.deposit_centavos:
        counter += found.deposit_kept
    counter -= sum(
        each.centavos
        for each in found.going_back
        if each.status == "at_counter" and each.purpose is not Purpose.DEPOSIT
    )
    return online - found.taken_back + counter


def by_month(every: Iterable[Statement]) -> list[Sales]:
    """Of every rental that was paid, by month, store and collectible."""
    found: dict[tuple[str, str, str], Sales] = {}
    for each in every:
        rental = each.rental
        if rental.payment_status is not PaymentStatus.COMPLETED:
            continue
        paid = rows.moment(rental.paid_at or rental.created_at)
        key = _month(paid), rental.store_id, rental.collectible_id
        sale = found.setdefault(key, Sales(*key, rental.collectible_name))
        sale.rentals += 1
        sale.centavos += earned(each)
    return [found[key] for key in sorted(found)]


def units_out(every: Iterable[Statement]) -> list[UnitOut]:
    """Of every unit that a customer had, by month; one that is out counts until now."""
    found: dict[tuple[str, str], UnitOut] = {}
    for each in every:
        rental = each.rental
        unit_id = rental.unit_id or rental.last_unit_id
        if rental.picked_up_at is None or unit_id is None:
            continue
        back = rental.returned_at or rental.closed_at or clock.now_timestamp()
        spans = _by_month(rows.moment(rental.picked_up_at), rows.moment(back))
        for number, (month, seconds) in enumerate(spans):
            key = month, unit_id
            out = found.setdefault(key, UnitOut(*key, rental.collectible_id))
            out.rentals += number == 0
            out.days += seconds / _DAY_SECONDS
    return [found[key] for key in sorted(found)]


def _by_month(since: datetime, until: datetime) -> Iterator[tuple[str, float]]:
    """The seconds between two moments that lie in each month of Manila."""
    start = dates.in_manila(since)
    while True:
        first = start.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        end = min(until, (first + timedelta(days=32)).replace(day=1))
        yield f"{start:%Y-%m}", max(0.0, (end - start).total_seconds())
        if end >= until:
            return
        start = end


def _month(moment: datetime) -> str:
    return f"{dates.in_manila(moment):%Y-%m}"
