"""DynamoDB as the domain uses it: plain Python values in and out, failed conditions as data."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from infra.aws import dynamodb
from rentals.errors import WriteContended

Item = dict[str, Any]

_TRANSACTION_TRIES = 6
_MAX_KEY_BYTES = 2048
_CONTENTION_CODES = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


class ConditionFailed(Exception):
    """A conditional write did not happen.

    `failed` holds the indexes of the operations whose condition did not hold, `existing` the row
    as it was for each of them (None when there was no such row).
    """

    def __init__(self, existing: Mapping[int, Item | None]) -> None:
        super().__init__(f"condition failed for operations {sorted(existing)}")
        self.existing = dict(existing)

    @property
    def failed(self) -> frozenset[int]:
        """Indexes of the operations whose condition did not hold."""
        return frozenset(self.existing)


def to_attributes(item: Mapping[str, Any]) -> Item:
    """Python values to DynamoDB's attribute values; None is left out."""
    return {name: _attribute(value) for name, value in item.items() if value is not None}


def from_attributes(attributes: Mapping[str, Any]) -> Item:
    """DynamoDB's attribute values to Python values; numbers arrive as Decimal."""
    return {name: _value(attribute) for name, attribute in attributes.items()}


def _attribute(value: Any) -> Item:
    match value:
        case str():
            return {"S": str(value)}
        case bool():
            return {"BOOL": value}
        case int() | Decimal():
            return {"N": str(value)}
        case Mapping():
            return {"M": to_attributes(value)}
        case list() | tuple():
            return {"L": [_attribute(each) for each in value]}
        case set() | frozenset() if value and all(isinstance(each, str) for each in value):
            return {"SS": sorted(value)}
    raise TypeError(f"a {type(value).__name__} cannot be stored")


def _value(attribute: Mapping[str, Any]) -> Any:
    ((kind, value),) = attribute.items()
    match kind:
        case "N":
            return Decimal(value)
        case "M":
            return from_attributes(value)
        case "L":
            return [_value(each) for each in value]
        case "SS":
            return set(value)
        case "NULL":
            return None
    return value  # S, BOOL, B


def can_be_key(value: str) -> bool:
    """Whether a row can have this key: asking DynamoDB for an empty or longer one is an error."""
    return 0 < len(value.encode(errors="replace")) <= _MAX_KEY_BYTES


def get(table: str, item_id: str) -> Item | None:
    """Strongly consistent read of one row."""
    if not can_be_key(item_id):
        return None
    answer = dynamodb().get_item(
        TableName=table, Key=to_attributes({"id": item_id}), ConsistentRead=True
    )
    return from_attributes(answer["Item"]) if "Item" in answer else None


def scan(table: str) -> list[Item]:
    """Every row of a small table."""
    pages = dynamodb().get_paginator("scan").paginate(TableName=table)
    return [from_attributes(item) for page in pages for item in page["Items"]]


def scan_where(table: str, condition: str, *, attributes: str) -> Iterator[Item]:
    """These attributes of every row that meets a condition, page by page."""
    pages = (
        dynamodb()
        .get_paginator("scan")
        .paginate(TableName=table, FilterExpression=condition, ProjectionExpression=attributes)
    )
    for page in pages:
        yield from map(from_attributes, page["Items"])


def expression(
    table: str,
    item_id: str,
    *,
    update: str,
    condition: str | None = None,
    values: Mapping[str, Any] | None = None,
) -> Item:
    """One update of the row `item_id`, for `update` or `transact`.

    `update` and `condition` are DynamoDB expressions; `values` their `:names`, without the colon.
    """
    operation: Item = {
        "TableName": table,
        "Key": to_attributes({"id": item_id}),
        "UpdateExpression": update,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if condition is not None:
        operation["ConditionExpression"] = condition
    if values:
        operation["ExpressionAttributeValues"] = {
            f":{name}": _attribute(value) for name, value in values.items()
        }
    return operation


def update(operation: Mapping[str, Any]) -> Item:
    """Run one update; returns the row as it is now. Raises ConditionFailed with the row as it was.

    A write that was committed and whose answer was lost is sent again by botocore and then fails
    its own condition: callers compare `existing` with what they wanted before they believe it.
    """
    try:
        answer = dynamodb().update_item(**operation, ReturnValues="ALL_NEW")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        raise ConditionFailed({0: _existing(error.response)}) from None
    return from_attributes(answer["Attributes"])


def transact(operations: Sequence[Mapping[str, Any]]) -> None:
    """Run updates and puts as one transaction, all or nothing.

    Raises ConditionFailed when conditions did not hold, WriteContended when other transactions
    kept touching the same rows.
    """
    items = [{"Put" if "Item" in each else "Update": dict(each)} for each in operations]
    for attempt in range(_TRANSACTION_TRIES):
        try:
            dynamodb().transact_write_items(TransactItems=items)  # type: ignore[arg-type]
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in ("TransactionCanceledException", "TransactionInProgressException"):
                raise
            reasons: list[Item] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
            failed = {
                index: _existing(reason)
                for index, reason in enumerate(reasons)
                if reason.get("Code") == "ConditionalCheckFailed"
            }
            if failed:
                raise ConditionFailed(failed) from None
            if reasons and not any(reason.get("Code") in _CONTENTION_CODES for reason in reasons):
                raise
            time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311 - jitter
        else:
            return
    raise WriteContended("other transactions kept touching the same rows")


def _existing(failure: Mapping[str, Any]) -> Item | None:
    return from_attributes(failure["Item"]) if failure.get("Item") else None
