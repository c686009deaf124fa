"""Which of the project's functions a handler can reach, read from the source."""

import ast
from collections.abc import Iterator
from functools import cache

from tools.sources import ROOT

FUNCTIONS = ROOT / "functions"

# A definition at the top level of a module: (module, name).
Definition = tuple[str, str]


@cache
def _module(name: str) -> ast.Module | None:
    path = (FUNCTIONS / name.replace(".", "/")).with_suffix(".py")
    return ast.parse(path.read_text()) if path.is_file() else None


@cache
def _definitions(module: str) -> dict[str, ast.AST]:
    """Functions, classes and constants of a module, by name."""
    found: dict[str, ast.AST] = {}
    tree = _module(module)
    for node in tree.body if tree else ():
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found |= {each.id: node for each in node.targets if isinstance(each, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
    return found


@cache
def _imports(module: str) -> dict[str, Definition | str]:
    """What a module's imported names stand for: a definition elsewhere, or a module of ours."""
    found: dict[str, Definition | str] = {}
    tree = _module(module)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                found[alias.asname or alias.name] = (
                    submodule if _module(submodule) else (node.module, alias.name)
                )
    return found


def _used_by(definition: Definition) -> Iterator[Definition]:
    module, name = definition
    node = _definitions(module).get(name)
    for each in ast.walk(node) if node else ():
        if isinstance(each, ast.Name):
            target = _imports(module).get(each.id, (module, each.id))
            if isinstance(target, tuple):
                yield target
        elif isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name):
            imported = _imports(module).get(each.value.id)
            if isinstance(imported, str):
                yield imported, each.attr


@cache
def reachable(module: str) -> frozenset[Definition]:
    """Every definition that the module's handler may use, itself included."""
    seen: set[Definition] = set()
    waiting = [(module, "handler")]
    while waiting:
        definition = waiting.pop()
        if definition not in seen and definition[1] in _definitions(definition[0]):
            seen.add(definition)
            waiting.extend(_used_by(definition))
    return frozenset(seen)


def settings_of(module: str) -> set[str]:
    """Names of the environment variables that the module's handler may ask for."""
    return {
        call.args[0].value
        for name, definition in reachable(module)
        for call in ast.walk(_definitions(name)[definition])
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in ("setting", "integer_setting")
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }
