"""What can be rented and where: collectibles, stores, warehouses."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from infra import dynamo
from infra.settings import setting
from rentals import allocation, expected
from rentals.errors import CollectibleNotFound, StoreNotFound
from rentals.models import Collectible, Store, Warehouse
from rentals.rows import from_row

_PARALLEL_STOCK_QUERIES = 8
# Warehouses and distances change a few times a year.
_KEEP_WAREHOUSES_SECONDS = 60.0

_warehouses: tuple[float, dict[str, Warehouse]] | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A collectible as it can be rented now.

    `stock` is exact up to allocation.STOCK_COUNT_LIMIT; `eta` is days, None without a store or
    without stock. `next_expected` is when a unit should be on a shelf again, as stored: only of
    what is sold out, and None when nobody knows.
    """

    collectible: Collectible
    stock: int
    eta: int | None
    next_expected: str | None = None


def offered(collectible_id: str) -> Collectible:
    """One that can be rented. Raises CollectibleNotFound, also for what was withdrawn."""
    found = collectible(collectible_id)
    if found.is_withdrawn:
        raise CollectibleNotFound(collectible_id)
    return found


def collectible(collectible_id: str) -> Collectible:
    """One collectible, withdrawn or not. Raises CollectibleNotFound."""
    item = dynamo.get(setting("COLLECTIBLES_TABLE"), collectible_id)
    if item is None:
        raise CollectibleNotFound(collectible_id)
    return from_row(Collectible, item)


def store(store_id: str) -> Store:
    """One store. Raises StoreNotFound."""
    item = dynamo.get(setting("STORES_TABLE"), store_id)
    if item is None:
        raise StoreNotFound(store_id)
    return from_row(Store, item)


def stores() -> list[Store]:
    """Every store, by id."""
    rows = dynamo.scan(setting("STORES_TABLE"))
    return sorted((from_row(Store, row) for row in rows), key=lambda each: each.id)


def warehouses(*, anew: bool = False) -> dict[str, Warehouse]:
    """Every warehouse, by id; at most a minute old, or read `anew`."""
    global _warehouses  # noqa: PLW0603 - kept for the life of an execution environment
    if anew or _warehouses is None or time.monotonic() - _warehouses[0] > _KEEP_WAREHOUSES_SECONDS:
        found = {
            item["id"]: Warehouse(
                id=item["id"],
                name=item.get("name") or item["id"],
                distances={store_id: float(km) for store_id, km in item["distances"].items()},
            )
            for item in dynamo.scan(setting("WAREHOUSES_TABLE"))
        }
        _warehouses = time.monotonic(), found
    return _warehouses[1]


def offers(store_id: str | None) -> list[Offer]:
    """The whole catalogue with live stock, by id. Raises StoreNotFound."""
    if store_id is not None:
        store(store_id)
    rows = dynamo.scan(setting("COLLECTIBLES_TABLE"))
    every = [from_row(Collectible, row) for row in rows]
    every_warehouse = warehouses() if store_id is not None else {}
    with ThreadPoolExecutor(_PARALLEL_STOCK_QUERIES) as pool:
        found = pool.map(
            lambda each: _offer(each, store_id, every_warehouse),
            [each for each in every if not each.is_withdrawn],
        )
        return sorted(found, key=lambda each: each.collectible.id)


def offer_at_every_store(collectible_id: str) -> tuple[Offer, dict[str, tuple[int, int | None]]]:
    """One collectible, and its stock and ETA in days by store. Raises CollectibleNotFound."""
    wanted = _offer(offered(collectible_id), None, {})
    every_warehouse = warehouses()
    return wanted, {
        each.id: allocation.stock_for(collectible_id, every_warehouse, each.id) for each in stores()
    }


def offer(collectible_id: str, store_id: str) -> Offer:
    """One collectible for one store. Raises CollectibleNotFound, StoreNotFound."""
    wanted = offered(collectible_id)
    store(store_id)
    return _offer(wanted, store_id, warehouses())


def _offer(
    wanted: Collectible, store_id: str | None, every_warehouse: dict[str, Warehouse]
) -> Offer:
    if store_id is None:
        stock, eta = sum(allocation.stock_by_warehouse(wanted.id).values()), None
    else:
        stock, eta = allocation.stock_for(wanted.id, every_warehouse, store_id)
    next_expected = None if stock else expected.next_at(wanted.id)
    return Offer(wanted, stock, eta, next_expected)
