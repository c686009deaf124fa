"""The execution that follows a paid rental: started once, told what happened, replaced by another
one that goes on from the row when it was stopped, failed, or is too old.

The row is written first. What the execution is not told in time, the clock finds on the row
(fulfillment_clock.py).
"""

import json
from contextlib import suppress

from botocore.exceptions import BotoCoreError, ClientError

from infra import clock, dynamo
from infra.aws import describe, stepfunctions
from infra.dynamo import equal
from infra.settings import setting
from infra.telemetry import logger
from rentals import executions, fulfillment, repository
from rentals.errors import FulfillmentChanged
from rentals.models import ClosedReason, FulfillmentStatus, Rental

# The stage that a wait in another one ends with.
_NEXT = {
    FulfillmentStatus.AWAITING_ARRIVAL: FulfillmentStatus.READY_FOR_PICKUP,
    FulfillmentStatus.READY_FOR_PICKUP: FulfillmentStatus.PICKED_UP,
    FulfillmentStatus.PICKED_UP: FulfillmentStatus.RETURNED,
    FulfillmentStatus.RETURNED: FulfillmentStatus.CLOSED,
}
_CLOSED_IN_TURN = (None, ClosedReason.RETURNED)
# After a failed execution the next one may fail as well.
_AFTER_FAILURE_SECONDS = 900


def start(rental: Rental) -> bool:
    """Start the rental's execution, by the name that its row has. Returns False when there is, or
    was, one of that name.
    """
    name = str(rental.fulfillment_execution)
    given = {"rental_id": rental.id, "fulfillment_status": rental.fulfillment_status}
    is_new = executions.start(setting("FULFILLMENT_STATE_MACHINE_ARN"), name, given)
    if not is_new:
        logger.info("fulfillment was started before", extra={"rental_id": rental.id})
    return is_new


def is_running(rental: Rental) -> bool:
    """Whether the rental's execution is under way."""
    name = str(rental.fulfillment_execution)
    return executions.is_running(setting("FULFILLMENT_STATE_MACHINE_ARN"), name)


def go_on(rental: Rental) -> None:
    """Start the execution of a rental that has none under way: the one that was never started, or
    the next one. Its name stands on the row first, so that overlapping runs start only one.
    """
    if start(rental):
        return
    started = {
        "fulfillmentExecution": _next_name(rental),
        "fulfillmentStartedAt": clock.now_timestamp(),
        # Until it has taken note: this run may end before it has started it.
        **fulfillment.look_at(rental.id, clock.timestamp_in(fulfillment.heal_seconds())),
    }
    replaced = repository.change(
        rental.id,
        started,
        equal("fulfillmentExecution", rental.fulfillment_execution),
    )
    try:
        start(repository.update(replaced))
    except dynamo.ConditionFailed:
        logger.info("another run was faster", extra={"rental_id": rental.id})


def ended(rental: Rental, name: str, *, has_failed: bool) -> None:
    """An execution was stopped, timed out or failed: another one goes on at once, or after some
    time if it has failed, when operators have been told.
    """
    if not rental.is_out or rental.fulfillment_execution != name:
        return
    if not has_failed:
        go_on(rental)
        return
    later = fulfillment.look_at(rental.id, clock.timestamp_in(_AFTER_FAILURE_SECONDS))
    is_as_read = equal("fulfillmentStatus", rental.fulfillment_status)
    with suppress(dynamo.ConditionFailed):  # it has gone on
        fulfillment.flag(rental.id, "ExecutionFailed", is_as_read, attributes=later)


def tell(before: Rental, after: Rental) -> bool:
    """Tell the execution that its rental went on. Returns whether it got it."""
    status = before.fulfillment_status
    if status is None or status != before.awaited_status:
        return False
    if _NEXT.get(status) is after.fulfillment_status and after.closed_reason in _CLOSED_IN_TURN:
        return _send(before, {"fulfillment_status": str(after.fulfillment_status)})
    return interrupt(before, FulfillmentChanged.__name__)


def interrupt(rental: Rental, error: str) -> bool:
    """End the wait of the rental's execution by an error that its definition knows. Returns whether
    it got it.
    """
    return _send(rental, error)


def _send(rental: Rental, outcome: dict[str, str] | str) -> bool:
    """Whatever is not delivered, the clock finds on the row: a failure here is logged only."""
    token, client = rental.fulfillment_token, stepfunctions()
    if token is None:
        return False
    try:
        if isinstance(outcome, str):
            client.send_task_failure(taskToken=token, error=outcome, cause="the row has changed")
        else:
            client.send_task_success(taskToken=token, output=json.dumps(outcome))
    except (ClientError, BotoCoreError) as error:
        logger.warning(
            "its execution was not told", extra={"rental_id": rental.id, "call": describe(error)}
        )
        return False
    return True


def _next_name(rental: Rental) -> str:
    """`ID`, then `ID-2`, `ID-3`."""
    suffix = str(rental.fulfillment_execution).removeprefix(rental.id).lstrip("-")
    return f"{rental.id}-{int(suffix or 1) + 1}"
