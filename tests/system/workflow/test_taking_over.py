"""Deploying again where a stack failed or was deleted, and its tables are still there."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.sources import resources, template
from tools.building import tables
from tools.local.stack import LocalStack
from tools.ops.errors import CommandError
from tools.ops.target import Target

NAME = "taken-over"
PARAMETERS = {"TablePrefix": "TakenOver", "Environment": "prod", "WarmWriteUnits": "8000"}
CONDITIONS = ("IsProd", "WarmsRentals")
# What a first deploy can fail of once the tables are there: here, a signal that never comes.
FAILS = {
    "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
    "Wait": {
        "Type": "AWS::CloudFormation::WaitCondition",
        "DependsOn": sorted(resources("AWS::DynamoDB::Table")),
        "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "1"},
    },
}


@pytest.fixture
def target(stack: LocalStack) -> Iterator[Target]:
    """A stack of its own on the engine; what it leaves is removed."""
    target = Target(NAME, endpoint_url=stack.settings.aws_url)
    yield target
    delete(target)
    dynamodb = target.client("dynamodb")
    for name in set(names()) & set(dynamodb.list_tables()["TableNames"]):
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        dynamodb.delete_table(TableName=name)


def names() -> list[str]:
    return sorted(
        each["TableName"]["Fn::Sub"].replace("${TablePrefix}", PARAMETERS["TablePrefix"])
        for each in resources("AWS::DynamoDB::Table").values()
    )


def deploy(target: Target, kind: str, **more: Any) -> str:
    """The tables as prod deploys them. Returns the status that the stack ends with."""
    client = target.client("cloudformation")
    whole = template()
    ours = {name: whole["Resources"][name] for name in resources("AWS::DynamoDB::Table")}
    body = {
        "Parameters": {name: whole["Parameters"][name] for name in PARAMETERS},
        "Conditions": {name: whole["Conditions"][name] for name in CONDITIONS},
        "Resources": ours | more,
    }
    {"create": client.create_stack, "update": client.update_stack}[kind](
        StackName=NAME,
        TemplateBody=json.dumps(body),
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in PARAMETERS.items()
        ],
    )
    while (found := status(target)).endswith("IN_PROGRESS"):
        time.sleep(0.1)
    return found


def status(target: Target) -> str:
    (found,) = target.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"]
    return str(found["StackStatus"])


def delete(target: Target) -> None:
    client = target.client("cloudformation")
    client.delete_stack(StackName=NAME)
    client.get_waiter("stack_delete_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1})


def test_a_stack_whose_first_deploy_failed_has_to_be_deleted(target: Target) -> None:
    # On AWS it ends as ROLLBACK_FAILED: the engine deletes tables although they are protected.
    assert deploy(target, "create", **FAILS) == "ROLLBACK_COMPLETE"

    with pytest.raises(CommandError, match="is ROLLBACK_COMPLETE") as told:
        tables.take_over(target, PARAMETERS)

    assert "make delete" in str(told.value.hint)


def test_a_deleted_stack_comes_back_with_what_its_tables_held(target: Target) -> None:
    dynamodb = target.client("dynamodb")
    assert tables.take_over(target, PARAMETERS) == []
    assert deploy(target, "create") == "CREATE_COMPLETE"
    assert tables.take_over(target, PARAMETERS) == []
    row = {"id": {"S": "store-a"}}
    dynamodb.put_item(TableName="TakenOver-Stores", Item=row)
    delete(target)
    # Somebody took one of them away meanwhile, and the protection of another.
    for name in ("TakenOver-Customers", "TakenOver-Rentals"):
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName="TakenOver-Customers")

    taken = tables.take_over(target, PARAMETERS)

    assert taken == [name for name in names() if name != "TakenOver-Customers"]
    imported = json.dumps(
        target.client("cloudformation").get_template(StackName=NAME)["TemplateBody"]
    )
    assert [each for each in ("Fn::", "Ref", "Condition") if each in imported] == [], (
        "CloudFormation refuses what refers to a part of the template that is not imported"
    )
    assert deploy(target, "update") == "UPDATE_COMPLETE"
    assert dynamodb.get_item(TableName="TakenOver-Stores", Key=row)["Item"] == row
    for name in names():
        assert dynamodb.describe_table(TableName=name)["Table"]["DeletionProtectionEnabled"], name


def test_a_table_of_another_shape_is_refused(target: Target) -> None:
    deploy(target, "create")
    delete(target)
    target.client("dynamodb").update_table(
        TableName="TakenOver-Rentals",
        GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "paymentId-index"}}],
    )

    with pytest.raises(CommandError, match="TakenOver-Rentals has other keys or indexes"):
        tables.take_over(target, PARAMETERS)
