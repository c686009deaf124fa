"""Replaying an event and watching what becomes of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tools.ops import executions, rows
from tools.ops.executions import Execution
from tools.ops.target import Target
from tools.replay.samples import Sample
from tools.replay.sending import Answer, Send, send_all

Json = dict[str, Any]

# How long nothing must happen for an execution that waits to be called quiet.
_QUIET_SECONDS = 1.5
_POLL_SECONDS = 0.3
_CLOCKS_DIFFER = timedelta(seconds=2)


@dataclass(frozen=True)
class Outcome:
    """What came of an event; the rows are None when it is about no rental. `steps_before` is how
    many states an execution had visited before, by ARN.
    """

    sample: Sample
    answers: list[Answer]
    before: Json | None
    after: Json | None
    executions: list[Execution]
    steps_before: Mapping[str, int]

    def to_json(self) -> Json:
        """For scripts."""
        return {
            "event": self.sample.name,
            "rental_id": self.before and self.before["id"],
            "answers": [
                {"status": each.status, "body": each.body, "seconds": round(each.seconds, 3)}
                for each in self.answers
            ],
            "status_before": self.before and self.before["paymentStatus"],
            "status_after": self.after and self.after["paymentStatus"],
            "executions": [each.to_json() for each in self.executions],
        }


def run(  # noqa: PLR0913 - each is one way of replaying
    target: Target,
    sample: Sample,
    row: Json | None,
    send: Send,
    *,
    times: int,
    at_once: int,
    wait_seconds: float,
) -> Outcome:
    """Send an event that is ready, and watch what becomes of its rental."""
    started = datetime.now(UTC) - _CLOCKS_DIFFER
    known = _executions(target, row["id"], started) if row else []
    answers = send_all(sample, send, times=times, at_once=at_once)
    return Outcome(
        sample=sample,
        answers=answers,
        before=row,
        executions=_watch(target, row["id"], started, wait_seconds) if row else [],
        after=rows.rental(target, row["id"]) if row else None,
        steps_before={each.arn: len(each.visits) for each in known},
    )


def _watch(target: Target, rental_id: str, started: datetime, seconds: float) -> list[Execution]:
    """The rental's executions once they are over or wait for somebody, at most after `seconds`."""
    deadline = time.monotonic() + seconds
    seen, quiet_since = -1, time.monotonic()
    while True:
        found = _executions(target, rental_id, started)
        progress = sum(len(each.visits) + (not each.is_running) for each in found)
        if progress != seen:
            seen, quiet_since = progress, time.monotonic()
        is_quiet = time.monotonic() - quiet_since > _QUIET_SECONDS
        if is_quiet and all(_rests(each) for each in found):
            return found
        if time.monotonic() > deadline:
            return found
        time.sleep(_POLL_SECONDS)


def _executions(target: Target, rental_id: str, started: datetime) -> list[Execution]:
    row = rows.rental(target, rental_id)
    return [
        *executions.of_rental(target, rental_id, started),
        *executions.of_fulfillment(target, row),
    ]


def _rests(execution: Execution) -> bool:
    return not execution.is_running or (
        bool(execution.visits) and execution.visits[-1].state.startswith("Await")
    )
