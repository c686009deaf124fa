"""Replaying an event and watching what becomes of it."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.text import Text

from tools import replay
from tools.cli.session import Session, table
from tools.ops import dossier, executions, rows
from tools.ops.executions import Execution
from tools.ops.target import Target
from tools.replay import Answer, Sample

Json = dict[str, Any]

# How long nothing must happen for an execution that waits to be called quiet.
_QUIET_SECONDS = 1.5
_POLL_SECONDS = 0.3
_LONGEST_BODY = 2000
_CLOCKS_DIFFER = timedelta(seconds=2)


@dataclass(frozen=True)
class Outcome:
    """What came of an event; the rows are None when it is about no rental."""

    sample: Sample
    answers: list[Answer]
    before: Json | None
    after: Json | None
    executions: list[Execution]
    steps_before: int

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
    session: Session,
    sample: Sample,
    *,
    rental_id: str | None,
    over_http: bool,
    times: int,
    at_once: int,
    as_it_is: bool,
    wait_seconds: float,
) -> Outcome:
    """Fill in, send, watch. Raises CommandError."""
    target = session.target
    send = replay.sender(target, sample, over_http=over_http)
    row: Json | None = None
    if not as_it_is:
        sample, row = _prepared(session, sample, rental_id)
    known = executions.read(target, executions.execution_arn(target, row["id"])) if row else None
    started = datetime.now(UTC) - _CLOCKS_DIFFER
    answers = replay.send_all(sample, send, times=times, at_once=at_once)
    found: list[Execution] = []
    if row is not None:
        with session.working("Watching"):
            found = _watch(target, row["id"], started, wait_seconds)
    return Outcome(
        sample=sample,
        answers=answers,
        before=row,
        after=rows.rental(target, row["id"]) if row else None,
        executions=found,
        steps_before=len(known.steps) if known else 0,
    )


def _prepared(
    session: Session, sample: Sample, rental_id: str | None
) -> tuple[Sample, Json | None]:
    target = session.target
    row: Json | None = None
    if sample.is_about_a_rental:
        row = rows.rental(target, rental_id) if rental_id else replay.choose_rental(target, sample)
        which = "" if rental_id else " (the newest that fits)"
        session.note(f"Rental {row['id']}, {row['paymentStatus']}{which}")
        facts, notes = replay.facts_of(target, sample, row)
        for note in notes:
            session.note(note)
        sample = replay.fill_in(sample, facts)
    return replay.ready(target, replay.with_new_event_id(sample)), row


def _watch(target: Target, rental_id: str, started: datetime, seconds: float) -> list[Execution]:
    """The rental's executions once they are over or wait for somebody, at most after `seconds`."""
    deadline = time.monotonic() + seconds
    seen, quiet_since = -1, time.monotonic()
    while True:
        found = executions.of_rental(target, rental_id, started)
        progress = sum(len(each.steps) + (not each.is_running) for each in found)
        if progress != seen:
            seen, quiet_since = progress, time.monotonic()
        is_quiet = time.monotonic() - quiet_since > _QUIET_SECONDS
        if is_quiet and all(_rests(each) for each in found):
            return found
        if time.monotonic() > deadline:
            return found
        time.sleep(_POLL_SECONDS)


def _rests(execution: Execution) -> bool:
    return not execution.is_running or (
        bool(execution.steps) and execution.steps[-1].state == "AwaitPayment"
    )


def render(outcome: Outcome, *, is_terminal: bool = True) -> list[Any]:
    """For people; what is no terminal gets bodies whole and on one line, for other programs."""
    parts: list[Any] = [_answers(outcome.answers, _LONGEST_BODY if is_terminal else None)]
    now = datetime.now(UTC)
    for each in outcome.executions:
        is_own = each.machine == "rental"
        skipped = max(outcome.steps_before - 1, 0) if is_own else 0
        if is_own and len(each.steps) == outcome.steps_before and not each.is_running:
            continue  # it was over before
        parts.append(dossier.timeline(each, now, since_step=skipped))
    if outcome.before and outcome.after:
        parts.append(_change(outcome.before, outcome.after))
    return parts


def _answers(answers: list[Answer], longest: int | None) -> Any:
    if len(answers) == 1:
        answer = answers[0]
        text = Text(f"{answer.status} ", "bold").append(answer.body[:longest])
        return text.append(f"  {answer.seconds:.2f} s", "dim")
    shown = table("answers", "status", "body")
    for (status, body), count in Counter(
        (each.status, each.body[:longest]) for each in answers
    ).most_common():
        shown.add_row(str(count), status, body)
    return shown


def _change(before: Mapping[str, Any], after: Mapping[str, Any]) -> Text:
    was, is_ = before["paymentStatus"], after["paymentStatus"]
    text = Text("The rental ")
    if was == is_:
        return text.append("is still ").append_text(dossier.coloured(is_))
    return (
        text.append("was ")
        .append_text(dossier.coloured(was))
        .append(", is ")
        .append_text(dossier.coloured(is_))
    )
