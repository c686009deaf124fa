"""What allocation costs when buyers arrive together, beside the guide's way, counted in one run.

A deterministic model: each round, every buyer who has no unit yet asks the index as it was at the
start of the round, then all write at once; one buyer wins each unit and the others ask again. That
is the worst case of eventual consistency: nobody sees a unit go before they lose it. `make bench`
counts the same against the engine.
"""

import random
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection
from functools import partial

import pytest

from rentals import allocation
from rentals.allocation import shelf
from rentals.models import Warehouse

AT_ONCE = 16
SEEDS = range(20)
STORES = ["store-a", "store-b", "store-c", "store-d"]
# Each warehouse is the nearest of one store.
WAREHOUSES = {
    f"wh-{number}": Warehouse(
        f"wh-{number}",
        "",
        {store: 10.0 + 30 * ((number - place) % 4) for place, store in enumerate(STORES)},
    )
    for number in range(4)
}

Choice = Callable[[str, Collection[str]], str | None]


class Index:
    """available-units-index of one collectible: what the last round left."""

    def __init__(self, units: dict[str, int]) -> None:
        self.shelves = {
            shelf(warehouse_id, unit_id): (unit_id, warehouse_id)
            for warehouse_id, how_many in units.items()
            for unit_id in (f"{warehouse_id}-{number:03}" for number in range(how_many))
        }
        self.queries = 0
        self._sorted = sorted(self.shelves)

    def take(self, unit_ids: Collection[str]) -> None:
        """These units are gone."""
        self.shelves = {at: unit for at, unit in self.shelves.items() if unit[0] not in unit_ids}
        self._sorted = sorted(self.shelves)

    def query(
        self,
        _: str,
        __: str,
        *,
        limit: int,
        between: tuple[str, str] = ("", "~"),
        is_upwards: bool = True,
    ) -> list[dict[str, str]]:
        """In place of allocation's own query."""
        self.queries += 1
        low, high = between
        places = self._sorted
        found = places[bisect_left(places, low) : bisect_right(places, high)]
        found = (found if is_upwards else found[::-1])[:limit]
        return [dict(zip(("id", "warehouseId"), self.shelves[each], strict=True)) for each in found]


class Run:
    """Buyers against an index: conditional writes per unit won, queries per refusal."""

    def __init__(self, index: Index, choice: Choice, buyers: int, luck: random.Random) -> None:
        self.writes = 0
        self.won = 0
        self.queries_of_refusals: list[int] = []
        waiting = [(luck.choice(STORES), set[str]()) for _ in range(buyers)]
        active: list[tuple[str, set[str]]] = []
        while active or waiting:
            while waiting and len(active) < AT_ONCE:
                active.append(waiting.pop())
            luck.shuffle(active)
            wanted: dict[str, list[tuple[str, set[str]]]] = {}
            for buyer in active:
                before = index.queries
                unit_id = choice(*buyer)
                if unit_id is None:
                    if not buyer[1]:
                        self.queries_of_refusals.append(index.queries - before)
                    continue
                self.writes += 1
                wanted.setdefault(unit_id, []).append(buyer)
            active = [loser for buyers_ in wanted.values() for loser in buyers_[1:]]
            for unit_id, (_, *losers) in wanted.items():
                self.won += 1
                for _, lost in losers:
                    lost.add(unit_id)
            index.take(wanted)

    @property
    def writes_per_unit(self) -> float:
        """1 when nobody loses."""
        return self.writes / self.won


def ours(store_id: str, lost: Collection[str]) -> str | None:
    found = allocation.candidate("col-001", WAREHOUSES, store_id, lost)
    return found[0] if found else None


def first_of_the_list(index: Index, _: random.Random) -> Choice:
    """The guide's: every available unit, then the nearest."""

    def choose(store_id: str, lost: Collection[str]) -> str | None:
        units = index.query("", "", limit=10**9)
        left = [each for each in units if each["id"] not in lost]
        nearest = min(
            left,
            key=lambda each: WAREHOUSES[each["warehouseId"]].distances[store_id],
            default=None,
        )
        return nearest["id"] if nearest else None

    return choose


def any_of_the_nearest(index: Index, luck: random.Random) -> Choice:
    """As well as buyers can choose who know of each other nothing: each sees every unit there is,
    and takes one of the nearest warehouse's, all of them alike.
    """

    def choose(store_id: str, lost: Collection[str]) -> str | None:
        units = [each for each in index.query("", "", limit=10**9) if each["id"] not in lost]
        for warehouse in allocation.nearest_first(WAREHOUSES, store_id):
            if here := [each["id"] for each in units if each["warehouseId"] == warehouse.id]:
                return luck.choice(here)
        return None

    return choose


Way = Callable[[Index, random.Random], Choice]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Run]]:
    """Runs with these units and so many buyers, one for each seed."""

    def run(
        units: dict[str, int], buyers: int, way: Way = lambda *_: ours, seeds: range = SEEDS
    ) -> list[Run]:
        runs = []
        for seed in seeds:
            luck, index = random.Random(seed), Index(units)
            monkeypatch.setattr(allocation, "_query", index.query)
            monkeypatch.setattr(allocation, "_random", luck)
            monkeypatch.setattr("rentals.allocation.secrets.token_hex", partial(_hex, luck))
            runs.append(Run(index, way(index, luck), buyers, luck))
        return runs

    return run


def _hex(luck: random.Random, size: int) -> str:
    return luck.randbytes(size).hex()


def mean_writes(runs: list[Run]) -> float:
    return sum(each.writes_per_unit for each in runs) / len(runs)


@pytest.mark.parametrize(
    "units",
    [
        {"wh-0": 200},
        {"wh-0": 50, "wh-1": 50, "wh-2": 50, "wh-3": 50},
    ],
    ids=["one warehouse", "mixed stores"],
)
def test_hardly_more_writes_are_in_vain_than_strangers_cannot_avoid(
    run: Callable[..., list[Run]],
    units: dict[str, int],
    record_property: Callable[[str, object], None],
) -> None:
    runs = run(units, 200)
    naive = run(units, 200, first_of_the_list, range(2))
    best = run(units, 200, any_of_the_nearest)

    assert {each.won for each in runs} == {200}
    record_property("writes per unit", round(mean_writes(runs), 2))
    record_property("writes per unit, first of the list", round(mean_writes(naive), 2))
    record_property("writes per unit, any of all", round(mean_writes(best), 2))
    assert mean_writes(runs) <= 1.04 * mean_writes(best)
    assert mean_writes(naive) > 2 * mean_writes(runs)


def test_nobody_is_refused_while_there_is_a_unit_and_everybody_afterwards(
    run: Callable[..., list[Run]],
) -> None:
    for units in ({"wh-0": 20}, {"wh-0": 5, "wh-3": 15}, {"wh-2": 1}):
        for each in run(units, 60):
            assert each.won == sum(units.values())


def test_sold_out_is_said_after_two_queries(run: Callable[..., list[Run]]) -> None:
    for each in run({"wh-0": 20}, 60):
        assert each.queries_of_refusals
        assert max(each.queries_of_refusals) <= 2
