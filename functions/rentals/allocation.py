"""Which unit a rental gets: the nearest one, found at a cost that doesn't depend on how many exist.

A unit lies in the sparse index `available-units-index` only while it can be had: hash
`availableCollectibleId`, range `shelf` = warehouse and a hash of the unit. Buyers who arrive
together start at random points of the range, so they seldom meet.
"""

import hashlib
import math
import secrets
from collections.abc import Iterator, Mapping

from rentals.aws import dynamodb
from rentals.dynamo import from_attributes, to_attributes
from rentals.models import Warehouse
from rentals.settings import setting

AVAILABLE_UNITS_INDEX = "available-units-index"
KM_PER_DAY = 25
PAGE_SIZE = 10
STOCK_COUNT_LIMIT = 100

# Not Python's default: environments that start from one snapshot (SnapStart) would all draw alike.
_random = secrets.SystemRandom()
_HASH_DIGITS = 8
_AFTER_EVERY_HASH = "~"


def eta_days(distance: float) -> int:
    """Days until a unit `distance` km away is in the store: 1 + ceil(km / 25) (DESIGN.md)."""
    return 1 + math.ceil(distance / KM_PER_DAY)


def shelf(warehouse_id: str, unit_id: str) -> str:
    """The range key of a unit in the sparse index."""
    digest = hashlib.sha256(unit_id.encode()).hexdigest()[:_HASH_DIGITS]
    return f"{warehouse_id}#{digest}"


def nearest_first(warehouses: Mapping[str, Warehouse], store_id: str) -> list[Warehouse]:
    """The warehouses that deliver to the store, nearest first."""
    reachable = (each for each in warehouses.values() if store_id in each.distances)
    return sorted(reachable, key=lambda each: (each.distances[store_id], each.id))


def candidates(
    collectible_id: str, warehouses: Mapping[str, Warehouse], store_id: str
) -> Iterator[tuple[str, Warehouse]]:
    """Units to try, best first, in random order within a page: (unit id, its warehouse).

    The nearest warehouse is asked first. When that finds nothing, one query over all warehouses
    tells sold out from elsewhere, before anything else is asked: sold out costs two queries
    however many warehouses there are. So does a stock of less than a page: that query finds it all.
    """
    every: list[dict[str, str]] | None = None
    is_any_left = False
    for warehouse in nearest_first(warehouses, store_id):
        if every is None:
            start = _random_point(warehouse.id)
            page = _from(collectible_id, warehouse.id, start, PAGE_SIZE)
            if not page and not is_any_left:
                first = _query(collectible_id, "id, warehouseId", limit=PAGE_SIZE)
                if not first:
                    return
                is_any_left = True
                every = first if len(first) < PAGE_SIZE else None
        if every is None:
            page = _wrap_round(page, collectible_id, warehouse.id, start, PAGE_SIZE)
        else:
            page = [unit["id"] for unit in every if unit["warehouseId"] == warehouse.id]
        if page:
            _random.shuffle(page)
            yield from ((unit_id, warehouse) for unit_id in page)
            return


def stock_by_warehouse(collectible_id: str) -> dict[str, int]:
    """Available units by warehouse id, at most STOCK_COUNT_LIMIT in all."""
    units = _query(collectible_id, "warehouseId", limit=STOCK_COUNT_LIMIT)
    counts: dict[str, int] = {}
    for unit in units:
        counts[unit["warehouseId"]] = counts.get(unit["warehouseId"], 0) + 1
    return counts


def best_eta(
    collectible_id: str,
    stock: Mapping[str, int],
    warehouses: Mapping[str, Warehouse],
    store_id: str,
) -> int | None:
    """ETA in days of the unit that a rental would get now; None when there is none.

    `stock` is what stock_by_warehouse counted; past its limit, nearer warehouses are asked too.
    """
    is_complete = sum(stock.values()) < STOCK_COUNT_LIMIT
    for warehouse in nearest_first(warehouses, store_id):
        if stock.get(warehouse.id) or (
            not is_complete and _from(collectible_id, warehouse.id, f"{warehouse.id}#", limit=1)
        ):
            return eta_days(warehouse.distances[store_id])
    return None


def _random_point(warehouse_id: str) -> str:
    return f"{warehouse_id}#{secrets.token_hex(_HASH_DIGITS // 2)}"


def _from(collectible_id: str, warehouse_id: str, start: str, limit: int) -> list[str]:
    """Ids of available units of one warehouse, from the shelf `start` on."""
    end = f"{warehouse_id}#{_AFTER_EVERY_HASH}"
    units = _query(collectible_id, "id", limit=limit, between=(start, end))
    return [unit["id"] for unit in units]


def _wrap_round(
    page: list[str], collectible_id: str, warehouse_id: str, start: str, size: int
) -> list[str]:
    """The page, filled up with units from the beginning of the warehouse to `start`."""
    if len(page) == size:
        return page
    before = (f"{warehouse_id}#", start)
    units = _query(collectible_id, "id", limit=size - len(page), between=before)
    return list(dict.fromkeys([*page, *(unit["id"] for unit in units)]))


def _query(
    collectible_id: str, attributes: str, *, limit: int, between: tuple[str, str] | None = None
) -> list[dict[str, str]]:
    condition, values = "availableCollectibleId = :collectible", {":collectible": collectible_id}
    if between is not None:
        condition += " AND shelf BETWEEN :low AND :high"
        values |= {":low": between[0], ":high": between[1]}
    answer = dynamodb().query(
        TableName=setting("UNITS_TABLE"),
        IndexName=AVAILABLE_UNITS_INDEX,
        KeyConditionExpression=condition,
        ExpressionAttributeValues=to_attributes(values),
        ProjectionExpression=attributes,
        Limit=limit,
    )
    return [from_attributes(item) for item in answer["Items"]]
