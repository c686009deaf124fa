"""Tables that outlived their stack, taken into a new one.

Tables have fixed names and stay when a stack is deleted, or when its first deploy failed and they
were protected from deletion. A new stack could not create them: it imports them, with what is in
them (CloudFormation, "Import AWS resources into a CloudFormation stack manually"), and the deploy
that follows adds everything else.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError
from samtranslator.yaml_helper import yaml_parse

from tools.ops.errors import CommandError
from tools.ops.target import Target
from tools.sources import ROOT

Json = dict[str, Any]

_CHANGE_SET = "import-tables"
# After a first deploy that failed, or a deletion that did.
_ONLY_TO_BE_DELETED = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")


def take_over(target: Target, parameters: Mapping[str, str]) -> list[str]:
    """Make a stack of the tables that are there already; with a stack, or without tables, nothing.

    Returns the tables' names. Raises CommandError when the stack can only be deleted, and when a
    table has other keys or indexes than template.yaml says.
    """
    status = _status(target)
    if status in _ONLY_TO_BE_DELETED:
        raise CommandError(
            f"the stack {target.stack_name} is {status}: nothing can be deployed to it any more",
            "take it down (make delete) and deploy again; tables that stay are taken over",
        )
    if status not in (None, "REVIEW_IN_PROGRESS"):
        return []
    found = {}
    for logical_id, resource in _tables(parameters).items():
        table = _described(target, resource["Properties"]["TableName"])
        if table is not None:
            _check(table, resource["Properties"])
            resource["Properties"] = _alone(resource["Properties"] | _settings(target, table))
            found[logical_id] = resource
    if found:
        _import(target, found)
    return sorted(each["Properties"]["TableName"] for each in found.values())


def _status(target: Target) -> str | None:
    try:
        answer = target.client("cloudformation").describe_stacks(StackName=target.stack_name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise
    status: str = answer["Stacks"][0]["StackStatus"]
    return status


def _tables(parameters: Mapping[str, str]) -> dict[str, Json]:
    """The template's tables by logical id, with their names put in."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    prefix = parameters.get("TablePrefix", template["Parameters"]["TablePrefix"]["Default"])
    found: dict[str, Json] = {
        logical_id: resource
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::DynamoDB::Table"
    }
    for resource in found.values():
        name: str = resource["Properties"]["TableName"]["Fn::Sub"]
        resource["Properties"]["TableName"] = name.replace("${TablePrefix}", prefix)
    return found


def _described(target: Target, name: str) -> Json | None:
    client = target.client("dynamodb")
    try:
        table: Json = client.describe_table(TableName=name)["Table"]
    except client.exceptions.ResourceNotFoundException:
        return None
    return table


def _check(table: Json, properties: Json) -> None:
    """CloudFormation believes an import, and would never make an index that is missing."""
    if _shape(table) != _shape(properties):
        raise CommandError(
            f"{table['TableName']} has other keys or indexes than template.yaml",
            "deploy the release that made it first, then this one; or another TablePrefix",
        )


def _shape(table: Json) -> Json:
    indexes = [table, *table.get("GlobalSecondaryIndexes", ())]
    return {
        each.get("IndexName", ""): sorted(
            (key["KeyType"], key["AttributeName"]) for key in each["KeySchema"]
        )
        for each in indexes
    }


def _settings(target: Target, table: Json) -> Json:
    """As they are, so that the deploy that follows changes those that differ."""
    backups = target.client("dynamodb").describe_continuous_backups(TableName=table["TableName"])
    recovery = backups["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    return {
        "DeletionProtectionEnabled": table.get("DeletionProtectionEnabled", False),
        "PointInTimeRecoverySpecification": {
            "PointInTimeRecoveryEnabled": recovery.get("PointInTimeRecoveryStatus") == "ENABLED"
        },
    }


def _alone(properties: Json) -> Json:
    """Without what refers to another part of the template, which is not imported: the deploy that
    follows sets it.
    """
    return {
        name: value
        for name, value in properties.items()
        if not re.search('"(Ref|Fn::[^"]+)":', json.dumps(value))
    }


def _import(target: Target, tables: dict[str, Json]) -> None:
    client = target.client("cloudformation")
    names = {"StackName": target.stack_name, "ChangeSetName": _CHANGE_SET}
    client.create_change_set(
        **names,
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps({"Resources": tables}),
        ResourcesToImport=[
            {
                "ResourceType": resource["Type"],
                "LogicalResourceId": logical_id,
                "ResourceIdentifier": {"TableName": resource["Properties"]["TableName"]},
            }
            for logical_id, resource in tables.items()
        ],
    )
    client.get_waiter("change_set_create_complete").wait(**names, WaiterConfig={"Delay": 2})
    client.execute_change_set(**names)
    client.get_waiter("stack_import_complete").wait(
        StackName=target.stack_name, WaiterConfig={"Delay": 2}
    )
