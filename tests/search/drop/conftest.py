"""How many come."""

from collections.abc import Iterator

import pytest

from tests.search.interleavings.world import World, running_world


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make drop` asks for 10,000."""
    parser.addoption("--buyers", type=int, default=200, help="buyers of the drop; a unit for 20")


@pytest.fixture(scope="package")
def world() -> Iterator[World]:
    """Everything that the functions run against."""
    with running_world() as world:
        yield world
