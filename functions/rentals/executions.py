"""Executions by name: starting one, and whether one is under way."""

import json
from collections.abc import Mapping

from infra.aws import stepfunctions


def start(state_machine: str, name: str, given: Mapping[str, object]) -> bool:
    """Start an execution with this input. Returns False when there is, or was, one of that name."""
    client = stepfunctions()
    try:
        client.start_execution(
            stateMachineArn=state_machine, name=name, input=json.dumps(dict(given))
        )
    except client.exceptions.ExecutionAlreadyExists:
        return False
    return True


def is_running(state_machine: str, name: str) -> bool:
    """Whether an execution of a state machine (an ARN, with its alias or without) is under way."""
    # Execution ARNs name the state machine without its alias, so drop the ARN's 8th part.
    machine = ":".join(state_machine.split(":")[:7]).replace(":stateMachine:", ":execution:")
    client = stepfunctions()
    try:
        execution = client.describe_execution(executionArn=f"{machine}:{name}")
    except client.exceptions.ExecutionDoesNotExist:
        return False
    return execution["status"] == "RUNNING"
