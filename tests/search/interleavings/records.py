"""What rows must say at every moment of the second half of a rental, whoever is at work."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from infra.dynamo import Put
from rentals import given_back, lookups, retention, unit_moves
from rentals.charge_payments import UNPAID
from rentals.models import ClosedReason, FulfillmentStatus, Rental, Unit, UnitStatus
from rentals.notices import NoticeKind
from rentals.rows import from_row

Json = dict[str, Any]

_STAGES = [None, *FulfillmentStatus]
_ALLOWED = {(start, end) for starts, end in unit_moves.MOVES.values() for start in starts}
_NOTICE_OF = {
    "completed_at": NoticeKind.CONFIRMED,
    "arrived_at": NoticeKind.READY,
    "picked_up_at": NoticeKind.PICKED_UP,
    "returned_at": NoticeKind.RETURNED,
}
_NOTICE_OF_REASON = {
    ClosedReason.RETURNED: NoticeKind.CLOSED,
    ClosedReason.NOT_COLLECTED: NoticeKind.NOT_COLLECTED,
    ClosedReason.CANCELLED: NoticeKind.CANCELLED,
    ClosedReason.LOST: NoticeKind.LOST,
}
# One for each charge, or refund of a part.
_REPEATED = {
    NoticeKind.PART_REFUNDED,
    NoticeKind.EXTENDED,
    NoticeKind.CHARGE,
    NoticeKind.CHARGE_REMINDER,
    NoticeKind.CHARGE_PAID,
}


class Records:
    """The rows as they were when they were last looked at."""

    def __init__(self) -> None:
        self._rentals: dict[str, Rental] = {}
        self._units: dict[str, UnitStatus] = {}

    def problems(
        self,
        rentals: Sequence[Json],
        units: Sequence[Json],
        found: Sequence[Json],
        notices: Sequence[Json],
    ) -> list[str]:
        """What is wrong with the rows now, or cannot have come from what they were."""
        known = [Rental.from_row(row) for row in rentals]
        return [
            *self._stages_go_on(known),
            *self._units_move(units),
            *_is_done_once(known),
            *_can_be_found(known, found),
            *_is_told(known, notices),
        ]

    def _stages_go_on(self, rentals: Sequence[Rental]) -> Iterator[str]:
        for rental in rentals:
            before = self._rentals.get(rental.id, rental)
            old, new = before.fulfillment_status, rental.fulfillment_status
            if _STAGES.index(new) < _STAGES.index(old):
                yield f"{rental.id} went from {old} to {new}"
            if before.closed_reason not in (None, rental.closed_reason):
                yield f"{rental.id} was closed twice"
            if not rental.is_out and rental.fulfillment_attention not in (None, UNPAID):
                yield f"{rental.id} is not out, and needs {rental.fulfillment_attention}"
            self._rentals[rental.id] = rental

    def _units_move(self, units: Sequence[Json]) -> Iterator[str]:
        for row in units:
            status = from_row(Unit, row).current_status
            before = self._units.get(row["id"], status)
            if status is not before and (before, status) not in _ALLOWED:
                yield f"{row['id']} went from {before} to {status}"
            self._units[row["id"]] = status


def _is_done_once(rentals: Sequence[Rental]) -> Iterator[str]:
    for rental in rentals:
        for action, times in Counter(each["action"] for each in rental.desk_log).items():
            if times > 1:
                yield f"{rental.id}: {action} {times} times"


def _can_be_found(rentals: Sequence[Rental], found: Sequence[Json]) -> Iterator[str]:
    wanted = Counter(
        (put.row["lookup"], put.row["entry"], put.row["rentalId"])
        for rental in rentals
        if rental.fulfillment_status is not None
        for put in (
            *lookups.written_when_paid(rental),
            *lookups.moved(replace(rental, fulfillment_status=None), rental),
            *([lookups.in_attention(rental.id)] if rental.fulfillment_attention else []),
        )
        if isinstance(put, Put)
    )
    looks = retention.look_keys()
    there = Counter(
        (row["lookup"], row["entry"], row["rentalId"])
        for row in found
        if row["lookup"] not in looks
    )
    for what, rows in (("missing", wanted - there), ("too many", there - wanted)):
        if rows:
            yield f"lookups {what}: {list(rows)}"
    named = Counter(each.id for each in rentals if each.erased_at is None)
    looked_at = Counter(row["rentalId"] for row in found if row["lookup"] in looks)
    if named != looked_at:
        yield f"personal data of {named}, and looked at {looked_at}"


def _is_told(rentals: Sequence[Rental], notices: Sequence[Json]) -> Iterator[str]:
    for rental in rentals:
        mine = [row for row in notices if row["rentalId"] == rental.id]
        wanted = {kind for name, kind in _NOTICE_OF.items() if getattr(rental, name)}
        if rental.closed_reason is not None:
            wanted.add(_NOTICE_OF_REASON[rental.closed_reason])
        if rental.refund_status == "succeeded":
            wanted.add(NoticeKind.REFUNDED)
        told = Counter(row["kind"] for row in mine)
        reminders = {NoticeKind.DUE_SOON, NoticeKind.OVERDUE}
        once = {kind: count for kind, count in told.items() if kind not in reminders | _REPEATED}
        if once != dict.fromkeys(wanted, 1):
            yield f"{rental.id} is told {dict(told)}, and should be of {wanted}"
        back = {each.id for each in given_back.refunds(rental) if each.status == "succeeded"}
        for row in mine:
            if row["kind"] == NoticeKind.PART_REFUNDED and row["id"].split("#")[-1] not in back:
                yield f"{row['id']}, and no such refund went back"
        # A reminder is of a deadline that has passed, and that was met.
        for row in mine:
            if row["kind"] in reminders and not any(
                row["id"].endswith(met.partition("@")[2]) for met in rental.deadlines_met
            ):
                yield f"{row['id']}, and no such deadline was met"
