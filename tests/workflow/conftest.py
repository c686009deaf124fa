"""One local stack for all workflow tests; each test brings its own collectible and customers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workflow.shop import Shop
from tools.local.stack import LocalStack, Settings, free_port, running

HOLD_SECONDS = 600


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The deployed system, IAM enforced, with the PayMongo sandbox."""
    log_dir: Path = tmp_path_factory.mktemp("stack")
    settings = Settings(
        port=free_port(),
        aws_port=free_port(),
        paymongo_port=free_port(),
        hold_seconds=HOLD_SECONDS,
        log_dir=log_dir,
        # Retries wait a fifth of the time; nothing else is faster than in production.
        engine_environment={"SFN_WAIT_SCALE": "0.2"},
        sandbox_options=("--webhook-retry-seconds", "10", "--refund-seconds", "0.3"),
    )
    with running(settings) as stack:
        yield stack


@pytest.fixture
def shop(stack: LocalStack) -> Iterator[Shop]:
    """A customer's, PayMongo's and an operator's view; the promise is checked at the end."""
    shop = Shop(stack)
    yield shop
    shop.close()
