"""What the clock does every minute: rentals whose deadline has passed, or whose execution does not
know where they are; units that have reached their warehouse.

Each run takes what is due from two sparse indexes, longest waiting first. Taking a rental puts off
its next look, so runs that overlap share the work, and a run that dies halfway leaves the rest due.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from infra import clock, dynamo
from infra.aws import describe
from infra.dynamo import Change, equal
from infra.settings import setting
from infra.telemetry import count, logger
from rentals import (
    dates,
    deadlines,
    final_charges,
    fulfillment,
    fulfillment_executions,
    repository,
    unit_moves,
)
from rentals.deadlines import Deadline
from rentals.errors import ApplicationError, ExecutionTooOld, FulfillmentChanged, WriteContended
from rentals.given_back import Purpose
from rentals.models import ClosedReason, Rental

# All that are due on one day are due in the same second. One takes some 0.05 s, so these fit into a
# run (120 s) beside the units; runs that overlap stay far from 300 SendTaskFailure a second.
MAX_RENTALS = 1_500
MAX_UNITS = 1_500
_TRIES = 5
# What an execution does about a deadline takes seconds.
_CLAIM_SECONDS = 600


def tick(has_time: Callable[[], bool]) -> int:
    """Look at everything that is due, for as long as `has_time`; returns how many were looked at.

    What fails for one is logged, and due again later.
    """
    rentals = fulfillment.FULFILLMENT_INDEX.list_due(
        setting("RENTALS_TABLE"), fulfillment.clock_keys(), MAX_RENTALS
    )
    looked = shelved = 0
    for row in rentals:
        if not has_time():
            break
        with _failures_logged(rental_id=row["id"]):
            if rental := _claim(row["id"], row["fulfillmentDueAt"]):
                looked += 1
                look(rental)
    units = unit_moves.SHELVING_INDEX.list_due(
        setting("UNITS_TABLE"), unit_moves.shelving_keys(), MAX_UNITS
    )
    for row in units:
        if not has_time():
            break
        with _failures_logged(unit_id=row["id"]):
            shelved += _shelve(row["id"])
    if shelved:  # a metric costs in each hour that has data
        count("UnitShelved", shelved)
    return looked + shelved


@contextmanager
def _failures_logged(**subject: str) -> Iterator[None]:
    try:
        yield
    except (ApplicationError, ClientError, BotoCoreError) as error:
        logger.warning("could not be followed", extra=subject | {"error": describe(error)})


def _shelve(unit_id: str) -> bool:
    """Whether the unit is on the shelf now because of this."""
    try:
        dynamo.update(unit_moves.shelve(unit_moves.get(unit_id)))
    except (dynamo.ConditionFailed, KeyError):
        logger.info("the unit went elsewhere", extra={"unit_id": unit_id})
        return False
    return True


def look(rental: Rental) -> None:
    """See that a rental's execution is under way and knows where the rental is and what is due.

    Telling it says whether it is under way; only what cannot be told is asked for: AWS answers ten
    DescribeExecution a second, and thousands of rentals are due at the same moment.
    """
    news = _news(rental)
    if rental.is_out and news is not None and fulfillment_executions.interrupt(rental, news):
        return
    if fulfillment_executions.is_running(rental):
        if news is None:
            _put_off(rental, deadlines.next_at(rental))
        else:
            fulfillment_executions.interrupt(rental, news)
    elif rental.is_out:
        count("FulfillmentResumed")
        fulfillment_executions.go_on(rental)
    else:
        _put_off(rental, None)


def _news(rental: Rental) -> str | None:
    """The error that ends the wait of a rental's execution, None when it may go on waiting."""
    if rental.fulfillment_status is not rental.awaited_status:
        return FulfillmentChanged.__name__
    if deadlines.is_too_old(rental):
        return ExecutionTooOld.__name__
    passed = deadlines.passed(rental)
    return passed[-1].deadline if passed else None


def meet_deadlines(rental: Rental) -> Rental:
    """Do what the passed deadlines of a rental ask for. Returns the rental as it is then.

    Raises WriteContended.
    """
    for _ in range(_TRIES):
        passed = deadlines.passed(rental)
        if not passed:
            return rental
        try:
            if passed[-1].deadline is Deadline.NOT_COLLECTED:
                return _close_uncollected(rental)
            return fulfillment.meet(rental, passed)
        except dynamo.ConditionFailed:
            rental = repository.get(rental.id)
    raise WriteContended(f"rental {rental.id} keeps changing, or disagrees with its unit")


def _close_uncollected(rental: Rental) -> Rental:
    final = final_charges.by_the_customer(rental, Purpose.NOT_COLLECTED, by="clock")
    return fulfillment.close(rental, ClosedReason.NOT_COLLECTED, {}, final=final)


def _claim(rental_id: str, due_at: str) -> Rental | None:
    """Put off the next look at a rental, and so take this one; None when another run took it."""
    seconds = min(_CLAIM_SECONDS, dates.day_seconds() / 10)
    later = {"fulfillmentDueAt": clock.timestamp_in(seconds)}
    seen = equal("fulfillmentDueAt", due_at)
    try:
        row = dynamo.update(Change(setting("RENTALS_TABLE"), rental_id, later, [seen]))
    except dynamo.ConditionFailed:
        return None
    return Rental.from_row(row)


def _put_off(rental: Rental, at: str | None) -> None:
    later = {"fulfillmentDueAt": at, **({} if at else {"fulfillmentClock": None})}
    seen = equal("fulfillmentDueAt", rental.fulfillment_due_at)
    try:
        dynamo.update(Change(setting("RENTALS_TABLE"), rental.id, later, [seen]))
    except dynamo.ConditionFailed:
        logger.info("there is news of the rental", extra={"rental_id": rental.id})
