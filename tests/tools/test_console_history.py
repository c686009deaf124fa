"""What the console reads out of histories, as Step Functions and the local engine write them."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.ops.history import Status, Timeline, read
from tools.sources import ROOT
from tools.sources.asl import StateMachine, parse

MACHINES: dict[str, StateMachine] = {
    path.name.partition(".")[0]: parse(json.loads(path.read_text()))
    for path in (ROOT / "statemachines").glob("*.asl.json")
}
_BEGIN = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Recorder:
    """Writes a history as Step Functions does; every event comes a second after the last."""

    def __init__(self, *, names_previous: bool = True) -> None:
        self.events: list[dict[str, Any]] = []
        self._names_previous = names_previous
        self.write("ExecutionStarted", input="{}")

    def write(self, kind: str, *, after: int | None = None, **details: str) -> int:
        """One event; returns its id."""
        number = len(self.events) + 1
        event: dict[str, Any] = {
            "id": number,
            "type": kind,
            "timestamp": _BEGIN + timedelta(seconds=number),
        }
        if self._names_previous:
            event["previousEventId"] = number - 1 if after is None else after
        if details:
            key = kind
            for ending in ("StateEntered", "StateExited"):
                key = ending if kind.endswith(ending) else key
            event[f"{key[0].lower()}{key[1:]}EventDetails"] = details
        self.events.append(event)
        return number

    def succeed(self, state: str, kind: str = "Task") -> None:
        """Enter a state and leave it."""
        self.write(f"{kind}StateEntered", name=state, input='{"in": 1}')
        if kind == "Task":
            self.attempt()
        self.write(f"{kind}StateExited", name=state, output='{"out": 1}')

    def attempt(self, error: str | None = None, *, times_out: str | None = None) -> None:
        """One try of the task in hand; `times_out` is the event that says so."""
        self.write("TaskScheduled", resource="invoke")
        self.write("TaskStarted", resource="invoke")
        if times_out:
            self.write(times_out, error="States.Timeout")
        elif error:
            self.write("TaskFailed", error=error, cause="because")
        else:
            self.write("TaskSucceeded", output="{}")

    def read(self) -> Timeline:
        return read(self.events)


def statuses(timeline: Timeline) -> list[tuple[str, Status]]:
    return [(each.state, each.status) for each in timeline.visits]


@pytest.fixture(params=[True, False], ids=["as on AWS", "without previousEventId"])
def history(request: pytest.FixtureRequest) -> Recorder:
    return Recorder(names_previous=request.param)


def test_the_way_to_a_confirmed_rental(history: Recorder) -> None:
    history.succeed("AwaitPayment")
    history.succeed("ConfirmRental")
    history.succeed("RentalConfirmed", "Succeed")
    history.write("ExecutionSucceeded", output="{}")

    timeline = history.read()

    assert {each.status for each in timeline.visits} == {Status.SUCCEEDED}
    assert timeline.taken == {
        ("AwaitPayment", "ConfirmRental"),
        ("ConfirmRental", "RentalConfirmed"),
    }
    first = timeline.visits[0]
    assert (first.input, first.output) == ('{"in": 1}', '{"out": 1}')
    assert first.left_at is not None
    assert (first.left_at - first.entered_at).total_seconds() == 4
    assert timeline.status_of("ReleaseUnit") is Status.NOT_REACHED


def expect_caught(history: Recorder, error: str) -> Timeline:
    """The first state ended with this error, which the next one goes on from."""
    history.write("TaskStateExited", name="AwaitPayment", output="{}")
    history.succeed("ClosePaymentSession")
    timeline = history.read()
    assert statuses(timeline) == [
        ("AwaitPayment", Status.CAUGHT),
        ("ClosePaymentSession", Status.SUCCEEDED),
    ]
    assert timeline.visits[0].error == error
    assert timeline.taken == {("AwaitPayment", "ClosePaymentSession")}
    return timeline


def test_an_error_that_is_caught(history: Recorder) -> None:
    history.write("TaskStateEntered", name="AwaitPayment")
    history.attempt("PaymentCancelled")

    assert expect_caught(history, "PaymentCancelled").visits[0].cause == "because"


@pytest.mark.parametrize("event", ["TaskTimedOut", "TaskFailed"])
def test_a_time_out_that_is_caught(history: Recorder, event: str) -> None:
    history.write("TaskStateEntered", name="AwaitPayment")
    history.attempt(times_out=event)

    timeline = expect_caught(history, "States.Timeout")
    assert timeline.visits[0].attempts[0].status is Status.TIMED_OUT


def test_an_expression_that_cannot_be_evaluated(history: Recorder) -> None:
    history.write("TaskStateEntered", name="AwaitPayment")
    history.write("EvaluationFailed", error="States.QueryEvaluationError", cause="no such thing")

    expect_caught(history, "States.QueryEvaluationError")


def test_attempts_before_one_that_succeeds(history: Recorder) -> None:
    history.write("TaskStateEntered", name="ReserveUnit")
    for error in ("Lambda.TooManyRequestsException", "Lambda.TooManyRequestsException", None):
        history.attempt(error)
    history.write("TaskStateExited", name="ReserveUnit")

    (visit,) = history.read().visits

    assert (visit.status, visit.error) == (Status.SUCCEEDED, "")
    assert [(each.number, each.status) for each in visit.attempts] == [
        (1, Status.FAILED),
        (2, Status.FAILED),
        (3, Status.SUCCEEDED),
    ]


def test_waiting_for_somebody_and_waiting_to_retry_are_different(history: Recorder) -> None:
    history.write("TaskStateEntered", name="ClosePaymentSession")
    history.write("TaskScheduled", resource="invoke")
    assert not history.read().visits[0].is_waiting_to_retry

    history.write("TaskFailed", error="PaymentProviderUnavailable")

    (visit,) = history.read().visits
    assert visit.status is Status.IN_PROGRESS
    assert visit.is_waiting_to_retry


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("ExecutionAborted", Status.ABORTED),
        ("ExecutionTimedOut", Status.TIMED_OUT),
        ("ExecutionFailed", Status.FAILED),
    ],
)
def test_an_execution_that_ends_inside_of_a_state(
    history: Recorder, event: str, status: Status
) -> None:
    history.succeed("ReserveUnit")
    history.write("TaskStateEntered", name="AwaitPayment")
    history.write("TaskScheduled", resource="invoke")
    history.write(event, error="Stopped", cause="by an operator")

    timeline = history.read()

    assert statuses(timeline) == [("ReserveUnit", Status.SUCCEEDED), ("AwaitPayment", status)]
    last = timeline.visits[-1]
    assert last.attempts[0].status is status
    assert last.attempts[0].ended_at == last.left_at == timeline.steps[-1].at
    assert (last.error, last.cause) == ("Stopped", "by an operator")


def test_a_fail_state(history: Recorder) -> None:
    history.succeed("FlagForAttention")
    history.write("FailStateEntered", name="NeedsAttention")
    history.write("ExecutionFailed", error="NeedsAttention", cause="somebody must look")

    timeline = history.read()

    assert timeline.status_of("NeedsAttention") is Status.FAILED
    assert timeline.taken == {("FlagForAttention", "NeedsAttention")}


def test_a_state_that_is_visited_twice_stands_as_it_was_left_last(history: Recorder) -> None:
    history.write("TaskStateEntered", name="ConfirmRental")
    history.attempt("UnitNotHeld")
    history.write("TaskStateExited", name="ConfirmRental")
    history.succeed("ReserveUnit")
    history.succeed("ConfirmRental")

    timeline = history.read()

    assert timeline.status_of("ConfirmRental") is Status.SUCCEEDED
    assert [each.status for each in timeline.visits if each.state == "ConfirmRental"] == [
        Status.CAUGHT,
        Status.SUCCEEDED,
    ]
    assert timeline.taken == {("ConfirmRental", "ReserveUnit"), ("ReserveUnit", "ConfirmRental")}


def test_a_redrive_goes_on_where_the_execution_failed(history: Recorder) -> None:
    history.write("TaskStateEntered", name="ConfirmRental")
    history.attempt("Lambda.Unknown")
    history.write("ExecutionFailed", error="Lambda.Unknown")
    history.write("ExecutionRedriven")
    history.attempt()
    history.write("TaskStateExited", name="ConfirmRental")

    (visit,) = history.read().visits

    assert visit.status is Status.SUCCEEDED
    assert len(visit.attempts) == 2


def test_branches_that_run_at_once_are_kept_apart() -> None:
    history = Recorder()
    parallel = history.write("ParallelStateEntered", name="Both")
    started = history.write("ParallelStateStarted", after=parallel)
    left = history.write("TaskStateEntered", after=started, name="Left")
    right = history.write("TaskStateEntered", after=started, name="Right")
    left_try = history.write("TaskScheduled", after=left, resource="invoke")
    right_try = history.write("TaskScheduled", after=right, resource="invoke")
    failed = history.write("TaskFailed", after=right_try, error="Broken")
    history.write("TaskStateAborted", after=left_try)
    history.write("ParallelStateFailed", after=failed)
    history.write("ExecutionFailed", error="Broken")

    timeline = history.read()

    assert timeline.status_of("Left") is Status.ABORTED
    assert timeline.status_of("Right") is Status.FAILED
    assert timeline.status_of("Both") is Status.FAILED
    assert timeline.taken == {("Both", "Left"), ("Both", "Right")}


def test_every_step_says_in_which_state_it_was(history: Recorder) -> None:
    history.succeed("ReserveUnit")
    history.write("ExecutionAborted", cause="x")

    steps = history.read().steps

    assert [each.state for each in steps] == ["", *["ReserveUnit"] * 5, ""]
    assert [each.type for each in steps] == [each["type"] for each in history.events]


# --- any way through our own machines ---


@st.composite
def walks(draw: st.DrawFn) -> tuple[StateMachine, Recorder, Sequence[str], str]:
    """A way through one of our machines, and the history it leaves: up to an end, or cut short."""
    machine = MACHINES[draw(st.sampled_from(sorted(MACHINES)))]
    history = Recorder(names_previous=draw(st.booleans()))
    state = machine.states[machine.start]
    visited = [state.name]
    for _ in range(draw(st.integers(0, 20))):
        history.write(f"{state.type}StateEntered", name=state.name)
        if state.is_ending:
            break
        way = draw(st.sampled_from(state.transitions))
        if state.type == "Task":
            for _ in range(draw(st.integers(0, 2))):
                history.attempt("Retried")
            history.attempt(way.errors[0] if way.errors else None)
        history.write(f"{state.type}StateExited", name=state.name)
        state = machine.states[way.target]
        visited.append(state.name)
    else:
        history.write(f"{state.type}StateEntered", name=state.name)
    end = draw(st.sampled_from(["", "ExecutionAborted", "ExecutionTimedOut"]))
    if not state.is_ending and end:
        history.write(end)
    return machine, history, visited, end


@given(walks())
def test_any_history_of_our_machines_fits_their_graph(
    walk: tuple[StateMachine, Recorder, Sequence[str], str],
) -> None:
    machine, history, visited, end = walk
    timeline = history.read()

    assert [each.state for each in timeline.visits] == list(visited)
    assert {each.state for each in timeline.visits} <= set(machine.states)
    assert timeline.taken <= {(each.source, each.target) for each in machine.transitions}
    for visit in timeline.visits[:-1]:
        assert visit.status in (Status.SUCCEEDED, Status.CAUGHT)
        assert visit.left_at is not None
    last = timeline.visits[-1]
    if machine.states[last.state].type == "Fail":
        assert last.status is Status.FAILED
    elif not machine.states[last.state].is_ending:
        expected = {"ExecutionAborted": Status.ABORTED, "ExecutionTimedOut": Status.TIMED_OUT}
        assert last.status is expected.get(end, Status.IN_PROGRESS)
