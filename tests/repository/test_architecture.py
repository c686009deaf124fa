"""Who may import whom, how big a handler may be, and what a cold start loads (CONTRIBUTING.md)."""

import ast
import re
from collections.abc import Iterator

import pytest

from tools.sources import ROOT

FUNCTIONS = ROOT / "functions"
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

    assert readers == {"infra.settings"}


def test_every_aws_client_is_made_in_one_place() -> None:
    makers = {
        name
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("create_client", "client")
    }

    assert makers == {"infra.aws"}


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


# What a handler may load is held in tests/functions/unit/test_cold_start.py.
