"""The catalogue that is loaded."""

import json
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rentals.allocation import shelf
from rentals.models import Size
from tools.importing.seed import CATALOGUE, new_units
from tools.sources import ROOT

ids = st.text("abcdef-0123456789", min_size=1, max_size=8)
stocks = st.dictionaries(ids, st.dictionaries(ids, st.integers(0, 12), max_size=3), max_size=3)


def load(name: str) -> Any:
    return json.loads((CATALOGUE / f"{name}.json").read_text())


@given(stocks)
def test_every_unit_of_the_stock_list_is_made_once_and_is_available(
    stock: dict[str, dict[str, int]],
) -> None:
    units = list(new_units(stock))

    places = Counter((each["collectibleId"], each["warehouseId"]) for each in units)
    assert places == Counter(
        {
            (collectible, warehouse): how_many
            for collectible, warehouses in stock.items()
            for warehouse, how_many in warehouses.items()
        }
    )
    for unit in units:
        assert unit["isAvailable"] == "true"
        assert unit["availableCollectibleId"] == unit["collectibleId"]
        assert unit["shelf"] == shelf(unit["warehouseId"], unit["id"])
        assert "reservedBy" not in unit


def test_the_same_list_gives_the_same_ids_so_that_a_second_run_adds_nothing() -> None:
    stock = {"col-001": {"wh-001": 3, "wh-002": 1}}

    first, again = ([each["id"] for each in new_units(stock)] for _ in range(2))

    assert first == again
    assert len(set(first)) == 4


def test_the_catalogue_is_the_one_that_was_ordered() -> None:
    collectibles, stores, warehouses, stock = map(
        load, ("collectibles", "stores", "warehouses", "stock")
    )

    assert Counter(each["size"] for each in collectibles) == dict.fromkeys(Size, 2)
    assert len(stores) == 3
    assert len(warehouses) == 4
    for each in collectibles:
        assert each["name"]
        assert each["description"]
        assert (ROOT / "static" / each["imageUrl"].lstrip("/")).is_file()
        assert sum(stock[each["id"]].values()) >= 2


def test_everything_named_in_the_catalogue_exists() -> None:
    store_ids = {each["id"] for each in load("stores")}
    warehouses = {each["id"]: each["distances"] for each in load("warehouses")}
    stock = load("stock")

    assert set(stock) == {each["id"] for each in load("collectibles")}
    assert {warehouse for each in stock.values() for warehouse in each} <= set(warehouses)
    assert all(set(distances) == store_ids for distances in warehouses.values())
    # Otherwise the nearest warehouse would be a matter of its id.
    assert len({tuple(each.values()) for each in warehouses.values()}) == len(warehouses)
