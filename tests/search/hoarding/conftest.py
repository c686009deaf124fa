"""The shop as it is sold: its catalogue, its limits, its holds."""

from collections.abc import Iterator

import pytest

from tests.support.shop import FAST, Shop
from tools.local.stack import LocalStack, Settings, running


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """One for all attackers; each leaves when it is done."""
    with running(Settings.on_free_ports(log_dir=tmp_path_factory.mktemp("stack"), **FAST)) as stack:
        yield stack


@pytest.fixture
def shop(stack: LocalStack) -> Iterator[Shop]:
    """A customer's, PayMongo's and an operator's view; the promise is checked at the end."""
    shop = Shop(stack)
    yield shop
    shop.close()
