"""16 buyers at once: what a unit costs in conditional writes, and what a refusal costs in queries.

Beside the guide's allocation done naively: every available unit, the nearest first; with a
conditional write, and without one, which gives units twice.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from botocore.exceptions import ClientError

from infra import aws
from rentals import allocation, catalogue, units
from rentals.errors import NoUnitAvailable, WriteContended
from rentals.models import Rental
from tools.local.stack import TABLE_PREFIX
from tools.measuring.bench.report import Section
from tools.measuring.bench.shop import Shop

AT_ONCE = 16
_NAIVE_TRIES = 400


@dataclass(frozen=True)
class Case:
    """So many buyers for these units by warehouse; `most` is the goal of writes per unit won."""

    name: str
    units: dict[str, int]
    buyers: int
    stores: tuple[str, ...] = ("store-a",)
    most: float | None = None


@dataclass(frozen=True)
class Bought:
    """What one buyer got and what it took."""

    unit_id: str | None
    writes: int
    queries: int


Buy = Callable[[Shop, Rental], str | None]


def measure(shop: Shop) -> Section:
    """Every case our way, the largest also the guide's."""
    stores = tuple(each.id for each in catalogue.stores())
    everywhere = catalogue.warehouses()
    # The nearest of each store.
    warehouses = [allocation.nearest_first(everywhere, store)[0].id for store in stores]
    cases = [
        Case("200 units, one warehouse", {warehouses[0]: 200}, 200, most=1.3),
        Case(
            "200 units, mixed stores",
            dict(Counter(warehouses[number % len(warehouses)] for number in range(200))),
            200,
            stores,
            most=1.1,
        ),
        Case("20 units", {warehouses[0]: 20}, 40),
        Case("1 unit", {warehouses[0]: 1}, 16),
    ]
    header = ("16 buyers at once", "buyers", "won", "given twice", "writes per unit")
    section = Section("contention", [*header, "queries, refused"])
    won = {case.name: _run(shop, case, _ours) for case in cases}
    for case in cases:
        _add(section, case, won[case.name], case.most)
    naive = cases[0]
    bought = _run(shop, naive, _first_of_the_list)
    _add(section, naive, bought, None, "first of the list: ")
    section.headline = (
        f"{_writes_per_unit(won[naive.name]):.2f} writes per unit won, {AT_ONCE} of {naive.buyers}"
        f" buyers at once; {_writes_per_unit(bought):.2f} if each takes the first of the list"
    )
    _add(section, naive, _run(shop, naive, _unconditional), None, "without a condition: ")
    return section


def _add(
    section: Section, case: Case, bought: list[Bought], most: float | None, way: str = ""
) -> None:
    owners = Counter(each.unit_id for each in bought if each.unit_id)
    twice = sum(count - 1 for count in owners.values())
    writes = _writes_per_unit(bought)
    refusals = [each.queries for each in bought if each.unit_id is None and not each.writes]
    section.add(
        way + case.name, len(bought), len(owners), twice, writes, max(refusals, default="none")
    )
    if not way:
        section.goal(f"{case.name}: units given twice", twice, 0)
        section.goal(f"{case.name}: units left while somebody was refused", _left(case, bought), 0)
        section.goal(f"{case.name}: queries of a refusal", max(refusals, default=0), 2)
    if most is not None:
        section.goal(f"{case.name}: conditional writes per unit won", writes, most)


def _writes_per_unit(bought: list[Bought]) -> float:
    won = {each.unit_id for each in bought if each.unit_id}
    return sum(each.writes for each in bought) / max(1, len(won))


def _left(case: Case, bought: list[Bought]) -> int:
    wanted = min(sum(case.units.values()), case.buyers)
    return wanted - sum(each.unit_id is not None for each in bought)


def _run(shop: Shop, case: Case, buy: Buy) -> list[Bought]:
    collectible_id = shop.add_units(case.units)
    luck = random.Random(0)  # noqa: S311 - the same stores in every run
    rentals = [shop.rental(collectible_id, luck.choice(case.stores)) for _ in range(case.buyers)]
    together = threading.Barrier(AT_ONCE)

    def one(number: int) -> Bought:
        if number < AT_ONCE:
            together.wait()
        shop.calls.reset()
        unit_id = buy(shop, rentals[number])
        count = shop.calls.count
        return Bought(unit_id, count["TransactWriteItems"] + count["UpdateItem"], count["Query"])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        bought = list(pool.map(one, range(case.buyers)))
    shop.remove(collectible_id)
    return bought


def _ours(shop: Shop, rental: Rental) -> str | None:
    for _ in range(3):  # as the state machine does
        try:
            return units.reserve_unit(rental).unit_id
        except NoUnitAvailable:
            return None
        except WriteContended:
            continue
    return None


def _first_of_the_list(shop: Shop, rental: Rental) -> str | None:
    return _guides_way(rental, " AND isAvailable = :yes")


def _unconditional(shop: Shop, rental: Rental) -> str | None:
    return _guides_way(rental, "")


def _guides_way(rental: Rental, condition: str) -> str | None:
    warehouses = catalogue.warehouses()
    for _ in range(_NAIVE_TRIES):
        units = allocation._query(rental.collectible_id, "id, warehouseId", limit=10_000)
        if not units:
            return None
        nearest = min(
            units, key=lambda each: warehouses[each["warehouseId"]].distances[rental.store_id]
        )
        try:
            aws.dynamodb().update_item(
                TableName=f"{TABLE_PREFIX}-Units",
                Key={"id": {"S": nearest["id"]}},
                UpdateExpression="SET isAvailable = :no, reservedBy = :rental"
                " REMOVE availableCollectibleId",
                ConditionExpression=f"attribute_exists(id){condition}",
                ExpressionAttributeValues={
                    ":no": {"S": "false"},
                    ":rental": {"S": rental.id},
                    **({":yes": {"S": "true"}} if condition else {}),
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
        else:
            return str(nearest["id"])
    return None
