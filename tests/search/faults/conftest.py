"""A stack of its own whose functions call AWS and PayMongo through proxies that can break."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.search.faults.matrix import FAST, Matrix, ProxiedStack
from tests.search.faults.proxy import EngineProxy, PayMongoProxy
from tests.support.shop import Shop
from tools.local.stack import Settings, running


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make faults` runs everything; CI a share."""
    parser.addoption("--all-faults", action="store_true", help="everything, not CI's share")


@pytest.fixture(scope="session")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxiedStack]:
    """One for all fault tests."""
    settings = Settings.on_free_ports(
        hold_seconds=600,
        log_dir=tmp_path_factory.mktemp("faults"),
        **FAST,
    )
    with (
        EngineProxy(settings.aws_port) as engine,
        PayMongoProxy(settings.paymongo_port) as paymongo,
    ):
        proxied = replace(
            settings,
            function_endpoint_url=engine.url,
            parameters={"PayMongoApiUrl": paymongo.url, "PayMongoTimeoutSeconds": "2"},
        )
        with running(proxied) as stack:
            yield ProxiedStack(stack, engine, paymongo)


@pytest.fixture(scope="session")
def matrix(proxied: ProxiedStack) -> Matrix:
    """The fault matrix over the running stack."""
    return Matrix(proxied)


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
