"""What was written before rentals had a second half goes on: units get their status, completed
rentals their fulfillment and what they are found by, all of them a time at which their personal
data is looked at.

Nothing automatic touches the customers of that time: no notice is written, deadlines that have
passed are not told, and a rental whose unit may be anywhere is not given up before the desk says
where it is. Each row is changed on the condition that it is as it was read, so this may be
interrupted, repeated, and run beside a shop that is open. To be called inside `domain_of`.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from infra import clock, dynamo
from infra.dynamo import Change, absent, either, equal
from infra.settings import setting
from rentals import dates, deadlines, fulfillment, lookups, repository, retention, unit_moves
from rentals.identity import customer_key, identity_secret, phone_key
from rentals.models import FulfillmentStatus, PaymentStatus, Rental, Unit, UnitStatus
from rentals.rows import from_row

# Why such a rental needs attention: nobody has said yet where its unit is.
CARRIED_OVER = "CarriedOver"
_NOT_OFFERED = "was not offered before it had a status"
_PARALLEL = 8
_PAGE = 1000


@dataclass(frozen=True)
class Upgraded:
    """How many units and rentals were changed, and how many got a time for their personal data;
    `unknown` are those among the rentals of which the desk has to say where their unit is, `left`
    those that were not changed, and why.
    """

    units: int
    rentals: int
    retained: int
    unknown: list[str]
    left: dict[str, str]


def upgrade() -> Upgraded:
    """Carry over every unit and rental that is as before. Raises WriteContended."""
    units = [
        from_row(Unit, row) for row in dynamo.scan(setting("UNITS_TABLE")) if "status" not in row
    ]
    changed, left = _each(units, _upgrade_unit)
    rows = dynamo.scan(setting("RENTALS_TABLE"))
    rentals = [Rental.from_row(row) for row in rows if _is_as_before(row)]
    gone_on, stay = _each(rentals, _upgrade_rental)
    unknown = [each.id for each in gone_on if each.fulfillment_attention == CARRIED_OVER]
    looked_at = {row["rentalId"] for key in retention.look_keys() for row in _all_of(key)}
    named = [Rental.from_row(row) for row in rows if row["id"] not in looked_at]
    retained, _ = _each((each for each in named if each.erased_at is None), _retain)
    return Upgraded(len(changed), len(gone_on), len(retained), unknown, left | stay)


def _all_of(key: str) -> Iterator[dynamo.Item]:
    """The rows of the Lookups table with this key."""
    after = " "  # before every time
    while rows := dynamo.query(
        setting("LOOKUPS_TABLE"),
        None,
        "lookup = :key AND entry > :after",
        {"key": key, "after": after},
        limit=_PAGE,
    ):
        yield from rows
        after = rows[-1]["entry"]


def _retain(rental: Rental) -> Rental:
    dynamo.transact([retention.first_look(rental)])
    return rental


def _is_as_before(row: dynamo.Item) -> bool:
    is_over = row.get("fulfillmentStatus") == FulfillmentStatus.CLOSED
    is_followed = is_over or "fulfillmentExecution" in row
    return row["paymentStatus"] == PaymentStatus.COMPLETED and not is_followed


def _each(found: Iterable[Any], change: Callable[[Any], Any]) -> tuple[list[Any], dict[str, str]]:
    """What was changed, as it is now, and what was not."""

    def attempt(each: Any) -> Any:
        try:
            return change(each)
        except dynamo.ConditionFailed:
            return "changed meanwhile, or disagrees with its unit: ./rentals audit"

    found = list(found)
    with ThreadPoolExecutor(_PARALLEL) as pool:
        outcomes = list(zip(found, pool.map(attempt, found), strict=True))
    left = {each.id: outcome for each, outcome in outcomes if isinstance(outcome, str)}
    return [outcome for _, outcome in outcomes if not isinstance(outcome, str)], left


def _upgrade_unit(unit: Unit) -> Unit:
    """One that a rental has is `reserved` until that rental goes on."""
    is_put_away = unit.is_available != "true" and unit.reserved_by is None
    status = UnitStatus.MAINTENANCE if is_put_away else unit.current_status
    change = Change(
        setting("UNITS_TABLE"),
        unit.id,
        {"status": status, **({"reason": _NOT_OFFERED} if is_put_away else {})},
        [
            absent("status"),
            equal("isAvailable", unit.is_available),
            equal("reservedBy", unit.reserved_by),
        ],
    )
    return from_row(Unit, dynamo.update(change))


def _upgrade_rental(rental: Rental) -> Rental | str:
    if rental.unit_id is None:
        return "completed, and holds no unit: see ./rentals audit"
    passed = deadlines.passed(rental)  # of one that was imported at a stage
    met = {each.key for each in passed}
    problems = [each.deadline for each in passed if each.needs_somebody]
    begun = {"fulfillmentAttention": problems[-1] if problems else None, **_begun(rental)}
    change = repository.change(
        rental.id,
        fulfillment.on_the_clock(rental, begun | _keys(rental), {"deadlinesMet": met}),
        equal("paymentStatus", PaymentStatus.COMPLETED),
        equal("fulfillmentStatus", rental.fulfillment_status),
        absent("fulfillmentExecution"),
        equal("unitId", rental.unit_id),
        add={"deadlinesMet": met} if met else None,
    )
    after = rental.after(change)
    needs_somebody = after.fulfillment_attention is not None
    dynamo.transact(
        [
            change,
            Change(
                setting("UNITS_TABLE"),
                rental.unit_id,
                {"status": unit_moves.status_for(after)},
                [
                    either(absent("status"), equal("status", UnitStatus.RESERVED)),
                    equal("reservedBy", rental.id),
                ],
            ),
            *lookups.written_when_paid(after),
            *lookups.moved(replace(rental, fulfillment_status=None), after),
            *([lookups.in_attention(rental.id)] if needs_somebody else []),
        ]
    )
    return after


def _begun(rental: Rental) -> dict[str, Any]:
    """How a rental goes on: its unit is on the way to the store, if it may be, or has arrived."""
    now = clock.now()
    followed = {"fulfillmentExecution": rental.id, "fulfillmentStartedAt": clock.timestamp(now)}
    if rental.fulfillment_status is not None:  # imported so
        return followed
    paid = clock.parse(rental.completed_at or rental.created_at)
    ready_by = dates.in_days(paid, rental.eta or 1)
    is_on_its_way = ready_by > now
    due_at = dates.in_days(ready_by if is_on_its_way else now, rental.duration)
    expected = {"readyBy": clock.timestamp(ready_by), "dueAt": clock.timestamp(due_at)}
    if is_on_its_way:
        return {**followed, **expected, "fulfillmentStatus": FulfillmentStatus.AWAITING_ARRIVAL}
    return {
        **followed,
        **expected,
        "fulfillmentStatus": FulfillmentStatus.READY_FOR_PICKUP,
        "arrivedAt": clock.timestamp(now),
        "isCarriedOver": True,
        "fulfillmentAttention": CARRIED_OVER,
    }


def _keys(rental: Rental) -> dict[str, Any]:
    """What its customer is found by."""
    secret, customer = identity_secret(), rental.customer
    return {
        "customerKey": rental.customer_key or customer_key(customer.email, secret),
        "phoneKey": rental.phone_key or phone_key(customer.phone, secret),
    }
