"""Finding a unit through the sparse index, at a cost that does not depend on how many exist."""

from collections import Counter
from collections.abc import Collection

import pytest

from rentals import allocation, catalogue
from rentals.allocation import (
    PAGE_SIZE,
    STOCK_COUNT_LIMIT,
    candidate,
    stock_by_warehouse,
    stock_for,
)
from rentals.models import Warehouse
from tests.support.tables import Shop


def found(store_id: str = "store-a", lost: Collection[str] = ()) -> tuple[str, str] | None:
    """The unit to try and its warehouse."""
    one = candidate("col-001", catalogue.warehouses(), store_id, lost)
    return (one[0], one[1].id) if one else None


def all_found(store_id: str = "store-a") -> set[tuple[str, str]]:
    """Every unit that is offered when each is lost in turn."""
    offered: set[tuple[str, str]] = set()
    while one := found(store_id, {unit_id for unit_id, _ in offered}):
        offered.add(one)
    return offered


def _page_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a buyer chooses from."""
    offered: list[list[str]] = []

    def choose(units: list[str]) -> str:
        offered.append(units)
        return units[0]

    monkeypatch.setattr(allocation._random, "choice", choose)
    assert found()
    return offered[0]


def start_at(monkeypatch: pytest.MonkeyPatch, digits: str) -> None:
    monkeypatch.setattr("rentals.allocation.secrets.token_hex", lambda size: digits)


def test_the_nearest_warehouse_that_has_units_is_offered_first(shop: Shop) -> None:
    far = shop.add_units(2, "wh-far")
    middle = shop.add_units(3, "wh-middle")
    shop.add_units(3, "wh-elsewhere")

    near = shop.add_units(1, "wh-near")
    assert found() == (near[0], "wh-near")
    lost = [*near, *middle[:2]]
    assert found(lost=lost) == (middle[2], "wh-middle")
    assert all_found() == {
        (near[0], "wh-near"),
        *((each, "wh-middle") for each in middle),
        *((each, "wh-far") for each in far),
    }


def test_a_warehouse_that_does_not_deliver_offers_nothing(shop: Shop) -> None:
    shop.add_units(3, "wh-elsewhere")

    assert found("store-a") is None
    assert len(all_found("store-b")) == 3
    assert found("store-nowhere") is None


def test_units_of_another_collectible_are_not_offered(shop: Shop) -> None:
    shop.add_units(3, collectible_id="col-002")

    assert found() is None


@pytest.mark.parametrize("start", ["00000000", "7fffffff", "ffffffff"])
@pytest.mark.parametrize("elsewhere", [0, PAGE_SIZE])
def test_every_start_finds_what_is_there(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, start: str, elsewhere: int
) -> None:
    units = shop.add_units(4)
    shop.add_units(elsewhere, "wh-elsewhere")
    start_at(monkeypatch, start)

    assert all_found() == {(unit_id, "wh-near") for unit_id in units}


def test_a_page_is_small_however_many_units_there_are(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.add_units(5 * PAGE_SIZE)
    start_at(monkeypatch, "00000000")

    assert len({found() for _ in range(6 * PAGE_SIZE)}) <= PAGE_SIZE


def test_buyers_who_arrive_together_are_spread_over_the_warehouse(shop: Shop) -> None:
    shop.add_units(30)

    # By chance: fewer than 5 different ones of 30 in 20 draws happens once in 10^12 runs.
    assert len({found() for _ in range(20)}) >= 5


def test_the_last_units_of_a_warehouse_are_about_as_likely_as_each_other(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = shop.add_units(8)
    chances = Counter[str]()
    for start in range(64):
        start_at(monkeypatch, f"{start * 4:02x}000000")
        page = _page_at(monkeypatch)
        chances.update({unit_id: 1 / len(page) / 64 for unit_id in page})

    assert set(chances) == set(units)
    # A page read in one direction only gives the last one three times its share.
    assert max(chances.values()) < 2 / 8


def test_sold_out_costs_two_queries_however_many_warehouses_there_are(shop: Shop) -> None:
    shop.put(
        "Warehouses",
        *({"id": f"wh-{number}", "distances": {"store-a": number}} for number in range(20)),
    )
    shop.add_units(3, collectible_id="col-002")
    warehouses = catalogue.warehouses()
    assert len(warehouses) > 20

    calls = shop.calls_of(lambda: candidate("col-001", warehouses, "store-a"))

    assert calls == ["Query", "Query"]


def test_a_full_page_costs_one_query(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.add_units(3 * PAGE_SIZE)
    start_at(monkeypatch, "00000000")
    warehouses = catalogue.warehouses()

    assert shop.calls_of(lambda: candidate("col-001", warehouses, "store-a")) == ["Query"]


def test_stock_is_counted_by_warehouse_up_to_the_limit(shop: Shop) -> None:
    assert stock_by_warehouse("col-001") == {}

    shop.add_units(2, "wh-near")
    shop.add_units(3, "wh-far")
    assert stock_by_warehouse("col-001") == {"wh-near": 2, "wh-far": 3}

    shop.add_units(STOCK_COUNT_LIMIT, "wh-elsewhere")
    assert sum(stock_by_warehouse("col-001").values()) == STOCK_COUNT_LIMIT


def test_a_few_units_far_away_cost_two_queries(shop: Shop) -> None:
    shop.add_units(PAGE_SIZE - 1, "wh-far")
    warehouses = catalogue.warehouses()

    calls = shop.calls_of(lambda: candidate("col-001", warehouses, "store-a"))

    assert calls == ["Query", "Query"]


def test_many_units_far_away_cost_a_query_or_two_for_each_warehouse_on_the_way(shop: Shop) -> None:
    shop.add_units(2 * PAGE_SIZE, "wh-far")
    warehouses = catalogue.warehouses()

    calls = shop.calls_of(lambda: candidate("col-001", warehouses, "store-a"))

    # Near, over all, near and middle both sides of the start, far.
    assert len(calls) <= 8
    assert set(calls) == {"Query"}


def test_stock_for_a_store_costs_one_query(shop: Shop) -> None:
    shop.add_units(2, "wh-near")
    shop.add_units(3, "wh-far")
    shop.add_units(3, "wh-elsewhere")
    warehouses = catalogue.warehouses()
    seen: list[object] = []

    calls = shop.calls_of(lambda: seen.append(stock_for("col-001", warehouses, "store-a")))

    assert (calls, seen) == (["Query"], [(5, 2)])


def test_past_the_limit_the_warehouses_that_deliver_are_asked_nearest_first(shop: Shop) -> None:
    # Counting stops before it reaches wh-near: shelves are in the order of warehouse ids.
    shop.add_units(STOCK_COUNT_LIMIT + 1, "wh-a")
    shop.add_units(1, "wh-near")
    warehouses = catalogue.warehouses() | {"wh-a": Warehouse("wh-a", "A", {"store-a": 500})}
    assert stock_by_warehouse("col-001") == {"wh-a": STOCK_COUNT_LIMIT}

    assert stock_for("col-001", warehouses, "store-a") == (STOCK_COUNT_LIMIT, 2)


def test_units_that_cannot_be_delivered_do_not_hide_those_that_can(shop: Shop) -> None:
    shop.add_units(STOCK_COUNT_LIMIT + 1, "wh-elsewhere")
    shop.add_units(3, "wh-near")
    warehouses = catalogue.warehouses()

    assert stock_for("col-001", warehouses, "store-a") == (3, 2)
