"""GitHub's workflows run what they say, and what is typed into them stays text."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tools.sources import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


@every_workflow
def test_actions_of_others_are_named_by_commit_with_their_version_beside(path: Path) -> None:
    named = re.findall(r"uses: (\S+)(.*)", path.read_text())

    assert named
    for action, beside in named:
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", beside), action


@every_workflow
def test_no_expression_is_put_into_a_script(path: Path) -> None:
    """A shell would run what somebody typed; a variable of the environment is text."""
    jobs = yaml.safe_load(path.read_text())["jobs"].values()
    scripts = [step["run"] for job in jobs for step in job.get("steps", ()) if "run" in step]

    assert scripts or any("uses" in job for job in jobs)
    assert not [each for each in scripts if "${{" in each]


@pytest.mark.parametrize("goal", ["deploy", "delete"])
def test_what_is_given_to_make_reaches_no_shell(goal: str) -> None:
    typed = {
        "ENV": "dev; run-this",
        "PARAMETERS": "A=$(run-this)",
        "SAM_OPTIONS": "`run-this` $(shell run-this)",
    }
    answer = subprocess.run(
        ["make", "--dry-run", goal],
        cwd=ROOT, env=os.environ | typed, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert "sam delete" in answer.stdout or "building.release" in answer.stdout
    assert "run-this" not in answer.stdout + answer.stderr
