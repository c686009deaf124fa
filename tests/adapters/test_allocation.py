"""Finding a unit through the sparse index, at a cost that does not depend on how many exist."""

import pytest

from rentals import catalogue
from rentals.allocation import (
    PAGE_SIZE,
    STOCK_COUNT_LIMIT,
    best_eta,
    candidates,
    stock_by_warehouse,
)
from rentals.models import Warehouse
from tests.adapters.conftest import Shop


def found(store_id: str = "store-a") -> list[tuple[str, str]]:
    return [
        (unit_id, warehouse.id)
        for unit_id, warehouse in candidates("col-001", catalogue.warehouses(), store_id)
    ]


def start_at(monkeypatch: pytest.MonkeyPatch, digits: str) -> None:
    monkeypatch.setattr("rentals.allocation.secrets.token_hex", lambda size: digits)


def test_units_of_the_nearest_warehouse_that_has_some_are_offered(shop: Shop) -> None:
    far = shop.add_units(2, "wh-far")
    middle = shop.add_units(3, "wh-middle")
    shop.add_units(3, "wh-elsewhere")
    assert sorted(found()) == [(unit_id, "wh-middle") for unit_id in middle]

    near = shop.add_units(1, "wh-near")
    assert found() == [(near[0], "wh-near")]
    assert far[0] not in dict(found())


def test_a_warehouse_that_does_not_deliver_offers_nothing(shop: Shop) -> None:
    shop.add_units(3, "wh-elsewhere")

    assert found("store-a") == []
    assert len(found("store-b")) == 3


def test_units_of_another_collectible_are_not_offered(shop: Shop) -> None:
    shop.add_units(3, collectible_id="col-002")

    assert found() == []


@pytest.mark.parametrize("start", ["00000000", "7fffffff", "ffffffff"])
def test_a_page_wraps_round_so_that_every_start_finds_what_is_there(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    units = shop.add_units(4)
    start_at(monkeypatch, start)

    offered = found()

    assert sorted(unit_id for unit_id, _ in offered) == units


def test_a_start_on_a_shelf_offers_its_unit_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = shop.add_units(3)
    start_at(monkeypatch, shop.row("Units", units[1])["shelf"].partition("#")[2])

    assert sorted(unit_id for unit_id, _ in found()) == units


def test_a_page_is_small_however_many_units_there_are(shop: Shop) -> None:
    shop.add_units(5 * PAGE_SIZE)

    assert len(found()) == PAGE_SIZE


def test_buyers_who_arrive_together_are_spread_over_the_warehouse(shop: Shop) -> None:
    shop.add_units(30)

    firsts = {found()[0][0] for _ in range(20)}

    # By chance: fewer than 5 different ones of 30 in 20 draws happens once in 10^12 runs.
    assert len(firsts) >= 5


def test_sold_out_costs_two_queries_however_many_warehouses_there_are(shop: Shop) -> None:
    shop.put(
        "Warehouses",
        *({"id": f"wh-{number}", "distances": {"store-a": number}} for number in range(20)),
    )
    shop.add_units(3, collectible_id="col-002")
    warehouses = catalogue.warehouses()
    assert len(warehouses) > 20

    calls = shop.calls_of(lambda: list(candidates("col-001", warehouses, "store-a")))

    assert calls == ["Query", "Query"]


def test_a_full_page_costs_one_query(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.add_units(3 * PAGE_SIZE)
    start_at(monkeypatch, "00000000")
    warehouses = catalogue.warehouses()

    assert shop.calls_of(lambda: list(candidates("col-001", warehouses, "store-a"))) == ["Query"]


def test_stock_is_counted_by_warehouse_up_to_the_limit(shop: Shop) -> None:
    assert stock_by_warehouse("col-001") == {}

    shop.add_units(2, "wh-near")
    shop.add_units(3, "wh-far")
    assert stock_by_warehouse("col-001") == {"wh-near": 2, "wh-far": 3}

    shop.add_units(STOCK_COUNT_LIMIT, "wh-elsewhere")
    assert sum(stock_by_warehouse("col-001").values()) == STOCK_COUNT_LIMIT


def test_past_the_limit_the_nearest_warehouse_is_asked_itself(shop: Shop) -> None:
    # Counting stops before it reaches wh-near: shelves are in the order of warehouse ids.
    shop.add_units(STOCK_COUNT_LIMIT + 1, "wh-a")
    shop.add_units(1, "wh-near")
    warehouses = catalogue.warehouses() | {"wh-a": Warehouse("wh-a", "A", {"store-a": 500})}
    stock = stock_by_warehouse("col-001")
    assert stock == {"wh-a": STOCK_COUNT_LIMIT}

    assert best_eta("col-001", stock, warehouses, "store-a") == 2
