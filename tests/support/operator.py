"""An operator at a terminal, who types the commands that README.md has for deploying."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.local.stack import (
    PAYMONGO_SECRET_KEY,
    LocalStack,
)
from tools.sources import ROOT

DEPLOY = "make deploy ENV=dev"
# What is asked, and what the operator answers.
ANSWERS = {
    "./rentals secrets store": f"{PAYMONGO_SECRET_KEY}\npk_test_sandbox\n",
    "make delete ENV=dev": "y\ny\n",
}
_INSTALLED = (".venv", ".venv-sam", ".uv")
_OF_THE_TESTS = ("AWS_", "MAKE", "MFLAGS", "PAYMONGO_", "PYTHON", "SAM_", "VIRTUAL_ENV")


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
                **self.stack.settings.client_environment,
                "AWS_ENDPOINT_URL": self.aws_endpoint_url,
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


def clone(folder: Path) -> Path:
    """As git would make it, with what `make setup` installs: the test changes files in it."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    for name in _INSTALLED:
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    return folder
