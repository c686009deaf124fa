"""DynamoDB's request units, computed from the rows by AWS's documented rules.

The engine does not report consumed capacity as AWS does, so it is worked out: item sizes
(DynamoDB Developer Guide, "Item sizes and formats"), 4 KB for a read unit and half of that for an
eventually consistent read, 1 KB for a write unit and twice that in a transaction ("Capacity unit
consumption"), and one write for each index entry that is added, removed or changed, two when its
key changes ("Global secondary indexes: write operations").
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.support.recording.proxy import Answer
from tools.local.stack import LocalStack

Json = dict[str, Any]

_READ_UNIT_BYTES = 4096
_WRITE_UNIT_BYTES = 1024
# Step Functions' task tokens are longer than the engine's (at most 2,048 characters).
_TASK_TOKEN_BYTES = 700
_TASK_TOKENS = ("taskToken", "fulfillmentToken")


def item_size(item: Mapping[str, Json]) -> int:
    """Bytes of an item in DynamoDB's attribute values."""
    return sum(
        len(name.encode()) + (_TASK_TOKEN_BYTES if name in _TASK_TOKENS else _value_size(value))
        for name, value in item.items()
    )


def _value_size(value: Json) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return min(21, math.ceil(len(content.lstrip("-0.").replace(".", "")) / 2) + 1)
        case "SS":
            return sum(len(each.encode()) for each in content)
        case "BOOL" | "NULL":
            return 1
        case "M":
            return 3 + item_size(content) + len(content)
        case "L":
            return 3 + sum(_value_size(each) + 1 for each in content)
        case _:
            raise NotImplementedError(f"the size of {kind}")


def read_units(bytes_read: int, *, consistent: bool) -> float:
    """Read request units of reading so many bytes at once; at least one read."""
    units = max(1, math.ceil(bytes_read / _READ_UNIT_BYTES))
    return float(units) if consistent else units / 2


def write_units(before: Json | None, after: Json | None, *, in_transaction: bool) -> int:
    """Write request units of a row, its indexes left aside: the larger of both sizes counts."""
    size = max(item_size(before or {}), item_size(after or {}))
    return max(1, math.ceil(size / _WRITE_UNIT_BYTES)) * (2 if in_transaction else 1)


def index_write_units(
    before: Json | None, after: Json | None, key: Sequence[str], projected: Sequence[str] | None
) -> int:
    """Write request units of one index; `projected` are its attributes, None all of them."""
    old, new = _entry(before, key, projected), _entry(after, key, projected)
    if old == new:
        return 0
    if old and new:
        same_key = all(old[name] == new[name] for name in key)
        return 1 if same_key else 2
    return 1


def _entry(item: Json | None, key: Sequence[str], projected: Sequence[str] | None) -> Json | None:
    if item is None or not all(name in item for name in key):
        return None
    return {name: item[name] for name in item if projected is None or name in projected}


class CapacityMeter:
    """Works out request units by asking the engine for the rows before and after a write."""

    def __init__(self, stack: LocalStack) -> None:
        self._client = stack.client("dynamodb")
        self._tables: dict[str, Json] = {}

    def read_and_write_units(
        self, operation: str, request: Json, forward: Callable[[], Answer]
    ) -> tuple[Answer, float, float]:
        """Send the request on; the answer, read request units, write request units."""
        match operation:
            case "GetItem":
                answer = forward()
                item = json.loads(answer.content).get("Item", {})
                units = read_units(item_size(item), consistent=bool(request.get("ConsistentRead")))
                return answer, units, 0.0
            case "BatchGetItem":
                answer = forward()
                return answer, _units_of_batch(request, json.loads(answer.content)), 0.0
            case "Query" | "Scan":
                return forward(), self._units_of_search(operation, request), 0.0
            case "UpdateItem" | "PutItem":
                return self._write([request], forward, in_transaction=False)
            case "TransactWriteItems":
                writes = [each for item in request["TransactItems"] for each in item.values()]
                return self._write(writes, forward, in_transaction=True)
            case _:
                return forward(), 0.0, 0.0

    def _units_of_search(self, operation: str, request: Json) -> float:
        """The same again without a projection: units are counted before it is applied."""
        wanted = {k: v for k, v in request.items() if k != "ProjectionExpression"}
        search = self._client.query if operation == "Query" else self._client.scan
        items = search(**wanted)["Items"]
        if "IndexName" in request:
            index = next(
                each
                for each in self._indexes_of(request["TableName"])
                if each["IndexName"] == request["IndexName"]
            )
            entries = [_entry(item, _key_of(index), _projected(index)) or {} for item in items]
        else:
            entries = items
        size = sum(map(item_size, entries))
        return read_units(size, consistent=bool(request.get("ConsistentRead")))

    def _write(
        self, writes: Sequence[Json], forward: Callable[[], Answer], *, in_transaction: bool
    ) -> tuple[Answer, float, float]:
        rows = [(each["TableName"], self._row_key(each)) for each in writes]
        before = [self._row(*row) for row in rows]
        answer = forward()
        after = [self._row(*row) for row in rows]
        units = sum(
            self._units_of_write(table, old, new, in_transaction=in_transaction)
            for (table, _), old, new in zip(rows, before, after, strict=True)
        )
        return answer, 0.0, float(units)

    def _units_of_write(
        self, table: str, before: Json | None, after: Json | None, *, in_transaction: bool
    ) -> int:
        return write_units(before, after, in_transaction=in_transaction) + sum(
            index_write_units(before, after, _key_of(index), _projected(index))
            for index in self._indexes_of(table)
        )

    def _row(self, table: str, key: Json) -> Json | None:
        answer = self._client.get_item(TableName=table, Key=key, ConsistentRead=True)
        row: Json | None = answer.get("Item")
        return row

    def _row_key(self, write: Json) -> Json:
        names = _key_of(self._described(write["TableName"]))
        row: Json = write.get("Key") or write["Item"]
        return {name: row[name] for name in names}

    def _indexes_of(self, table: str) -> list[Json]:
        indexes: list[Json] = self._described(table).get("GlobalSecondaryIndexes", [])
        return indexes

    def _described(self, table: str) -> Json:
        if table not in self._tables:
            self._tables[table] = self._client.describe_table(TableName=table)["Table"]
        return self._tables[table]


def _units_of_batch(request: Json, answer: Json) -> float:
    """Each row by itself; one that is not there costs as much as the smallest."""
    units = 0.0
    for table, wanted in request["RequestItems"].items():
        sizes = [item_size(row) for row in answer["Responses"].get(table, ())]
        sizes += [0] * (len(wanted["Keys"]) - len(sizes))
        consistent = bool(wanted.get("ConsistentRead"))
        units += sum(read_units(size, consistent=consistent) for size in sizes)
    return units


def _key_of(index: Json) -> list[str]:
    return [each["AttributeName"] for each in index["KeySchema"]]


def _projected(index: Json) -> list[str] | None:
    projection = index["Projection"]
    if projection["ProjectionType"] == "ALL":
        return None
    return ["id", *_key_of(index), *projection.get("NonKeyAttributes", ())]
