"""Rows into tables: what has to be written, writing it, and reading it back.

Every write is conditional, so that running again, or beside a system that is in use, never takes a
unit from whoever holds it and never changes a rental.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from infra.clock import now_timestamp
from rentals.allocation import shelf
from rentals.models import UnitStatus
from tools.importing.models import Item
from tools.importing.reading import Export
from tools.ops.rows import get_many

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBServiceResource

_PARALLEL_WRITES = 16
SAMPLE_SIZE = 200
# What a file says of a unit; where it is of a rental's follows from who holds it.
_OF_A_UNIT = ("collectibleId", "warehouseId", "isAvailable", "reservedBy")
# What goes on after an import.
_CHANGES_OF_A_RENTAL = {
    "arrivedAt", "closedAt", "closedReason", "dueAt", "fulfillmentStatus", "importedAt",
    "pickedUpAt", "readyBy", "returnedAt", "unitId", "updatedAt",
}  # fmt: skip


class Action(StrEnum):
    """What becomes of a row."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "as it was"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Planned:
    """A row of a table and what becomes of it; `why` says why one is kept as it is."""

    table: str
    item: Item
    action: Action
    why: str = ""

    @property
    def is_write(self) -> bool:
        """Whether there is anything to do."""
        return self.action in (Action.NEW, Action.CHANGED)


class Tables:
    """The tables of a stack, by the names that they have in the design."""

    def __init__(self, dynamodb: "DynamoDBServiceResource", names: Mapping[str, str]) -> None:
        # The resource's client takes and gives plain values, and may be used by many threads.
        self.client: Any = dynamodb.meta.client
        self.names = names

    def catalogue(self, table: str) -> dict[str, Item]:
        """The rows of a small table, by id."""
        pages = self.client.get_paginator("scan").paginate(TableName=self.names[table])
        return {item["id"]: item for page in pages for item in page["Items"]}

    def existing(self, table: str, ids: Sequence[str]) -> dict[str, Item]:
        """Rows by id, consistently read."""
        return {item["id"]: item for item in get_many(self.client, self.names[table], ids)}


def new_unit(unit_id: str, collectible_id: str, warehouse_id: str) -> Item:
    """An available unit as the Units table holds it."""
    return {
        "id": unit_id,
        "collectibleId": collectible_id,
        "warehouseId": warehouse_id,
        "status": UnitStatus.AVAILABLE,
        "isAvailable": "true",
        "availableCollectibleId": collectible_id,
        "shelf": shelf(warehouse_id, unit_id),
    }


def held_unit(unit: Item, rental: Item) -> Item:
    """The same unit while a rental holds it."""
    held = {name: value for name, value in unit.items() if name != "availableCollectibleId"}
    return held | {
        "status": UnitStatus.RESERVED,
        "isAvailable": "false",
        "reservedBy": rental["id"],
        "reservedAt": rental["createdAt"],
    }


def put_away_unit(unit: Item, status: str, reason: str | None) -> Item:
    """The same unit while it cannot be rented."""
    kept = {name: value for name, value in unit.items() if name != "availableCollectibleId"}
    why = {"reason": reason} if reason else {}
    return kept | {"status": UnitStatus(status), "isAvailable": "false"} | why


def items_of(export: Export) -> dict[str, list[Item]]:
    """The rows of an export as the tables hold them."""
    imported_at = now_timestamp()
    rentals = {key: row.to_item() for key, row in export.rentals.items()}
    holders = {item["unitId"]: item for item in rentals.values() if "unitId" in item}
    units = []
    for unit in export.units.values():
        item = new_unit(unit.id, unit.collectible_id, unit.warehouse_id)
        if unit.id in holders:
            item = held_unit(item, holders[unit.id])
        elif unit.status is not None:
            item = put_away_unit(item, unit.status, unit.reason)
        units.append(item)
    return {
        **{
            table: [row.to_item() for row in export.rows[table].values()]
            for table in ("Collectibles", "Stores", "Warehouses")
        },
        "Units": units,
        "Rentals": [item | {"importedAt": imported_at} for item in rentals.values()],
    }


def plan(tables: Tables, items: Mapping[str, Sequence[Item]]) -> list[Planned]:
    """What has to be written so that the tables hold these rows. A unit is given to its rental only
    when that comes in: one that is there already may have brought its unit back.
    """
    planned = [
        _planned(table, item, there.get(item["id"]))
        for table, wanted in items.items()
        for there in [tables.existing(table, [item["id"] for item in wanted])]
        for item in wanted
    ]
    new = {
        each.item["id"] for each in planned if each.table == "Rentals" and each.action is Action.NEW
    }
    return [_unless_brought_back(each, new) for each in planned]


def _unless_brought_back(planned: Planned, new: Set[str]) -> Planned:
    holder = planned.item.get("reservedBy") if planned.table == "Units" else None
    if holder is None or holder in new or not planned.is_write:
        return planned
    why = f"rental {holder} is in the table, and does not have it any more"
    return Planned("Units", planned.item, Action.KEPT, why)


def _planned(table: str, item: Item, there: Item | None) -> Planned:
    if there is None:
        return Planned(table, item, Action.NEW)
    if table == "Units":
        return _planned_unit(item, there)
    if table == "Rentals":
        names = item.keys() - _CHANGES_OF_A_RENTAL
        if all(item[name] == there.get(name) for name in names):
            return Planned(table, item, Action.SAME)
        return Planned(table, item, Action.KEPT, "the table has another rental of this id")
    return Planned(table, item, Action.SAME if item == there else Action.CHANGED)


def _planned_unit(item: Item, there: Item) -> Planned:
    holder = there.get("reservedBy")
    if all(item.get(name) == there.get(name) for name in _OF_A_UNIT):
        return Planned("Units", item, Action.SAME)
    if holder is not None:
        why = f"held by rental {holder}: the desk takes it back"
        return Planned("Units", item, Action.KEPT, why)
    if there["isAvailable"] != "true":
        why = f"is in the status {there.get('status')}: the desk puts it back on the shelf"
        return Planned("Units", item, Action.KEPT, why)
    return Planned("Units", item, Action.CHANGED)


def write(
    tables: Tables, planned: Sequence[Planned], on_progress: Callable[[], None] = lambda: None
) -> list[Planned]:
    """Write what is new or changed, held units together with their rentals. Returns the rows that
    somebody else changed meanwhile, and that were kept as they are now.
    """
    work = list(_jobs([each for each in planned if each.is_write]))

    def do(job: Sequence[Planned]) -> Sequence[Planned]:
        try:
            lost = [] if _write_job(tables, job) else job
        finally:
            on_progress()
        return lost

    with ThreadPoolExecutor(_PARALLEL_WRITES) as pool:
        try:
            lost = [each for kept in pool.map(do, work) for each in kept]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [Planned(each.table, each.item, Action.KEPT, "changed meanwhile") for each in lost]


def jobs_of(planned: Sequence[Planned]) -> int:
    """How many writes there will be."""
    return sum(1 for _ in _jobs([each for each in planned if each.is_write]))


def _jobs(writes: Sequence[Planned]) -> Iterator[list[Planned]]:
    """Rows that are written together: a held unit and its rental."""
    units = {each.item["id"]: each for each in writes if each.table == "Units"}
    paired: set[str] = set()
    for each in writes:
        unit_id = each.item.get("unitId") if each.table == "Rentals" else None
        if unit_id is not None and unit_id in units:
            paired.add(unit_id)
            yield [units[unit_id], each]
        elif each.table != "Units":
            yield [each]
    yield from ([unit] for unit_id, unit in units.items() if unit_id not in paired)


def _write_job(tables: Tables, job: Sequence[Planned]) -> bool:
    puts = [_put(tables, each) for each in job]
    exceptions = tables.client.exceptions
    try:
        if len(puts) == 1:
            tables.client.put_item(**puts[0])
        else:
            tables.client.transact_write_items(TransactItems=[{"Put": put} for put in puts])
    except exceptions.ConditionalCheckFailedException:
        return False
    except exceptions.TransactionCanceledException as error:
        reasons = {each.get("Code") for each in error.response.get("CancellationReasons", ())}
        if "ConditionalCheckFailed" not in reasons:
            raise
        return False
    return True


def _put(tables: Tables, planned: Planned) -> dict[str, Any]:
    put: dict[str, Any] = {"TableName": tables.names[planned.table], "Item": planned.item}
    if planned.table == "Units":
        put["ConditionExpression"] = (
            "attribute_not_exists(id)"
            if planned.action is Action.NEW
            else "attribute_not_exists(reservedBy) AND isAvailable = :true"
        )
        if planned.action is not Action.NEW:
            put["ExpressionAttributeValues"] = {":true": "true"}
    elif planned.table == "Rentals":
        put["ConditionExpression"] = "attribute_not_exists(id)"
    return put


@dataclass(frozen=True)
class Verification:
    """What was read back; `problems` is empty when the tables hold what they should."""

    counts: Mapping[str, int]
    sampled: int
    problems: tuple[str, ...]


def verify(
    tables: Tables, planned: Sequence[Planned], sample_size: int = SAMPLE_SIZE
) -> Verification:
    """Count every row that should be there, and compare a sample of them, whole."""
    counts, problems, sampled = Counter[str](), [], 0
    by_table: dict[str, list[Planned]] = {}
    for each in planned:
        by_table.setdefault(each.table, []).append(each)
    for table, rows in by_table.items():
        there = tables.existing(table, [each.item["id"] for each in rows])
        counts[table] = len(there)
        problems += [
            f"{table} {each.item['id']} is missing" for each in rows if each.item["id"] not in there
        ]
        comparable = [
            each for each in rows if each.action is not Action.KEPT and each.item["id"] in there
        ]
        sample = random.sample(comparable, min(sample_size, len(comparable)))
        sampled += len(sample)
        problems += [
            f"{table} {each.item['id']} is not as it should be"
            for each in sample
            if not _is_as_it_should_be(each, there[each.item["id"]])
        ]
    return Verification(counts, sampled, tuple(problems))


def _is_as_it_should_be(planned: Planned, there: Item) -> bool:
    """A unit may have been rented meanwhile."""
    now = _planned(planned.table, planned.item, there).action
    return now is Action.SAME or (planned.table == "Units" and now is Action.KEPT)
