"""The states of both machines, and the functions behind them."""

import importlib
import inspect
import re
from typing import Any

from rentals import errors
from rentals.errors import ApplicationError
from tests.support.sources import Json, definitions, resources
from tools.sources.asl import transitions

LAMBDA = "arn:aws:states:::lambda:invoke"
OURS = {
    name
    for name, each in vars(errors).items()
    if inspect.isclass(each) and issubclass(each, ApplicationError)
}
# What the shell of every task, and every transaction, may raise; retried everywhere.
RAISED_ANYWHERE = {"InfrastructureUnavailable", "WriteContended"}
# What PayMongo may do when it is asked again.
CURED_BY_PAYMONGO = {
    "PaymentProviderUnavailable",
    "PaymentProviderThrottled",
    "PaymentSessionOpen",
}
MACHINES = sorted(definitions())
STATES = [(machine, name) for machine in MACHINES for name in definitions()[machine]["States"]]
TASKS = [
    (machine, name)
    for machine, name in STATES
    if definitions()[machine]["States"][name]["Type"] == "Task"
]


def state_of(machine: str, name: str) -> Json:
    """A state's definition."""
    state: Json = definitions()[machine]["States"][name]
    return state


def lambda_tasks() -> list[tuple[str, str]]:
    """The Task states that invoke a function."""
    return [each for each in TASKS if state_of(*each)["Resource"] == LAMBDA]


def ordinary_way(machine: str) -> list[str]:
    """The states of an execution in which nothing unusual happens."""
    way = [definitions()[machine]["StartAt"]]
    while following := state_of(machine, way[-1]).get("Next"):
        way.append(following)
    return way


def function_of(state: Json) -> str:
    """Logical id of the function that a task invokes."""
    match = re.fullmatch(r"\$\{(\w+Function)Arn\}", state["Arguments"]["FunctionName"])
    assert match is not None
    return match[1]


def handler_of(state: Json) -> Any:
    """The function behind a task."""
    properties = resources("AWS::Serverless::Function")[function_of(state)]
    module, _, name = properties["Handler"].rpartition(".")
    return getattr(importlib.import_module(module), name)


def raises(state: Json) -> set[str]:
    """The errors that a task's handler says it raises, with what is a kind of them."""
    documented = (handler_of(state).__doc__ or "").partition("Raises")[2]
    named = set(re.findall(r"\b[A-Z]\w+\b", documented)) & OURS
    return {
        name for name in OURS if named & {base.__name__ for base in getattr(errors, name).__mro__}
    }


def targets(state: Json) -> list[str]:
    """The states that may come next."""
    return [each.target for each in transitions("", state)]
