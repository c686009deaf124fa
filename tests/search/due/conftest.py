"""How many are due at once."""

from collections.abc import Iterator

import pytest

from tests.search.interleavings.world import World, running_world


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make scaling` asks for 5,000."""
    parser.addoption("--due", type=int, default=120, help="rentals that are due at one moment")


@pytest.fixture(scope="package")
def world() -> Iterator[World]:
    """Everything that the functions run against."""
    with running_world() as world:
        yield world
