"""The tree of errors, in code and in its docstring."""

import ast
import inspect
import re

from rentals import errors
from rentals.errors import ApplicationError
from tools.sources import ROOT

FUNCTIONS = ROOT / "functions"


def classes() -> dict[str, type[Exception]]:
    return {
        name: each
        for name, each in vars(errors).items()
        if inspect.isclass(each) and issubclass(each, Exception)
    }


def documented() -> dict[str, str | None]:
    """Base by class name, read from the tree in the docstring."""
    found: dict[str, str | None] = {}
    path: list[str] = []
    tree = (errors.__doc__ or "").partition("\n\n")[2]
    for line in tree.splitlines():
        match = re.match(r"^([│ ├└─]*)([A-Z]\w+Error|[A-Z][A-Za-z]+)( +.*)?$", line)
        if match is None:
            continue
        depth = len(match[1]) // 4
        del path[depth:]
        found[match[2]] = path[-1] if path else None
        path.append(match[2])
    return found


def test_the_docstring_lists_exactly_the_classes_with_their_bases() -> None:
    in_code = {
        name: None if each is ApplicationError else each.__bases__[0].__name__
        for name, each in classes().items()
    }

    assert documented() == in_code


def test_every_error_is_an_error_of_this_project_and_says_what_it_means() -> None:
    for each in classes().values():
        assert issubclass(each, ApplicationError)
        assert each.__doc__


def test_errors_that_cross_a_boundary_are_defined_in_one_place() -> None:
    elsewhere = {
        f"{path.relative_to(FUNCTIONS)}: {node.name}"
        for path in FUNCTIONS.rglob("*.py")
        if path.name != "errors.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        and any(
            isinstance(base, ast.Name) and base.id.endswith(("Error", "Exception"))
            for base in node.bases
        )
    }

    # None leaves its package: a failed condition is data, an HttpError is an answer, and what is
    # unreadable is noted or an unusable answer.
    assert elsewhere == {
        "api/responses.py: HttpError",
        "infra/dynamo.py: ConditionFailed",
        "paymongo/resources.py: Unreadable",
    }
