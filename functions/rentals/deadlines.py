"""The deadlines of a paid rental: the one list of what must have happened by when, and when its
row is to be looked at next. Days are those of `dates`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from infra import clock
from infra.settings import integer_setting
from rentals import dates
from rentals.errors import DeliveryLate, DueSoon, NotCollected, NotInspected, Overdue
from rentals.models import FulfillmentStatus, Rental

# Operators look a day after a unit should have arrived or been inspected; the customer is told a
# day before a unit is due.
_A_DAY = 1
# A Standard execution lives for a year at most.
EXECUTION_DAYS = 300


class Deadline(StrEnum):
    """A deadline, by the name that its execution is told."""

    DELIVERY_LATE = DeliveryLate.__name__
    NOT_COLLECTED = NotCollected.__name__
    DUE_SOON = DueSoon.__name__
    OVERDUE = Overdue.__name__
    NOT_INSPECTED = NotInspected.__name__


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """A deadline of one rental; `at` is a time as stored."""

    at: str
    deadline: Deadline
    needs_somebody: bool = False

    @property
    def key(self) -> str:
        """What the row has once the deadline was met: an extended due date is another deadline."""
        return f"{self.deadline}@{self.at}"


def of(rental: Rental) -> list[Due]:
    """The deadlines of a rental's stage, the earliest first, whether they were met or not."""
    return sorted(_of(rental))


def pending(rental: Rental) -> list[Due]:
    """Those that were not met yet."""
    return [due for due in of(rental) if due.key not in rental.deadlines_met]


def passed(rental: Rental) -> list[Due]:
    """Those that have passed and were not met yet."""
    now = clock.now_timestamp()
    return [due for due in pending(rental) if due.at <= now]


def collect_by(rental: Rental) -> str | None:
    """Until when a unit waits for its customer at the store, None when it does not."""
    if rental.fulfillment_status is not FulfillmentStatus.READY_FOR_PICKUP:
        return None
    return next((due.at for due in _of(rental)), None)


def next_at(rental: Rental) -> str:
    """When the row is to be looked at next: at its next deadline, or before its execution is too
    old.
    """
    times = [due.at for due in pending(rental)[:1]]
    if rental.fulfillment_started_at is not None:
        times.append(clock.timestamp(_too_old_at(rental.fulfillment_started_at)))
    return min(times, default=clock.timestamp_in(EXECUTION_DAYS * 86_400))


def is_too_old(rental: Rental) -> bool:
    """Whether the rental's execution must end, for another one to go on."""
    started = rental.fulfillment_started_at
    return started is not None and _too_old_at(started) <= clock.now()


def _too_old_at(started_at: str) -> datetime:
    return clock.parse(started_at) + timedelta(days=EXECUTION_DAYS)


def _of(rental: Rental) -> Iterator[Due]:
    match rental.fulfillment_status:
        case FulfillmentStatus.AWAITING_ARRIVAL:
            yield _due(rental.ready_by, _A_DAY, Deadline.DELIVERY_LATE, needs_somebody=True)
        case FulfillmentStatus.READY_FOR_PICKUP if not rental.is_carried_over:
            limit = integer_setting("COLLECTION_DAYS")
            yield _due(rental.arrived_at, limit, Deadline.NOT_COLLECTED)
        case FulfillmentStatus.PICKED_UP:
            yield _due(rental.due_at, -_A_DAY, Deadline.DUE_SOON)
            limit = integer_setting("OVERDUE_LIMIT_DAYS")
            for day in range(limit):
                yield _due(rental.due_at, day, Deadline.OVERDUE)
            yield _due(rental.due_at, limit, Deadline.OVERDUE, needs_somebody=True)
        case FulfillmentStatus.RETURNED:
            yield _due(rental.returned_at, _A_DAY, Deadline.NOT_INSPECTED, needs_somebody=True)
        case _:
            pass


def _due(since: str | None, days: int, deadline: Deadline, *, needs_somebody: bool = False) -> Due:
    if since is None:
        raise ValueError(f"{deadline} counts from a time that the row does not have")
    at = clock.timestamp(clock.parse(since) + dates.days(days))
    return Due(at, deadline, needs_somebody)
