"""What one rental, or one piece of other work, used: calls, units, invocations, log bytes."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from tests.support.recording.executions import execution
from tests.support.recording.recorder import PAYMONGO, Recorded
from tools.local.stack import LocalStack

Json = dict[str, Any]

# Made once for each execution environment, or now and then: not for each rental.
NOW_AND_THEN = {
    "GetSecretValue paymongo",
    "GetSecretValue key",
    "Scan Warehouses",
}
# CloudWatch Logs counts 26 bytes for each event beside its message (PutLogEvents).
_EVENT_BYTES = 26
_START = "START RequestId: "
_TRACE = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{23,24}")


def counts(calls: Iterable[Recorded], logs: Iterable["InvocationLog"]) -> dict[str, Json]:
    """By function: invocations, calls by operation and target, units, and bytes of log for each."""
    by_function: dict[str, list[Recorded]] = defaultdict(list)
    for call in calls:
        if call.name not in NOW_AND_THEN:
            by_function[call.function].append(call)
    logs_by_function: dict[str, list[InvocationLog]] = defaultdict(list)
    for log in logs:
        logs_by_function[log.function].append(log)
    return {
        function: {
            "invocations": len({each.invocation for each in made if each.operation != PAYMONGO}),
            "calls": dict(sorted(Counter(each.name for each in made).items())),
            "read_units": sum(each.read_units for each in made),
            "write_units": sum(each.write_units for each in made),
            "log_bytes": _mean_bytes(logs_by_function[function]),
        }
        for function, made in sorted(by_function.items())
    }


def _mean_bytes(logs: list["InvocationLog"]) -> int:
    """Of one invocation; 0 when none could be told apart."""
    return round(sum(each.bytes for each in logs) / len(logs)) if logs else 0


class InvocationLog:
    """What one invocation wrote to its log, START, END and REPORT included."""

    def __init__(self, function: str, messages: list[str]) -> None:
        self.function = function
        self.messages = messages

    @property
    def bytes(self) -> int:
        """As CloudWatch Logs counts them."""
        return sum(len(each.encode()) + _EVENT_BYTES for each in self.messages)


def invocation_logs(stack: LocalStack, calls: Iterable[Recorded]) -> list[InvocationLog]:
    """The logs of the invocations that made these calls, so far as they can be told apart: by the
    trace in their lines, and not where the engine mixed two.
    """
    function_of = {
        match[0]: call.function for call in calls if (match := _TRACE.search(call.invocation))
    }
    found = []
    for messages in _chunks(stack):
        traces = set(_TRACE.findall("".join(messages)))
        is_whole = sum(each.startswith((_START, "REPORT ")) for each in messages) == 2
        if len(traces) == 1 and is_whole and (function := function_of.get(traces.pop())):
            found.append(InvocationLog(function, messages))
    return found


def _chunks(stack: LocalStack) -> Iterable[list[str]]:
    """Messages by invocation, of every function."""
    logs = stack.client("logs")
    for group in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]:
        pages = logs.get_paginator("describe_log_streams").paginate(
            logGroupName=group["logGroupName"]
        )
        for page in pages:
            for stream in page["logStreams"]:
                events = logs.get_log_events(
                    logGroupName=group["logGroupName"],
                    logStreamName=stream["logStreamName"],
                    startFromHead=True,
                )["events"]
                chunk: list[str] = []
                for event in events:
                    if event["message"].startswith(_START) and chunk:
                        yield chunk
                        chunk = []
                    chunk.append(event["message"])
                if chunk:
                    yield chunk


def state_machine_counts(stack: LocalStack, name: str, arn: str) -> Json:
    """The states that an execution went through, and the transitions that are billed."""
    done = execution(stack.client("stepfunctions"), name, arn)
    return {"states": list(done.states), "transitions": done.transitions}
