"""What store staff and warehouses do, by command: the same domain functions as the desk's page."""

from dataclasses import dataclass
from typing import Any

from rentals import catalogue, desk, lookups, unit_desk
from rentals.desk import Action, Actor, Condition, Moved
from rentals.models import Rental
from rentals.rows import to_row
from rentals.unit_desk import MovedUnit, UnitAction
from tools.ops import rows
from tools.ops.acknowledging import checked_note
from tools.ops.domain import domain_of
from tools.ops.errors import CommandError
from tools.ops.target import Target

Json = dict[str, Any]

# A unit is taken out of what can be rented for a reason that somebody wants to know.
_WITH_REASON = {UnitAction.MAINTENANCE, UnitAction.LOST, UnitAction.RETIRE}


@dataclass(frozen=True)
class Listed:
    """A rental as it is listed: whom it belongs to is not shown. `since` is when it came to its
    stage, `due_at` when its unit is to be back; times as stored.
    """

    rental_id: str
    number: str
    collectible: str
    store_id: str
    status: str
    since: str | None
    due_at: str | None
    unit_id: str | None
    is_overdue: bool


def listed(rental: Rental) -> Listed:
    """A rental for a list."""
    closed = f"closed, {rental.closed_reason}" if rental.closed_reason else None
    row = to_row(rental)
    return Listed(
        rental.id,
        rental.number,
        rental.collectible_name,
        rental.store_id,
        closed or str(rental.fulfillment_status),
        rows.stage_since(row),
        rental.due_at,
        rental.unit_id or rental.last_unit_id,
        rows.is_overdue(row),
    )


def act(  # noqa: PLR0913 - what an action is made of
    target: Target,
    words: str,
    action: Action,
    *,
    store_id: str | None,
    condition: Condition = Condition.FINE,
    note: str = "",
    centavos: int | None = None,
    receipt: str | None = None,
) -> Moved:
    """Do something with the rental of a number or id, as a manager of `store_id`, or of no store;
    `centavos` and `receipt` as desk.act takes them.

    Raises CommandError, and what the desk raises.
    """
    note = checked_note(note) if note else ""
    rental = Rental.from_row(rows.rental(target, words))
    with domain_of(target):
        if store_id is not None:
            catalogue.store(store_id)
        actor = Actor(target.caller, store_id, is_manager=True)
        return desk.act(
            rental,
            action,
            actor,
            condition=condition,
            note=note,
            centavos=centavos,
            receipt=receipt,
        )


def today(target: Target, store_id: str | None) -> list[Listed]:
    """What a store waits for, has or misses, or every store: stage by stage, the earliest first.

    Raises StoreNotFound.
    """
    with domain_of(target):
        stores = [catalogue.store(store_id)] if store_id else catalogue.stores()
        return [
            listed(rental)
            for store in stores
            for status in lookups.LISTED
            for rental in lookups.in_store(store.id, status)
        ]


def find(target: Target, words: str) -> list[Listed]:
    """The paid rentals that somebody means, the newest first. Raises CommandError for none."""
    with domain_of(target):
        found = [listed(each) for each in lookups.find(words)]
    if not found:
        raise CommandError(
            "no paid rental is found by that",
            "by number (MC-7K4Q-9F2D), id, unit, the whole e-mail address, or phone number;"
            " an unpaid one is found by its id only: ./rentals show RENTAL",
        )
    return found


def act_on_unit(
    target: Target, unit_id: str, action: UnitAction, *, reason: str, warehouse_id: str | None
) -> MovedUnit:
    """Do something with a unit that no rental has.

    Raises CommandError, and what unit_desk raises.
    """
    if (action is UnitAction.MOVE) is not (warehouse_id is not None):
        raise CommandError(
            "a move, and nothing else, takes a warehouse", "./rentals unit ID move WAREHOUSE"
        )
    if action in _WITH_REASON and not reason:
        raise CommandError(f"{action} needs --reason", "somebody will ask why it cannot be rented")
    reason = checked_note(reason) if reason else ""
    with domain_of(target):
        return unit_desk.act(
            unit_id, action, by=target.caller, reason=reason, warehouse_id=warehouse_id
        )


def unit(target: Target, unit_id: str) -> Json:
    """The row of a unit. Raises CommandError when there is none."""
    found = target.table("Units").get_item(Key={"id": unit_id}, ConsistentRead=True)
    if "Item" not in found:
        raise CommandError(f"there is no unit {unit_id!r} in {target.stack_name}")
    return rows.plain(found["Item"])
