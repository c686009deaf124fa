"""How a paid rental goes from one stage to the next: one transaction over the rental, its unit, the
lists of stores and the notices. Its execution is told afterwards (fulfillment_executions.py).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from infra import clock, due_index, dynamo
from infra.due_index import DueIndex
from infra.dynamo import Change, Condition, Write, equal, present
from infra.settings import setting
from rentals import dates, deadlines, given_back, lookups, repository, unit_moves
from rentals.final_charges import NO_CHARGES, Final
from rentals.models import (
    BEFORE_HAND_OVER,
    ClosedReason,
    FulfillmentStatus,
    Rental,
    UnitStatus,
)
from rentals.notices import NoticeKind, new_notice
from rentals.unit_moves import Move
from rentals.way_home import way_home

FULFILLMENT_INDEX = DueIndex("fulfillment-index", "fulfillmentClock", "fulfillmentDueAt")
_KIND = "fulfillment"
# A row that has changed is looked at after this long, unless its execution has taken note before.
_HEAL_SECONDS = 120

_NOTICE_OF_REASON = {
    ClosedReason.RETURNED: NoticeKind.CLOSED,
    ClosedReason.NOT_COLLECTED: NoticeKind.NOT_COLLECTED,
    ClosedReason.CANCELLED: NoticeKind.CANCELLED,
    ClosedReason.LOST: NoticeKind.LOST,
}
_MOVE_TO = {
    FulfillmentStatus.READY_FOR_PICKUP: Move.ARRIVE,
    FulfillmentStatus.PICKED_UP: Move.HAND_OVER,
    FulfillmentStatus.RETURNED: Move.TAKE_BACK,
}
_NOTICE_OF_STAGE = {
    FulfillmentStatus.READY_FOR_PICKUP: NoticeKind.READY,
    FulfillmentStatus.PICKED_UP: NoticeKind.PICKED_UP,
    FulfillmentStatus.RETURNED: NoticeKind.RETURNED,
}

_NOTICE_OF_DEADLINE = {
    deadlines.Deadline.DUE_SOON: NoticeKind.DUE_SOON,
    deadlines.Deadline.OVERDUE: NoticeKind.OVERDUE,
}


def heal_seconds() -> float:
    """Seconds after which the clock looks at a row whose execution has not taken note of it."""
    return min(_HEAL_SECONDS, dates.day_seconds() / 10)


def look_at(rental_id: str, at: str) -> dict[str, str]:
    """The attributes that have the clock look at a rental; `at` is a time as stored."""
    return {"fulfillmentClock": due_index.key_of(_KIND, rental_id), "fulfillmentDueAt": at}


def clock_keys() -> list[str]:
    """The keys of the index that the clock asks."""
    return due_index.keys_of(_KIND)


def beginning(rental: Rental) -> dict[str, Any]:
    """The attributes with which a rental begins its second half, now that it is paid."""
    now = clock.now()
    ready_by, due = dates.expected(now, rental.eta or 1, rental.duration)
    begun = {
        "fulfillmentStatus": FulfillmentStatus.AWAITING_ARRIVAL,
        "readyBy": clock.timestamp(ready_by),
        "dueAt": clock.timestamp(due),
        "fulfillmentExecution": rental.id,
        "fulfillmentStartedAt": clock.timestamp(now),
    }
    return on_the_clock(rental, begun)


def written_when_paid(before: Rental, after: Rental) -> list[Write]:
    """What is written besides the rental when it is paid: its unit travels, it can be found, the
    customer is told.
    """
    return [
        unit_moves.sell(str(before.unit_id), before.id),
        *lookups.written_when_paid(after),
        *lookups.moved(before, after),
        new_notice(after, NoticeKind.CONFIRMED),
    ]


def advance(rental: Rental, to: FulfillmentStatus, attributes: dict[str, Any]) -> Rental:
    """The rental goes on to its next stage, with its unit. Returns it as it was written.

    Raises dynamo.ConditionFailed when it is not as it was read, WriteContended.
    """
    kind, notice = _MOVE_TO[to], _NOTICE_OF_STAGE[to]
    moved = unit_moves.move(kind, str(rental.unit_id), _status_of_unit(rental), held_by=rental.id)
    staged = {"fulfillmentStatus": to, "fulfillmentAttention": None, **attributes}
    return _write(rental, staged, [moved, new_notice(rental, notice)])


def close(
    rental: Rental,
    reason: ClosedReason,
    attributes: dict[str, Any],
    unit: Change | None = None,
    final: Final = NO_CHARGES,
) -> Rental:
    """The rental is over, with its final charges; its unit goes home, or where `unit` moves it.
    Returns the rental as it was written.

    Raises dynamo.ConditionFailed when it is not as it was read, WriteContended.
    """
    closed = {
        "fulfillmentStatus": FulfillmentStatus.CLOSED,
        "fulfillmentAttention": None,
        "closedReason": reason,
        "closedAt": clock.now_timestamp(),
        "unitId": None,
        "lastUnitId": rental.unit_id,
        **final.attributes(rental),
        **attributes,
    }
    notice = new_notice(rental, _NOTICE_OF_REASON[reason])
    others = [unit or send_home(rental), notice, *final.writes(rental)]
    return _write(rental, closed, others, add={"chargeIds": final.charge_ids})


def give_back_completed(rental: Rental, intent: dict[str, Any]) -> Rental:
    """Write that all the money of a completed rental goes back (`intent`): before its unit is
    handed over that cancels the rental, afterwards it is about money only. Returns the rental as it
    was written.

    Raises dynamo.ConditionFailed when it is not as it was read, WriteContended.
    """
    if rental.fulfillment_status in BEFORE_HAND_OVER:
        return close(rental, ClosedReason.CANCELLED, intent)
    is_as_read = equal("fulfillmentStatus", rental.fulfillment_status)
    return repository.update(repository.change(rental.id, intent, is_as_read))


def extend(rental: Rental, due_at: str, days: int, others: Sequence[Write]) -> Rental:
    """The rental is due later, `days` longer, in the transaction of `others`. Returns it as it was
    written.

    Raises dynamo.ConditionFailed when it is not as it was read, WriteContended.
    """
    extended = {"dueAt": due_at, "duration": rental.duration + days}
    notice = new_notice(rental, NoticeKind.EXTENDED, due_at)
    return _write(rental, extended, [notice, *others])


def send_home(rental: Rental) -> Change:
    """The change that sends a rental's unit back to a warehouse."""
    is_planned = rental.place_id == rental.store_id
    home, shelve_at = way_home(
        str(rental.warehouse_id), store_id=rental.place_id, is_planned=is_planned
    )
    return unit_moves.send_home(
        str(rental.unit_id),
        _status_of_unit(rental),
        held_by=rental.id,
        warehouse_id=home,
        shelve_at=shelve_at,
    )


def meet(rental: Rental, met: Sequence[deadlines.Due]) -> Rental:
    """Tell the customer of deadlines that have passed (of the last one, if there are several), and
    operators where somebody is needed. Returns the rental as it was written.

    Raises dynamo.ConditionFailed when it is not as it was read, WriteContended.
    """
    last, problems = met[-1], [due.deadline for due in met if due.needs_somebody]
    attention = {"fulfillmentAttention": problems[-1]} if problems else {}
    kind = _NOTICE_OF_DEADLINE.get(last.deadline)
    notices = [new_notice(rental, kind, last.at)] if kind is not None else []
    return _write(rental, attention, notices, add={"deadlinesMet": {due.key for due in met}})


def flag(
    rental_id: str, problem: str, *when: Condition, attributes: Mapping[str, str] | None = None
) -> None:
    """Have operators look at a rental's fulfillment; `problem` is the name of what is wrong.

    Raises dynamo.ConditionFailed when it is not as `when` says, or not there; WriteContended.
    """
    flagged = {"fulfillmentAttention": problem, **(attributes or {})}
    change = repository.change(rental_id, flagged, present("id"), *when)
    dynamo.transact([change, lookups.in_attention(rental_id)])


def _write(
    rental: Rental,
    attributes: dict[str, Any],
    others: Sequence[Write],
    *,
    add: Mapping[str, set[str]] | None = None,
    when: Sequence[Condition] = (),
) -> Rental:
    add = {name: members for name, members in (add or {}).items() if members}
    change = repository.change(
        rental.id,
        on_the_clock(rental, attributes, add),
        equal("fulfillmentStatus", rental.fulfillment_status),
        equal("fulfillmentToken", rental.fulfillment_token),
        equal("dueAt", rental.due_at),
        equal("unitId", rental.unit_id),
        equal("fulfillmentAttention", rental.fulfillment_attention),
        given_back.as_read(rental),
        *when,
        add=add,
    )
    after = rental.after(change)
    dynamo.transact([change, *others, *lookups.moved(rental, after), *_attention(rental, after)])
    return after


def _attention(before: Rental, after: Rental) -> list[Write]:
    if before.fulfillment_attention == after.fulfillment_attention:
        return []
    if after.fulfillment_attention is None:
        return [lookups.out_of_attention(after.id)]
    return [lookups.in_attention(after.id)]


def on_the_clock(
    rental: Rental, attributes: dict[str, Any], add: Mapping[str, set[str]] | None = None
) -> dict[str, Any]:
    """These attributes, and when the row is looked at: soon, until its execution has taken note."""
    after = rental.after(Change(setting("RENTALS_TABLE"), rental.id, attributes, add=add or {}))
    return {
        **attributes,
        "nextDeadlineAt": deadlines.next_at(after) if after.is_out else None,
        **look_at(rental.id, clock.timestamp_in(heal_seconds())),
    }


def _status_of_unit(rental: Rental) -> UnitStatus:
    status = unit_moves.status_for(rental)
    assert status is not None, f"rental {rental.id} holds no unit"
    return status
