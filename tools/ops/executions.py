"""Executions as people read them: which states, for how long, with which errors and retries."""

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from rentals.models import EndReason
from tools.ops import history
from tools.ops.history import Visit
from tools.ops.target import Target

Json = dict[str, Any]

_POLL_SECONDS = 0.3
# Settlements that functions and operators start are named `<rental id>-<why>`.
_NAMED_BY_RENTAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-")
_EVENT_DELAY = timedelta(hours=1)
_CLOCKS_DIFFER = timedelta(seconds=5)


@dataclass(frozen=True)
class Execution:
    """An execution with the states it went through, oldest first."""

    arn: str
    machine: str
    status: str
    started_at: datetime
    stopped_at: datetime | None
    input: Json
    error: str | None
    cause: str | None
    visits: Sequence[Visit]

    @property
    def name(self) -> str:
        """Its name; a rental's own execution is named by the rental id."""
        return self.arn.rpartition(":")[2]

    @property
    def is_running(self) -> bool:
        """Whether it is under way."""
        return self.status == "RUNNING"

    def to_json(self) -> Json:
        """For scripts."""
        return {
            "arn": self.arn,
            "machine": self.machine,
            "status": self.status,
            "started_at": self.started_at.isoformat(),
            "stopped_at": self.stopped_at and self.stopped_at.isoformat(),
            "input": self.input,
            "error": self.error,
            "cause": self.cause,
            "states": [
                {
                    "state": each.state,
                    "entered_at": each.entered_at.isoformat(),
                    "left_at": each.left_at and each.left_at.isoformat(),
                    "attempts": len(each.attempts),
                    "errors": each.errors,
                    "why": each.why or None,
                }
                for each in self.visits
            ],
        }


def machines(target: Target) -> dict[str, str]:
    """ARNs of the state machines by what they are for."""
    stack = target.stack
    return {
        "rental": stack.physical_id("RentalStateMachine"),
        "settlement": stack.physical_id("SettlementStateMachine"),
    }


def read(target: Target, arn: str) -> Execution | None:
    """An execution with its history, or None when there is no such execution (any more)."""
    client = target.client("stepfunctions")
    try:
        described = client.describe_execution(executionArn=arn)
        pages = client.get_paginator("get_execution_history").paginate(
            executionArn=arn, includeExecutionData=False
        )
        events = [event for page in pages for event in page["events"]]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
            return None
        raise
    kind = {machine: name for name, machine in machines(target).items()}
    return Execution(
        arn=arn,
        machine=kind.get(described["stateMachineArn"], described["stateMachineArn"]),
        status=described["status"],
        started_at=described["startDate"],
        stopped_at=described.get("stopDate"),
        input=json.loads(described.get("input") or "{}"),
        error=described.get("error"),
        cause=described.get("cause"),
        visits=history.read(events).visits,
    )


def of_rental(target: Target, rental_id: str, since: datetime) -> list[Execution]:
    """The rental's own execution and every settlement of it that started after `since`.

    A settlement says whose it is in its name, except one that EventBridge started: that one is
    known by its input, and looked for in the hour after the rental's execution ended.
    """
    own = read(target, execution_arn(target, rental_id))
    ended_at = own.stopped_at if own else None
    found = [own] if own else []
    for each in _settlements_since(target, since):
        is_named = each["name"].startswith(rental_id)
        is_likely = (
            not is_named_by_rental(each["name"])
            and ended_at is not None
            and ended_at - _CLOCKS_DIFFER <= each["startDate"] <= ended_at + _EVENT_DELAY
        )
        if is_named or is_likely:
            settlement = read(target, each["executionArn"])
            if settlement and settlement.input.get("rental_id") == rental_id:
                found.append(settlement)
    return sorted(found, key=lambda execution: execution.started_at)


def _settlements_since(target: Target, since: datetime) -> Iterator[Json]:
    """Settlement executions as ListExecutions shows them, newest first."""
    pages = (
        target.client("stepfunctions")
        .get_paginator("list_executions")
        .paginate(stateMachineArn=machines(target)["settlement"])
    )
    for page in pages:
        for each in page["executions"]:
            if each["startDate"] < since:
                return
            yield each


def is_named_by_rental(name: str) -> bool:
    """Whether a settlement says in its name whose it is."""
    return _NAMED_BY_RENTAL.match(name) is not None


def execution_arn(target: Target, rental_id: str) -> str:
    """The rental's own execution: its name is the rental id."""
    return f"{machines(target)['rental'].replace(':stateMachine:', ':execution:')}:{rental_id}"


def start_settlement(
    target: Target, rental_id: str, *, reason: EndReason | None = None, refund: bool = False
) -> str:
    """Start a settlement as the reconciler does, under a name that says that a person did; its ARN.

    `reason` is why the rental ends, if nobody has paid for it; `refund` asks for a completed
    rental's payment back.
    """
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")[:-3]
    started: Json = target.client("stepfunctions").start_execution(
        stateMachineArn=target.stack.live("SettlementStateMachine"),
        name=f"{rental_id}-{'refund' if refund else 'operator'}-{moment}"[:80],
        input=json.dumps(
            {"rental_id": rental_id}
            | ({"reason": reason} if reason else {})
            | ({"refund_requested": True} if refund else {})
        ),
    )
    return str(started["executionArn"])


def follow(
    target: Target,
    arn: str,
    *,
    seconds: float,
    on_change: Callable[[Execution], None] = lambda _: None,
) -> Execution | None:
    """Watch an execution until it is over, at most so long; how it was seen last."""
    deadline = time.monotonic() + seconds
    seen = -1
    while True:
        execution = read(target, arn)
        if execution is None:
            return None
        progress = sum(1 + len(each.attempts) + len(each.errors) for each in execution.visits)
        if progress != seen:
            seen = progress
            on_change(execution)
        if not execution.is_running or time.monotonic() > deadline:
            return execution
        time.sleep(_POLL_SECONDS)
