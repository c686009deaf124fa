"""The documentation says what is there: pictures, links, files, names in docs/architecture.md, and
every page that any file refers to.
"""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tools.building.diagrams import PAGES, mermaid, redrawn
from tools.sources import ROOT
from tools.sources.asl import StateMachine, parse

MACHINES = {
    path.name.partition(".")[0]: parse(json.loads(path.read_text()))
    for path in (ROOT / "statemachines").glob("*.asl.json")
}
every_machine = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES.keys())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pictures_are_up_to_date(page: Path) -> None:
    text = page.read_text()

    assert redrawn(text) == text, "run: make generate"


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


# --- what the architecture page says ---

PAGE = (ROOT / "docs" / "architecture.md").read_text()
NAMED = sorted(set(re.findall(r"(?<!`)`([^`\n]+)`(?!`)", PAGE)))
FUNCTIONS = [each for each in NAMED if re.fullmatch(r"[a-z_]+\.[a-z_]+", each)]
FUNCTIONS = [each for each in FUNCTIONS if not each.endswith((".yaml", ".py", ".json", ".md"))]
RESOURCES = [each for each in NAMED if re.fullmatch(r"[A-Z]\w+(Rule|Queue|Alarm|Function)", each)]
STATES = [each for each in NAMED if re.fullmatch(r"[A-Z]\w+", each) and each not in RESOURCES]


def test_the_page_names_enough_to_be_checked() -> None:
    assert len(FUNCTIONS) > 15
    assert len(RESOURCES) > 2
    assert STATES


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_that_the_page_names_exist(name: str) -> None:
    module, _, function = name.partition(".")
    found = [
        path
        for path in (ROOT / "functions").glob(f"*/{module}.py")
        if re.search(rf"^def {function}\(", path.read_text(), re.MULTILINE)
    ]

    assert len(found) == 1


def test_resources_and_states_that_the_page_names_exist() -> None:
    template = (ROOT / "template.yaml").read_text()
    states = {state for machine in MACHINES.values() for state in machine.states}

    for name in RESOURCES:
        assert re.search(rf"^  {name}:$", template, re.MULTILINE), name
    assert set(STATES) <= states


def test_the_picture_of_the_data_has_every_table_and_no_other() -> None:
    template = (ROOT / "template.yaml").read_text()
    tables = set(re.findall(r"^  (\w+)Table:\n    Type: AWS::DynamoDB::Table$", template, re.M))
    picture = re.search(r"```mermaid\nerDiagram\n(.*?)```", PAGE, re.DOTALL)
    assert picture is not None
    relation = r"^    (\w+) [|}o]+--[|{o]+ (\w+) :"

    drawn = {name for pair in re.findall(relation, picture[1], re.M) for name in pair}
    assert drawn == tables


# --- what any file says ---

TRACKED = subprocess.run(
    ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
).stdout.splitlines()
TEXTS = {
    name: (ROOT / name).read_text(errors="ignore")
    for name in TRACKED
    if (ROOT / name).is_file() and not name.startswith("static/images")
}
DOCUMENTS = {name: text for name, text in TEXTS.items() if name.endswith(".md")}


def anchors(text: str) -> set[str]:
    """What a document's headings can be linked by."""
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", DOCUMENTS[name]):
        path, _, anchor = target.partition("#")
        there = (ROOT / name).parent / path if path else ROOT / name
        assert there.exists(), target
        assert not anchor or anchor in anchors(there.read_text()), target


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_that_documents_name_exist(name: str) -> None:
    folders = "docs|events|functions|statemachines|static|tests|tools"
    for path in re.findall(rf"`((?:{folders})/[\w./-]*)`", DOCUMENTS[name]):
        assert (ROOT / path).exists() or ((ROOT / name).parent / path).exists(), path


def unknown_pages(text: str) -> set[str]:
    """Pages that a text names, and in brackets, after a comma, sections, that are not there."""
    pages = re.findall(r"(?<![\w/.:-])[./]*([\w/-]+\.md)\b", re.sub(r"https?://\S+", "", text))
    unknown = {
        page for page in pages if not any(f"/{each}".endswith(f"/{page}") for each in DOCUMENTS)
    }
    for page, section in re.findall(r"\((docs/\w+\.md), ([^(),.:]+)\)", text):
        headings = re.findall(r"^#+ (.+)$", DOCUMENTS.get(page, ""), flags=re.MULTILINE)
        if section.lower() not in {each.lower() for each in headings}:
            unknown.add(f"{page}, {section}")
    return unknown


def test_pages_and_sections_that_files_name_exist() -> None:
    unknown = {name: missing for name, text in TEXTS.items() if (missing := unknown_pages(text))}

    assert not unknown
    page, nothing = "docs/cost.md", "nothing"
    assert unknown_pages(f"see docs/{nothing}.md") == {f"docs/{nothing}.md"}
    assert unknown_pages(f"({page}, {nothing})") == {f"{page}, {nothing}"}
