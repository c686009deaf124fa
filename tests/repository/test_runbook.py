"""The runbook: commands that exist, and a section for every error that can end an execution."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import typer

from tests.support.sources import resources, value_of
from tests.support.tasks import RAISED_ANYWHERE, lambda_tasks, raises, state_of
from tools.cli.app import app
from tools.cli.session import hoisted
from tools.replay.samples import load
from tools.sources import ROOT

DOCUMENTS = [
    ROOT / "docs" / "runbook.md",
    ROOT / "docs" / "importing.md",
    ROOT / "events/README.md",
]
RUNBOOK = DOCUMENTS[0].read_text()
# What stands for a path of the reader's own.
PLACEHOLDERS = {"FOLDER": str(ROOT)}


def commands(text: str) -> Iterator[str]:
    """The commands of a document's code blocks; a comment and a backslash mean what they mean to
    a shell.
    """
    blocks = re.findall(r"^ *```(\w*)\n(.*?)^ *```", text, flags=re.DOTALL | re.MULTILINE)
    for block in (block for language, block in blocks if not language):
        for line in block.replace("\\\n", " ").splitlines():
            if words := shlex.split(line, comments=True):
                yield shlex.join(words)


def own_commands(path: Path) -> Iterator[str]:
    """Lines of any document that begin with one of our own programs."""
    for line in re.findall(r"^ *((?:\./rentals|make) .*)$", path.read_text(), flags=re.MULTILINE):
        yield shlex.join(shlex.split(line, comments=True))


COMMANDS = sorted(
    {command for path in DOCUMENTS for command in commands(path.read_text())}
    | {
        command
        for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))
        for command in own_commands(path)
    }
)


# --- commands ---


@cache
def program() -> Any:
    return typer.main.get_command(app)


def check_ours(words: list[str]) -> None:
    """Parse as the program would, and run nothing."""
    command, rest = program(), hoisted(words)
    context = command.make_context("./rentals", list(rest), resilient_parsing=False)
    rest = [*context._protected_args, *context.args]
    while rest:
        name, rest = rest[0], rest[1:]
        command = command.commands[name]
        for parameter in command.params:
            if getattr(parameter, "prompt", None):  # asked for when it is run
                parameter.prompt, parameter.required = None, False
        context = command.make_context(name, rest, parent=context)
        rest = [*context._protected_args, *context.args] if hasattr(command, "commands") else []
    if name == "replay":
        load(context.params["event"])


def check_aws(words: list[str]) -> None:
    """The operation exists, and so do its options."""
    service, operation, *options = words
    model: Any = botocore.session.get_session().get_service_model(service)
    operations = {dashed(each): each for each in model.operation_names}
    members = model.operation_model(operations[operation]).input_shape.members
    known = {f"--{dashed(each)}" for each in members} | {"--cli-binary-format"}
    assert {each for each in options if each.startswith("--")} <= known


def dashed(name: str) -> str:
    """As the AWS CLI writes it."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def check_make(words: list[str]) -> None:
    """Every target exists."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for word in words:
        name, is_variable, value = word.partition("=")
        assert is_variable or name in targets
        if name == "EVENT":
            load(value)


def check_sam(words: list[str]) -> None:
    """A function of the template with an event that is there."""
    assert words[:2] == ["local", "invoke"]
    assert words[2] in resources("AWS::Serverless::Function")
    assert (ROOT / words[words.index("-e") + 1]).is_file()


CHECKS = {"./rentals": check_ours, "aws": check_aws, "make": check_make, "sam": check_sam}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_exists_with_its_options(command: str) -> None:
    name, *words = (PLACEHOLDERS.get(word, word) for word in shlex.split(command))

    CHECKS[name](words)


# --- errors ---


def ends_in_failure() -> set[str]:
    """Our errors that no state handles by name: what a FAILED execution's cause can name."""
    found = {"RentalNotFound"}  # of every task's shell
    for machine, name in lambda_tasks():
        state = state_of(machine, name)
        for rule in state["Catch"]:
            is_last_resort = rule["ErrorEquals"] == ["States.ALL"]
            if is_last_resort and rule["Next"] in ("FlagForAttention", "NeedsAttention"):
                handled = {error for each in state["Catch"] for error in each["ErrorEquals"]}
                found |= (raises(state) | RAISED_ANYWHERE) - handled
            elif not is_last_resort and "problem" in rule.get("Assign", {}):
                found |= set(rule["ErrorEquals"])
    return found


def error_sections() -> dict[str, str]:
    errors = RUNBOOK.partition("\n## Errors\n")[2].partition("\n## ")[0]
    parts = re.split(r"^### (.+)$", errors, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_error_that_can_end_an_execution_has_a_section() -> None:
    assert len(ends_in_failure()) > 8
    assert set(error_sections()) - {"Any other error"} == ends_in_failure()


@pytest.mark.parametrize("error", sorted(error_sections()))
def test_an_error_comes_with_something_to_do(error: str) -> None:
    assert list(commands(error_sections()[error]))


# --- names ---


def test_log_groups_and_machines_are_named_as_they_are_deployed() -> None:
    groups = {
        value_of(each["LogGroupName"]).replace("rentals-test", "STACK")
        for each in resources("AWS::Logs::LogGroup").values()
    }

    assert set(re.findall(r"/aws/[\w/]+/STACK", RUNBOOK)) <= groups
    machines = {
        value_of(each["Name"]).replace("rentals-test", "STACK")
        for each in resources("AWS::Serverless::StateMachine").values()
        if "Name" in each
    }
    assert set(re.findall(r"`(STACK-\w+)`", RUNBOOK)) <= machines
