"""What is deployed, as data: the template, the state machines, and the template after SAM."""

import copy
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from tools.local.package import openapi_location
from tools.sources import ROOT

Json = dict[str, Any]

REGION = "ap-southeast-1"
STACK_NAME = "rentals-test"
# What a state machine's logs need; none has a resource (Step Functions, Logging: IAM policies).
LOG_DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)
PARAMETERS = {"SiteUrl": "https://site.example"}


@cache
def template() -> Json:
    """template.yaml; short intrinsic functions are in their long form. Not to be changed."""
    parsed: Json = yaml_parse((ROOT / "template.yaml").read_text())
    return parsed


def resources(kind: str) -> dict[str, Json]:
    """Properties by logical id of the template's resources of one type."""
    return {
        name: resource["Properties"]
        for name, resource in template()["Resources"].items()
        if resource["Type"] == kind
    }


@cache
def openapi() -> Json:
    """openapi.yaml, which the template includes. Not to be changed."""
    location = openapi_location(resources("AWS::Serverless::Api")["Api"])
    parsed: Json = yaml.safe_load((ROOT / location).read_text())
    return parsed


@cache
def definitions() -> dict[str, Json]:
    """State machine definitions by logical id, substitutions still in place."""
    return {
        name: json.loads((ROOT / properties["DefinitionUri"]).read_text())
        for name, properties in resources("AWS::Serverless::StateMachine").items()
    }


@cache
def translated(**parameters: str) -> Json:
    """What CloudFormation gets after the SAM transform, as `sam package` would send it."""
    packaged = copy.deepcopy(template())
    packaged["Resources"]["Api"]["Properties"]["DefinitionBody"] = copy.deepcopy(openapi())
    packaged["Globals"]["Function"]["CodeUri"] = "s3://bucket/functions.zip"
    for resource in packaged["Resources"].values():
        if resource["Type"] == "AWS::Serverless::StateMachine":
            resource["Properties"]["DefinitionUri"] = "s3://bucket/definition.json"
    # The managed policies that are used are named by SAM itself, without a look-up.
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
    output: Json = translator.translate(packaged, PARAMETERS | parameters)
    return output


def value_of(value: Any) -> str:
    """A scalar as deployed with PARAMETERS or defaults: Ref or Sub of parameters and of what has a
    name (of anything else, its logical id), or what holds when an optional parameter is given.
    """
    if not isinstance(value, dict):
        return str(value)
    if "Fn::If" in value:
        return value_of(value["Fn::If"][1])
    if "Ref" in value:
        return _referred(value["Ref"])
    return re.sub(r"\$\{([^}]+)\}", lambda name: _referred(name[1]), value["Fn::Sub"])


def _referred(name: str) -> str:
    if name == "AWS::StackName":
        return STACK_NAME
    if name in template()["Parameters"]:
        return PARAMETERS.get(name) or str(template()["Parameters"][name]["Default"])
    properties: Json = template()["Resources"][name]["Properties"]
    return value_of(properties.get("TableName") or properties.get("Name", name))


def differences(before: Any, after: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths at which two templates differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            if key not in before or key not in after:
                yield (*path, key)
            else:
                yield from differences(before[key], after[key], (*path, key))
    elif before != after:
        yield path
