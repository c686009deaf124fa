"""Who may import whom, how big a handler may be, and what a cold start loads (DESIGN.md)."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

FUNCTIONS = Path(__file__).parents[2] / "functions"
HANDLER_PACKAGES = ("api", "workflow", "upkeep")
MAX_HANDLER_LINES = 150

# pydantic only where outside data enters, httpx only where PayMongo is called.
READ_OUTSIDE_DATA = {"api.post_checkout", "api.post_quote", "api.post_paymongo_webhook"}
CALL_PAYMONGO = {
    "api.get_payment_failed",
    "api.get_payment_success",
    "upkeep.reconcile",
    "workflow.close_payment_session",
    "workflow.create_payment_session",
    "workflow.refund_payment",
}


def modules() -> dict[str, ast.Module]:
    """Every module that is shipped, by its dotted name."""
    return {
        ".".join(path.relative_to(FUNCTIONS).with_suffix("").parts): ast.parse(path.read_text())
        for path in FUNCTIONS.rglob("*.py")
    }


def handlers() -> list[str]:
    return sorted(
        name
        for name, tree in modules().items()
        if name.startswith(HANDLER_PACKAGES)
        and any(isinstance(node, ast.FunctionDef) and node.name == "handler" for node in tree.body)
    )


def imported_packages(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only"
            yield (node.module or "").partition(".")[0]


def test_the_domain_knows_nothing_of_those_who_use_it() -> None:
    domain = {name: tree for name, tree in modules().items() if name.startswith("rentals")}

    assert len(domain) > 10
    for name, tree in domain.items():
        assert not {"api", "workflow", "upkeep"} & set(imported_packages(tree)), name


def test_handlers_of_one_kind_do_not_use_those_of_another() -> None:
    for name, tree in modules().items():
        package = name.partition(".")[0]
        if package in HANDLER_PACKAGES:
            others = set(HANDLER_PACKAGES) - {package}
            assert not others & set(imported_packages(tree)), name


def test_what_is_shipped_uses_nothing_that_is_not() -> None:
    for name, tree in modules().items():
        assert not {"tools", "tests"} & set(imported_packages(tree)), name


def test_functions_do_not_know_where_they_run() -> None:
    telling = re.compile(
        r"\b(is_)?local(host|stack)?\b|ministack|sandbox|127\.0\.0\.1|endpoint_url|AWS_SAM_LOCAL",
        re.IGNORECASE,
    )
    for path in FUNCTIONS.rglob("*.py"):
        found = telling.search(path.read_text())
        assert found is None, f"{path.relative_to(FUNCTIONS)}: {found}"


def test_the_environment_is_read_in_one_place() -> None:
    readers = {
        name
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    }

    assert readers == {"rentals.settings"}


def test_every_aws_client_is_made_in_one_place() -> None:
    makers = {name for name, tree in modules().items() if "boto3" in imported_packages(tree)}

    # dynamo.py takes boto3's conversion of attribute values.
    assert makers == {"rentals.aws", "rentals.dynamo"}


@pytest.mark.parametrize("name", handlers())
def test_a_handler_module_is_thin_and_says_what_it_is_for(name: str) -> None:
    source = (FUNCTIONS / name.replace(".", "/")).with_suffix(".py").read_text()
    tree = ast.parse(source)

    defined = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == "handler"
    ]
    assert len(defined) == 1
    assert ast.get_docstring(tree)
    assert ast.get_docstring(defined[0])
    assert len(source.splitlines()) <= MAX_HANDLER_LINES


# One process that has loaded what the Lambda runtime and every handler need; each handler is then
# imported in a fork of it, so that none sees what another one loaded.
IMPORT_EACH_ALONE = """
import importlib, json, os, sys
import boto3, aws_lambda_powertools
watched = {"pydantic", "httpx", "email_validator", "aws_xray_sdk"}
assert not watched & set(sys.modules)
for name in sys.argv[1:]:
    if os.fork():
        _, status = os.wait()
        assert status == 0, name
    else:
        importlib.import_module(name)
        print(json.dumps([name, sorted(watched & set(sys.modules))]), flush=True)
        os._exit(0)
"""


@pytest.fixture(scope="module")
def loaded() -> dict[str, set[str]]:
    """Which of the expensive packages each handler loads; only the package is on its path."""
    found = subprocess.run(
        [sys.executable, "-c", IMPORT_EACH_ALONE, *handlers()],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(FUNCTIONS), "AWS_REGION": "us-east-1"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert found.returncode == 0, found.stderr
    return {name: set(packages) for name, packages in map(json.loads, found.stdout.splitlines())}


def test_every_handler_can_be_imported_without_settings(loaded: dict[str, set[str]]) -> None:
    assert sorted(loaded) == handlers()


def test_pydantic_is_loaded_only_where_outside_data_enters(loaded: dict[str, set[str]]) -> None:
    assert {
        name for name, packages in loaded.items() if "pydantic" in packages
    } == READ_OUTSIDE_DATA


def test_httpx_is_loaded_only_where_paymongo_is_called(loaded: dict[str, set[str]]) -> None:
    assert {name for name, packages in loaded.items() if "httpx" in packages} == CALL_PAYMONGO


def test_tracing_loads_nothing(loaded: dict[str, set[str]]) -> None:
    assert {name for name, packages in loaded.items() if "aws_xray_sdk" in packages} == set()
