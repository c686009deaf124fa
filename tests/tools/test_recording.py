"""Counting by AWS's rules, and names that both sides of a comparison share."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.recording import record
from tests.support.recording.capacity import index_write_units, item_size, read_units, write_units
from tests.support.recording.executions import Execution
from tests.support.recording.record import Record
from tests.support.recording.recorder import logical

NAMES = {
    "MongoCollectibles-Units": "UnitsTable",
    "stack-ReserveUnitFunction-1A2B": "ReserveUnitFunction",
    "stack-rental": "RentalStateMachine",
}
ARN = "arn:aws:{}:ap-southeast-1:000000000000:{}"


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("*", "*"),
        ("MongoCollectibles-Units", "UnitsTable"),
        ("MongoCollectibles-Units/index/by-shelf", "UnitsTable/index/by-shelf"),
        (
            ARN.format("lambda", "function:stack-ReserveUnitFunction-1A2B:live"),
            "ReserveUnitFunction:live",
        ),
        (ARN.format("states", "stateMachine:stack-rental:live"), "RentalStateMachine"),
        (ARN.format("states", "execution:stack-rental:0b1c"), "RentalStateMachine executions"),
        (ARN.format("secretsmanager", "secret:stack/key-a1B2c3"), "secret:stack/key"),
        ("stack/key", "secret:stack/key"),
    ],
)
def test_a_resource_goes_by_its_logical_id(resource: str, expected: str) -> None:
    assert logical(resource, NAMES) == expected


def text(how_long: int) -> dict[str, Any]:
    return {"id": {"S": "x" * (how_long - 2)}}


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"id": {"S": "abc"}}, 5),
        ({"café": {"S": "é"}}, 7),
        ({"n": {"N": "-1234.5"}}, 5),
        ({"b": {"BOOL": True}}, 2),
        ({"m": {"M": {"a": {"S": "xy"}}}}, 1 + 3 + 3 + 1),
        ({"s": {"SS": ["ab", "c"]}}, 4),
    ],
)
def test_an_items_size_is_that_of_its_names_and_values(item: dict[str, Any], expected: int) -> None:
    assert item_size(item) == expected


def test_reads_are_rounded_up_to_4_kb_and_halved_when_eventually_consistent() -> None:
    assert [read_units(size, consistent=True) for size in (0, 4096, 4097)] == [1, 1, 2]
    assert [read_units(size, consistent=False) for size in (0, 4096, 4097)] == [0.5, 0.5, 1]


def test_writes_count_the_larger_size_and_twice_in_a_transaction() -> None:
    assert write_units(None, text(1024), in_transaction=False) == 1
    assert write_units(text(1025), text(10), in_transaction=False) == 2
    assert write_units(text(1025), None, in_transaction=True) == 4


def test_an_index_is_written_when_what_it_holds_changes() -> None:
    def units(before: dict[str, Any] | None, after: dict[str, Any] | None) -> int:
        return index_write_units(before, after, ["k"], ["id", "k", "p"])

    def row(**values: str) -> dict[str, Any]:
        return {"id": {"S": "1"}} | {name: {"S": value} for name, value in values.items()}

    assert units(None, row()) == 0
    assert units(None, row(k="a")) == 1
    assert units(row(k="a"), row()) == 1
    assert units(row(k="a"), row(k="a", other="x")) == 0
    assert units(row(k="a"), row(k="a", p="x")) == 1
    assert units(row(k="a"), row(k="b")) == 2


def test_a_retry_is_a_transition_as_well() -> None:
    done = Execution("M", "e", ("A", "B", "Done"), ("A", "A", "B"), is_from_eventbridge=False)

    assert done.transitions == 4


def run(*passed: str, **changes: Any) -> Record:
    """A run of two tests."""
    record_of_it = Record(
        uses=Counter({("F", "dynamodb:GetItem", "T"): 2}),
        collected={"a", "b"},
        passed=set(passed),
        fingerprint=record.fingerprint(),
    )
    return replace(record_of_it, **changes)


@pytest.mark.parametrize(
    ("of_run", "is_complete", "is_current"),
    [
        (run("a", "b"), True, True),
        (run("a"), False, True),
        (run("a", "b", is_selection=True), False, True),
        (run("a", "b", fingerprint="of other code"), True, False),
        (Record(), False, False),
    ],
    ids=["whole", "a test did not pass", "a selection", "other code", "none"],
)
def test_a_record_says_whether_it_is_of_everything_and_of_now(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    of_run: Record,
    is_complete: bool,
    is_current: bool,
) -> None:
    monkeypatch.setattr(record, "FILE", tmp_path / "recorded.json")
    assert record.load() == Record()
    record.save(of_run)

    read = record.load()

    assert read == of_run
    assert (read.is_complete, read.is_current) == (is_complete, is_current)
