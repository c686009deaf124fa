"""Run after tests/system/workflow, by `make workflow`."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """CI must not pass because there was nothing to compare."""
    parser.addoption(
        "--require-record",
        action="store_true",
        help="fail, rather than skip, unless the workflow tests ran whole and passed",
    )
