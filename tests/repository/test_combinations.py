"""The template as CloudFormation deploys it: for each combination of parameters that matters."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from cfnlint.config import ConfigMixIn
from cfnlint.runner import Runner

from tests.repository.combinations import COMBINATIONS, QUOTAS, deployed, holds
from tests.support.sources import REGION, template
from tools.sources import ROOT

every_combination = pytest.mark.parametrize("combination", COMBINATIONS)


def nulls(value: Any, path: str = "") -> Iterator[str]:
    """Paths of everything that is null."""
    if value is None:
        yield path
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, each in items:
        yield from nulls(each, f"{path}/{key}")


@every_combination
def test_nothing_is_null(combination: str) -> None:
    """CloudFormation refuses a template with a null, however deep inside a property."""
    assert list(nulls(deployed(combination))) == []


@pytest.fixture(scope="module")
def linter() -> Runner:
    """cfn-lint's own rules: those for SAM resources have nothing to see any more."""
    return Runner(ConfigMixIn(regions=[REGION]))


@every_combination
def test_cfn_lint_finds_nothing_in_what_is_deployed(linter: Runner, combination: str) -> None:
    """Among others: references and DependsOn to resources that this combination leaves out."""
    findings = [
        f"{each.rule.id} {'/'.join(map(str, each.path))}: {each.message}"
        for each in linter.validate_template(json.loads(json.dumps(deployed(combination))))
        # Parameters that only conditions read, which are decided here; information.
        if each.rule.id != "W2001" and not each.rule.id.startswith("I")
    ]

    assert findings == []


@every_combination
def test_quotas_are_kept_with_a_fifth_to_spare(combination: str) -> None:
    found = deployed(combination)

    near = {
        name: measured(found) for name, quota, measured in QUOTAS if measured(found) > quota * 0.8
    }
    assert near == {}


def test_every_condition_is_true_in_one_combination_and_false_in_another() -> None:
    for name in template()["Conditions"]:
        assert {holds(each, name) for each in COMBINATIONS} == {True, False}, name


# --- what waits for what ---


@every_combination
def test_no_resource_waits_for_itself(combination: str) -> None:
    """cfn-lint does not look into the included document, through which the API waits for its
    functions, and the distribution for the API.
    """
    needs = dependencies(combination)
    done: set[str] = set()
    while ready := {name for name, wanted in needs.items() if name not in done and wanted <= done}:
        done |= ready

    assert set(needs) - done == set()


def test_operators_are_told_how_many_shifts_of_a_release_come_one_after_the_other() -> None:
    """An alias that waits for another, if only through the API, is shifted after it."""
    resources, needs = deployed("prod")["Resources"], dependencies("prod")

    @cache
    def waves(name: str) -> int:
        is_shifted = resources[name]["Type"] in (
            "AWS::Lambda::Alias",
            "AWS::StepFunctions::StateMachineAlias",
        )
        return max((waves(each) for each in needs[name]), default=0) + is_shifted

    told = re.findall(
        r"(\w+) shifts, one after the other", (ROOT / "docs/deploying.md").read_text()
    )
    assert told == [{2: "two", 3: "three", 4: "four"}[max(map(waves, resources))]]


def dependencies(combination: str) -> dict[str, set[str]]:
    """What each resource waits for."""
    resources = deployed(combination)["Resources"]
    return {name: references(each) & set(resources) for name, each in resources.items()}


def references(value: Any) -> set[str]:
    """Names that a resource refers to."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    found = set().union(*map(references, value.values()))
    if "Ref" in value:
        found.add(value["Ref"])
    if "Fn::GetAtt" in value:
        target = value["Fn::GetAtt"]
        found.add(target[0] if isinstance(target, list) else target.split(".")[0])
    if "Fn::Sub" in value:
        text = value["Fn::Sub"]
        text = text[0] if isinstance(text, list) else text
        found |= {each.split("}")[0].split(".")[0] for each in text.split("${")[1:]}
    depends = value.get("DependsOn", ())
    return found | ({depends} if isinstance(depends, str) else set(depends))
