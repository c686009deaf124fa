"""Where a unit may go from where it is: one table, and the change that makes each move.

A unit is with a rental (`reservedBy`) from its reservation until the rental is closed. Moves of a
rental's unit are written together with the rental, in one transaction.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from infra import clock, due_index, dynamo
from infra.due_index import DueIndex
from infra.dynamo import Change, absent, either, equal
from infra.settings import setting
from rentals.allocation import held_key, shelf
from rentals.errors import UnitNotFound
from rentals.models import FulfillmentStatus, Rental, Unit, UnitStatus
from rentals.rows import from_row

SHELVING_INDEX = DueIndex("shelving-index", "shelving", "shelveAt")
_KIND = "shelving"
_U = UnitStatus


class Move(StrEnum):
    """A way from one status to another."""

    RESERVE = "reserve"
    RELEASE = "release"
    SELL = "sell"
    ARRIVE = "arrive"
    HAND_OVER = "hand_over"
    TAKE_BACK = "take_back"
    SEND_HOME = "send_home"
    SHELVE = "shelve"
    MAINTAIN = "maintain"
    LOSE = "lose"
    RETIRE = "retire"


# From which statuses each move starts, and where it leads.
MOVES: Mapping[Move, tuple[frozenset[UnitStatus], UnitStatus]] = {
    Move.RESERVE: (frozenset({_U.AVAILABLE}), _U.RESERVED),
    Move.RELEASE: (frozenset({_U.RESERVED}), _U.AVAILABLE),
    Move.SELL: (frozenset({_U.RESERVED}), _U.TO_STORE),
    Move.ARRIVE: (frozenset({_U.TO_STORE}), _U.AT_STORE),
    Move.HAND_OVER: (frozenset({_U.AT_STORE}), _U.WITH_CUSTOMER),
    Move.TAKE_BACK: (frozenset({_U.WITH_CUSTOMER}), _U.INSPECTION),
    # Also back from maintenance, found again, and from one warehouse to another.
    Move.SEND_HOME: (
        frozenset({_U.TO_STORE, _U.AT_STORE, _U.INSPECTION, _U.MAINTENANCE, _U.LOST, _U.AVAILABLE}),
        _U.TO_WAREHOUSE,
    ),
    Move.SHELVE: (frozenset({_U.TO_WAREHOUSE}), _U.AVAILABLE),
    Move.MAINTAIN: (
        frozenset({_U.AVAILABLE, _U.TO_WAREHOUSE, _U.INSPECTION, _U.LOST}),
        _U.MAINTENANCE,
    ),
    Move.LOSE: (
        frozenset(_U) - {_U.RESERVED, _U.LOST, _U.RETIRED},
        _U.LOST,
    ),
    Move.RETIRE: (frozenset({_U.AVAILABLE, _U.TO_WAREHOUSE, _U.MAINTENANCE, _U.LOST}), _U.RETIRED),
}

_STATUS_OF_FULFILLMENT = {
    FulfillmentStatus.AWAITING_ARRIVAL: UnitStatus.TO_STORE,
    FulfillmentStatus.READY_FOR_PICKUP: UnitStatus.AT_STORE,
    FulfillmentStatus.PICKED_UP: UnitStatus.WITH_CUSTOMER,
    FulfillmentStatus.RETURNED: UnitStatus.INSPECTION,
}
_NOT_HELD = {"reservedBy": None, "reservedAt": None}
_NOT_ON_THE_WAY = {"shelving": None, "shelveAt": None}


def status_for(rental: Rental) -> UnitStatus | None:
    """The status of the unit that a rental holds, None when it should hold none."""
    if rental.fulfillment_status is not None:
        return _STATUS_OF_FULFILLMENT.get(rental.fulfillment_status)
    # One that was paid too late holds a unit before it is completed.
    return UnitStatus.RESERVED if rental.unit_id is not None else None


def get(unit_id: str) -> Unit:
    """The unit as it is now. Raises UnitNotFound."""
    row = dynamo.get(setting("UNITS_TABLE"), unit_id)
    if row is None:
        raise UnitNotFound(unit_id)
    return from_row(Unit, row)


def move(
    kind: Move,
    unit_id: str,
    status: UnitStatus,
    *,
    held_by: str | None,
    table: str | None = None,
    **attributes: Any,
) -> Change:
    """The change that moves a unit which is in `status` and held by this rental (or by none).

    Raises KeyError when the table has no such move.
    """
    starts, end = MOVES[kind]
    if status not in starts:
        raise KeyError(f"{kind} does not start from {status}")
    is_there = either(equal("status", status), absent("status"))  # rows of version 0.1 have none
    return Change(
        table or setting("UNITS_TABLE"),
        unit_id,
        {"status": end, **attributes},
        [is_there, equal("reservedBy", held_by)],
    )


def release(
    unit_id: str, rental_id: str, *, collectible_id: str, table: str | None = None
) -> Change:
    """The change that puts a unit back on the shelf, if this unpaid rental still holds it."""
    return move(
        Move.RELEASE,
        unit_id,
        UnitStatus.RESERVED,
        held_by=rental_id,
        table=table,
        **_on_the_shelf(collectible_id),
        **_NOT_HELD,
    )


def reserve(unit_id: str, rental: Rental) -> Change:
    """The change that holds an available unit for a rental, and counts it unless that is paid."""
    return move(
        Move.RESERVE,
        unit_id,
        UnitStatus.AVAILABLE,
        held_by=None,
        isAvailable="false",
        availableCollectibleId=None if rental.payment_id else held_key(rental.collectible_id),
        reservedBy=rental.id,
        reservedAt=clock.now_timestamp(),
    )


def sell(unit_id: str, rental_id: str) -> Change:
    """The change by which the unit of a rental that is paid travels, and is no longer counted."""
    held = UnitStatus.RESERVED
    return move(Move.SELL, unit_id, held, held_by=rental_id, availableCollectibleId=None)


def send_home(
    unit_id: str,
    status: UnitStatus,
    *,
    held_by: str | None,
    warehouse_id: str,
    shelve_at: datetime,
) -> Change:
    """The change that sends a unit to a warehouse, from now on its home, until `shelve_at`."""
    return move(
        Move.SEND_HOME,
        unit_id,
        status,
        held_by=held_by,
        isAvailable="false",
        availableCollectibleId=None,
        warehouseId=warehouse_id,
        shelf=shelf(warehouse_id, unit_id),
        shelving=due_index.key_of(_KIND, unit_id),
        shelveAt=clock.timestamp(shelve_at),
        reason=None,
        reasonBy=None,
        **_left(held_by),
    )


def take_away(kind: Move, unit: Unit, *, held_by: str | None, reason: str, by: str) -> Change:
    """The change that no longer offers a unit: to maintenance, lost, retired; why, and by whom."""
    return move(
        kind,
        unit.id,
        unit.current_status,
        held_by=held_by,
        isAvailable="false",
        availableCollectibleId=None,
        reason=reason,
        reasonBy=by,
        **_NOT_ON_THE_WAY,
        **_left(held_by),
    )


def shelve(unit: Unit) -> Change:
    """The change that puts a unit which has reached its warehouse on the shelf."""
    return move(
        Move.SHELVE,
        unit.id,
        unit.current_status,
        held_by=None,
        **_on_the_shelf(unit.collectible_id),
        **_NOT_ON_THE_WAY,
    )


def shelving_keys() -> list[str]:
    """The keys of the units that are on their way to a warehouse, in their index."""
    return due_index.keys_of(_KIND)


def _on_the_shelf(collectible_id: str) -> dict[str, str]:
    return {"isAvailable": "true", "availableCollectibleId": collectible_id}


def _left(rental_id: str | None) -> dict[str, str | None]:
    """A rental that closes leaves its unit."""
    return {} if rental_id is None else {**_NOT_HELD, "lastRentalId": rental_id}
