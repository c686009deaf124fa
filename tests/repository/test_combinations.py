"""The template as CloudFormation deploys it: for each combination of parameters that matters."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cfnlint.config import ConfigMixIn
from cfnlint.runner import Runner

from tests.repository.combinations import COMBINATIONS, QUOTAS, deployed, holds
from tests.support.sources import REGION, template

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
