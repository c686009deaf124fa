"""The state machines by others' programs, so that what ours say of them does not stand alone:
JSONata's reference implementation in the release that AWS names, AWS's own language service, and
asl-validator. `make reference` installs them from package-lock.json, and needs Node.js.
"""

import copy
import json
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.search.interleavings import stepfunctions
from tests.search.interleavings.search import Totals, run_example
from tests.search.interleavings.stepfunctions import deployed_definition, holds
from tests.search.interleavings.world import running_world
from tests.support.sources import definitions

Json = dict[str, Any]

FOLDER = Path(__file__).parent
# By which each expression has been met, whatever the seed.
EXAMPLES = 200


def by_node(script: str, given: Any) -> Any:
    """What a script of this folder makes of JSON."""
    if not (FOLDER / "node_modules").exists():
        pytest.fail("NOT RUN: `make reference` installs what this needs", pytrace=False)
    answer = subprocess.run(
        ["node", FOLDER / script],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(answer.stdout)


def expressions(value: Any) -> Iterator[str]:
    """Every expression of a definition as deployed."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from expressions(each)
    elif isinstance(value, str) and value.startswith("{%"):
        yield value[2:-2].strip()


def evaluations(patch: pytest.MonkeyPatch, wanted: set[str]) -> dict[str, dict[str, Any]]:
    """What ours gives for the inputs of random rentals, by expression and input."""
    ours: dict[str, dict[str, Any]] = defaultdict(dict)
    evaluated = stepfunctions.evaluated

    def record(text: str, scope: Json) -> Any:
        result = evaluated(text, scope)
        states = {name: each for name, each in scope.items() if name != "variables"}
        ours[text][json.dumps({"states": states, **scope["variables"]})] = result
        return result

    patch.setattr(stepfunctions, "evaluated", record)
    with running_world() as world:
        for number in range(EXAMPLES):
            assert run_example(world, f"reference-{number}", Totals()) is None
            if ours.keys() >= wanted:
                break
    return ours


def test_every_expression_gives_what_the_reference_implementation_gives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    every = {text for name in definitions() for text in expressions(deployed_definition(name))}

    ours = evaluations(monkeypatch, every)

    assert ours.keys() == every
    asked = [
        ({"text": text, "bindings": json.loads(bindings)}, {"value": result})
        for text, inputs in ours.items()
        for bindings, result in inputs.items()
    ]
    theirs = by_node("evaluate.mjs", [question for question, _ in asked])
    assert len(asked) > 100
    assert [answer for _, answer in asked] == theirs


@pytest.mark.parametrize("value", ["null", "'yes'", "1"])
def test_a_choice_takes_only_true_and_false(value: str) -> None:
    """In every run of the search; the engine takes these for booleans, AWS fails the execution."""
    scope: Json = {"variables": {}}
    assert holds("{% 1 = 1 %}", scope) is True
    assert holds("{% $exists(nothing) %}", scope) is False

    with pytest.raises(AssertionError, match="QueryEvaluationError"):
        holds(f"{{% {value} %}}", scope)


def test_validators_have_no_findings() -> None:
    deployed = [copy.deepcopy(deployed_definition(name)) for name in sorted(definitions())]
    broken = copy.deepcopy(deployed[0])
    broken["States"][broken["StartAt"]]["Choices"][0]["Next"] = "Nowhere"

    *found, found_broken = by_node("validate.mjs", [*deployed, broken])

    clean: Json = {"amazon-states-language-service": [], "asl-validator": []}
    assert found == [clean] * len(deployed)
    assert found_broken.keys() == clean.keys()
    assert all(found_broken.values())
