"""A stack of its own whose functions call AWS and PayMongo through proxies that can break."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.search.faults.matrix import Matrix
from tests.search.faults.proxy import EngineProxy, PayMongoProxy
from tests.support.shop import Shop
from tools.local.stack import LocalStack, Settings, free_port, running


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make faults` runs everything; CI a share."""
    parser.addoption("--all-faults", action="store_true", help="everything, not CI's share")


@dataclass(frozen=True)
class ProxiedStack:
    """A running stack and the proxies that its functions call through."""

    stack: LocalStack
    engine: EngineProxy
    paymongo: PayMongoProxy


@pytest.fixture(scope="session")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxiedStack]:
    """One for all fault tests."""
    aws_port, paymongo_port = free_port(), free_port()
    with EngineProxy(aws_port) as engine, PayMongoProxy(paymongo_port) as paymongo:
        settings = Settings(
            port=free_port(),
            aws_port=aws_port,
            paymongo_port=paymongo_port,
            hold_seconds=600,
            log_dir=tmp_path_factory.mktemp("faults"),
            # Retries of the state machines wait a twentieth of the time.
            engine_environment={"SFN_WAIT_SCALE": "0.05"},
            sandbox_options=("--webhook-retry-seconds", "20", "--refund-seconds", "0.3"),
            function_endpoint_url=engine.url,
            parameters={"PayMongoApiUrl": paymongo.url, "PayMongoTimeoutSeconds": "2"},
        )
        with running(settings) as stack:
            yield ProxiedStack(stack, engine, paymongo)


@pytest.fixture(scope="session")
def matrix(proxied: ProxiedStack) -> Matrix:
    """The fault matrix over the running stack."""
    return Matrix(proxied.stack, proxied.engine, proxied.paymongo)


@pytest.fixture
def shop(proxied: ProxiedStack) -> Iterator[Shop]:
    """A customer's, PayMongo's and an operator's view; the promise is checked at the end."""
    shop = Shop(proxied.stack, is_broken=True)
    yield shop
    shop.close()


@pytest.fixture
def share(request: pytest.FixtureRequest) -> float:
    """How much of the full number of repetitions this run does: CI a tenth."""
    return 1.0 if request.config.getoption("--all-faults") else 0.1
