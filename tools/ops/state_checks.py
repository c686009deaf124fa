"""What AWS itself makes of each state of a deployed state machine: TestState, with mocked results.

No function is called and no row is read or written.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_RENTAL_ID = "00000000-0000-5000-8000-000000000000"
_ENTERED_AT = "2026-01-31T10:00:00.000Z"
# What every rule for all errors catches, and no other rule.
_UNNAMED = "SmokeTest"
_CONDITION = re.compile(r"\$states\.input\.(\w+)(?: = '(\w+)')?")


@dataclass(frozen=True, slots=True)
class Case:
    """A state, what it is given or what becomes of its call, and TestState's answer to that."""

    state: str
    what: str
    request: Json
    expected: Json


def cases(definition: Json) -> Iterator[Case]:
    """Every end, every branch of a choice; of every task its result, a retry, and each error that
    is caught, once retries are used up.
    """
    for name, state in definition["States"].items():
        match state["Type"]:
            case "Task":
                yield from _of_task(name, state)
            case "Choice":
                yield from _of_choice(name, state)
            case "Succeed":
                yield Case(name, "ends", {}, {"status": "SUCCEEDED"})
            case _:
                expected = {"status": "FAILED", "error": state["Error"]}
                yield Case(name, "ends", {}, expected)


def problems(client: Any, definition: Json) -> Iterator[str]:
    """Ask TestState about every case; what it answers that is not expected."""
    for case in cases(definition):
        answer = client.test_state(
            definition=json.dumps(definition),
            stateName=case.state,
            variables=json.dumps({"reason": "error", "problem": _UNNAMED}),
            **case.request,
        )
        found = {key: answer.get(key) for key in case.expected}
        if found != case.expected:
            yield f"{case.state}, {case.what}: {found} {answer.get('cause', '')}".rstrip()


def _of_task(name: str, state: Json) -> Iterator[Case]:
    result = {"result": json.dumps({"StatusCode": 200, "Payload": {"paid": True}})}
    ended = {"status": "SUCCEEDED", "nextState": state["Next"]}
    yield Case(name, "result", _mocked(name, result), ended)
    retried = _named(state["Retry"][0])
    yield Case(name, f"{retried} at first", _failing(name, retried, 0), {"status": "RETRIABLE"})
    for catcher in state["Catch"]:
        error = _named(catcher)
        tried = max(
            (e["MaxAttempts"] for e in state["Retry"] if error in e["ErrorEquals"]), default=0
        )
        caught = {"status": "CAUGHT_ERROR", "nextState": catcher["Next"]}
        yield Case(name, error, _failing(name, error, tried), caught)


def _of_choice(name: str, state: Json) -> Iterator[Case]:
    met = [_CONDITION.search(rule["Condition"]) for rule in state["Choices"]]
    asked = {found[1]: False for found in met if found}
    for rule, found in zip(state["Choices"], met, strict=True):
        given = {found[1]: found[2] or True} if found else {}
        yield _chosen(name, asked | given, rule["Next"])
    yield _chosen(name, asked, state["Default"])


def _chosen(name: str, given: Json, following: str) -> Case:
    expected = {"status": "SUCCEEDED", "nextState": following}
    return Case(name, str(given), {"input": json.dumps(given)}, expected)


def _named(rule: Json) -> str:
    """An error that this rule is for: one of its own before one of the language's."""
    names = [each for each in rule["ErrorEquals"] if not each.startswith("States.")]
    return str((names or rule["ErrorEquals"])[0]).replace("States.ALL", _UNNAMED)


def _failing(name: str, error: str, tried: int) -> Json:
    request = _mocked(name, {"errorOutput": {"error": error, "cause": "the smoke test says so"}})
    return request | {"stateConfiguration": {"retrierRetryCount": tried}}


def _mocked(name: str, mock: Json) -> Json:
    # What functions answer is ours, and validated elsewhere: here it is about the definition.
    return {
        "input": "{}",
        "mock": mock | {"fieldValidationMode": "NONE"},
        "context": json.dumps(
            {
                "Execution": {"Name": _RENTAL_ID, "Input": {"rental_id": _RENTAL_ID}},
                "State": {"Name": name, "EnteredTime": _ENTERED_AT},
                "Task": {"Token": _UNNAMED},
            }
        ),
    }
