"""Step Functions, as far as our state machines need it: one task attempt at a time.

Interprets statemachines/*.asl.json: Task (lambda:invoke and the DynamoDB update that waits for a
token), Choice, Succeed, Fail; JSONata with Arguments, Assign, Output; Retry and Catch. How long a
retry waits is not simulated: the simulation decides what happens in between.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError
from jsonata import Jsonata

from infra.clock import timestamp
from tests.search.interleavings.invocations import Invocation, call_aws
from tests.support.sources import definitions, resources, value_of

Json = dict[str, Any]

ACCOUNT = "123456789012"
REGION = "ap-southeast-1"
RENTAL = "RentalStateMachine"
SETTLEMENT = "SettlementStateMachine"
FULFILLMENT = "FulfillmentStateMachine"
_ENDED_BADLY = ("ABORTED", "FAILED", "TIMED_OUT")
_OF_NEXT_RELEASE = "Anew"
# A state machine or a function, by `!Sub ${Name}:live` or `!Ref Name.Alias`.
_TARGET = re.compile(r".*?(\w+(?:StateMachine|Function))\b")


class _AlreadyExists(ClientError):
    pass


class _DoesNotExist(ClientError):
    pass


def machine_arn(name: str) -> str:
    """The ARN that functions get in their environment."""
    return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"


@cache
def deployed_definition(name: str) -> Json:
    """A definition as deployed; functions are named `module.handler`."""
    text = json.dumps(definitions()[name])
    for key, value in resources("AWS::Serverless::StateMachine")[name][
        "DefinitionSubstitutions"
    ].items():
        if key.endswith("FunctionArn"):
            function = resources("AWS::Serverless::Function")[key.removesuffix("Arn")]
            text = text.replace(f"${{{key}}}", function["Handler"])
        else:
            text = text.replace(f"${{{key}}}", value_of(value))
    definition: Json = json.loads(text)
    return definition


@cache
def _next_release(name: str) -> Json:
    """A definition as another release may have it: no state has the name that it had."""
    text = json.dumps(deployed_definition(name))
    for state in deployed_definition(name)["States"]:
        text = text.replace(f'"{state}"', f'"{state}{_OF_NEXT_RELEASE}"')
    definition: Json = json.loads(text)
    return definition


@cache
def transitions() -> frozenset[tuple[str, str, str]]:
    """Every way from one state to another: machine, from, to."""
    return frozenset(
        (name, state_name, way[key])
        for name, definition in definitions().items()
        for state_name, state in definition["States"].items()
        for way in (state, *state.get("Catch", ()), *state.get("Choices", ()))
        for key in ("Next", "Default")
        if key in way
    )


@cache
def _targets() -> list[Json]:
    """EventBridge rules for executions that have ended: what each starts or invokes."""
    return [
        {"pattern": rule["EventPattern"]["detail"], "target": target, "starts": named[1]}
        for rule in resources("AWS::Events::Rule").values()
        for target in rule["Targets"]
        if (named := _TARGET.match(json.dumps(target["Arn"])))
    ]


@dataclass(slots=True)
class TaskError:
    """How a task attempt failed."""

    name: str
    cause: str = ""


@dataclass(slots=True, eq=False)
class Execution:
    """One execution; `busy` is the task attempt under way, `token` the one waited for."""

    machine: str
    name: str
    input: Json
    definition: Json
    started_at: float
    state: str
    entered_at: str
    data: Any
    status: str = "RUNNING"
    error: str | None = None
    variables: Json = field(default_factory=dict)
    retries: dict[int, int] = field(default_factory=dict)
    busy: Invocation | None = None
    token: str | None = None
    deadline: float | None = None

    @property
    def arn(self) -> str:
        """As DescribeExecution wants it."""
        return f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{self.machine}:{self.name}"

    @property
    def is_running(self) -> bool:
        return self.status == "RUNNING"

    @property
    def stage(self) -> str:
        """Its state, whatever the release."""
        return self.state.removesuffix(_OF_NEXT_RELEASE)

    @property
    def times_out_at(self) -> float:
        """When the execution as a whole has taken too long."""
        return self.started_at + float(self.definition["TimeoutSeconds"])

    @property
    def can_advance(self) -> bool:
        """Whether its next state or attempt can begin."""
        return self.is_running and self.busy is None and self.token is None

    def __str__(self) -> str:
        return f"{self.machine[:10]} {self.name[:8]}{self.name[36:]}"


class StepFunctions:
    """The service: its executions, and its API as a boto3 client."""

    exceptions = SimpleNamespace(
        ExecutionAlreadyExists=_AlreadyExists, ExecutionDoesNotExist=_DoesNotExist
    )

    def __init__(self, clock: Any, update_item: Callable[[Json], Any]) -> None:
        self.executions: list[Execution] = []
        self.events: list[Json] = []
        self.taken: set[tuple[str, str, str]] = set()
        self.is_next_release = False
        self._clock = clock
        self._update_item = update_item
        self._tokens: dict[str, Execution] = {}
        self._event_starts = 0

    # --- the API ---

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> Json:  # noqa: A002, N803
        return self._call("StartExecution", lambda: self._start(stateMachineArn, name, input))

    def send_task_success(self, *, taskToken: str, output: str) -> Json:  # noqa: N803
        def succeed() -> Json:
            execution = self._take(taskToken, "SendTaskSuccess")
            self._succeed(execution, json.loads(output))
            return {}

        return self._call("SendTaskSuccess", succeed)

    def send_task_failure(self, *, taskToken: str, error: str, cause: str) -> Json:  # noqa: N803
        def fail() -> Json:
            self._fail(self._take(taskToken, "SendTaskFailure"), TaskError(error, cause))
            return {}

        return self._call("SendTaskFailure", fail)

    def describe_execution(self, *, executionArn: str) -> Json:  # noqa: N803
        def describe() -> Json:
            for each in self.executions:
                if each.arn == executionArn:
                    return {"status": each.status}
            raise _DoesNotExist({"Error": {"Code": "ExecutionDoesNotExist"}}, "DescribeExecution")

        return self._call("DescribeExecution", describe)

    def _call(self, operation: str, work: Callable[[], Json]) -> Json:
        return call_aws("states", operation, work, is_index=False)

    def _start(self, machine_arn_: str, name: str, text: str) -> Json:
        machine = machine_arn_.rpartition(":")[2]
        assert len(name) <= 80, name
        data = json.loads(text)
        for each in self.executions:
            if (each.machine, each.name) == (machine, name):
                if each.is_running and each.input == data:
                    return {"executionArn": each.arn}
                raise _AlreadyExists(
                    {"Error": {"Code": "ExecutionAlreadyExists"}}, "StartExecution"
                )
        definition = (_next_release if self.is_next_release else deployed_definition)(machine)
        execution = Execution(
            machine=machine,
            name=name,
            input=data,
            definition=definition,
            started_at=self._clock.time(),
            state=definition["StartAt"],
            entered_at=timestamp(self._clock.now()),
            data=data,
        )
        self.executions.append(execution)
        return {"executionArn": execution.arn}

    def _take(self, token: str, operation: str) -> Execution:
        execution = self._tokens.get(token)
        if execution is None:
            raise ClientError({"Error": {"Code": "InvalidToken"}}, operation)
        if execution.token != token or not execution.is_running:
            raise ClientError({"Error": {"Code": "TaskTimedOut"}}, operation)
        return execution

    # --- what operators, time and EventBridge do ---

    def stop(self, execution: Execution) -> None:
        """StopExecution: no Catch runs; a function under way goes on by itself."""
        self._end(execution, "ABORTED")

    def time_out(self, execution: Execution) -> None:
        """A wait has lasted too long: a hold runs out."""
        self._fail(execution, TaskError("States.Timeout"))

    def time_out_as_a_whole(self, execution: Execution) -> None:
        """The state machine's own TimeoutSeconds: no Catch runs."""
        self._end(execution, "TIMED_OUT")

    def start_target(self, event: Json) -> None:
        """EventBridge starts a state machine; every delivery is an execution of its own."""
        self._event_starts += 1
        self._start(machine_arn(event["starts"]), f"event-{self._event_starts}", event["input"])

    def _end(self, execution: Execution, status: str, error: str | None = None) -> None:
        execution.status, execution.error = status, error
        execution.busy = execution.token = execution.deadline = None
        if status not in _ENDED_BADLY:
            return
        text = json.dumps(execution.input)
        event = {"detail": {"name": execution.name, "status": status, "input": text}}
        for rule in _targets():
            machines = [each["Ref"] for each in rule["pattern"]["stateMachineArn"]]
            if execution.machine not in machines or status not in rule["pattern"]["status"]:
                continue
            if rule["starts"].endswith("StateMachine"):
                text = _transformed(rule["target"]["InputTransformer"], event)
                self.events.append({"starts": rule["starts"], "input": text})
            else:
                function = resources("AWS::Serverless::Function")[rule["starts"]]["Handler"]
                self.events.append({"invokes": function, "event": event})

    # --- the interpreter ---

    def advance(self, execution: Execution) -> Json | None:
        """Run a state that needs no function, or say which one to invoke: name and payload."""
        state = execution.definition["States"][execution.state]
        match state["Type"]:
            case "Succeed":
                self._end(execution, "SUCCEEDED")
            case "Fail":
                _evaluate(state["Cause"], self._scope(execution))
                self._end(execution, "FAILED", state["Error"])
            case "Choice":
                scope = self._scope(execution)
                taken = [each for each in state["Choices"] if holds(each["Condition"], scope)]
                # What the state itself assigns is for its Default.
                way = taken[0] if taken else {**state, "Next": state["Default"]}
                self._leave(execution, way, scope, execution.data)
            case _:
                return self._begin_task(execution, state)
        return None

    def _begin_task(self, execution: Execution, state: Json) -> Json | None:
        scope = self._scope(execution)
        if state["Resource"] == "arn:aws:states:::lambda:invoke":
            arguments: Json = _evaluate(state["Arguments"], scope)
            return {"function": arguments["FunctionName"], "payload": arguments["Payload"]}
        assert state["Resource"].endswith(":dynamodb:updateItem.waitForTaskToken")
        token = f"token-{len(self._tokens)}-{execution.name[:8]}"
        scope["context"]["Task"] = {"Token": token}
        self._tokens[token] = execution
        execution.token = token
        execution.deadline = self._clock.time() + _evaluate(state["TimeoutSeconds"], scope)
        return {"update": _evaluate(state["Arguments"], scope)}

    def update_for_token(self, execution: Execution, arguments: Json) -> None:
        """The DynamoDB call of a state that waits for its token."""
        try:
            self._update_item(arguments)
        except ClientError as error:
            code = error.response["Error"]["Code"].removesuffix("Exception")
            self._fail(execution, TaskError(f"DynamoDb.{code}Exception"))

    def lose_update(self, execution: Execution, error_name: str) -> None:
        """The same, failing with this error as far as Step Functions can see."""
        self._fail(execution, TaskError(error_name))

    def finish_task(self, execution: Execution, payload: Any, error: TaskError | None) -> None:
        """A function answered, or did not."""
        execution.busy = None
        if error is None:
            self._succeed(execution, {"Payload": payload})
        else:
            self._fail(execution, error)

    def _succeed(self, execution: Execution, result: Any) -> None:
        state = execution.definition["States"][execution.state]
        scope = self._scope(execution) | {"result": result}
        output = _evaluate(state["Output"], scope) if "Output" in state else result
        self._leave(execution, state, scope, output)

    def _fail(self, execution: Execution, error: TaskError) -> None:
        state = execution.definition["States"][execution.state]
        execution.busy = execution.token = execution.deadline = None
        for number, retrier in enumerate(state.get("Retry", ())):
            if _matches(retrier["ErrorEquals"], error.name):
                execution.retries[number] = execution.retries.get(number, 0) + 1
                if execution.retries[number] <= retrier.get("MaxAttempts", 3):
                    return
                break
        told = {"Error": error.name, "Cause": error.cause}
        for catcher in state.get("Catch", ()):
            if _matches(catcher["ErrorEquals"], error.name):
                scope = self._scope(execution) | {"errorOutput": told}
                self._leave(execution, catcher, scope, told)
                return
        self._end(execution, "FAILED", error.name)

    def _leave(self, execution: Execution, how: Json, scope: Json, output: Any) -> None:
        execution.variables |= _evaluate(how.get("Assign", {}), scope)
        execution.data = output
        self._enter(execution, how["Next"])

    def _enter(self, execution: Execution, state: str) -> None:
        before = execution.stage
        execution.state = state
        self.taken.add((execution.machine, before, execution.stage))
        execution.retries = {}
        execution.busy = execution.token = execution.deadline = None
        execution.entered_at = timestamp(self._clock.now())

    def _scope(self, execution: Execution) -> Json:
        return {
            "input": execution.data,
            "context": {
                "Execution": {"Input": execution.input, "Name": execution.name},
                "State": {"Name": execution.state, "EnteredTime": execution.entered_at},
            },
            "variables": execution.variables,
        }


def _matches(names: list[str], error: str) -> bool:
    return (
        error in names
        or "States.ALL" in names
        or ("States.TaskFailed" in names and error != "States.Timeout")
    )


@cache
def _parsed(expression: str) -> Jsonata:
    return Jsonata(expression)


def _evaluate(value: Any, scope: Json) -> Any:
    """A JSONata field: every string in `{% %}` is an expression."""
    if isinstance(value, Mapping):
        return {key: _evaluate(each, scope) for key, each in value.items()}
    if isinstance(value, list):
        return [_evaluate(each, scope) for each in value]
    if not (isinstance(value, str) and value.startswith("{%") and value.endswith("%}")):
        return value
    return evaluated(value[2:-2].strip(), scope)


def holds(condition: str, scope: Json) -> bool:
    """A Choice's condition. AWS takes true and false, and fails the execution for all else."""
    result = _evaluate(condition, scope)
    assert isinstance(result, bool), f"{condition} is {result!r}: States.QueryEvaluationError"
    return result


def evaluated(text: str, scope: Json) -> Any:
    """What an expression gives."""
    expression = _parsed(text)
    frame = expression.create_frame()
    frame.bind("states", {key: each for key, each in scope.items() if key != "variables"})
    for name, each in scope["variables"].items():
        frame.bind(name, each)
    result = expression.evaluate(None, frame)
    assert result is not None, f"{text} has no value: States.QueryEvaluationError"
    return result


def _transformed(transformer: Json, event: Json) -> str:
    def value(name: re.Match[str]) -> str:
        found: Any = event
        for part in transformer["InputPathsMap"][name[1]].split(".")[1:]:
            found = found[part]
        return json.dumps(found)

    return re.sub(r"<(\w+)>", value, transformer["InputTemplate"])
