"""An execution's history, read: which states were visited, how each went, and on which way."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

Event = Mapping[str, Any]

_ATTEMPT = re.compile(
    r"(?:Task|LambdaFunction|Activity)"
    r"(?P<step>Scheduled|Started|Submitted|Succeeded"
    r"|Failed|TimedOut|ScheduleFailed|StartFailed|SubmitFailed)"
)
_EXECUTION_ENDS = {
    "ExecutionFailed": "FAILED",
    "ExecutionTimedOut": "TIMED_OUT",
    "ExecutionAborted": "ABORTED",
}


class Status(StrEnum):
    """How a state stands. The words are those of the Step Functions console."""

    NOT_REACHED = "not reached"
    IN_PROGRESS = "in progress"
    SUCCEEDED = "succeeded"
    CAUGHT = "caught error"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    ABORTED = "aborted"

    @property
    def slug(self) -> str:
        """As part of a CSS class."""
        return self.value.replace(" ", "-")


@dataclass(slots=True)
class Attempt:
    """One try of a task; `ended_at` is None while it runs."""

    number: int
    started_at: datetime
    ended_at: datetime | None = None
    status: Status = Status.IN_PROGRESS
    error: str = ""
    cause: str = ""


@dataclass(slots=True)
class Visit:
    """One stay in a state, from entering it to leaving it."""

    state: str
    entered_at: datetime
    came_from: "Visit | None" = None
    left_at: datetime | None = None
    status: Status = Status.IN_PROGRESS
    input: str = ""
    output: str = ""
    error: str = ""
    cause: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def errors(self) -> list[str]:
        """What went wrong, attempt by attempt."""
        failed = (
            each for each in self.attempts if each.status in (Status.FAILED, Status.TIMED_OUT)
        )
        return [each.error or each.status for each in failed] or [*filter(None, [self.error])]

    @property
    def why(self) -> str:
        """What the last error said."""
        causes = [each.cause for each in self.attempts if each.cause]
        return message_of(self.cause or (causes[-1] if causes else ""))

    def seconds(self, now: datetime) -> float:
        """How long it took, or has taken so far."""
        return ((self.left_at or now) - self.entered_at).total_seconds()

    @property
    def is_waiting_to_retry(self) -> bool:
        """Whether the last attempt failed and the next one has not begun."""
        return (
            self.status is Status.IN_PROGRESS
            and bool(self.attempts)
            and self.attempts[-1].status in (Status.FAILED, Status.TIMED_OUT)
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One event as people read it; `state` is where it happened, or empty."""

    id: int
    at: datetime
    type: str
    state: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A history, read."""

    visits: Sequence[Visit]
    steps: Sequence[Step]

    @property
    def taken(self) -> set[tuple[str, str]]:
        """The pairs of states between which the execution went."""
        return {(each.came_from.state, each.state) for each in self.visits if each.came_from}

    def status_of(self, state: str) -> Status:
        """How a state stands, by its last visit."""
        last = self.last_visit(state)
        return last.status if last else Status.NOT_REACHED

    def last_visit(self, state: str) -> Visit | None:
        """The last stay in a state, if there was one."""
        return next((each for each in reversed(self.visits) if each.state == state), None)


def unpacked(text: object) -> object:
    """What a text that is JSON holds, else the text as it is."""
    if isinstance(text, str) and text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def message_of(cause: str) -> str:
    """Why something failed: of a Lambda function's error, its message."""
    value = unpacked(cause)
    message = value.get("errorMessage") if isinstance(value, dict) else None
    return message if isinstance(message, str) else cause


def read(events: Sequence[Event]) -> Timeline:
    """Read the events of GetExecutionHistory, the oldest first.

    Events name the one before them (`previousEventId`), which keeps parallel branches apart; where
    they do not, the order is what there is.
    """
    reader = _Reader()
    steps = [reader.read(event) for event in events]
    return Timeline(visits=reader.visits, steps=steps)


class _Reader:
    def __init__(self) -> None:
        self.visits: list[Visit] = []
        self._visit_of: dict[int, Visit] = {}

    def read(self, event: Event) -> Step:
        kind: str = event["type"]
        details = _details(event)
        visit = self._visit_before(event)
        if kind.endswith("StateEntered"):
            visit = self._enter(event, details, visit)
        elif visit is not None:
            self._go_on(visit, kind, event["timestamp"], details)
        if kind == "ExecutionRedriven":
            self._reopen()
        elif kind in _EXECUTION_ENDS:
            for each in self._open():
                _end(each, Status[_EXECUTION_ENDS[kind]], event["timestamp"], details)
        if kind.startswith("Execution"):
            visit = None
        elif visit is not None:
            self._visit_of[event["id"]] = visit
        return Step(event["id"], event["timestamp"], kind, visit.state if visit else "", details)

    def _visit_before(self, event: Event) -> Visit | None:
        """The visit that the event belongs to, or comes from."""
        previous = event.get("previousEventId", event["id"] - 1)
        return self._visit_of.get(previous) or next(iter(self._open()), None)

    def _reopen(self) -> None:
        """A redrive goes on with the states that did not succeed, without entering them anew."""
        for visit in self.visits:
            if visit.status in (Status.FAILED, Status.TIMED_OUT, Status.ABORTED):
                visit.status, visit.left_at = Status.IN_PROGRESS, None

    def _open(self) -> Iterator[Visit]:
        return (each for each in reversed(self.visits) if each.status is Status.IN_PROGRESS)

    def _enter(self, event: Event, details: Mapping[str, Any], before: Visit | None) -> Visit:
        if before is not None and before.status is Status.IN_PROGRESS and before.error:
            # Left by a Catch, which the local engine does not record.
            before.status, before.left_at = Status.CAUGHT, event["timestamp"]
        visit = Visit(
            state=details["name"],
            entered_at=event["timestamp"],
            came_from=before,
            input=details.get("input", ""),
        )
        if event["type"] == "FailStateEntered":
            visit.status = Status.FAILED
        self.visits.append(visit)
        return visit

    def _go_on(self, visit: Visit, kind: str, at: datetime, details: Mapping[str, Any]) -> None:
        if kind.endswith("StateExited"):
            visit.status = Status.CAUGHT if visit.error else Status.SUCCEEDED
            visit.left_at = at
            visit.output = details.get("output", "")
            visit.variables = details.get("assignedVariables", {})
        elif kind.endswith("StateAborted"):
            _end(visit, Status.ABORTED, at, {})
        elif kind == "EvaluationFailed":
            visit.error = details.get("error", "")
            visit.cause = details.get("cause", "")
        elif attempt := _ATTEMPT.fullmatch(kind):
            _try(visit, attempt["step"], at, details)


def _try(visit: Visit, step: str, at: datetime, details: Mapping[str, Any]) -> None:
    if step == "Scheduled":
        visit.attempts.append(Attempt(len(visit.attempts) + 1, at))
        visit.error = visit.cause = ""
        return
    if step in ("Started", "Submitted"):
        return
    if not visit.attempts:  # scheduling itself failed
        visit.attempts.append(Attempt(1, at))
    attempt = visit.attempts[-1]
    attempt.ended_at = at
    if step == "Succeeded":
        attempt.status = Status.SUCCEEDED
        return
    attempt.error = visit.error = details.get("error", "")
    # AWS writes TaskTimedOut; others TaskFailed with the same error.
    has_timed_out = step == "TimedOut" or attempt.error == "States.Timeout"
    attempt.status = Status.TIMED_OUT if has_timed_out else Status.FAILED
    attempt.cause = visit.cause = details.get("cause", "")


def _end(visit: Visit, status: Status, at: datetime, details: Mapping[str, Any]) -> None:
    """The visit ends because the execution does, or the branch that it is in."""
    visit.status = status
    visit.left_at = at
    visit.error = visit.error or details.get("error", "")
    visit.cause = visit.cause or details.get("cause", "")
    if visit.attempts and visit.attempts[-1].status is Status.IN_PROGRESS:
        visit.attempts[-1].status = status
        visit.attempts[-1].ended_at = at


def _details(event: Event) -> Mapping[str, Any]:
    return next(
        (value for name, value in event.items() if name.endswith("EventDetails") and value), {}
    )
