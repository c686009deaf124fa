"""A stack of its own whose functions call AWS and PayMongo through proxies that can break."""

from collections.abc import Iterator

import pytest

from tests.faults.matrix import Matrix
from tests.faults.proxy import EngineProxy, PayMongoProxy
from tools.local.stack import Settings, free_port, running


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make faults` runs everything; CI a share."""
    parser.addoption("--all-faults", action="store_true", help="the whole matrix")


@pytest.fixture(scope="session")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    """The fault matrix over a running stack."""
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
            sandbox_options=("--webhook-retry-seconds", "20"),
            function_endpoint_url=engine.url,
            parameters={"PayMongoApiUrl": paymongo.url, "PayMongoTimeoutSeconds": "1"},
        )
        with running(settings) as stack:
            yield Matrix(stack, engine, paymongo)
