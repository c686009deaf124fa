"""Which hash keys of tables and indexes the writes meet in: one takes 1,000 units a second."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any

from infra import aws
from tests.search.interleavings.fast_moto import keys_of_transaction
from tests.search.interleavings.invocations import current
from tests.search.interleavings.world import PREFIX, World
from tests.support.sources import resources

Json = dict[str, Any]

# A row is spread by a hash of its id, so some keys get more than their share.
_DEVIATIONS = 4
_SHARE = 1 / 16


def crowded(places: Mapping[str, Counter[str]], rows: Mapping[str, int]) -> list[str]:
    """Keys that more than a sixteenth of the writes share, and more than chance explains; `places`
    has the writes by key of each table or index, `rows` how many different rows made them.
    """
    found = []
    for place, writes in places.items():
        most = _SHARE + _DEVIATIONS * sqrt(_SHARE * (1 - _SHARE) / rows[place])
        found += [
            f"{place} {key}: {count} of {writes.total()}"
            for key, count in writes.items()
            if count > most * writes.total()
        ]
    return found


class KeySpread:
    """Counts what functions and state machines write, from now on."""

    def __init__(self, world: World) -> None:
        self.writes: dict[str, Counter[str]] = defaultdict(Counter)
        self._rows: dict[str, set[str]] = defaultdict(set)
        self._tables = {
            f"{PREFIX}-{name.removesuffix('Table')}": table
            for name, table in resources("AWS::DynamoDB::Table").items()
        }
        self._stored = world.stored
        client: Any = aws.dynamodb()
        make_call = client._make_api_call
        client._make_api_call = lambda *call: self._recorded(make_call, *call)

    @property
    def rows(self) -> dict[str, int]:
        """How many different rows were written, by table and by index."""
        return {place: len(ids) for place, ids in self._rows.items()}

    def _recorded(
        self, make_call: Callable[[str, Json], Any], operation: str, parameters: Json
    ) -> Any:
        rows = list(self._written(operation, parameters))
        before = [self._places(*row) for row in rows]
        answer = make_call(operation, parameters)
        for row, old in zip(rows, before, strict=True):
            self._count(*row, old, self._places(*row))
        return answer

    @staticmethod
    def _written(operation: str, parameters: Json) -> list[tuple[str, Json]]:
        if operation == "TransactWriteItems":
            return keys_of_transaction(parameters)
        if operation == "UpdateItem":
            return [(parameters["TableName"], parameters["Key"])]
        # The simulation's own rows are put and deleted one by one, outside of any function.
        if operation in ("PutItem", "DeleteItem") and current() is not None:
            return [(parameters["TableName"], parameters.get("Key") or parameters["Item"])]
        return []

    def _places(self, table: str, key: Json) -> dict[str, tuple[str, ...]]:
        """The index entries of a row as it is now."""
        row = self._stored(table, key)
        found = {}
        for index in self._tables[table].get("GlobalSecondaryIndexes", ()):
            names = [each["AttributeName"] for each in index["KeySchema"]]
            if row is not None and all(name in row for name in names):
                found[index["IndexName"]] = tuple(row[name]["S"] for name in names)
        return found

    def _count(
        self,
        table: str,
        key: Json,
        old: Mapping[str, tuple[str, ...]],
        new: Mapping[str, tuple[str, ...]],
    ) -> None:
        """An index is written when an entry comes, goes, or moves; nothing else of it changes."""
        name = table.removeprefix(f"{PREFIX}-")
        schema = self._tables[table]["KeySchema"]
        row_id = "#".join(key[each["AttributeName"]]["S"] for each in schema)
        self._add(name, key[schema[0]["AttributeName"]]["S"], row_id)
        for index in old.keys() | new.keys():
            if old.get(index) != new.get(index):
                for entry in filter(None, (old.get(index), new.get(index))):
                    self._add(f"{name} {index}", entry[0], row_id)

    def _add(self, place: str, key: str, row_id: str) -> None:
        self.writes[place][key] += 1
        self._rows[place].add(row_id)
