"""What functions and state machines really called while tests ran against a local stack."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tests.support.recording.calls import (
    IDENTITY,
    PAYMONGO_ID,
    RENTAL_ID,
    caller,
    operation,
    permissions,
    target,
)
from tests.support.recording.proxy import Answer, Proxy, Request
from tools.local.stack import STACK_NAME, LocalStack

PAYMONGO = "PayMongo"
# What EventBridge does for a rule, with the role that the template gives it.
EVENTBRIDGE_ROLE = "StartSettlementRole"

_NAMED_OTHERWISE = {
    "AWS::SecretsManager::Secret",
    "AWS::Lambda::Alias",
    "AWS::Lambda::Version",
    "AWS::StepFunctions::StateMachineAlias",
    "AWS::StepFunctions::StateMachineVersion",
}

# (who, IAM action, resource): logical ids of the template.
Use = tuple[str, str, str]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One call of a function, as it came by."""

    function: str
    operation: str
    target: str
    permissions: tuple[tuple[str, str], ...]
    rental_id: str | None
    invocation: str
    key: str
    milliseconds: float
    status: int
    request_bytes: int
    response_bytes: int
    read_units: float = 0.0
    write_units: float = 0.0

    @property
    def name(self) -> str:
        """As it stands in budgets: `GetItem Rentals`."""
        return f"{self.operation} {self.target}"


class Meter(Protocol):
    """Counts the capacity units of a request that is about to be sent on."""

    def read_and_write_units(
        self, operation: str, request: Json, forward: Callable[[], Answer]
    ) -> tuple[Answer, float, float]:
        """Send it on; the answer, read request units, write request units."""
        ...


class _Recorder(Proxy):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._lock = threading.Lock()
        self._calls: list[Recorded] = []

    def calls(self) -> list[Recorded]:
        """Everything that was recorded so far, in order of the answers."""
        with self._lock:
            return list(self._calls)

    def calls_for(self, rental_id: str) -> list[Recorded]:
        """Every call made for a rental."""
        return [each for each in self.calls() if each.rental_id == rental_id]

    def _keep(self, call: Recorded) -> None:
        with self._lock:
            self._calls.append(call)


class EngineRecorder(_Recorder):
    """Between the functions and the engine. `meter` counts capacity units where it is set: it asks
    the engine for the rows, which takes time.
    """

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.meter: Meter | None = None
        self._rental_of: dict[str, str] = {}

    def calls_for(self, rental_id: str) -> list[Recorded]:
        """Every call of the invocations for a rental, those included that don't name it."""
        with self._lock:
            mine = {trace for trace, rental in self._rental_of.items() if rental == rental_id}
        return [each for each in self.calls() if each.invocation in mine]

    def handle(self, request: Request, forward: Callable[[], Answer]) -> Answer | None:
        """Forward, and write down what it was."""
        headers, text = request.headers, request.body.decode(errors="replace")
        invocation = headers.get("X-Amzn-Trace-Id", "")
        if named := RENTAL_ID.search(text):
            with self._lock:
                self._rental_of.setdefault(invocation, named[0])
        name, units = operation(request), (0.0, 0.0)
        started = time.perf_counter()
        if self.meter is None:
            answer = forward()
        else:
            answer, *units_of_call = self.meter.read_and_write_units(
                name, json.loads(text or "{}"), forward
            )
            units = (units_of_call[0], units_of_call[1])
        self._keep(
            Recorded(
                function=caller(headers),
                operation=name,
                target=target(text),
                permissions=tuple(permissions(request)),
                rental_id=named[0] if named else None,
                invocation=invocation,
                key=_key(text),
                milliseconds=(time.perf_counter() - started) * 1000,
                status=answer.status,
                request_bytes=len(request.body),
                response_bytes=len(answer.content),
                read_units=units[0],
                write_units=units[1],
            )
        )
        return answer


class PayMongoRecorder(_Recorder):
    """Between the functions and the PayMongo sandbox."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._rental_of: dict[str, str] = {}

    def handle(self, request: Request, forward: Callable[[], Answer]) -> Answer | None:
        """Forward, and write down what it was."""
        text = request.path + request.body.decode(errors="replace")
        started = time.perf_counter()
        answer = forward()
        elapsed = (time.perf_counter() - started) * 1000
        named = RENTAL_ID.search(text)
        with self._lock:
            known = [
                self._rental_of[each]
                for each in PAYMONGO_ID.findall(text)
                if each in self._rental_of
            ]
            told = answer.content.decode(errors="replace")
            # A payment that a webhook told of is asked for by its own id; its metadata names whose.
            named = named or (None if known else RENTAL_ID.search(told))
            rental_id = named[0] if named else known[0] if known else None
            if rental_id is not None:
                for each in PAYMONGO_ID.findall(told):
                    self._rental_of[each] = rental_id
        self._keep(
            Recorded(
                function=request.caller.function,
                operation=PAYMONGO,
                target=f"{request.method} {PAYMONGO_ID.sub('{id}', request.path).split('?')[0]}",
                permissions=(),
                rental_id=rental_id,
                invocation="",
                key=request.path,
                milliseconds=elapsed,
                status=answer.status,
                request_bytes=len(request.body),
                response_bytes=len(answer.content),
            )
        )
        return answer


def _key(body: str) -> str:
    """What a read asks for: two reads with the same key fetch the same thing."""
    try:
        request = json.loads(body)
    except ValueError:
        return ""
    wanted = ("Key", "KeyConditionExpression", "ExpressionAttributeValues", "SecretId", "Limit")
    return json.dumps([request.get(each) for each in wanted])


def uses_of_functions(calls: Iterable[Recorded], names: Mapping[str, str]) -> Counter[Use]:
    """How often each function used each permission; `names` are logical ids by physical ones."""
    return Counter(
        (call.function, action, logical(resource, names))
        for call in calls
        for action, resource in call.permissions
    )


def logical_names(stack: LocalStack) -> dict[str, str]:
    """Logical ids of the stack's resources by physical id; an alias goes by what it points at."""
    pages = (
        stack.client("cloudformation")
        .get_paginator("list_stack_resources")
        .paginate(StackName=STACK_NAME)
    )
    names = {
        each["PhysicalResourceId"]: each["LogicalResourceId"]
        for page in pages
        for each in page["StackResourceSummaries"]
        if each["ResourceType"] not in _NAMED_OTHERWISE
    }
    return names | {physical.rpartition(":")[2]: name for physical, name in names.items()}


def logical(resource: str, names: Mapping[str, str]) -> str:
    """A resource as a request names it, by logical id: `UnitsTable/index/available-units-index`,
    `RentalStateMachine`, `ReserveUnitFunction:live`, `secret:mongocollectibles/paymongo`.
    """
    if resource in ("*", IDENTITY) or resource in names:
        return names.get(resource, resource)
    if resource.startswith("arn:"):
        return _logical_arn(resource, names)
    table, slash, index = resource.partition("/index/")
    return names[table] + slash + index if table in names else f"secret:{resource}"


def _logical_arn(arn: str, names: Mapping[str, str]) -> str:
    kind, _, rest = arn.split(":", 5)[5].partition(":")
    name, _, qualifier = rest.partition(":")
    if kind == "execution":
        return f"{names.get(name, name)} executions"
    if kind == "secret":
        return f"secret:{name.rpartition('-')[0]}"
    if kind == "stateMachine":
        return names.get(name, name)  # permissions know state machines, not their aliases
    return names.get(name, name) + (f":{qualifier}" if qualifier else "")


@dataclass(frozen=True)
class RecordedStack:
    """A running stack and the recorders that its functions call through."""

    stack: LocalStack
    engine: EngineRecorder
    paymongo: PayMongoRecorder
