"""How many days to live."""

from collections.abc import Iterator

import pytest

from tests.search.interleavings.world import World, running_world


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make year` asks for 365."""
    parser.addoption("--days", type=int, default=30, help="days in the shop")


@pytest.fixture(scope="package")
def world() -> Iterator[World]:
    """Everything that the functions run against."""
    with running_world() as world:
        yield world
