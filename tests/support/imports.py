"""What a module of the repository imports."""

import ast
from collections.abc import Iterator


def imports(tree: ast.Module) -> Iterator[str]:
    """What a module imports, by its dotted name, also inside of functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_packages(tree: ast.Module) -> set[str]:
    """The first parts of those names."""
    return {name.partition(".")[0] for name in imports(tree)}
