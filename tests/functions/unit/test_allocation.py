"""Distances, shelves and the order of warehouses; queries are tested in tests/functions/moto."""

import string
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rentals.allocation import eta_days, nearest_first, shelf
from rentals.models import Warehouse

# Tenths of a kilometre, as maps give them.
distances = st.integers(0, 200_000).map(lambda tenths: tenths / 10)
ids = st.text(string.ascii_letters + string.digits + "-_.", min_size=1, max_size=20)


def warehouses(**distances: Mapping[str, float]) -> dict[str, Warehouse]:
    return {name: Warehouse(name, name, km) for name, km in distances.items()}


@pytest.mark.parametrize(
    ("km", "days"), [(0, 1), (0.1, 2), (10, 2), (25, 2), (25.1, 3), (50, 3), (50.5, 4), (1_000, 41)]
)
def test_eta_is_a_day_and_one_for_every_25_km_begun(km: float, days: int) -> None:
    assert eta_days(km) == days


@given(distances)
def test_eta_is_the_first_day_by_which_the_distance_is_covered(km: float) -> None:
    days = eta_days(km)

    assert 25 * (days - 1) >= km
    assert 25 * (days - 2) < km or days == 1
    assert isinstance(days, int)


@given(distances, distances)
def test_farther_is_never_sooner(one: float, other: float) -> None:
    assert eta_days(min(one, other)) <= eta_days(max(one, other))


@given(ids, ids, ids)
def test_a_range_of_one_warehouse_holds_its_units_and_no_others(
    warehouse: str, other: str, unit: str
) -> None:
    low, high = f"{warehouse}#", f"{warehouse}#~"

    assert low <= shelf(warehouse, unit) <= high
    if other != warehouse:
        assert not low <= shelf(other, unit) <= high


@given(ids, ids)
def test_a_unit_has_one_place_on_the_shelf(warehouse: str, unit: str) -> None:
    assert shelf(warehouse, unit) == shelf(warehouse, unit)


def test_units_are_spread_evenly_over_the_shelf() -> None:
    thousand = [shelf("wh-001", f"unit-col-001-wh-001-{number:03}") for number in range(1_000)]

    by_first_digit = dict.fromkeys("0123456789abcdef", 0)
    for place in thousand:
        by_first_digit[place.removeprefix("wh-001#")[0]] += 1

    assert len(set(thousand)) == 1_000
    assert max(by_first_digit.values()) < 2 * 1_000 / 16


@given(st.dictionaries(ids, st.dictionaries(st.sampled_from(["store-a", "store-b"]), distances)))
def test_nearest_first_keeps_every_warehouse_that_delivers_in_order(
    km: dict[str, dict[str, float]],
) -> None:
    everything = warehouses(**km)

    ordered = nearest_first(everything, "store-a")

    assert {each.id for each in ordered} == {name for name in km if "store-a" in km[name]}
    kilometres = [each.distances["store-a"] for each in ordered]
    assert kilometres == sorted(kilometres)


def test_equally_near_warehouses_come_in_the_order_of_their_ids() -> None:
    everything = warehouses(b={"store-a": 5}, c={"store-a": 5}, a={"store-a": 5})

    assert [each.id for each in nearest_first(everything, "store-a")] == ["a", "b", "c"]
