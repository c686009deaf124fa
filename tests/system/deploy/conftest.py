"""An operator at a terminal, who types the commands that README.md has for deploying. The engine
stands in for AWS.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.shop import Shop
from tools.building.release import parameters_of, settings_of
from tools.local.stack import (
    ACCESS_KEY_ID,
    PAYMONGO_SECRET_KEY,
    REGION,
    SECRET_ACCESS_KEY,
    LocalStack,
    Settings,
    free_port,
)
from tools.sources import ROOT

DEPLOY = "make deploy ENV=dev"
# What is asked, and what the operator answers.
ANSWERS = {
    "./rentals secrets store": f"{PAYMONGO_SECRET_KEY}\npk_test_sandbox\n",
    "make delete ENV=dev": "y\ny\n",
}
_INSTALLED = (".venv", ".venv-sam", ".uv")
_OF_THE_TESTS = ("AWS_", "MAKE", "MFLAGS", "PYTHON", "VIRTUAL_ENV")


def commands() -> list[str]:
    """README.md's commands for deploying, without the line that chooses the account."""
    blocks = re.findall(r"(?ms)^```\w*\n(.*?)^```$", (ROOT / "README.md").read_text())
    [block] = [each for each in blocks if DEPLOY in each]
    lines = [line.partition("#")[0].strip() for line in block.splitlines()]
    return [line for line in lines if not line.startswith("export ")]


@dataclass(frozen=True)
class Operator:
    """Somebody with a clone of the repository and credentials."""

    clone: Path
    stack: LocalStack
    aws_endpoint_url: str

    def types(self, command: str) -> str:
        """What a command prints; fails when the command does."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_OF_THE_TESTS)}
        answer = subprocess.run(
            ["bash", "-c", command],
            cwd=self.clone,
            env={
                **kept,
                "AWS_ENDPOINT_URL": self.aws_endpoint_url,
                "AWS_REGION": REGION,
                "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
                "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
                "STACK_NAME": self.stack.settings.stack_name,
            },
            input=ANSWERS.get(command, ""),
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,  # without a terminal, so that answers are read from the input
        )
        assert answer.returncode == 0, f"{command}:\n{answer.stdout}{answer.stderr}"
        return answer.stdout


@pytest.fixture(scope="session")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """After the whole list; at the end the stack is taken down, which leaves what it says."""
    settings = Settings(
        port=free_port(),
        aws_port=free_port(),
        paymongo_port=free_port(),
        stack_name=settings_of("dev")["stack_name"],
        table_prefix=parameters_of("dev", [])["TablePrefix"],
        log_dir=tmp_path_factory.mktemp("stack"),
    )
    stack = LocalStack(settings)
    try:
        stack.start_services()
        clone = _clone(tmp_path_factory.mktemp("operator") / "clone")
        operator = Operator(clone, stack, stack.start_cloudformation_proxy())
        for command in commands():
            operator.types(command)
            if command == DEPLOY:  # in CloudFront's place
                stack.wait_until_deployed()
                stack.start_front_door()
        yield operator
        operator.types("make delete ENV=dev")
        _only_data_is_left(stack)
    finally:
        stack.stop()


@pytest.fixture
def shop(operator: Operator) -> Iterator[Shop]:
    """A customer's view; the promise is checked at the end."""
    shop = Shop(operator.stack)
    yield shop
    shop.close()


def _clone(folder: Path) -> Path:
    """As git would make it, with what `make setup` installs: the test changes files in it."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    for name in _INSTALLED:
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    return folder


def _only_data_is_left(stack: LocalStack) -> None:
    cloudformation = stack.client("cloudformation")
    living = cloudformation.get_paginator("list_stacks").paginate()
    assert stack.settings.stack_name not in {
        each["StackName"]
        for page in living
        for each in page["StackSummaries"]
        if each["StackStatus"] != "DELETE_COMPLETE"
    }
    assert len(stack.client("dynamodb").list_tables()["TableNames"]) == 6
    buckets = [each["Name"] for each in stack.client("s3").list_buckets()["Buckets"]]
    assert sum("sitebucket" in name for name in buckets) == 1
    assert stack.client("lambda").list_functions()["Functions"] == []
    assert stack.client("stepfunctions").list_state_machines()["stateMachines"] == []
