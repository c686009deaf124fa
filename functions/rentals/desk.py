"""What store staff do with a rental: receive its unit, hand it over, take it back, inspect it.

Each action may be sent twice or late: one that was done before changes nothing. Who did what when
is on the row. The rental's execution is told afterwards (fulfillment_executions.py).
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from infra import clock, dynamo
from infra.dynamo import absent, equal
from rentals import (
    catalogue,
    charges,
    dates,
    final_charges,
    fulfillment,
    fulfillment_executions,
    given_back,
    repository,
    unit_moves,
)
from rentals.errors import NotAllowed, NotPossibleNow, WriteContended, WrongStore
from rentals.final_charges import Assessed
from rentals.models import (
    CENTAVOS_PER_PESO,
    ClosedReason,
    FulfillmentStatus,
    Rental,
    UnitStatus,
)
from rentals.unit_moves import Move
from rentals.way_home import way_home

_TRIES = 5
_F = FulfillmentStatus


class Action(StrEnum):
    """What the desk does, as it is written in the rental's log."""

    ARRIVED = "arrived"
    PICKED_UP = "picked_up"
    RETURNED = "returned"
    INSPECTED = "inspected"
    LOST = "lost"
    FOUND = "found"
    CANCELLED = "cancelled"


class Condition(StrEnum):
    """How a unit came back."""

    FINE = "fine"
    DAMAGED = "damaged"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the name that they signed in with, the store where they are, if they are at one."""

    name: str
    store_id: str | None = None
    is_manager: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """The rental after an action; `is_new` is whether the action changed it."""

    rental: Rental
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Deed:
    """One action on a rental as it was read, and the log with it."""

    action: Action
    rental: Rental
    actor: Actor
    condition: Condition
    note: str
    centavos: int | None = None
    receipt: str | None = None

    @property
    def log(self) -> dict[str, Any]:
        details = {
            "store": self.actor.store_id,
            "condition": self.condition if self.action is Action.INSPECTED else None,
            "note": self.note,
            "centavos": self.centavos,
            "receipt": self.receipt,
        }
        entry = {"action": self.action, "at": clock.now_timestamp(), "by": self.actor.name}
        given = {name: value for name, value in details.items() if value}
        return {"deskLog": [*self.rental.desk_log, entry | given]}


_POSSIBLE: Mapping[Action, frozenset[FulfillmentStatus]] = {
    Action.ARRIVED: frozenset({_F.AWAITING_ARRIVAL}),
    Action.PICKED_UP: frozenset({_F.READY_FOR_PICKUP}),
    Action.RETURNED: frozenset({_F.PICKED_UP}),
    Action.INSPECTED: frozenset({_F.RETURNED}),
    Action.LOST: frozenset(_F) - {_F.CLOSED},
    Action.FOUND: frozenset({_F.CLOSED}),
    Action.CANCELLED: frozenset({_F.AWAITING_ARRIVAL, _F.READY_FOR_PICKUP}),
}
_FOR_MANAGERS = frozenset({Action.LOST, Action.CANCELLED})
_STAGES = {
    None: "it is not paid",
    _F.AWAITING_ARRIVAL: "its unit is on the way to the store: receive it first",
    _F.READY_FOR_PICKUP: "its unit waits for the customer: hand it over first",
    _F.PICKED_UP: "the customer has its unit: take it back first",
    _F.RETURNED: "its unit came back and waits to be inspected",
    _F.CLOSED: "it is closed, and its unit is not lost",
}


def possible_actions(rental: Rental, *, is_manager: bool = True) -> list[Action]:
    """What can be done with a rental now, by a manager or by others; what comes next is first."""
    status, is_lost = rental.fulfillment_status, rental.closed_reason is ClosedReason.LOST
    allowed = frozenset(Action) if is_manager else frozenset(Action) - _FOR_MANAGERS
    actions = [each for each, stages in _POSSIBLE.items() if status in stages and each in allowed]
    can_be_found = is_lost and rental.found_at is None
    return [each for each in actions if each is not Action.FOUND or can_be_found]


def act(  # noqa: PLR0913 - what is said at the desk
    rental: Rental,
    action: Action,
    actor: Actor,
    *,
    condition: Condition = Condition.FINE,
    note: str = "",
    centavos: int | None = None,
    receipt: str | None = None,
) -> Moved:
    """Do something with a rental, and tell its execution.

    `condition` is of an inspection, `centavos` what the customer owes for damage or loss, `receipt`
    that of a deposit taken at the counter. Raises NotPossibleNow, WrongStore, NotAllowed,
    StoreNotFound, WriteContended.
    """
    if action in _FOR_MANAGERS and not actor.is_manager:
        raise NotAllowed(action)
    for _ in range(_TRIES):
        if _was_done(rental, action):
            return Moved(rental, is_new=False)
        is_possible = action in possible_actions(rental)
        if is_possible:
            with suppress(dynamo.ConditionFailed):
                deed = _Deed(action, rental, actor, condition, note, centavos, receipt)
                after = _DO[action](deed)
                fulfillment_executions.tell(rental, after)
                return Moved(after, is_new=True)
        as_read, rental = rental, repository.get(rental.id)
        if rental == as_read and not is_possible:
            stage = _STAGES[rental.fulfillment_status]
            raise NotPossibleNow(f"{action.replace('_', ' ')} is not possible now: {stage}")
    raise WriteContended(f"rental {rental.id} keeps changing, or disagrees with its unit")


def _was_done(rental: Rental, action: Action) -> bool:
    done = {
        Action.ARRIVED: rental.arrived_at,
        Action.PICKED_UP: rental.picked_up_at,
        Action.RETURNED: rental.returned_at,
        Action.INSPECTED: rental.closed_reason is ClosedReason.RETURNED,
        Action.LOST: rental.closed_reason is ClosedReason.LOST,
        Action.FOUND: rental.found_at,
        Action.CANCELLED: rental.closed_reason is ClosedReason.CANCELLED,
    }
    return bool(done[action])


def _arrive(deed: _Deed) -> Rental:
    _require_own_store(deed)
    attributes = {"arrivedAt": clock.now_timestamp(), **deed.log}
    return fulfillment.advance(deed.rental, _F.READY_FOR_PICKUP, attributes)


def _hand_over(deed: _Deed) -> Rental:
    _require_own_store(deed)
    rental, now = deed.rental, clock.now()
    if rental.counter_deposit_centavos and deed.receipt is None:
        raise NotPossibleNow(
            "take the deposit first, and give its receipt's number:"
            f" {rental.counter_deposit_centavos // CENTAVOS_PER_PESO} pesos"
        )
    days_off = catalogue.store(rental.store_id).days_off
    attributes = {
        "pickedUpAt": clock.timestamp(now),
        "dueAt": clock.timestamp(dates.due(now, rental.duration, days_off)),
        "counterDepositReceipt": deed.receipt if rental.counter_deposit_centavos else None,
        **deed.log,
    }
    return fulfillment.advance(rental, _F.PICKED_UP, attributes)


def _require_own_store(deed: _Deed) -> None:
    if deed.actor.store_id not in (None, deed.rental.store_id):
        raise WrongStore(deed.rental.store_id)


def _take_back(deed: _Deed) -> Rental:
    store_id = deed.actor.store_id
    elsewhere = None if store_id == deed.rental.store_id else store_id
    attributes = {"returnedAt": clock.now_timestamp(), "returnedStoreId": elsewhere, **deed.log}
    return fulfillment.advance(deed.rental, _F.RETURNED, attributes)


def _inspect(deed: _Deed) -> Rental:
    unit = None
    if deed.condition is not Condition.FINE:
        unit = _take_away(deed, Move.MAINTAIN, f"{deed.condition}: {deed.note}".removesuffix(": "))
    damage = Assessed(deed.centavos or 0, deed.note, deed.actor.name)
    final = final_charges.when_returned(deed.rental, damage)
    return fulfillment.close(deed.rental, ClosedReason.RETURNED, deed.log, unit, final)


def _lose(deed: _Deed) -> Rental:
    unit = _take_away(deed, Move.LOSE, deed.note or deed.action)
    value = deed.rental.replacement_value_centavos or 0
    loss = Assessed(value if deed.centavos is None else deed.centavos, deed.note, deed.actor.name)
    final = final_charges.when_lost(deed.rental, loss)
    return fulfillment.close(deed.rental, ClosedReason.LOST, deed.log, unit, final)


def _cancel(deed: _Deed) -> Rental:
    final = final_charges.by_the_shop(deed.rental, deed.actor.name, deed.note)
    return fulfillment.close(deed.rental, ClosedReason.CANCELLED, deed.log, final=final)


def _find(deed: _Deed) -> Rental:
    unit = unit_moves.get(str(deed.rental.last_unit_id))
    if unit.last_rental_id != deed.rental.id or unit.current_status is not UnitStatus.LOST:
        if repository.get(deed.rental.id).found_at is not None:
            raise dynamo.ConditionFailed({})
        raise NotPossibleNow(f"unit {unit.id} is not lost: it is {unit.current_status}")
    store_id = deed.actor.store_id
    is_planned = store_id == deed.rental.store_id
    home, shelve_at = way_home(unit.warehouse_id, store_id=store_id, is_planned=is_planned)
    made = charges.of(deed.rental)
    changed, orders = final_charges.when_found(deed.rental, made, deed.actor.name)
    back = given_back.with_orders(deed.rental, orders)
    found = repository.change(
        deed.rental.id,
        {"foundAt": clock.now_timestamp(), **back, **deed.log},
        equal("closedReason", ClosedReason.LOST),
        absent("foundAt"),
        given_back.as_read(deed.rental),
    )
    sent = unit_moves.send_home(
        unit.id, UnitStatus.LOST, held_by=None, warehouse_id=home, shelve_at=shelve_at
    )
    dynamo.transact([found, sent, *changed])
    return deed.rental.after(found)


def _take_away(deed: _Deed, kind: Move, reason: str) -> dynamo.Change:
    unit = unit_moves.get(str(deed.rental.unit_id))
    if unit.reserved_by != deed.rental.id:
        raise dynamo.ConditionFailed({})  # somebody has closed the rental since it was read
    return unit_moves.take_away(
        kind, unit, held_by=deed.rental.id, reason=reason, by=deed.actor.name
    )


_DO: Mapping[Action, Callable[[_Deed], Rental]] = {
    Action.ARRIVED: _arrive,
    Action.PICKED_UP: _hand_over,
    Action.RETURNED: _take_back,
    Action.INSPECTED: _inspect,
    Action.LOST: _lose,
    Action.FOUND: _find,
    Action.CANCELLED: _cancel,
}
