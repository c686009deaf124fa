"""Reading exports: what may come in, and what is refused, by file and line."""

import csv
import io
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rentals.models import Rental
from tools.importing.models import FILES
from tools.importing.reading import Export, read_folder
from tools.importing.references import check_references
from tools.importing.writing import items_of
from tools.ops.promise import violations
from tools.sources import ROOT

Json = dict[str, Any]

COLLECTIBLE = {"id": "col-001", "name": "Vintage Batman", "size": "Small"}
STORE = {"id": "store-a", "name": "Makati"}
WAREHOUSE = {"id": "wh-001", "distances": {"store-a": 10.5}}
UNIT = {"id": "unit-001", "collectibleId": "col-001", "warehouseId": "wh-001"}
# As the guide shows a rental of the old system.
RENTAL = {
    "id": "rental-123",
    "collectibleId": "col-001",
    "collectibleName": "Vintage Batman",
    "storeId": "store-a",
    "warehouseId": "wh-001",
    "customer": {"name": "John Doe", "email": "john@example.com"},
    "duration": 7,
    "dailyRate": 1000,
    "totalFee": 7000,
    "paymentMethod": "gcash",
    "paymentStatus": "completed",
    "paymentId": "pay_123",
    "paymentUrl": "https://pay.example.com/secret",
    "eta": 2,
    "createdAt": "2026-01-31T10:00:00Z",
    "updatedAt": "2026-01-31T10:05:00Z",
}
ALL = {
    "Collectibles": [COLLECTIBLE],
    "Stores": [STORE],
    "Warehouses": [WAREHOUSE],
    "Units": [UNIT],
    "Rentals": [RENTAL],
}


@pytest.fixture(autouse=True)
def _settings(environment: pytest.MonkeyPatch) -> None:
    for name in ("UNPAID_RETENTION_DAYS", "CLOSED_RETENTION_DAYS"):
        environment.setenv(name, "730")


def read(folder: Path, known: Json | None = None, **files: Any) -> Export:
    """An export of these rows beside what is needed for them to be right."""
    for table, rows in (ALL | files).items():
        text = rows if isinstance(rows, str) else json.dumps(rows, indent=1)
        (folder / f"{table.lower()}.json").write_text(text)
    export = read_folder(folder)
    check_references(export, known or {})
    return export


def rejected(export: Export) -> list[str]:
    return [str(each) for each in export.rejects]


def test_an_export_of_the_old_system_comes_in_whole(tmp_path: Path) -> None:
    export = read(tmp_path)

    assert rejected(export) == []
    items = items_of(export)
    assert {table: len(rows) for table, rows in items.items()} == dict.fromkeys(FILES, 1)
    (rental,) = items["Rentals"]
    assert Rental.from_row(rental).is_paid_in_full
    assert "paymentUrl" not in rental
    (unit,) = items["Units"]
    assert (unit["isAvailable"], unit["availableCollectibleId"]) == ("true", "col-001")


def test_a_rental_that_still_has_its_unit_holds_it_in_both_records(tmp_path: Path) -> None:
    export = read(
        tmp_path, Units=[UNIT | {"isAvailable": False}], Rentals=[RENTAL | {"unitId": "unit-001"}]
    )

    assert rejected(export) == []
    items = items_of(export)
    assert violations(items["Rentals"], items["Units"], [], []) == []
    assert items["Units"][0]["reservedBy"] == "rental-123"


@pytest.mark.parametrize(
    ("stage", "times"),
    [
        ("awaiting_arrival", {"readyBy": "2999-02-02T15:59:59Z"}),
        ("ready_for_pickup", {"arrivedAt": "2026-02-02T10:00:00Z"}),
        (
            "picked_up",
            {"pickedUpAt": "2026-02-03T10:00:00Z", "dueAt": "2026-02-10T15:59:59Z"},
        ),
        ("returned", {"returnedAt": "2026-02-09T10:00:00Z"}),
    ],
)
def test_a_rental_comes_in_at_its_stage_with_the_times_that_count(
    tmp_path: Path, stage: str, times: Json
) -> None:
    held = [UNIT | {"isAvailable": "false"}]
    out = RENTAL | {"unitId": "unit-001", "fulfillmentStatus": stage}

    export = read(tmp_path, Units=held, Rentals=[out | times])
    assert rejected(export) == []
    (item,) = items_of(export)["Rentals"]
    assert Rental.from_row(item).fulfillment_status == stage
    assert {name: item[name][:19] for name in times} == {k: v[:19] for k, v in times.items()}
    for name in times:
        without = {key: value for key, value in times.items() if key != name}
        problem = f"is {stage}, and has no {name}"
        assert problem in rejected(read(tmp_path, Units=held, Rentals=[out | without]))[0]


def test_a_completed_rental_without_a_unit_is_closed(tmp_path: Path) -> None:
    (item,) = items_of(read(tmp_path))["Rentals"]

    rental = Rental.from_row(item)
    assert (rental.fulfillment_status, rental.closed_reason) == ("closed", "returned")
    assert rental.closed_at == "2026-01-31T10:05:00.000Z"


@pytest.mark.parametrize("status", ["maintenance", "lost", "retired"])
def test_a_unit_that_cannot_be_rented_says_why(tmp_path: Path, status: str) -> None:
    away = UNIT | {"isAvailable": False, "status": status, "reason": "the lamp is broken"}

    export = read(tmp_path, Units=[away], Stores=[STORE | {"daysOff": ["Sunday", "2026-12-25"]}])

    assert rejected(export) == []
    items = items_of(export)
    (unit,) = items["Units"]
    assert (unit["status"], unit["reason"]) == (status, "the lamp is broken")
    assert "availableCollectibleId" not in unit
    assert items["Stores"][0]["daysOff"] == ["Sunday", "2026-12-25"]
    assert violations(items["Rentals"], items["Units"], [], []) == []


def test_past_rentals_are_not_held_to_payments_of_another_system(tmp_path: Path) -> None:
    items = items_of(read(tmp_path))
    (imported,) = items["Rentals"]
    own = {name: value for name, value in imported.items() if name != "importedAt"}

    assert violations([imported], items["Units"], [], []) == []
    assert violations([own], items["Units"], [], []) != []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"paymentStatus": "pending"}, "still pending"),
        ({"totalFee": 7001}, "7 days at 1000 are 7000"),
        ({"totalFee": 7000.5}, "totalFee"),
        ({"paymentId": None}, "has no paymentId"),
        ({"paymentStatus": "expired", "unitId": "unit-001"}, "cannot hold a unit"),
        ({"duration": 0}, "duration"),
        ({"duration": True}, "duration"),
        ({"paymentMethod": "cash"}, "paymentMethod"),
        ({"createdAt": "2026-01-31T10:00:00"}, "createdAt"),
        ({"createdAt": "2999-01-31T10:00:00Z"}, "lies in the future"),
        ({"updatedAt": "2026-01-30T10:00:00Z"}, "updatedAt is before createdAt"),
        ({"colour": "red"}, "colour is not a known field"),
        ({"customer": {"name": "John"}}, "customer.email is required"),
        ({"unitId": "unit-001"}, "says is available"),
        ({"unitId": "unit-404"}, "not in the units"),
        ({"fulfillmentStatus": "picked_up"}, "is picked_up, and its unitId is None"),
        ({"fulfillmentStatus": "closed", "unitId": "unit-001"}, "is closed, and its unitId is"),
    ],
)
def test_a_rental_that_is_not_right_is_refused(tmp_path: Path, change: Json, problem: str) -> None:
    (refused,) = rejected(read(tmp_path, Rentals=[RENTAL | change]))

    assert refused.startswith("rentals.json:2: rental-123: ")
    assert problem in refused


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (
            {"Units": [UNIT | {"warehouseId": "wh-404"}]},
            "units.json:2: unit-001: there is no wareh",
        ),
        ({"Units": [UNIT | {"collectibleId": "c"}]}, "units.json:2: unit-001: there is no collect"),
        ({"Units": [UNIT | {"isAvailable": "no"}]}, "units.json:2: unit-001: isAvailable"),
        ({"Units": [UNIT | {"isAvailable": "false"}]}, "leave the unit out until it is back"),
        ({"Units": [UNIT | {"status": "lost"}]}, 'is lost: its isAvailable is "false"'),
        ({"Stores": [STORE | {"daysOff": ["Holiday"]}]}, "daysOff.0"),
        ({"Stores": [STORE | {"daysOff": ["20261225"]}]}, "is no date like 2026-12-25"),
        ({"Units": [UNIT, UNIT]}, "is in units.json:2 already"),
        ({"Warehouses": [WAREHOUSE | {"distances": {"store-a": -1}}]}, "distances.store-a"),
        ({"Warehouses": [WAREHOUSE | {"distances": {"store-z": 1}}]}, "there is no store store-z"),
        ({"Collectibles": [COLLECTIBLE | {"size": "Huge"}]}, "collectibles.json:2: col-001: size"),
        ({"Collectibles": [COLLECTIBLE | {"id": "a b"}]}, "id String should match"),
        ({"Stores": ["store-a"]}, "stores.json:2: ?:"),
    ],
)
def test_rows_that_do_not_fit_are_refused(tmp_path: Path, files: Json, problem: str) -> None:
    assert any(problem in each for each in rejected(read(tmp_path, **files)))


def test_two_rentals_cannot_hold_one_unit(tmp_path: Path) -> None:
    holder = RENTAL | {"unitId": "unit-001"}
    export = read(
        tmp_path,
        Units=[UNIT | {"isAvailable": "false"}],
        Rentals=[holder, holder | {"id": "rental-124"}],
    )

    (refused,) = rejected(export)
    assert "rental-124: holds unit unit-001, and so does rental-123" in refused


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[\n {"id": "a"},\n {"id": }\n]', "stores.json:3"),
        ('{"id": "a"}', "stores.json:1"),
        ('[\n {"id": "a"}\n {"id": "b"}]', "stores.json:3"),
        ("", "stores.json:1"),
        ("[", "stores.json:1"),
    ],
)
def test_a_file_that_is_no_json_says_from_where_on(tmp_path: Path, text: str, place: str) -> None:
    refused = rejected(read(tmp_path, Stores=text))

    assert any(each.startswith(place) and "not JSON" in each for each in refused)


def test_rows_on_lines_of_their_own_are_read_as_well(tmp_path: Path) -> None:
    (tmp_path / "stores.jsonl").write_text('{"id": "a", "name": "A"}\n\n{"id": "b"}\n{"id": \n')

    export = read_folder(tmp_path)

    assert list(export.rows["Stores"]) == ["a"]
    assert [str(each.place) for each in export.rejects] == ["stores.jsonl:3", "stores.jsonl:4"]


def test_an_empty_folder_says_what_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"collectibles\.json, stores\.json"):
        read_folder(tmp_path)


@given(
    st.lists(
        st.dictionaries(st.text(max_size=3), st.integers() | st.text('[]{},\n"\\', max_size=5)),
        max_size=6,
    ),
    st.sampled_from([None, 1]),
)
def test_an_element_is_found_on_the_line_it_begins_on(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Json], indent: int | None
) -> None:
    folder = tmp_path_factory.mktemp("export")
    text = json.dumps(rows, indent=indent)
    (folder / "stores.json").write_text(text)

    lines = [each.place.line for each in read_folder(folder).rejects]

    assert len(lines) == len(rows)
    for line in lines:
        assert "{" in text.splitlines()[line - 1]


# --- nothing is lost ---

SMALL = '"name": "A", "size": "Small"'
COLUMNS = "id,name,size\n"


def read_one(folder: Path, name: str, content: str | bytes, encoding: str | None = None) -> Export:
    """What a folder with this file alone holds."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_folder(folder, encoding)


@pytest.mark.parametrize(
    ("name", "content", "rows", "places"),
    [
        ("collectibles.json", f'[{{"id": "a", {SMALL}}}]\n[{{"id": "b"}}]', ["a"], [2]),
        ("collectibles.json", "[] oops", [], [1]),
        ("collectibles.json", "[" * 100_000, [], [1]),
        ("collectibles.json", f'[{{"id": "a", {SMALL}, "id": "b"}}]', [], [1]),
        ("warehouses.json", '[{"id": "w", "distances": {"a": 1, "a": 2}}]', [], [1]),
        ("warehouses.json", '[{"id": "w", "distances": {"a": 0.%s}}]' % ("1" * 39), [], [1]),
        ("warehouses.json", '[{"id": "w", "distances": {"a": %s}}]' % ("1" * 5_000), [], [1]),
        ("collectibles.json", f'[{{"id": "a", {SMALL}}},\n{{"id": "A", {SMALL}}}]', ["a"], [2]),
        ("collectibles.json", f'[{{"id": "a", {SMALL}, "image_url": ""}}]', [], [1]),
        (
            "collectibles.jsonl",
            f'{{"id": "a", {SMALL}}}\n{{"id": "b\n{{"id": "c", {SMALL}}}\n{{"id": "d"}}\n',
            ["a", "c"],
            [2, 4],
        ),
        ("collectibles.jsonl", f'{{"id": "a", "description": "\u2028\x85", {SMALL}}}', ["a"], []),
        ("collectibles.jsonl", f'{{"id": "a", {SMALL}}}\r{{"id": "b", {SMALL}}}', ["a", "b"], []),
        ("collectibles.csv", "", [], [1]),
        ("collectibles.csv", "id,name,size,colour\na,A,Small,red\n", [], [1]),
        ("collectibles.csv", "id,name,size,name\na,A,Small,B\n", [], [1]),
        ("collectibles.csv", COLUMNS + "a,A,Small,more\nb,B,Small,\n,,\n", ["b"], [2]),
        ("collectibles.csv", COLUMNS + 'a,"A,Small\nb,"B,Small\nc,C,Small', ["c"], [2]),
        ("collectibles.csv", COLUMNS + 'a,A,Small\nb,"B,Small\nc,C,Small', ["a"], [3]),
        ("collectibles.csv", COLUMNS + "a,6.39E+11,Small\n", [], [2]),
        ("collectibles.xlsx", b"PK", [], [1]),
    ],
)  # fmt: skip
def test_every_row_comes_in_or_is_named(
    tmp_path: Path, name: str, content: str | bytes, rows: list[str], places: list[int]
) -> None:
    export = read_one(tmp_path, name, content)

    assert [key for there in export.rows.values() for key in there] == rows
    assert [str(each.place) for each in export.rejects] == [f"{name}:{line}" for line in places]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_tables_of_spreadsheets_come_in_whole(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    rows = [
        ["id", "name", "size", "description", "weightKg", "pictures", "needsTwoPeople", "year", ""],
        ["a", "Parañaque", "Small", '"Rare", boxed;\nby hand', "12,5", "x.jpg | y.jpg", "TRUE"],
        ["b", "'=1+1", "Large", "", "3.25", "", "", "1959", ""],
    ]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)

    export = read_one(tmp_path, "Collectibles.CSV", text.getvalue().encode(encoding), "cp1252")

    assert rejected(export) == []
    first, second = (
        row.model_dump(exclude_unset=True) for row in export.rows["Collectibles"].values()
    )
    assert first == {
        "id": "a", "name": "Parañaque", "size": "Small", "weight_kg": Decimal("12.5"),
        "description": '"Rare", boxed;\nby hand', "pictures": ["x.jpg", "y.jpg"],
        "needs_two_people": True,
    }  # fmt: skip
    assert (second["name"], second["weight_kg"], second["year"]) == ("=1+1", Decimal("3.25"), 1959)


def test_columns_in_parts_become_one_field(tmp_path: Path) -> None:
    (tmp_path / "stores.csv").write_text("id,name,daysOff\nstore.a,Makati,Sunday | 2026-12-25\n")
    export = read_one(tmp_path, "warehouses.csv", "id,distances.store.a,distances.b\nw,12.5,\n")

    assert rejected(export) == []
    (warehouse,) = export.warehouses.values()
    assert warehouse.distances == {"store.a": Decimal("12.5")}
    assert export.rows["Stores"]["store.a"].to_item()["daysOff"] == ["Sunday", "2026-12-25"]


def test_another_encoding_is_named_by_file_and_line_and_the_rest_is_checked(tmp_path: Path) -> None:
    latin = b'[\n{"id": "a", "name": "Para\xf1aque", "size": "Small"}]'
    (tmp_path / "stores.json").write_text('[{"id": "store-y"}]')

    refused = rejected(read_one(tmp_path, "collectibles.json", latin))

    assert refused[0].startswith("collectibles.json:2: ?: byte 0xf1 is not utf-8")
    assert refused[1] == "stores.json:1: store-y: name is required"


def test_what_a_file_holds_cannot_act_on_a_terminal(tmp_path: Path) -> None:
    text = json.dumps([{"id": "a\x1b[2J\ud800"}], ensure_ascii=True)

    (refused,) = rejected(read_one(tmp_path, "stores.json", text))

    assert refused.isprintable()
    refused.encode()


@pytest.mark.parametrize(
    ("files", "known", "problem"),
    [
        (
            {"Stores": [STORE, {"id": "store-m", "name": "Cebu"}]},
            {},
            "store-m: no warehouse has a distance to it",
        ),
        (
            {"Stores": [], "Warehouses": [{"id": "wh-001", "distances": {"store-b": 1}}]},
            {
                "Stores": {"store-a": {}, "store-b": {}},
                "Warehouses": {"wh-001": {"distances": {"store-a": 1}}},
            },
            "wh-001: leaves store store-a without a warehouse",
        ),
        ({}, {"Collectibles": {"COL-001": {}}}, "col-001: is in the table as COL-001"),
    ],
)
def test_what_would_not_fit_the_tables_is_refused(
    tmp_path: Path, files: Json, known: Json, problem: str
) -> None:
    assert any(problem in each for each in rejected(read(tmp_path, known, **files)))


def test_a_store_that_a_warehouse_of_the_tables_reaches_comes_in(tmp_path: Path) -> None:
    known = {"Warehouses": {"wh-9": {"distances": {"store-m": 3}}}}

    export = read(tmp_path, known, Stores=[STORE, {"id": "store-m", "name": "Cebu"}])

    assert rejected(export) == []


# --- the folder and the documentation ---


def test_files_that_are_not_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "stock.json").write_text("{}")
    (tmp_path / "rental.json").write_text("[]")
    (tmp_path / ".DS_Store").write_text("")

    assert read(tmp_path).ignored == ["rental.json", "stock.json"]


def test_the_documentations_sample_rows_come_in(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "importing.md").read_text()
    (block,) = re.findall(r"^```json\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    rows = [json.loads(line) for line in block.splitlines()]

    samples: Json = {table: [row] for table, row in zip(ALL, rows, strict=True)}
    export = read(tmp_path, **samples)

    assert export.rejects == []
    assert export.count == len(ALL)
    assert len(items_of(export)["Rentals"]) == 1
