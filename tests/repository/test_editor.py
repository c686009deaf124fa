"""What editors and pre-commit are told stays true."""

import json
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.repository.test_state_machines import function_of, lambda_tasks, state_of
from tests.support.sources import resources
from tools.building import schemas
from tools.importing.seed import CATALOGUE
from tools.sources import ROOT

SETTINGS = json.loads((ROOT / ".vscode" / "settings.json").read_text())
HINTS = [
    (pattern, ROOT / hint["url"])
    for hint in SETTINGS["json.schemas"]
    for pattern in hint["fileMatch"]
]


def validated(schema: Path, value: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(json.loads(schema.read_text()))
    return [error.message for error in validator.iter_errors(value)]


@pytest.mark.parametrize("name", schemas.schemas())
def test_schemas_are_those_of_the_code(name: str) -> None:
    """`python -m tools.building.schemas` writes them anew."""
    assert (schemas.FOLDER / name).read_text() == schemas.text(schemas.schemas()[name])


def test_every_schema_is_for_some_file() -> None:
    assert {path for _, path in HINTS} == set(schemas.FOLDER.glob("*.json"))


def test_every_task_function_has_its_events_checked() -> None:
    functions = {function_of(state_of(*task)) for task in lambda_tasks()}
    hinted = {pattern.split("/")[2] for pattern, _ in HINTS if pattern.startswith("/events/")}

    assert hinted == functions
    assert functions <= set(resources("AWS::Serverless::Function"))


def test_sample_events_and_the_catalogue_fit_their_schemas() -> None:
    files = [*(ROOT / "events").glob("*/*.json"), *CATALOGUE.glob("*.json")]
    checked = 0
    for path in files:
        name = f"/{path.relative_to(ROOT)}"
        for pattern, schema in HINTS:
            if fnmatch(name, pattern if pattern.startswith("/") else f"*/{pattern}"):
                assert validated(schema, json.loads(path.read_text())) == [], name
                checked += 1
    assert checked > 15


def test_a_mistake_is_pointed_out() -> None:
    task = schemas.FOLDER / "task-input.schema.json"
    units = schemas.FOLDER / "units.schema.json"

    assert validated(task, {"rental_id": "x", "state": "ReserveUnits"})
    assert validated(units, [{"id": "unit-1", "collectibleID": "col-1", "warehouseId": "wh-1"}])
    assert validated(units, {"id": "unit-1"})


def test_hooks_run_what_is_installed_and_fetch_nothing() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]

    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    assert {hook["language"] for hook in hooks} == {"system"}
    for hook in hooks:
        program = hook["entry"].split()[0]
        assert re.fullmatch(r"\.venv/bin/[a-z-]+", program)
        assert (ROOT / program).exists(), program
