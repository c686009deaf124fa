"""What a reservation, a quote and the catalogue's stock read with 10, 1,000 and 100,000 units."""

import statistics
import time
from collections.abc import Callable
from typing import Any

from infra import aws
from rentals import allocation, catalogue, units
from tools.local.stack import TABLE_PREFIX
from tools.measuring.bench.report import Section
from tools.measuring.bench.shop import Shop

_GUIDE = "the guide's query"
SIZES = (10, 1_000, 100_000)
TIMES = 5

# Queries, items, read units, seconds.
Figures = tuple[int, int, float, float]
# An entry of available-units-index (id, availableCollectibleId, shelf, warehouseId), and a whole
# unit, which the guide's index holds: names and values, for read units.
ENTRY_BYTES = 130
UNIT_BYTES = 190


def measure(shop: Shop) -> Section:
    """Our way beside the guide's own query, on the same units."""
    section = Section(
        "inventory",
        ["what", "units", "queries", "items read", "read units", "latency"],
    )
    read: dict[tuple[str, int], float] = {}
    cost: dict[tuple[str, int], float] = {}
    for size in SIZES:
        collectible_id = shop.add_units({"wh-001": size})
        for what, figures in _of_one_size(shop, collectible_id).items():
            queries, items, units, _ = (
                statistics.mean(column) for column in zip(*figures, strict=True)
            )
            seconds = statistics.median(each[3] for each in figures)
            read[what, size], cost[what, size] = items, units
            section.add(
                what,
                f"{size:,}",
                queries,
                f"{items:,.1f}",
                f"{units:,.1f}",
                f"{seconds * 1000:,.0f} ms",
            )
        shop.remove(collectible_id)
    section.rows.sort(key=lambda row: row[0])
    small, large = SIZES[0], SIZES[-1]
    section.headline = (
        f"a reservation costs {cost['reservation', small]:,.1f} read units with {small:,} units,"
        f" {cost['reservation', large]:,.1f} with {large:,}; the guide's query"
        f" {cost[_GUIDE, large]:,.1f}"
    )
    section.goal(
        "read units of a reservation, 100,000 units beside 10",
        cost["reservation", large] / cost["reservation", small],
        1.2,
    )
    section.goal(
        "items read by a reservation with 100,000 units",
        read["reservation", large],
        allocation.PAGE_SIZE,
    )
    for what, most in (("catalogue, its stock", 1), ("quote", 2)):
        section.goal(
            f"items read: {what}, 100,000 units",
            read[what, large],
            most * allocation.STOCK_COUNT_LIMIT,
        )
    return section


def _of_one_size(shop: Shop, collectible_id: str) -> dict[str, list[Figures]]:
    def measured(times: int, item_bytes: int, work: Callable[[int], Any]) -> list[Figures]:
        return [_one(shop, work, number, item_bytes) for number in range(times)]

    # Half of the smallest stock, so that there is always one left.
    rentals = [shop.rental(collectible_id, "store-a") for _ in range(SIZES[0] // 2)]
    return {
        "catalogue, its stock": measured(
            TIMES, ENTRY_BYTES, lambda _: allocation.stock_by_warehouse(collectible_id)
        ),
        "quote": measured(TIMES, ENTRY_BYTES, lambda _: catalogue.offer(collectible_id, "store-a")),
        _GUIDE: measured(2, UNIT_BYTES, lambda _: _guides_query(collectible_id)),
        "reservation": measured(
            len(rentals), ENTRY_BYTES, lambda number: units.reserve_unit(rentals[number])
        ),
    }


def _one(shop: Shop, work: Callable[[int], Any], number: int, item_bytes: int) -> Figures:
    catalogue.warehouses()  # kept for a minute, which one query of the engine may take
    shop.calls.reset()
    started = time.perf_counter()
    work(number)
    seconds = time.perf_counter() - started
    return (
        shop.calls.count["Query"],
        shop.calls.items,
        shop.calls.read_units(item_bytes),
        seconds,
    )


def _guides_query(collectible_id: str) -> int:
    """Every available unit; the nearest is then looked for in the function."""
    pages = (
        aws.dynamodb()
        .get_paginator("query")
        .paginate(
            TableName=f"{TABLE_PREFIX}-Units",
            IndexName="collectibleId-index",
            KeyConditionExpression="collectibleId = :collectible AND isAvailable = :yes",
            ExpressionAttributeValues={
                ":collectible": {"S": collectible_id},
                ":yes": {"S": "true"},
            },
        )
    )
    return sum(len(page["Items"]) for page in pages)
