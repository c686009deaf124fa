"""Who may import whom, and how big a handler may be (docs/architecture.md)."""

import ast
import re

import pytest

from tests.support.imports import imported_packages, imports
from tools.sources import ROOT

FUNCTIONS = ROOT / "functions"
HANDLER_PACKAGES = ("api", "workflow", "upkeep")
MAX_HANDLER_LINES = 150

# Whom each package may import: arrows point one way.
ARROWS = {
    "api": {"rentals", "paymongo", "infra"},
    "workflow": {"rentals", "paymongo", "infra"},
    "upkeep": {"rentals", "paymongo", "infra"},
    "rentals": {"paymongo", "infra"},
    "paymongo": {"infra"},
    "infra": set(),
}
TOOL_ARROWS = {
    "cli": {"console", "replay", "importing", "ops"},
    "console": {"replay", "ops", "sources"},
    "replay": {"ops", "sources"},
    "importing": {"ops"},
    "ops": {"sources"},
    "building": {"ops", "sources"},
    # The stack on this machine: whatever is deployed, loaded and shown for it.
    "local": {"console", "building", "importing", "ops", "sources"},
    "measuring": {"local", "building", "importing", "sources"},
    "witness": {"local", "sources"},
    "sources": set(),
    "paymongo_sandbox": set(),
}
# These share no code with the functions, and so no mistake.
WITHOUT_FUNCTIONS = {"paymongo_sandbox", "sources"}
PRINTING = {"typer", "rich", "print"}
PRINTS_NOTHING = ("ops", "importing", "replay", "sources")


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


def test_nobody_draws_from_the_generator_that_a_snapshot_would_hold() -> None:
    """Environments that start from one snapshot (SnapStart) would all draw alike."""
    assert [name for name, tree in modules().items() if "random" in imported_packages(tree)] == []


def test_arrows_between_packages_point_one_way() -> None:
    found = {package: set[str]() for package in ARROWS}
    for name, tree in modules().items():
        package = name.partition(".")[0]
        found[package] |= ARROWS.keys() & imported_packages(tree) - {package}

    assert {name: sorted(wrong) for name in found if (wrong := found[name] - ARROWS[name])} == {}


def test_what_is_shipped_uses_nothing_that_is_not() -> None:
    for name, tree in modules().items():
        assert not {"tools", "tests"} & imported_packages(tree), name


def tools(package: str) -> dict[str, ast.Module]:
    """Every module of a package of tools/, by its path."""
    paths = sorted((ROOT / "tools" / package).rglob("*.py"))
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in paths}


def test_every_package_of_tools_has_its_arrows() -> None:
    folders = {path.parent.name for path in (ROOT / "tools").glob("*/__init__.py")}

    assert folders == TOOL_ARROWS.keys()


@pytest.mark.parametrize("package", TOOL_ARROWS)
def test_arrows_between_tools_point_one_way(package: str) -> None:
    for path, tree in tools(package).items():
        names = [name.split(".") for name in imports(tree)]
        used = {name[1] for name in names if name[0] == "tools"}
        assert used <= TOOL_ARROWS[package] | {package}, path
        if package in WITHOUT_FUNCTIONS:
            assert not ARROWS.keys() & imported_packages(tree), path


@pytest.mark.parametrize("package", PRINTS_NOTHING)
def test_what_acts_on_a_stack_leaves_showing_to_those_above(package: str) -> None:
    for path, tree in tools(package).items():
        called = {
            node.func.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not PRINTING & (imported_packages(tree) | called), path


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


def test_tests_share_helpers_by_modules_that_are_neither_tests_nor_fixtures() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests."):
                imported = (node.module or "").rpartition(".")[2]
                names = {imported, *(alias.name for alias in node.names)}
                wrong = {each for each in names if re.match(r"conftest$|test_", each)}
                assert not wrong, f"{path.relative_to(ROOT)}: from {node.module}, {wrong}"


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
