"""What docs/deploying.md and GitHub's workflows say can be done."""

import os
import re
import subprocess
from functools import cache
from typing import Any

import pytest
import yaml
from typer.main import get_command

from tests.support.sources import template
from tools.cli.app import app
from tools.ops import smoke
from tools.sources import ROOT

Json = dict[str, Any]

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


@cache
def guide() -> str:
    return (ROOT / "docs" / "deploying.md").read_text()


def commands() -> set[str]:
    """`group command` of everything that ./rentals can do."""
    found = set()
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        found |= {f"{name} {each}" for each in getattr(command, "commands", {})} or {name}
    return found


def test_the_commands_exist() -> None:
    told = set(re.findall(r"\./rentals ([a-z-]+(?: [a-z-]+)?)", guide()))

    known = commands()
    assert told
    assert [each for each in told if each not in known and each.split()[0] not in known] == []


def test_the_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))

    told = set(re.findall(r"`make ([a-z-]+)", guide())) | set(
        re.findall(r"^\s*make ([a-z-]+)", guide(), flags=re.MULTILINE)
    )
    assert {"deploy", "delete", "vulnerabilities"} <= told <= targets


def test_the_parameters_exist() -> None:
    told = set(re.findall(r"\b([A-Z][A-Za-z]*[a-z][A-Za-z]*)=", guide()))

    assert {"ShiftReleases", "SnapStart", "HoldSeconds"} <= told
    assert told - set(template()["Parameters"]) == set()


def test_the_files_it_points_to_exist() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", guide())

    assert links
    assert [each for each in links if not (ROOT / "docs" / each).exists()] == []


def test_what_only_aws_can_show_is_checked_by_the_smoke_test() -> None:
    only_there = [name for name, _, on_aws_only in smoke._CHECKS if on_aws_only]

    assert len(only_there) >= 8
    assert len(set(smoke.names())) == len(smoke.names())
    table = guide().split("## What could not be proved without an account")[1]
    for subject in ("bucket", "refuses what is no request", "logs", "state machines", "tables"):
        assert f"`./rentals smoke`, {subject}" in table
        assert any(subject in name for name in smoke.names())


# --- GitHub ---


@every_workflow
def test_actions_are_named_by_commit_with_their_version_beside(path: Any) -> None:
    for action in re.findall(r"uses: (.+)", path.read_text()):
        pinned = re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)
        assert action.startswith("./") or pinned, action


@every_workflow
def test_jobs_may_do_no_more_than_they_need(path: Any) -> None:
    workflow: Json = yaml.safe_load(path.read_text())

    assert workflow["permissions"] in ({}, {"contents": "read"})
    for job in workflow["jobs"].values():
        allowed = job.get("permissions", {})
        may_deploy = {"contents": "read", "id-token": "write", "deployments": "read"}
        assert allowed in ({}, {"contents": "read"}, may_deploy)
        for step in job.get("steps", ()):
            if "checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False
            # What somebody typed is handed on in a variable, never pasted into a script.
            assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("goal", ["deploy", "delete"])
def test_what_make_is_given_in_variables_reaches_no_shell(goal: str) -> None:
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


def test_nothing_is_deployed_that_was_not_tested_and_no_key_is_stored() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy.yml").read_text())
    text = (ROOT / ".github" / "workflows" / "deploy.yml").read_text()

    assert workflow["jobs"]["deploy"]["needs"] == "test"
    assert workflow["jobs"]["test"]["uses"] == "./.github/workflows/ci.yml"
    assert "role-to-assume" in text
    assert "secrets." not in text
    assert "make test" in (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert "make test" in (ROOT / ".ci" / "run").read_text()
