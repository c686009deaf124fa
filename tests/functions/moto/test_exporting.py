"""The shop as files: what an import takes again, and what was earned."""

import csv
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from rentals import money_desk, repository
from rentals.desk import Actor
from rentals.models import Rental
from rentals.statement import Statement
from tests.support.rentals import TOTAL, completed
from tests.support.rows import row
from tests.support.sources import REGION
from tests.support.tables import PREFIX, Shop
from tools.importing import exporting
from tools.importing.reading import read_folder
from tools.importing.references import check_references
from tools.importing.writing import items_of
from tools.ops import sales
from tools.ops.errors import CommandError

Json = dict[str, Any]
MANAGER = Actor("mia", is_manager=True)


@pytest.fixture
def target(shop: Shop) -> Any:
    """What the command asks of a stack: its tables."""
    dynamodb: Any = boto3.resource("dynamodb", region_name=REGION)
    return SimpleNamespace(dynamodb=dynamodb, table=lambda name: dynamodb.Table(f"{PREFIX}{name}"))


def read(folder: Path, name: str) -> list[Json]:
    with (folder / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("as_json", [False, True], ids=["CSV", "JSON"])
def test_what_was_exported_can_be_imported(
    shop: Shop, target: Any, tmp_path: Path, as_json: bool
) -> None:
    formula = {"id": "col-2", "name": "=1+1", "description": "Two\nlines", "size": "Small"}
    shop.put("Collectibles", formula | {"dailyRate": Decimal(1_500), "images": ["a.jpg", "b.jpg"]})
    shop.add_units(2)

    written = exporting.export(target, tmp_path, as_json=as_json, personal_data=False)

    export = read_folder(tmp_path)
    check_references(export, {})
    assert [str(each) for each in export.rejects] == []
    items = items_of(export)
    for name in ("Collectibles", "Stores", "Warehouses", "Units"):
        stored = {each["id"]: each for each in shop.rows(name)}
        assert len(items[name]) == written[name.lower()] == len(stored)
    [back] = [each for each in items["Collectibles"] if each["id"] == "col-2"]
    assert (back["name"], back["dailyRate"]) == ("=1+1", 1_500)
    assert back["description"] == "Two\nlines"
    assert export.ignored, "lists of rentals and money are no tables to import"


def test_nothing_is_written_over(target: Any, tmp_path: Path) -> None:
    (tmp_path / "units.csv").write_text("mine")

    with pytest.raises(CommandError, match="is not empty"):
        exporting.export(target, tmp_path, as_json=False, personal_data=False)

    assert (tmp_path / "units.csv").read_text() == "mine"


@pytest.mark.parametrize("personal_data", [False, True])
def test_who_rented_is_said_when_asked_only(
    shop: Shop, target: Any, tmp_path: Path, fulfillment_machine: str, personal_data: bool
) -> None:
    rental = completed(shop)

    exporting.export(target, tmp_path, as_json=False, personal_data=personal_data)

    [listed] = read(tmp_path, "rental-list")
    assert (listed["id"], listed["totalFee"]) == (rental.id, str(TOTAL // 100))
    assert (rental.customer.email in listed.values()) is personal_data


def test_sales_are_what_was_received_less_what_goes_back(
    shop: Shop, target: Any, tmp_path: Path, fulfillment_machine: str
) -> None:
    money_desk.give_back(completed(shop), 20_000, "a long wait", MANAGER, "k")

    exporting.export(target, tmp_path, as_json=False, personal_data=False)

    [sale] = read(tmp_path, "sales")
    assert (sale["rentals"], float(sale["pesos"])) == ("1", (TOTAL - 20_000) / 100)
    [_, back] = read(tmp_path, "money")
    assert (back["rental"], float(back["pesos"])) == ("rental-1", -200)
    assert repository.get("rental-1").refund_orders


def test_days_out_are_counted_in_the_months_of_manila() -> None:
    out = row(
        paymentStatus="completed",
        unitId="unit-1",
        pickedUpAt="2026-01-31T04:00:00.000Z",
        returnedAt="2026-02-02T04:00:00.000Z",
    )

    found = sales.units_out([Statement(Rental.from_row(out))])

    assert [(each.month, each.days, each.rentals) for each in found] == [
        ("2026-01", 0.5, 1),
        ("2026-02", 1.5, 0),
    ]
