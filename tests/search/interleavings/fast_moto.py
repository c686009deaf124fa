"""moto's DynamoDB without the wire: the same backend and the same checks, minus HTTP, signatures
and serialisation, which take ten times as long as the work itself.
"""

import copy
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

Json = dict[str, Any]

_READS = ("BatchGetItem", "Query", "Scan")
_METHODS = {
    "BatchGetItem": DynamoHandler.batch_get_item,
    "DeleteItem": DynamoHandler.delete_item,
    "PutItem": DynamoHandler.put_item,
    "Query": DynamoHandler.query,
    "Scan": DynamoHandler.scan,
    "TransactWriteItems": DynamoHandler.transact_write_items,
    "UpdateItem": DynamoHandler.update_item,
}


class FastDynamoDB:
    """Stands in for a DynamoDB client's `_make_api_call`."""

    def __init__(self, account: str, region: str, patch: pytest.MonkeyPatch) -> None:
        self._account, self._region = account, region
        self.writes = 0
        self._touched: list[tuple[str, Json]] = []
        # moto copies whole tables before a transaction, in case that it fails.
        patch.setattr(
            Table, "__deepcopy__", lambda table, _memo: self._backup(table), raising=False
        )
        for name in ("__eq__", "__ne__", "__lt__"):
            patch.setattr(DynamoType, name, _quick(name))
        self.tables: Any = dynamodb_backends[account][region].tables

    def call(self, operation: str, parameters: Json) -> Json:
        """As DynamoDB answers. Raises ClientError; KeyError for operations that nobody uses."""
        if operation == "GetItem":
            return self._get(parameters)
        self.writes += operation not in _READS
        # moto remembers every table and item that was ever made, copies included.
        for model in (Table, Item):
            vars(model)["instances_tracked"].clear()
        self._touched = keys_of_transaction(parameters) if operation == "TransactWriteItems" else []
        handler = DynamoHandler()
        handler.current_account, handler.region = self._account, self._region
        handler.body = handler.params = copy.deepcopy(parameters)
        try:
            result: Any = _METHODS[operation](handler).result
        except JsonRESTError as error:
            raise _client_error(error, operation) from None
        answer: Json = result
        return answer

    def _backup(self, table: Any) -> Any:
        """The table before a transaction: the items that it writes are copies."""
        twin = copy.copy(table)
        twin.items = copy.copy(table.items)
        keys = [key for name, key in self._touched if name == table.name]
        for stored in (DynamoType(key[table.hash_key_attr]) for key in keys):
            if stored in table.items:
                twin.items[stored] = copy.deepcopy(table.items[stored])
        return twin

    def rows(self, table: str) -> list[Json]:
        """Every row of a table."""
        return [item.to_json()["Attributes"] for item in self.tables[table].all_items()]

    def row(self, table: str, key: Json) -> Json | None:
        """One row of a table by its key, or by all of its attributes."""
        stored = self.tables[table]
        names = (stored.hash_key_attr, stored.range_key_attr)
        item = stored.get_item(*(DynamoType(key[name]) for name in names if name is not None))
        return None if item is None else item.to_json()["Attributes"]

    def _get(self, parameters: Json) -> Json:
        # By far the most frequent call, and the plainest.
        assert set(parameters) <= {"TableName", "Key", "ConsistentRead"}, parameters
        key = parameters["Key"]["id"]["S"]
        for stored, item in self.tables[parameters["TableName"]].items.items():
            if stored.value == key:
                return {"Item": item.to_json()["Attributes"]}
        return {}


def _quick(name: str) -> Any:
    """A comparison of DynamoType without its casts, where both are strings."""
    usual, of_text = getattr(DynamoType, name), getattr(str, name)

    def compare(one: DynamoType, other: object) -> Any:
        if one.type == "S" and isinstance(other, DynamoType) and other.type == "S":
            return of_text(one.value, other.value)
        return usual(one, other)

    return compare


def _client_error(error: Any, operation: str) -> ClientError:
    body = json.loads(error.description)
    code = body["__type"].rpartition("#")[2]
    message = body.get("message") or body.get("Message", "")
    response: Any = {
        **body,
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
    return ClientError(response, operation)


def keys_of_transaction(transaction: Json) -> list[tuple[str, Json]]:
    """Table and key of everything that a transaction writes or looks at."""
    writes = [write for each in transaction["TransactItems"] for write in each.values()]
    return [(each["TableName"], each.get("Key", each.get("Item"))) for each in writes]
