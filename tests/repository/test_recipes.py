"""How few files a change of the usual kinds touches (CONTRIBUTING.md): whoever adds one more of
something must extend the files that name all of them, so these are few and known.
"""

import re
import subprocess
from collections.abc import Iterable
from dataclasses import fields
from functools import cache

from rentals.models import Customer, PaymentMethod
from rentals.notices import NoticeKind
from tests.support.sources import openapi
from tests.support.tasks import function_of, lambda_tasks, state_of
from tools.importing.models import CustomerRow
from tools.sources import ROOT

# `make generate`, `make counts`, `make faults` and `make scaling` write these.
GENERATED = {
    "README.md",
    "docs/architecture.md",
    "docs/faults.md",
    "docs/scaling.md",
    "tools/measuring/cost/counts.json",
}


@cache
def texts() -> dict[str, str]:
    """Every text that is part of the repository, by its path."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.splitlines()
    paths = [path for path in listed if (ROOT / path).is_file() and path != "uv.lock"]
    return {path: (ROOT / path).read_text(errors="replace") for path in paths}


def naming_all(names: Iterable[str]) -> set[str]:
    """The files in which each of the names is a word of its own."""
    searches = [re.compile(rf"(?i)(?<![\w-]){re.escape(name)}(?![\w-])") for name in names]
    return {path for path, text in texts().items() if all(it.search(text) for it in searches)}


def recipe(title: str) -> set[str]:
    """The files and folders of one of CONTRIBUTING.md's recipes."""
    section = texts()["CONTRIBUTING.md"].partition(f"\n### {title}\n")[2].partition("\n#")[0]
    steps = re.findall(r"^\d\. ((?:`[^`]+`(?:, )?)+):", section, flags=re.MULTILINE)
    found = {path for step in steps for path in re.findall(r"`([^`]+)`", step)}
    assert found
    assert all((ROOT / path).exists() for path in found), found
    return found


def test_a_payment_method() -> None:
    files = recipe("A payment method")

    assert naming_all(PaymentMethod) == files
    assert len(files) <= 3


def test_a_task_state() -> None:
    files = recipe("A Task state")

    assert files == {"functions/workflow/", "statemachines/", "template.yaml", "events/"}
    for machine in {machine for machine, _ in lambda_tasks()}:
        tasks = {name for each, name in lambda_tasks() if each == machine}
        definition = f"statemachines/{machine.removesuffix('StateMachine').lower()}.asl.json"
        found = naming_all(tasks) - GENERATED
        assert {each for each in found if not each.startswith("tests/")} == {definition}
    functions = {function_of(state_of(*task)) for task in lambda_tasks()}
    # A function of which the tests of events say nothing is held to its sample all the same.
    tested = "tests/functions/moto/test_events.py"
    assert naming_all(functions) - GENERATED <= {"template.yaml", tested}


def test_a_notice() -> None:
    notices, mails = "functions/rentals/notices.py", "functions/rentals/mails.py"

    assert recipe("A notice") == {notices, mails, "events/schemas/"}
    assert naming_all(kind.event for kind in NoticeKind) == {notices}
    mailed = [f"NoticeKind.{kind.name}" for kind in NoticeKind if kind.is_mailed]
    found = naming_all(mailed)
    assert {each for each in found if not each.startswith("tests/")} == {mails}


def test_a_field_of_checkout() -> None:
    names = {each.name for each in fields(Customer)}
    shipped = ("functions/", "static/", "openapi.yaml", "tools/importing/")

    found = {path for path in naming_all(names) if path.startswith(shipped)}
    # PayMongo has names of its own, so what it is sent need not name every field of ours.
    assert found | {"functions/paymongo/client.py"} == recipe("A field of checkout")
    described = openapi()["components"]["schemas"]["CustomerRequest"]["properties"]
    assert set(described) == set(CustomerRow.model_fields) == names


def test_a_route() -> None:
    folders = {"functions/api/", "events/"}

    assert naming_all(openapi()["paths"]) == recipe("A route") - folders
