"""Which warehouse a unit goes back to, and when it is there."""

from collections.abc import Mapping
from datetime import datetime

from infra import clock
from rentals import allocation, catalogue, dates
from rentals.models import Warehouse


def way_home(home: str, *, store_id: str | None, is_planned: bool) -> tuple[str, datetime]:
    """The warehouse, and the end of the day on which the unit has arrived.

    A unit goes back to its own warehouse from the store that it was planned for, and to the nearest
    one from any other. Without a store it lies in its warehouse already.
    """
    now = clock.now()
    if store_id is None:
        return home, now
    warehouses = catalogue.warehouses()
    if not is_planned or home not in warehouses:
        nearest = allocation.nearest_first(warehouses, store_id)
        home = nearest[0].id if nearest else home
    return home, dates.in_days(now, allocation.eta_days(_km(warehouses, home, store_id)))


def way_between(home: str, other: str) -> datetime:
    """The end of the day on which a unit that goes from one warehouse to another has arrived: they
    are no further apart than by way of the store that is nearest to both.
    """
    warehouses = catalogue.warehouses()
    ways = [warehouses[each].distances if each in warehouses else {} for each in (home, other)]
    both = ways[0].keys() & ways[1].keys()
    km = min((sum(way[store_id] for way in ways) for store_id in both), default=0.0)
    return dates.in_days(clock.now(), allocation.eta_days(km))


def _km(warehouses: Mapping[str, Warehouse], warehouse_id: str, store_id: str) -> float:
    warehouse = warehouses.get(warehouse_id)
    return warehouse.distances.get(store_id, 0.0) if warehouse else 0.0
