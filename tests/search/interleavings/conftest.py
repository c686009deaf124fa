"""How long to search, and from which seed."""

from collections.abc import Iterator

import pytest

from tests.search.interleavings.world import World, running_world


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make faults` asks for more steps than CI."""
    parser.addoption("--steps", type=int, help="steps of the random search")
    parser.addoption("--seed", help="seed of the random search, or of one failed example")


@pytest.fixture(scope="package")
def world() -> Iterator[World]:
    """Everything that the functions run against; emptied by each example."""
    with running_world() as world:
        yield world
