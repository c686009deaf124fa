"""What tests of a running stack share, whichever stack theirs is."""

from collections.abc import Iterator

import pytest

from tests.support.shop import Shop
from tools.local.stack import LocalStack


@pytest.fixture
def shop(stack: LocalStack) -> Iterator[Shop]:
    """A customer's, PayMongo's and an operator's view; the promise is checked at the end."""
    shop = Shop(stack)
    yield shop
    shop.close()
