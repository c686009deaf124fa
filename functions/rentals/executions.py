"""Executions by name: whether one is under way."""

from infra.aws import stepfunctions


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
