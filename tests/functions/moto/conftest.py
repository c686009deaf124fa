"""The domain on moto: tables are those of template.yaml, so the tests cannot drift from it.

Single-threaded: moto's transactions take no locks, so races are tested on the local stack
(tests/system). moto ignores a transaction's ClientRequestToken; a repeated transaction fails its
conditions here, as it does on AWS ten minutes later.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from moto import mock_aws

from infra import aws
from infra.settings import setting
from rentals import refunds
from tests.support.rentals import Refunding
from tests.support.samples import IDENTITY_SECRET
from tests.support.sources import REGION, template, value_of
from tests.support.tables import CATALOGUE, Shop, create_tables, forget_settings
from tools.local.stack import LocalStack, Settings

ROLE = "arn:aws:iam::123456789012:role/states"
DEFINITION = json.dumps(
    {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}}}
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make adapters` has a second witness."""
    parser.addoption("--on-ministack", action="store_true", help="on MiniStack instead of moto")


@contextmanager
def _ministack(folder: Path) -> Iterator[None]:
    # Without IAM, as moto: roles here are names only.
    settings = Settings.on_free_ports(log_dir=folder, engine_environment={"AUTH": "false"})
    stack = LocalStack(settings)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.client_environment.items():
            patch.setenv(name, value)
        try:
            stack.start_engine()
            yield
        finally:
            stack.stop()


@pytest.fixture(scope="package")
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """moto, and one client of each kind: making a client takes longer than most tests."""
    is_second = request.config.getoption("--on-ministack", default=False)
    clients = (
        aws.cognito,
        aws.dynamodb,
        aws.events,
        aws.s3,
        aws.secretsmanager,
        aws.sesv2,
        aws.stepfunctions,
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        with _ministack(tmp_path_factory.mktemp("engine")) if is_second else mock_aws():
            for client in clients:
                client.cache_clear()
            yield
            for client in clients:
                client.cache_clear()


@pytest.fixture
def environment(engine: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The environment of every function, from the template's Globals."""
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]
    for name, value in variables.items():
        monkeypatch.setenv(name, value_of(value))
    forget_settings()
    yield monkeypatch
    forget_settings()


@pytest.fixture(scope="package")
def made_tables(engine: None) -> None:
    """Made once: six tables take longer to make than most tests take to run."""
    create_tables(aws.dynamodb())
    empty = Shop()
    for table, items in CATALOGUE.items():
        empty.put(table, *items)
    empty.close()


@pytest.fixture
def shop(made_tables: None, environment: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Tables with a collectible, two stores, four warehouses, and nothing else."""
    shop = Shop()
    yield shop
    shop.close()
    assert shop.finish() == []


@pytest.fixture
def paymongo(monkeypatch: pytest.MonkeyPatch) -> Refunding:
    """PayMongo, as far as giving money back needs it."""
    provider = Refunding()
    monkeypatch.setattr(refunds, "paymongo", lambda: provider)
    return provider


@pytest.fixture
def identity(shop: Shop) -> Iterator[None]:
    """The secret that names are made under."""
    secret_id = setting("IDENTITY_SECRET_ID")
    aws.secretsmanager().create_secret(Name=secret_id, SecretString=IDENTITY_SECRET.decode())
    yield
    aws.secretsmanager().delete_secret(SecretId=secret_id, ForceDeleteWithoutRecovery=True)


@pytest.fixture
def machine(shop: Shop, identity: None, environment: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty state machine that rentals start."""
    client = aws.stepfunctions()
    arn = client.create_state_machine(name="rental", definition=DEFINITION, roleArn=ROLE)[
        "stateMachineArn"
    ]
    environment.setenv("RENTAL_STATE_MACHINE_ARN", arn)
    yield arn
    client.delete_state_machine(stateMachineArn=arn)


@pytest.fixture
def fulfillment_machine(shop: Shop, environment: pytest.MonkeyPatch) -> Iterator[str]:
    """A state machine for fulfillments that ends no wait by itself."""
    client = aws.stepfunctions()
    made = client.create_state_machine(name="fulfillment", definition=DEFINITION, roleArn=ROLE)
    environment.setenv("FULFILLMENT_STATE_MACHINE_ARN", made["stateMachineArn"])
    setting.cache_clear()
    yield made["stateMachineArn"]
    client.delete_state_machine(stateMachineArn=made["stateMachineArn"])
