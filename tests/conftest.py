"""What tests of any kind share."""

from pathlib import Path

import pytest

from tests.support.report import Report


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make faults` keeps what it found, `make scaling` what it measured."""
    parser.addoption("--report", type=Path, help="Markdown file that gets sections of this run")
    parser.addoption(
        "--write-measured", action="store_true", help="keep what docs/scaling.md is computed from"
    )


@pytest.fixture
def report(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Report:
    """Where long tests tell people what they found."""
    return Report(request.config.getoption("--report"), capsys)
