"""Where a unit may go: the table, and that every write of a unit's status is one of its moves."""

import ast
from itertools import product

import pytest

from infra.dynamo import Change
from rentals import unit_moves
from rentals.models import UnitStatus
from rentals.unit_moves import MOVES, Move
from tools.sources import ROOT

FUNCTIONS = ROOT / "functions"


@pytest.fixture(autouse=True)
def _table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNITS_TABLE", "Units")


@pytest.mark.parametrize(("kind", "status"), list(product(Move, UnitStatus)))
def test_a_move_starts_where_the_table_says_and_nowhere_else(
    kind: Move, status: UnitStatus
) -> None:
    starts, end = MOVES[kind]
    if status not in starts:
        with pytest.raises(KeyError):
            unit_moves.move(kind, "unit-1", status, held_by="rental-1")
        return

    change = unit_moves.move(kind, "unit-1", status, held_by="rental-1")

    assert change.attributes["status"] is end
    condition = change.operation()["ConditionExpression"]
    assert "#status = :is_status" in condition
    assert "#reservedBy = :is_reservedBy" in condition


def test_every_move_is_made_somewhere_and_every_status_can_be_left_but_the_last() -> None:
    text = "".join(path.read_text() for path in FUNCTIONS.rglob("*.py"))

    assert {each for each in Move if text.count(f"Move.{each.name}") < 2} == set()
    left = {status for starts, _ in MOVES.values() for status in starts}
    assert set(UnitStatus) - left == {UnitStatus.RETIRED}
    assert {end for _, end in MOVES.values()} == set(UnitStatus)


def test_nothing_else_writes_where_a_unit_is() -> None:
    """Changes of the Units table are made in one module, and its status in one function of it."""
    writers = {
        path.name
        for path in FUNCTIONS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", None) in (Change.__name__, "New", "Put")
        and "UNITS_TABLE" in ast.unparse(node)
    }

    assert writers == {"unit_moves.py"}
