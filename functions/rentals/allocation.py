"""Which unit a rental gets: the nearest one, found at a cost that doesn't depend on how many exist.

A unit lies in the sparse index `available-units-index` only while it can be had: hash
`availableCollectibleId`, range `shelf` = warehouse and a hash of the unit. Buyers who arrive
together start at random points of the range, so they seldom meet.
"""

import hashlib
import math
import random
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

    The nearest warehouse is asked first. When it is empty, one query over all warehouses tells
    sold out from elsewhere, so sold out costs two queries however many warehouses there are.
    """
    ordered = nearest_first(warehouses, store_id)
    for position, warehouse in enumerate(ordered):
        page = _page(collectible_id, warehouse.id)
        if page:
            yield from ((unit_id, warehouse) for unit_id in page)
            return
        if position == 0 and not _is_any_available(collectible_id):
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
            not is_complete and _page(collectible_id, warehouse.id, size=1)
        ):
            return eta_days(warehouse.distances[store_id])
    return None


def _page(collectible_id: str, warehouse_id: str, size: int = PAGE_SIZE) -> list[str]:
    """Ids of up to `size` available units of one warehouse, from a random point on, shuffled."""
    lowest, highest = f"{warehouse_id}#", f"{warehouse_id}#{_AFTER_EVERY_HASH}"
    start = f"{warehouse_id}#{secrets.token_hex(_HASH_DIGITS // 2)}"
    units = _query(collectible_id, "id", limit=size, between=(start, highest))
    if len(units) < size:
        units += _query(collectible_id, "id", limit=size - len(units), between=(lowest, start))
    found = list(dict.fromkeys(unit["id"] for unit in units))
    random.shuffle(found)
    return found


def _is_any_available(collectible_id: str) -> bool:
    return bool(_query(collectible_id, "id", limit=1))


def _query(
    collectible_id: str, attribute: str, *, limit: int, between: tuple[str, str] | None = None
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
        ProjectionExpression=attribute,
        Limit=limit,
    )
    return [from_attributes(item) for item in answer["Items"]]
