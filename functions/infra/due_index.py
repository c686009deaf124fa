"""Sparse indexes of what is due: a row stands in one, under a key of its kind and the time at which
it is due, only while it has to be looked at.

One key of an index takes 1,000 writes a second, so each kind is spread over sixteen.
"""

import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from infra import clock, dynamo

_SHARDS = 16
_PARALLEL_QUERIES = 8


def key_of(kind: str, item_id: str) -> str:
    """The key of a row in its index: `payment#7`."""
    return f"{kind}#{zlib.crc32(item_id.encode()) % _SHARDS}"


def keys_of(kind: str) -> list[str]:
    """The keys that rows of a kind have."""
    return [f"{kind}#{shard}" for shard in range(_SHARDS)]


@dataclass(frozen=True, slots=True)
class DueIndex:
    """An index by its name, with the attributes that are its hash and its range; without a name, a
    table itself.
    """

    name: str | None
    key: str
    due_at: str

    def list_due(self, table: str, keys: list[str], limit: int) -> list[dynamo.Item]:
        """What is due under these keys, longest waiting first."""
        condition = f"{self.key} = :key AND {self.due_at} <= :now"
        now = clock.now_timestamp()

        def query(key: str) -> list[dynamo.Item]:
            values = {"key": key, "now": now}
            return dynamo.query(table, self.name, condition, values, limit=limit)

        with ThreadPoolExecutor(_PARALLEL_QUERIES) as pool:
            rows = [row for found in pool.map(query, keys) for row in found]
        return sorted(rows, key=lambda row: str(row[self.due_at]))[:limit]
