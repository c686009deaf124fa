"""A shop with plenty of everything, so that what is refused is refused for what was sent."""

from collections.abc import Iterator

import pytest

from tests.support.shop import FAST, Shop
from tools.local.stack import LocalStack, Settings, running


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make fuzz` takes longer than CI's share."""
    parser.addoption("--fuzz-seconds", type=float, default=6.0, help="for each of the two")


@pytest.fixture
def seconds(request: pytest.FixtureRequest) -> float:
    """For how long something is sent."""
    return float(request.config.getoption("--fuzz-seconds"))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """One for both."""
    settings = Settings.on_free_ports(
        log_dir=tmp_path_factory.mktemp("stack"),
        parameters={"UnpaidSharePercent": "100"},
        **FAST,
    )
    with running(settings) as stack:
        yield stack


@pytest.fixture
def shop(stack: LocalStack) -> Iterator[Shop]:
    """A customer's, PayMongo's and an operator's view; the promise is checked at the end."""
    shop = Shop(stack)
    yield shop
    shop.close()
