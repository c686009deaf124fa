"""State machine definitions (Amazon States Language) as graphs: who leads where, and why."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Definition = Mapping[str, Any]

_NOT_THE_RULE = ("Next", "Comment", "Assign", "Output")

ENDINGS = ("Succeed", "Fail")
# What `Catch` calls every error that it can catch.
ANY_ERROR = "States.ALL"


class Reason(StrEnum):
    """Why an execution goes from one state to another."""

    NEXT = "next"
    CHOICE = "choice"
    DEFAULT = "default"
    CATCH = "catch"
    BRANCH = "branch"


@dataclass(frozen=True, slots=True)
class Transition:
    """One way out of a state. `errors` are those of a Catch, `condition` that of a Choice;
    `assigned` are the variables that are set on the way.
    """

    source: str
    target: str
    reason: Reason
    errors: tuple[str, ...] = ()
    condition: str = ""
    assigned: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class State:
    """One state, and every way out of it in the order in which they are tried."""

    name: str
    type: str
    comment: str
    definition: Definition
    transitions: tuple[Transition, ...]

    @property
    def is_ending(self) -> bool:
        """Whether the execution ends here by the state's own type."""
        return self.type in ENDINGS

    @property
    def targets(self) -> list[str]:
        """Where it leads, each once."""
        return list(dict.fromkeys(each.target for each in self.transitions))


@dataclass(frozen=True, slots=True)
class StateMachine:
    """A definition, read. States inside of Parallel and Map states are among `states`."""

    comment: str
    start: str
    states: Mapping[str, State]

    @property
    def transitions(self) -> list[Transition]:
        """Every way from one state to another."""
        return [each for state in self.states.values() for each in state.transitions]


def parse(definition: Definition) -> StateMachine:
    """Read a definition. Raises KeyError when it has no StartAt or no States."""
    return StateMachine(
        comment=definition.get("Comment", ""),
        start=definition["StartAt"],
        states={state.name: state for state in _states(definition)},
    )


def transitions(name: str, state: Definition) -> Iterator[Transition]:
    """The ways out of a state as it is written."""
    assigned = frozenset(state.get("Assign", ()))
    for branch in state.get("Choices", ()):
        yield Transition(
            name,
            branch["Next"],
            Reason.CHOICE,
            condition=_condition(branch),
            assigned=assigned | frozenset(branch.get("Assign", ())),
        )
    if "Default" in state:
        yield Transition(name, state["Default"], Reason.DEFAULT, assigned=assigned)
    if "Next" in state:
        yield Transition(name, state["Next"], Reason.NEXT, assigned=assigned)
    for inner in _inner(state):
        yield Transition(name, inner["StartAt"], Reason.BRANCH)
    for catcher in state.get("Catch", ()):
        yield Transition(
            name,
            catcher["Next"],
            Reason.CATCH,
            errors=tuple(catcher["ErrorEquals"]),
            assigned=frozenset(catcher.get("Assign", ())),
        )


def _condition(branch: Definition) -> str:
    """JSONata's condition, or the rule of a JSONPath definition."""
    if "Condition" in branch:
        return str(branch["Condition"])
    return json.dumps({key: value for key, value in branch.items() if key not in _NOT_THE_RULE})


def _states(definition: Definition) -> Iterator[State]:
    for name, state in definition["States"].items():
        yield State(
            name=name,
            type=state["Type"],
            comment=state.get("Comment", ""),
            definition=state,
            transitions=tuple(transitions(name, state)),
        )
        for inner in _inner(state):
            yield from _states(inner)


def _inner(state: Definition) -> list[Definition]:
    """The state machines inside of a Parallel or Map state."""
    nested = [*state.get("Branches", ())]
    nested += [state[key] for key in ("ItemProcessor", "Iterator") if key in state]
    return nested
