"""What state machines did, read from the histories of their executions."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.recording.recorder import EVENTBRIDGE_ROLE, Use, logical
from tools.local.stack import LocalStack

Json = dict[str, Any]

STATE_MACHINES = {
    "RentalStateMachine": "RentalStateMachineArn",
    "SettlementStateMachine": "SettlementStateMachineArn",
    "FulfillmentStateMachine": "FulfillmentStateMachineArn",
}
_INVOKE = "arn:aws:states:::lambda:invoke"
_SDK = "arn:aws:states:::aws-sdk:"


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution, so far as it costs something or needs a permission."""

    state_machine: str
    name: str
    states: tuple[str, ...]
    scheduled: tuple[str, ...]
    is_from_eventbridge: bool

    @property
    def transitions(self) -> int:
        """State transitions as they are billed: each step that is executed, retries included
        (AWS Step Functions pricing).
        """
        retries = Counter(self.scheduled) - Counter(self.states)
        return len(self.states) + retries.total()


def executions(stack: LocalStack) -> Iterator[Execution]:
    """Every execution of the stack."""
    client = stack.client("stepfunctions")
    for state_machine, output in STATE_MACHINES.items():
        pages = client.get_paginator("list_executions").paginate(
            stateMachineArn=stack.outputs[output]
        )
        for page in pages:
            for each in page["executions"]:
                yield execution(client, state_machine, each["executionArn"])


def execution(client: Any, state_machine: str, arn: str) -> Execution:
    """One execution, by its ARN."""
    events = [
        event
        for page in client.get_paginator("get_execution_history").paginate(executionArn=arn)
        for event in page["events"]
    ]
    states, scheduled = [], []
    for event in events:
        if "stateEnteredEventDetails" in event:
            states.append(event["stateEnteredEventDetails"]["name"])
        elif event["type"] == "TaskScheduled":
            scheduled.append(states[-1])
    started = json.loads(events[0]["executionStartedEventDetails"]["input"])
    return Execution(
        state_machine,
        arn.rpartition(":")[2],
        tuple(states),
        tuple(scheduled),
        is_from_eventbridge="execution_status" in started,
    )


def uses_of_state_machines(stack: LocalStack, names: Mapping[str, str]) -> Counter[Use]:
    """How often each state machine used each permission, and EventBridge its own."""
    client = stack.client("stepfunctions")
    needs = {
        state_machine: _permissions(
            json.loads(
                client.describe_state_machine(stateMachineArn=stack.outputs[output])["definition"]
            )
        )
        for state_machine, output in STATE_MACHINES.items()
    }
    uses: Counter[Use] = Counter()
    for each in executions(stack):
        for state in each.scheduled:
            action, resource = needs[each.state_machine][state]
            uses[(each.state_machine, action, logical(resource, names))] += 1
        if each.is_from_eventbridge:
            uses[(EVENTBRIDGE_ROLE, "states:StartExecution", each.state_machine)] += 1
    return uses


def _permissions(definition: Json) -> dict[str, tuple[str, str]]:
    """What each Task state needs: (IAM action, resource)."""
    needs = {}
    for name, state in definition["States"].items():
        if state["Type"] != "Task":
            continue
        resource, arguments = state["Resource"], state["Arguments"]
        if resource.startswith(_INVOKE):
            needs[name] = ("lambda:InvokeFunction", arguments["FunctionName"])
        elif resource.startswith(_SDK):
            service, _, action = resource.removeprefix(_SDK).split(".")[0].partition(":")
            needs[name] = (f"{service}:{action[0].upper()}{action[1:]}", arguments["TableName"])
        else:
            raise NotImplementedError(f"{name}: what does {resource} need?")
    return needs
