"""cfn-lint with the serverless rules, as .cfnlintrc.yaml configures it; statelint for the state
machines. `make check-template` runs the slower ones: sam validate and checkov.
"""

import json
import re
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ConfigMixIn
from cfnlint.runner import Runner
from jsonata import Jsonata
from statelint.config import Config
from statelint.linter import Linter
from statelint.problem import ProblemType

from tests.support.sources import definitions, resources, value_of
from tools.local.package import local_definition
from tools.sources import ROOT


@pytest.fixture(scope="module")
def runner() -> Any:
    """cfn-lint with its rules loaded, which takes longer than linting."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return Runner(ConfigMixIn([]))


def test_the_template_has_no_findings(runner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert runner.config.templates == ["template.yaml"]

    findings = [f"{each.rule.id} line {each.linenumber}: {each.message}" for each in runner.run()]

    assert findings == []


def inline(name: str, definition: Any) -> Any:
    substitutions = resources("AWS::Serverless::StateMachine")[name]["DefinitionSubstitutions"]
    return {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": "arn:aws:iam::123456789012:role/states",
            "TracingConfiguration": {"Enabled": True},
            "Definition": definition,
            "DefinitionSubstitutions": {
                each: "arn:aws:lambda:x:1:function:x:live"
                if each.endswith("FunctionArn")
                else value_of(value)
                for each, value in substitutions.items()
            },
        },
    }


def test_the_definitions_follow_the_language(runner: Any) -> None:
    broken = as_deployed("RentalStateMachine")
    broken["States"]["ReserveUnit"]["Retries"] = broken["States"]["ReserveUnit"].pop("Retry")
    template = {
        "Resources": {
            **{name: inline(name, as_deployed(name)) for name in definitions()},
            "Broken": inline("RentalStateMachine", broken),
        }
    }

    findings = lint(json.dumps(template), rules=runner.rules, regions=["ap-southeast-1"])

    assert {(each.rule.id, each.path[1]) for each in findings} == {("E3601", "Broken")}


def as_deployed(machine: str) -> Any:
    # Both linters take TimeoutSeconds for a number only; JSONata states may compute it.
    definition = local_definition(json.dumps(definitions()[machine]).encode())
    return json.loads(definition.replace(b"${HoldSeconds}", b"900"))


def problems(definition: Any) -> list[str]:
    # A whole number is a number, also for BackoffRate.
    found: list[str] = Linter.validate(definition, Config({ProblemType.FLOAT}))
    return found


@pytest.mark.parametrize("machine", sorted(definitions()))
def test_statelint_has_no_findings(machine: str) -> None:
    definition = as_deployed(machine)

    assert problems(definition) == []

    first = definition["StartAt"]
    definition["States"][first]["Next"] = "Nowhere"
    assert problems(definition) != []


@pytest.mark.parametrize("machine", sorted(definitions()))
def test_every_expression_can_be_read(machine: str) -> None:
    text = re.sub(
        r"\$\{\w+\}", "900", json.dumps(as_deployed(machine))
    )  # as CloudFormation puts in
    expressions = re.findall(r'"{% (.*?) %}"', text)

    assert expressions
    for expression in expressions:
        Jsonata(json.loads(f'"{expression}"'))
    with pytest.raises(Exception, match=r"Syntax|expected|Expected"):
        Jsonata("$states.result.(")
