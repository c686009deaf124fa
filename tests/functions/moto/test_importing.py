"""Writing exports into tables that are in use: twice, interrupted, beside customers."""

import itertools
import threading
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from rentals import units
from tests.support.sources import REGION
from tests.support.tables import PREFIX, Shop
from tools.importing import writing
from tools.importing.models import FILES
from tools.importing.seed import CATALOGUE, seed
from tools.importing.writing import (
    Action,
    Planned,
    Tables,
    held_unit,
    new_unit,
    put_away_unit,
)

Json = dict[str, Any]

RENTAL: Json = {
    "id": "rental-old",
    "collectibleId": "col-001",
    "collectibleName": "Vintage Batman",
    "storeId": "store-a",
    "customer": {
        "name": "John Doe", "email": "john@example.com", "phone": "", "address": "", "city": "",
        "postalCode": "",
    },
    "duration": 7,
    "dailyRate": 1000,
    "totalFee": 7000,
    "paymentMethod": "gcash",
    "paymentStatus": "completed",
    "paymentId": "pay_old",
    "amountPaid": 700_000,
    "paymentCurrency": "PHP",
    "requestHash": "imported",
    "createdAt": "2026-01-31T10:00:00.000Z",
    "updatedAt": "2026-01-31T10:05:00.000Z",
    "importedAt": "2026-11-25T10:00:00.000Z",
    "unitId": "unit-held",
}  # fmt: skip
HELD = held_unit(new_unit("unit-held", "col-001", "wh-near"), RENTAL)
FREE = [new_unit(f"unit-{number}", "col-001", "wh-near") for number in range(5)]


@pytest.fixture
def tables(shop: Shop) -> Tables:
    return Tables(
        boto3.resource("dynamodb", region_name=REGION),
        {name: f"{PREFIX}{name}" for name in FILES},
    )


def load(tables: Tables, on_progress: Callable[[], None] = lambda: None, **items: Any) -> Any:
    """Plan and write: what became of the rows, by id."""
    planned = writing.plan(tables, items)
    lost = writing.write(tables, planned, on_progress)
    actions = {each.item["id"]: each.action for each in planned}
    return actions | {each.item["id"]: each.action for each in lost}


@pytest.fixture(autouse=True)
def leave_nothing(shop: Shop) -> None:
    """Rows that were written past the fixture's client are to be removed by it as well."""
    shop.written |= {"Units", "Rentals", "Collectibles", "Stores", "Warehouses"}


def test_a_held_unit_and_its_rental_come_in_together(shop: Shop, tables: Tables) -> None:
    load(tables, Units=[*FREE, HELD], Rentals=[RENTAL])

    assert shop.row("Units", "unit-held")["reservedBy"] == "rental-old"
    assert shop.row("Rentals", "rental-old")["unitId"] == "unit-held"
    assert shop.on_shelf() == {unit["id"] for unit in FREE}


def test_importing_again_changes_nothing(shop: Shop, tables: Tables) -> None:
    load(tables, Units=[*FREE, HELD], Rentals=[RENTAL])
    before = (shop.rows("Units"), shop.rows("Rentals"))

    again = RENTAL | {"importedAt": "2026-11-26T10:00:00.000Z"}
    assert set(load(tables, Units=[*FREE, HELD], Rentals=[again]).values()) == {Action.SAME}
    assert (shop.rows("Units"), shop.rows("Rentals")) == before


def test_a_unit_that_is_held_is_left_to_whoever_holds_it(shop: Shop, tables: Tables) -> None:
    load(tables, Units=FREE)
    rental = units.reserve_unit(shop.add_rental())
    assert rental.unit_id
    moved = [new_unit(unit["id"], "col-001", "wh-far") for unit in FREE]

    actions = load(tables, Units=moved)

    assert actions[rental.unit_id] is Action.KEPT
    assert shop.row("Units", rental.unit_id)["warehouseId"] == "wh-near"
    others = set(actions) - {rental.unit_id}
    assert {actions[each] for each in others} == {Action.CHANGED}
    assert {shop.row("Units", each)["warehouseId"] for each in others} == {"wh-far"}


def test_a_unit_that_a_file_takes_back_is_listed_as_kept(shop: Shop, tables: Tables) -> None:
    load(tables, Units=FREE[:1])
    rental = units.reserve_unit(shop.add_rental())

    (planned,) = writing.plan(tables, {"Units": FREE[:1]})

    assert planned.action is Action.KEPT
    assert rental.id in planned.why


@pytest.mark.parametrize("there", ["maintenance", "available"])
def test_a_units_status_in_a_file_is_written_or_listed(
    shop: Shop, tables: Tables, there: str
) -> None:
    away = put_away_unit(FREE[0], "maintenance", None)
    stored, wanted = (away, FREE[0]) if there == "maintenance" else (FREE[0], away)
    shop.put("Units", stored)

    actions = load(tables, Units=[wanted])

    assert actions == {wanted["id"]: Action.KEPT if there == "maintenance" else Action.CHANGED}
    assert shop.row("Units", wanted["id"])["status"] == "maintenance"


def test_a_unit_that_was_rented_before_it_is_read_back_is_as_it_should_be(
    shop: Shop, tables: Tables
) -> None:
    planned = writing.plan(tables, {"Units": FREE[:1]})
    writing.write(tables, planned)
    units.reserve_unit(shop.add_rental())

    assert writing.verify(tables, planned).problems == ()


def test_a_unit_that_is_taken_between_looking_and_writing_is_left_alone(
    shop: Shop, tables: Tables
) -> None:
    load(tables, Units=FREE[:1])
    planned = writing.plan(tables, {"Units": [new_unit(FREE[0]["id"], "col-001", "wh-far")]})
    rental = units.reserve_unit(shop.add_rental())

    (kept,) = writing.write(tables, planned)

    assert kept.action is Action.KEPT
    assert shop.row("Units", FREE[0]["id"])["reservedBy"] == rental.id


@pytest.mark.parametrize(("change", "action"), [({}, Action.SAME), ({"duration": 8}, Action.KEPT)])
def test_a_rental_of_the_same_id_is_kept_and_its_unit_not_given_away(
    shop: Shop, tables: Tables, change: Json, action: Action
) -> None:
    there = {name: RENTAL[name] for name in RENTAL if name != "unitId"} | change
    shop.put("Rentals", there | {"fulfillmentStatus": "closed"})
    brought_back = new_unit("unit-held", "col-001", "wh-near")
    shop.put("Units", brought_back)

    actions = load(tables, Units=[HELD], Rentals=[RENTAL])

    assert (actions["rental-old"], actions["unit-held"]) == (action, Action.KEPT)
    assert "unitId" not in shop.row("Rentals", "rental-old")
    assert shop.row("Units", "unit-held") == brought_back


def test_a_unit_that_cannot_be_rented_comes_in_with_its_status(shop: Shop, tables: Tables) -> None:
    unit = put_away_unit(FREE[0], "maintenance", "the lamp is broken")

    load(tables, Units=[unit])

    assert shop.row("Units", unit["id"]) == unit
    assert shop.on_shelf() == set()


def test_an_import_that_was_cut_off_goes_on_where_it_was(shop: Shop, tables: Tables) -> None:
    units = [new_unit(f"unit-{number:03}", "col-001", "wh-near") for number in range(60)]
    done = itertools.count(1)
    never = threading.Event()

    def cut_off() -> None:
        if (number := next(done)) == 20:
            raise KeyboardInterrupt
        if number > 20:  # written side by side: they leave the main thread time to stop the rest
            never.wait(1)

    with pytest.raises(KeyboardInterrupt):
        load(tables, cut_off, Units=units)
    assert 20 <= len(shop.rows("Units")) < 60

    actions = load(tables, Units=units)
    assert set(actions.values()) == {Action.NEW, Action.SAME}
    assert len(shop.rows("Units")) == 60


def test_what_was_written_is_counted_and_read_back(shop: Shop, tables: Tables) -> None:
    planned = writing.plan(tables, {"Units": [*FREE, HELD], "Rentals": [RENTAL]})
    writing.write(tables, planned)

    checked = writing.verify(tables, planned)

    assert (checked.problems, checked.counts, checked.sampled) == (
        (),
        {"Units": 6, "Rentals": 1},
        7,
    )


@pytest.mark.parametrize("damage", ["missing", "different"])
def test_what_is_not_there_is_noticed(shop: Shop, tables: Tables, damage: str) -> None:
    collectible = {"id": "col-777", "name": "Robot", "size": "Small"}
    planned = [Planned("Collectibles", collectible, Action.NEW)]
    if damage == "different":
        shop.put("Collectibles", collectible | {"size": "Large"})

    (problem,) = writing.verify(tables, planned).problems

    assert "col-777" in problem


def test_seeding_again_adds_what_is_missing_and_leaves_units_alone(shop: Shop) -> None:
    dynamodb = boto3.resource("dynamodb", region_name=REGION)
    written = seed(dynamodb, PREFIX.rstrip("-"), CATALOGUE)
    rental = units.reserve_unit(shop.add_rental())

    assert written > 30
    assert seed(dynamodb, PREFIX.rstrip("-"), CATALOGUE) == 0
    assert shop.row("Units", rental.unit_id or "")["reservedBy"] == rental.id
