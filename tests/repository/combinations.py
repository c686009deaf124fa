"""What CloudFormation gets for each combination of parameters that matters, and how far that is
from AWS's quotas. `make combinations` prints the table.
"""

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.support.sources import Json, template, translated
from tools.building.release import parameters_of

_ID = "12345678-1234-1234-1234-123456789012"
_PROD = parameters_of("prod", [])
COMBINATIONS: dict[str, dict[str, str]] = {
    "dev": parameters_of("dev", []),
    "prod": _PROD,
    "prod, all options": _PROD
    | {
        "AlarmEmail": "operators@example.com",
        "DomainName": "rentals.example.com",
        "SiteUrl": "https://rentals.example.com",
        "CertificateArn": f"arn:aws:acm:us-east-1:123456789012:certificate/{_ID}",
        "HostedZoneId": "Z0123456789ABCDEFGHIJ",
        "SiteWebAclArn": f"arn:aws:wafv2:us-east-1:123456789012:global/webacl/site/{_ID}",
        "OtherOrigins": "https://one.example,https://two.example",
        "SnapStart": "PublishedVersions",
        "PayMongoConcurrency": "25",
        "WarmWriteUnits": "16000",
    },
    "second stack": parameters_of("dev", ["ManageApiGatewayAccount=false"]),
}
_NO_VALUE = {"Ref": "AWS::NoValue"}


@cache
def deployed(combination: str) -> Json:
    """The template after SAM, with the conditions of one combination decided: resources and values
    that it leaves out are gone.
    """
    after_sam = _after_sam(combination)
    parameters = _parameters(combination)
    decided = _Conditions(after_sam["Conditions"], parameters)
    found: Json = {
        key: decided.chosen(value)
        for key, value in after_sam.items()
        if key not in ("Conditions", "Rules")
    }
    for name, parameter in found["Parameters"].items():
        value = parameters[name]
        parameter["Default"] = int(value) if parameter["Type"] == "Number" else value
    for section in ("Resources", "Outputs"):
        found[section] = {
            name: {key: value for key, value in each.items() if key != "Condition"}
            for name, each in found[section].items()
            if "Condition" not in each or decided.holds(each["Condition"])
        }
    return found


def holds(combination: str, condition: str) -> bool:
    """Whether a condition of the template is true."""
    conditions = _Conditions(_after_sam(combination)["Conditions"], _parameters(combination))
    return conditions.holds(condition)


def _after_sam(combination: str) -> Json:
    return translated(**{"SiteUrl": "", **COMBINATIONS[combination]})


def _parameters(combination: str) -> dict[str, str]:
    defaults = {name: each.get("Default") for name, each in template()["Parameters"].items()}
    return {name: str(each) for name, each in (defaults | COMBINATIONS[combination]).items()}


class _Conditions:
    def __init__(self, conditions: Json, parameters: dict[str, str]) -> None:
        self._conditions = conditions
        self._parameters = parameters

    def holds(self, name: str) -> bool:
        return self._evaluate(self._conditions[name])

    def _evaluate(self, expression: Json) -> bool:
        ((kind, operands),) = expression.items()
        if kind == "Condition":
            return self.holds(operands)
        if kind == "Fn::Equals":
            return len({self._text(each) for each in operands}) == 1
        truths = [self._evaluate(each) for each in operands]
        return {"Fn::And": all(truths), "Fn::Or": any(truths), "Fn::Not": not truths[0]}[kind]

    def _text(self, value: Any) -> str:
        return self._parameters[value["Ref"]] if isinstance(value, dict) else str(value)

    def chosen(self, value: Any) -> Any:
        """The same with every Fn::If decided."""
        if isinstance(value, list):
            found = [self.chosen(each) for each in value]
            return [each for each in found if each != _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if "Fn::If" in value:
            condition, then, otherwise = value["Fn::If"]
            return self.chosen(then if self.holds(condition) else otherwise)
        pairs = ((key, self.chosen(each)) for key, each in value.items())
        return {key: each for key, each in pairs if each != _NO_VALUE}


# --- quotas ---


def _size(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":")).encode())


def _properties(deployed: Json, kind: str) -> Iterator[Json]:
    for each in deployed["Resources"].values():
        if each["Type"] == kind:
            yield each.get("Properties", {})


def _largest(kind: str, measured: Callable[[Json], int]) -> Callable[[Json], int]:
    return lambda deployed: max(map(measured, _properties(deployed, kind)), default=0)


# What is measured, AWS's quota, and how. Intrinsic functions are measured as they are written: an
# ARN is about as long as the Fn::Sub that makes it.
QUOTAS: list[tuple[str, int, Callable[[Json], int]]] = [
    ("resources", 500, lambda all_: len(all_["Resources"])),
    ("template, bytes", 1_048_576, _size),
    ("parameters", 200, lambda all_: len(all_["Parameters"])),
    ("outputs", 200, lambda all_: len(all_["Outputs"])),
    (
        "policies of a role",
        10_240,
        _largest("AWS::IAM::Role", lambda role: _size(role.get("Policies", []))),
    ),
    (
        "environment, bytes",
        4096,
        _largest("AWS::Lambda::Function", lambda function: _size(function["Environment"])),
    ),
    (
        "metrics of an alarm",
        10,
        _largest("AWS::CloudWatch::Alarm", lambda alarm: len(alarm.get("Metrics", []))),
    ),
    (
        "alarms of a release",
        10,
        _largest(
            "AWS::CodeDeploy::DeploymentGroup",
            lambda group: len(group.get("AlarmConfiguration", {}).get("Alarms", [])),
        ),
    ),
    (
        "resources of the API",
        300,
        _largest("AWS::ApiGateway::RestApi", lambda api: len(_api_resources(api["Body"]))),
    ),
    (
        "cache behaviours",
        75,
        _largest(
            "AWS::CloudFront::Distribution",
            lambda each: len(each["DistributionConfig"]["CacheBehaviors"]),
        ),
    ),
]


def _api_resources(body: Json) -> set[str]:
    """Every path and what it lies under: each is a resource of API Gateway's."""
    return {
        "/".join(parts[:length])
        for parts in (path.split("/") for path in body["paths"])
        for length in range(1, len(parts) + 1)
    }


def table() -> Table:
    """How much of each quota each combination uses."""
    found = Table("", "quota", *COMBINATIONS, box=None)
    for name, quota, measured in QUOTAS:
        uses = [measured(deployed(each)) for each in COMBINATIONS]
        found.add_row(name, f"{quota:,}", *(f"{each:,}" for each in uses))
    for column in found.columns[1:]:
        column.justify = "right"
    return found


if __name__ == "__main__":
    Console(highlight=False, width=100).print(table())
