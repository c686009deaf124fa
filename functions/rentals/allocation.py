"""Which unit a rental gets: the nearest one, found at a cost that doesn't depend on how many exist.

A unit lies in the sparse index `available-units-index` only while it can be had: hash
`availableCollectibleId`, range `shelf` = warehouse and a hash of the unit. Buyers who arrive
together start at random points of the range, so they seldom meet. While it is held unpaid it lies
there under another key, by which such units are counted.
"""

import hashlib
import math
import secrets
from collections import Counter
from collections.abc import Collection, Mapping

from infra import dynamo
from infra.settings import integer_setting, setting
from rentals.models import Warehouse

AVAILABLE_UNITS_INDEX = "available-units-index"
KM_PER_DAY = 25
# As many index entries as are read for half a read unit (4 KB), about 120 bytes each.
PAGE_SIZE = 30
STOCK_COUNT_LIMIT = 100

# Not Python's default: environments that start from one snapshot (SnapStart) would all draw alike.
_random = secrets.SystemRandom()
_HASH_DIGITS = 8
_MIDDLE_HASH = "8"
_AFTER_EVERY_HASH = "~"


def eta_days(distance: float) -> int:
    """Days until a unit `distance` km away is in the store: 1 + ceil(km / 25)
    (docs/architecture.md, Rules).
    """
    return 1 + math.ceil(distance / KM_PER_DAY)


def shelf(warehouse_id: str, unit_id: str) -> str:
    """The range key of a unit in the sparse index."""
    digest = hashlib.sha256(unit_id.encode()).hexdigest()[:_HASH_DIGITS]
    return f"{warehouse_id}#{digest}"


def held_key(collectible_id: str) -> str:
    """The hash, in the index, of the units of a collectible that are held unpaid."""
    return f"{collectible_id}#held"


def is_share_exceeded(collectible_id: str) -> bool:
    """Whether more than UNPAID_SHARE_PERCENT of the units that are held unpaid or available are
    held, and more than one. Counts to STOCK_COUNT_LIMIT: with that many available, no.
    """
    held = len(_query(held_key(collectible_id), "id", limit=STOCK_COUNT_LIMIT))
    if held <= 1:
        return False
    share = integer_setting("UNPAID_SHARE_PERCENT")
    wanted = min(math.ceil(held * (100 - share) / share), STOCK_COUNT_LIMIT)
    return wanted > 0 and len(_query(collectible_id, "id", limit=wanted)) < wanted


def is_sold_out(collectible_id: str) -> bool:
    """Whether no unit is on any shelf, as the index knows it: perhaps a moment ago."""
    return not _query(collectible_id, "id", limit=1)


def nearest_first(warehouses: Mapping[str, Warehouse], store_id: str) -> list[Warehouse]:
    """The warehouses that deliver to the store, nearest first."""
    reachable = (each for each in warehouses.values() if store_id in each.distances)
    return sorted(reachable, key=lambda each: (each.distances[store_id], each.id))


def candidate(
    collectible_id: str,
    warehouses: Mapping[str, Warehouse],
    store_id: str,
    excluded: Collection[str] = (),
) -> tuple[str, Warehouse] | None:
    """A unit to try, by chance one of a page of the nearest warehouse that has any; None when
    there is none. `excluded` are units that were tried and went to others: the index may still have
    them for a moment.

    The nearest warehouse is queried first. When it has none, one query over all warehouses finds
    whether there is any unit at all; if it returns less than a page, it has returned all. So most
    reservations cost one query, sold out costs two, and only a collectible with many units, none of
    them near, costs one query for each warehouse on the way.
    """
    order = nearest_first(warehouses, store_id)
    if not order:
        return None
    # After a lost race there is contention: read the whole range so that every unit is equally
    # likely.
    if found := _near(collectible_id, order[0], excluded, is_all_round=bool(excluded)):
        return found
    overview = _query(collectible_id, "id, warehouseId", limit=PAGE_SIZE)
    if len(overview) < PAGE_SIZE:
        for warehouse in order:
            here = [each["id"] for each in overview if each["warehouseId"] == warehouse.id]
            if found := _one_of(here, warehouse, excluded):
                return found
        return None
    for warehouse in order:
        if found := _near(collectible_id, warehouse, excluded, is_all_round=True):
            return found
    return None


def _near(
    collectible_id: str,
    warehouse: Warehouse,
    excluded: Collection[str],
    *,
    is_all_round: bool,
) -> tuple[str, Warehouse] | None:
    """A unit of one warehouse: of the page from a random point of its range on, or all round.

    From the lower half upwards and from the upper half downwards: a page at the end of the range
    would hold its last units only, which everybody would then want.
    """
    first, last = f"{warehouse.id}#", f"{warehouse.id}#{_AFTER_EVERY_HASH}"
    digits = secrets.token_hex(_HASH_DIGITS // 2)
    start, is_upwards = f"{first}{digits}", digits < _MIDDLE_HASH
    below, above = (first, start), (start, last)
    ahead, behind = (above, below) if is_upwards else (below, above)
    page = _ids_between(collectible_id, *ahead, is_upwards=is_upwards)
    if is_all_round and len(page) < PAGE_SIZE:
        page += _ids_between(
            collectible_id, *behind, is_upwards=is_upwards, limit=PAGE_SIZE - len(page)
        )
    return _one_of(page, warehouse, excluded)


def _one_of(
    unit_ids: list[str], warehouse: Warehouse, excluded: Collection[str]
) -> tuple[str, Warehouse] | None:
    left = [unit_id for unit_id in unit_ids if unit_id not in excluded]
    return (_random.choice(left), warehouse) if left else None


def stock_by_warehouse(collectible_id: str) -> dict[str, int]:
    """Available units by warehouse id, at most STOCK_COUNT_LIMIT in all."""
    units = _query(collectible_id, "warehouseId", limit=STOCK_COUNT_LIMIT)
    return Counter(unit["warehouseId"] for unit in units)


def stock_for(
    collectible_id: str, warehouses: Mapping[str, Warehouse], store_id: str
) -> tuple[int, int | None]:
    """Available units that deliver to the store, at most STOCK_COUNT_LIMIT, and the ETA in days of
    the one that a rental would get now, None when there is none.

    One query, unless there are so many units that it doesn't see them all: then the warehouses are
    asked, nearest first, until enough are found.
    """
    order = nearest_first(warehouses, store_id)
    stock = stock_by_warehouse(collectible_id)
    if sum(stock.values()) >= STOCK_COUNT_LIMIT:
        stock, left = {}, STOCK_COUNT_LIMIT
        for warehouse in order:
            first, last = f"{warehouse.id}#", f"{warehouse.id}#{_AFTER_EVERY_HASH}"
            stock[warehouse.id] = len(_ids_between(collectible_id, first, last, limit=left))
            left -= stock[warehouse.id]
            if not left:
                break
    stocked = [each for each in order if stock.get(each.id)]
    eta = eta_days(stocked[0].distances[store_id]) if stocked else None
    return sum(stock[each.id] for each in stocked), eta


def _ids_between(
    collectible_id: str, low: str, high: str, *, is_upwards: bool = True, limit: int = PAGE_SIZE
) -> list[str]:
    """Ids of available units on the shelves from `low` to `high`, from one end or the other."""
    between = (low, high)
    units = _query(collectible_id, "id", limit=limit, between=between, is_upwards=is_upwards)
    return [unit["id"] for unit in units]


def _query(
    collectible_id: str,
    attributes: str,
    *,
    limit: int,
    between: tuple[str, str] | None = None,
    is_upwards: bool = True,
) -> list[dynamo.Item]:
    condition, values = "availableCollectibleId = :collectible", {"collectible": collectible_id}
    if between is not None:
        condition += " AND shelf BETWEEN :low AND :high"
        values |= {"low": between[0], "high": between[1]}
    return dynamo.query(
        setting("UNITS_TABLE"),
        AVAILABLE_UNITS_INDEX,
        condition,
        values,
        attributes=attributes,
        limit=limit,
        is_upwards=is_upwards,
    )
