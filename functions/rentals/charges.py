"""What a customer owes after the checkout: rows of the Charges table, their ids on the rental's
row, which is written with them. Rent and deposit are no rows: they stand on the rental's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from infra import clock, due_index, dynamo
from infra.due_index import DueIndex
from infra.dynamo import Change, Condition, New, equal
from infra.settings import integer_setting, setting
from rentals import dates, follow_ups
from rentals.errors import ChargeNotFound
from rentals.models import Rental
from rentals.rows import from_row, to_row

FOLLOW_UP_INDEX = DueIndex("follow-up-index", "followUp", "followUpAt")
_KIND = "charge"


class ChargeKind(StrEnum):
    """What a charge is for."""

    EXTENSION = "extension"
    LATE = "late"
    DAMAGE = "damage"
    LOSS = "loss"


class ChargeStatus(StrEnum):
    """`open` and `paying` (a checkout session is open) can be paid; `expired` are extensions that
    nobody paid in time.
    """

    OPEN = "open"
    PAYING = "paying"
    PAID = "paid"
    WAIVED = "waived"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Charge:
    """One row of the Charges table; `centavos` in all, of which the deposit paid `from_deposit`.
    `days` are those of an extension. It was paid at PayMongo (`payment_id`) or at the counter
    (`receipt`).
    """

    id: str
    rental_id: str
    kind: ChargeKind
    centavos: int
    status: ChargeStatus
    created_at: str
    updated_at: str
    reason: str = ""
    by: str | None = None
    from_deposit: int = 0
    days: int = 0
    checkout_session_id: str | None = None
    payment_intent_id: str | None = None
    payment_url: str | None = None
    session_expires_at: str | None = None
    payment_id: str | None = None
    amount_paid: int | None = None
    paid_with: str | None = None
    paid_at: str | None = None
    receipt: str | None = None
    waived_reason: str | None = None
    is_reminded: bool = False
    needs_somebody: bool = False
    follow_up: str | None = None
    follow_up_at: str | None = None

    @property
    def is_payable(self) -> bool:
        """Whether it waits for money."""
        return self.status in (ChargeStatus.OPEN, ChargeStatus.PAYING)

    @property
    def outstanding(self) -> int:
        """Centavos that are still to be paid."""
        return self.centavos - self.from_deposit if self.is_payable else 0

    @property
    def remind_at(self) -> str:
        """When its customer is reminded, as stored."""
        return _in_days(self.created_at, integer_setting("CHARGE_DAYS") / 2)

    @property
    def overdue_at(self) -> str:
        """When somebody has to look at it, as stored."""
        return _in_days(self.created_at, integer_setting("CHARGE_DAYS"))

    def after(self, change: Change) -> "Charge":
        """The charge as a change leaves it, when its conditions held."""
        return from_row(Charge, change.applied_to(to_row(self)))


def _in_days(since: str, days: float) -> str:
    return clock.timestamp(clock.parse(since) + dates.days(days))


def of(rental: Rental) -> list[Charge]:
    """A rental's charges, the oldest first."""
    rows = dynamo.get_many(setting("CHARGES_TABLE"), sorted(rental.charge_ids))
    return sorted((from_row(Charge, row) for row in rows), key=lambda each: each.created_at)


def find(charge_id: str) -> Charge | None:
    """The charge as it is now, or None."""
    row = dynamo.get(setting("CHARGES_TABLE"), charge_id)
    return from_row(Charge, row) if row else None


def get(charge_id: str) -> Charge:
    """The charge as it is now. Raises ChargeNotFound."""
    charge = find(charge_id)
    if charge is None:
        raise ChargeNotFound(charge_id)
    return charge


def new(  # noqa: PLR0913 - what a charge is made of
    rental: Rental,
    kind: ChargeKind,
    centavos: int,
    *,
    reason: str = "",
    by: str | None = None,
    from_deposit: int = 0,
    days: int = 0,
    key: str = "",
) -> Charge:
    """A charge of a rental that is to be written. The deposit may have paid it. `key` tells it from
    the rental's others; without one, it is the next of them.
    """
    now, number = clock.now_timestamp(), len(rental.charge_ids) + 1
    return Charge(
        id=f"{rental.id}-{kind}-{key or number}",
        rental_id=rental.id,
        kind=kind,
        centavos=centavos,
        status=ChargeStatus.PAID if from_deposit == centavos else ChargeStatus.OPEN,
        created_at=now,
        updated_at=now,
        reason=reason,
        by=by,
        from_deposit=from_deposit,
        days=days,
    )


def row_of(charge: Charge) -> New:
    """The row of a new charge, for the transaction that names it on the rental's row."""
    follow_up = looked_at(charge.id, charge.remind_at) if charge.is_payable else {}
    return New(setting("CHARGES_TABLE"), to_row(charge) | follow_up)


def looked_at(charge_id: str, at: str) -> dict[str, str]:
    """The attributes that have the reconciler look at a charge; `at` is a time as stored."""
    return {"followUp": due_index.key_of(_KIND, charge_id), "followUpAt": at}


NOT_LOOKED_AT = {"followUp": None, "followUpAt": None}


def no_longer_payable(charge: Charge) -> dict[str, str | None]:
    """The attributes of a charge that is settled otherwise than by its session, which is closed."""
    if charge.checkout_session_id is None:
        return {"paymentUrl": None, **NOT_LOOKED_AT}
    soon = clock.timestamp_in(follow_ups.PAYMENT_SECONDS)
    return {"paymentUrl": None, **looked_at(charge.id, soon)}


def change(charge: Charge, attributes: Mapping[str, Any], *when: Condition) -> Change:
    """A change of a charge that is still as it was read."""
    touched = {**attributes, "updatedAt": clock.now_timestamp()}
    is_as_read = [equal("status", charge.status), equal("updatedAt", charge.updated_at)]
    return Change(setting("CHARGES_TABLE"), charge.id, touched, [*is_as_read, *when])


def update(wanted: Change) -> Charge:
    """Make a change; returns the charge as it is now. Raises dynamo.ConditionFailed."""
    return from_row(Charge, dynamo.update(wanted))


def list_due(limit: int) -> list[tuple[str, str]]:
    """Charges that are due for a look, longest waiting first: (id, when it was due)."""
    rows = FOLLOW_UP_INDEX.list_due(setting("CHARGES_TABLE"), due_index.keys_of(_KIND), limit)
    return [(row["id"], row["followUpAt"]) for row in rows]
