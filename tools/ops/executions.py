"""Executions as people read them: which states, for how long, with which errors and retries."""

import itertools
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from rentals.models import EndReason
from rentals.payments import settlement_name
from tools.ops import history
from tools.ops.history import Timeline, Visit
from tools.ops.target import Target

Json = dict[str, Any]

_POLL_SECONDS = 0.3
# Settlements that functions and operators start are named `<rental id>-<why>`.
_NAMED_BY_RENTAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-")
_EVENT_DELAY = timedelta(hours=1)
_CLOCKS_DIFFER = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine by its ARN."""

    arn: str

    @property
    def name(self) -> str:
        """Its name, as the template makes it: `mongocollectibles-rental`."""
        return self.arn.rpartition(":")[2]

    @property
    def kind(self) -> str:
        """What it is for: `rental`, `settlement` or `fulfillment`."""
        return self.name.rpartition("-")[2]


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution as ListExecutions or DescribeExecution shows it; the latter has `input`.

    `visits` are the states that it went through, oldest first, where its history was read.
    """

    arn: str
    status: str
    started_at: datetime
    stopped_at: datetime | None = None
    input: str = ""
    output: str = ""
    error: str = ""
    cause: str = ""
    visits: Sequence[Visit] = ()

    @property
    def name(self) -> str:
        """Its name; a rental's own execution is named by the rental id."""
        return self.arn.rpartition(":")[2]

    @property
    def machine(self) -> Machine:
        """The state machine that runs it."""
        return Machine(self.arn.rpartition(":")[0].replace(":execution:", ":stateMachine:"))

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.status in ("RUNNING", "PENDING_REDRIVE")

    @property
    def rental_id(self) -> str | None:
        """The rental that its input names."""
        try:
            found = json.loads(self.input)["rental_id"]
        except (ValueError, TypeError, KeyError):
            return None
        return found if isinstance(found, str) else None

    def to_json(self) -> Json:
        """For scripts."""
        return {
            "arn": self.arn,
            "machine": self.machine.kind,
            "status": self.status,
            "started_at": self.started_at.isoformat(),
            "stopped_at": self.stopped_at and self.stopped_at.isoformat(),
            "input": json.loads(self.input or "{}"),
            "error": self.error or None,
            "cause": self.cause or None,
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


def described(answer: Mapping[str, Any]) -> Execution:
    """An execution of ListExecutions or DescribeExecution."""
    return Execution(
        arn=answer["executionArn"],
        status=answer["status"],
        started_at=answer["startDate"],
        stopped_at=answer.get("stopDate"),
        input=answer.get("input", ""),
        output=answer.get("output", ""),
        error=answer.get("error", ""),
        cause=answer.get("cause", ""),
    )


def describe(target: Target, arn: str) -> Execution | None:
    """An execution without its history, or None when there is no such execution (any more)."""
    try:
        return described(target.client("stepfunctions").describe_execution(executionArn=arn))
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ExecutionDoesNotExist", "InvalidArn"):
            return None
        raise


def timeline(target: Target, arn: str, *, with_data: bool) -> Timeline:
    """An execution's whole history, read; `with_data` includes inputs and outputs of states."""
    pages = (
        target.client("stepfunctions")
        .get_paginator("get_execution_history")
        .paginate(executionArn=arn, maxResults=1000, includeExecutionData=with_data)
    )
    return history.read([event for page in pages for event in page["events"]])


def read(target: Target, arn: str) -> Execution | None:
    """An execution with its history, or None when there is no such execution (any more)."""
    execution = describe(target, arn)
    return execution and replace(execution, visits=timeline(target, arn, with_data=False).visits)


def of_rental(target: Target, rental_id: str, since: datetime) -> list[Execution]:
    """The rental's own execution and every settlement of it that started after `since`, oldest
    first, each with its history.
    """
    own = read(target, execution_arn(target, rental_id))
    found = settlements(target, rental_id, since, own)
    with_history = [read(target, each.arn) for each in reversed(found)]
    return [each for each in (own, *with_history) if each is not None]


def settlements(
    target: Target,
    rental_id: str,
    since: datetime,
    own: Execution | None,
    *,
    rental_id_of: Callable[[str], str | None] | None = None,
) -> list[Execution]:
    """The settlements of a rental that started after `since`, newest first.

    A settlement says whose it is in its name, except one that EventBridge started: that one is
    known by its input, and looked for in the hour after the rental's `own` execution ended.
    `rental_id_of` tells an execution's rental by ARN, for callers that keep what they have asked.
    """

    def described_rental(arn: str) -> str | None:
        found = describe(target, arn)
        return found.rental_id if found else None

    ask = rental_id_of or described_rental
    ended_at = own.stopped_at if own else None
    found = []
    for each in _settlements_since(target, since):
        is_unnamed = not _NAMED_BY_RENTAL.match(each.name) and (
            ended_at is not None
            and ended_at - _CLOCKS_DIFFER <= each.started_at <= ended_at + _EVENT_DELAY
        )
        if each.name.startswith(rental_id) or (is_unnamed and ask(each.arn) == rental_id):
            found.append(each)
    return found


def _settlements_since(target: Target, since: datetime) -> Iterator[Execution]:
    """Settlement executions as ListExecutions shows them, newest first."""
    pages = (
        target.client("stepfunctions")
        .get_paginator("list_executions")
        .paginate(stateMachineArn=target.stack.physical_id("SettlementStateMachine"))
    )
    executions = (described(each) for page in pages for each in page["executions"])
    return itertools.takewhile(lambda each: each.started_at >= since, executions)


def of_fulfillment(
    target: Target,
    row: Mapping[str, Any],
    ask: Callable[[Target, str], Execution | None] | None = None,
) -> list[Execution]:
    """The executions that have followed a paid rental, oldest first: each with its history, or as
    `ask` tells it by ARN.
    """
    last = row.get("fulfillmentExecution")
    if last is None:
        return []
    count = int(last.removeprefix(row["id"]).lstrip("-") or 1)
    names = [row["id"], *(f"{row['id']}-{number}" for number in range(2, count + 1))]
    arns = (execution_arn(target, name, "FulfillmentStateMachine") for name in names)
    return [each for each in ((ask or read)(target, arn) for arn in arns) if each is not None]


def execution_arn(target: Target, name: str, machine: str = "RentalStateMachine") -> str:
    """The execution of this name: a rental's own one is named by the rental id."""
    arn = target.stack.physical_id(machine)
    return f"{arn.replace(':stateMachine:', ':execution:')}:{name}"


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
        name=settlement_name(rental_id, f"{'refund' if refund else 'operator'}-{moment}"),
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
