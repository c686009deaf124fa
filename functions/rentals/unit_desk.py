"""What people do with a unit that no rental has: to maintenance and back, lost, retired, to another
warehouse.

Each may be sent twice or late: what was done before changes nothing.
"""

from dataclasses import dataclass
from enum import StrEnum

from infra import clock, dynamo
from rentals import catalogue, repository, unit_moves
from rentals.errors import NotPossibleNow, WriteContended
from rentals.models import ClosedReason, Unit, UnitStatus
from rentals.rows import from_row
from rentals.unit_moves import MOVES, Move
from rentals.way_home import way_between

_TRIES = 5


class UnitAction(StrEnum):
    """What people do with a unit; a move to another warehouse is `move`, an arrival before its time
    is `shelved`.
    """

    MAINTENANCE = "maintenance"
    LOST = "lost"
    RETIRE = "retire"
    BACK = "back"
    MOVE = "move"
    SHELVED = "shelved"


@dataclass(frozen=True, slots=True)
class MovedUnit:
    """The unit after an action; `is_new` is whether the action changed it."""

    unit: Unit
    is_new: bool


_MOVE_OF = {
    UnitAction.MAINTENANCE: Move.MAINTAIN,
    UnitAction.LOST: Move.LOSE,
    UnitAction.RETIRE: Move.RETIRE,
    UnitAction.BACK: Move.SEND_HOME,
    UnitAction.MOVE: Move.SEND_HOME,
    UnitAction.SHELVED: Move.SHELVE,
}
_AT_HOME = (UnitStatus.AVAILABLE, UnitStatus.TO_WAREHOUSE)


def act(
    unit_id: str,
    action: UnitAction,
    *,
    by: str,
    reason: str = "",
    warehouse_id: str | None = None,
) -> MovedUnit:
    """Do something with a unit that no rental has; `by` and `reason` are written on it where it is
    taken away. `warehouse_id` is of a move.

    Raises UnitNotFound, NotPossibleNow, WriteContended.
    """
    for _ in range(_TRIES):
        unit = unit_moves.get(unit_id)
        if _was_done(unit, action, warehouse_id):
            return MovedUnit(unit, is_new=False)
        _require_possible(unit, action)
        try:
            row = dynamo.update(_change(unit, action, by, reason, warehouse_id))
        except dynamo.ConditionFailed:
            continue
        return MovedUnit(from_row(Unit, row), is_new=True)
    raise WriteContended(f"unit {unit_id} keeps changing")


def _was_done(unit: Unit, action: UnitAction, warehouse_id: str | None) -> bool:
    status = unit.current_status
    if action is UnitAction.MOVE:
        return status in _AT_HOME and unit.warehouse_id == warehouse_id
    if action is UnitAction.BACK:
        return status in _AT_HOME
    return status is MOVES[_MOVE_OF[action]][1]


def _require_possible(unit: Unit, action: UnitAction) -> None:
    status = unit.current_status
    if unit.reserved_by is not None:
        raise NotPossibleNow(f"rental {unit.reserved_by} has unit {unit.id}: it is {status}")
    if status not in MOVES[_MOVE_OF[action]][0]:
        raise NotPossibleNow(f"{action} is not possible now: unit {unit.id} is {status}")
    if status is UnitStatus.LOST and action is not UnitAction.RETIRE:
        rental = repository.find(str(unit.last_rental_id))
        if rental and rental.closed_reason is ClosedReason.LOST and rental.found_at is None:
            raise NotPossibleNow(
                f"rental {rental.number} lost unit {unit.id}: say that it is found"
            )


def _change(
    unit: Unit, action: UnitAction, by: str, reason: str, warehouse_id: str | None
) -> dynamo.Change:
    kind = _MOVE_OF[action]
    if kind is Move.SHELVE:
        return unit_moves.shelve(unit)
    if kind is not Move.SEND_HOME:
        return unit_moves.take_away(kind, unit, held_by=None, reason=reason, by=by)
    home, shelve_at = unit.warehouse_id, clock.now()
    if warehouse_id is not None:
        if warehouse_id not in catalogue.warehouses(anew=True):
            raise NotPossibleNow(f"there is no warehouse {warehouse_id!r}")
        home, shelve_at = warehouse_id, way_between(home, warehouse_id)
    return unit_moves.send_home(
        unit.id, unit.current_status, held_by=None, warehouse_id=home, shelve_at=shelve_at
    )
