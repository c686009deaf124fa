"""The documentation's pictures are those of the state machines as they are."""

import json
import re
from pathlib import Path

import pytest

from tools.asl import StateMachine, parse
from tools.diagrams import PAGES, mermaid, redrawn

ROOT = Path(__file__).parents[2]
MACHINES = {
    path.name.partition(".")[0]: parse(json.loads(path.read_text()))
    for path in (ROOT / "statemachines").glob("*.asl.json")
}
every_machine = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES.keys())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pictures_are_up_to_date(page: Path) -> None:
    text = page.read_text()

    assert redrawn(text) == text, "run: make diagrams"


def test_every_machine_has_its_whole_picture() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()

    for name, machine in MACHINES.items():
        assert f"<!-- picture of {name} -->" in page
        assert mermaid(machine) in page


@every_machine
def test_a_picture_has_every_state_and_every_way(machine: StateMachine) -> None:
    drawn = set(re.findall(r"^    (\w+) -.*[> ](\w+)$", mermaid(machine), re.MULTILINE))

    assert drawn == {(each.source, each.target) for each in machine.transitions}
    for way in machine.transitions:
        for error in way.errors:
            spoken = "any" if error == "States.ALL" else error
            assert re.search(rf"{way.source} -.*{spoken}.* {way.target}", mermaid(machine))


@every_machine
def test_without_last_resorts_nothing_leads_to_a_failure(machine: StateMachine) -> None:
    drawing = mermaid(machine, last_resorts=False)

    for name, state in machine.states.items():
        assert (name in drawing) is (state.type != "Fail")


def test_a_change_of_the_machine_makes_a_picture_stale() -> None:
    text = (ROOT / "README.md").read_text()

    assert redrawn(text.replace("PriceRental --> CreatePaymentSession", "")) == text
    assert redrawn("no picture at all") == "no picture at all"
    with pytest.raises(FileNotFoundError):
        redrawn("<!-- picture of nothing -->\n<!-- end of picture -->")
