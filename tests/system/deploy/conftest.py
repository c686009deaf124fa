"""An operator who has typed README.md's commands for deploying. The engine stands in for AWS."""

from collections.abc import Iterator

import pytest

from tests.support.operator import DEPLOY, Operator, clone, commands
from tests.support.shop import Shop
from tests.support.sources import resources
from tools.building.release import parameters_of, settings_of
from tools.local.stack import LocalStack, Settings, free_port

TABLE_PREFIX = parameters_of("dev", [])["TablePrefix"]
TABLES = resources("AWS::DynamoDB::Table")


@pytest.fixture(scope="session")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """After the whole list; at the end the stack is taken down, which leaves what it says."""
    settings = Settings(
        port=free_port(),
        aws_port=free_port(),
        paymongo_port=free_port(),
        stack_name=settings_of("dev")["stack_name"],
        table_prefix=TABLE_PREFIX,
        log_dir=tmp_path_factory.mktemp("stack"),
    )
    stack = LocalStack(settings)
    try:
        stack.start_services()
        folder = clone(tmp_path_factory.mktemp("operator") / "clone")
        operator = Operator(folder, stack, stack.start_cloudformation_proxy())
        for command in commands():
            operator.types(command)
            if command == DEPLOY:  # in CloudFront's place
                stack.wait_until_deployed()
                stack.start_front_door()
        yield operator
        operator.types("make delete ENV=dev")
        _only_data_is_left(stack)
        _comes_back_with_its_data(operator)
    finally:
        stack.stop()


@pytest.fixture
def shop(operator: Operator) -> Iterator[Shop]:
    """A customer's view; the promise is checked at the end."""
    shop = Shop(operator.stack)
    yield shop
    shop.close()


def _comes_back_with_its_data(operator: Operator) -> None:
    told = operator.types(DEPLOY)

    assert told.count("Takes over the table") == len(TABLES)
    operator.stack.wait_until_deployed()
    assert "Units and money agree." in operator.types("./rentals audit")
    stores = operator.stack.client("dynamodb").scan(TableName=f"{TABLE_PREFIX}-Stores")
    assert stores["Count"] > 1


def _only_data_is_left(stack: LocalStack) -> None:
    cloudformation = stack.client("cloudformation")
    living = cloudformation.get_paginator("list_stacks").paginate()
    assert stack.settings.stack_name not in {
        each["StackName"]
        for page in living
        for each in page["StackSummaries"]
        if each["StackStatus"] != "DELETE_COMPLETE"
    }
    assert len(stack.client("dynamodb").list_tables()["TableNames"]) == len(TABLES)
    buckets = [each["Name"] for each in stack.client("s3").list_buckets()["Buckets"]]
    assert sum("sitebucket" in name for name in buckets) == 1
    assert stack.client("lambda").list_functions()["Functions"] == []
    assert stack.client("stepfunctions").list_state_machines()["stateMachines"] == []
