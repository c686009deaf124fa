"""DynamoDB as the domain uses it: plain Python values in and out, failed conditions as data."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from secrets import SystemRandom
from typing import Any, ClassVar

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from infra.aws import dynamodb
from infra.errors import WriteContended

Item = dict[str, Any]

_TRANSACTION_TRIES = 6
_MAX_KEY_BYTES = 2048
_CONTENTION_CODES = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize
# Not Python's default generator: environments restored from one snapshot (SnapStart) would all draw
# the same numbers.
_random = SystemRandom()


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
    return {name: _serialize(value) for name, value in item.items() if value is not None}


def from_attributes(attributes: Mapping[str, Any]) -> Item:
    """DynamoDB's attribute values to Python values; numbers arrive as Decimal."""
    return {name: _deserialize(attribute) for name, attribute in attributes.items()}


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition expression, the attributes that it calls `#name`, and the values of `:names`."""

    text: str
    names: Sequence[str] = ()
    values: Mapping[str, Any] = field(default_factory=dict)


def absent(name: str) -> Condition:
    """The row has no such attribute."""
    return Condition(f"attribute_not_exists(#{name})", [name])


def present(name: str) -> Condition:
    """The row has this attribute."""
    return Condition(f"attribute_exists(#{name})", [name])


def equal(name: str, value: Any) -> Condition:
    """The attribute has this value; None: the row has no such attribute."""
    if value is None:
        return absent(name)
    return Condition(f"#{name} = :is_{name}", [name], {f"is_{name}": value})


def unlike(name: str, value: Any) -> Condition:
    """The attribute is missing or has another value."""
    text = f"(attribute_not_exists(#{name}) OR #{name} <> :not_{name})"
    return Condition(text, [name], {f"not_{name}": value})


def either(one: Condition, other: Condition) -> Condition:
    """One of two conditions holds."""
    names, values = [*one.names, *other.names], {**one.values, **other.values}
    return Condition(f"({one.text} OR {other.text})", names, values)


@dataclass(frozen=True, slots=True)
class Change:
    """One conditional update of one row: what is written, and what the row is afterwards.

    `attributes` are set, or removed where the value is None. `add` and `delete` are members of
    string sets.
    """

    verb: ClassVar = "Update"

    table: str
    id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    when: Sequence[Condition] = ()
    add: Mapping[str, set[str]] = field(default_factory=dict)
    delete: Mapping[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises ValueError for an attribute written in two ways, as DynamoDB refuses it."""
        written = [*self.attributes, *self.add, *self.delete]
        if len(set(written)) < len(written):
            raise ValueError(f"written twice: {sorted(written)}")

    def operation(self) -> Item:
        """The parameters of UpdateItem, or of an Update in a transaction."""
        written = {name: value for name, value in self.attributes.items() if value is not None}
        clauses = {
            "SET": [f"#{name} = :{name}" for name in written],
            "REMOVE": [f"#{name}" for name in self.attributes if name not in written],
            "ADD": [f"#{name} :add_{name}" for name in self.add],
            "DELETE": [f"#{name} :delete_{name}" for name in self.delete],
        }
        names = {
            *self.attributes,
            *self.add,
            *self.delete,
            *(n for c in self.when for n in c.names),
        }
        values = {
            **written,
            **{f"add_{name}": members for name, members in self.add.items()},
            **{f"delete_{name}": members for name, members in self.delete.items()},
            **{name: value for each in self.when for name, value in each.values.items()},
        }
        optional = {
            "ConditionExpression": " AND ".join(each.text for each in self.when),
            "ExpressionAttributeValues": {f":{n}": _serialize(each) for n, each in values.items()},
        }
        return {
            "TableName": self.table,
            "Key": to_attributes({"id": self.id}),
            "UpdateExpression": " ".join(
                f"{verb} {', '.join(parts)}" for verb, parts in clauses.items() if parts
            ),
            # Every name is given so: any may be a reserved word of DynamoDB.
            "ExpressionAttributeNames": {f"#{name}": name for name in sorted(names)},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **{name: each for name, each in optional.items() if each},
        }

    def applied_to(self, row: Mapping[str, Any]) -> Item:
        """The row afterwards, which a transaction does not answer."""
        after = {**row, **self.attributes}
        for name, members in self.add.items():
            after[name] = set(after.get(name) or ()) | members
        for name, members in self.delete.items():
            after[name] = set(after.get(name) or ()) - members or None
        return {name: value for name, value in after.items() if value is not None}


@dataclass(frozen=True, slots=True)
class New:
    """A row that is written unless there is one with its id."""

    verb: ClassVar = "Put"

    table: str
    row: Mapping[str, Any]

    def operation(self) -> Item:
        """The parameters of a Put in a transaction."""
        return {
            "TableName": self.table,
            "Item": to_attributes(self.row),
            "ConditionExpression": "attribute_not_exists(id)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }


@dataclass(frozen=True, slots=True)
class Put:
    """A row that is written, whatever was there."""

    verb: ClassVar = "Put"

    table: str
    row: Mapping[str, Any]

    def operation(self) -> Item:
        """The parameters of a Put in a transaction."""
        return {"TableName": self.table, "Item": to_attributes(self.row)}


@dataclass(frozen=True, slots=True)
class Delete:
    """A row that goes, if it is there."""

    verb: ClassVar = "Delete"

    table: str
    key: Mapping[str, Any]

    def operation(self) -> Item:
        """The parameters of a Delete in a transaction."""
        return {"TableName": self.table, "Key": to_attributes(self.key)}


Write = Change | New | Put | Delete


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


def get_many(table: str, ids: Sequence[str]) -> list[Item]:
    """The rows of these ids, at most 100, in their order; what is not there is left out.

    Raises WriteContended when DynamoDB keeps leaving some out.
    """
    rows = get_each([(table, each) for each in dict.fromkeys(ids)])
    return [row for row in rows if row is not None]


def get_each(
    keys: Sequence[tuple[str, str]], *, perhaps_old: Collection[str] = ()
) -> list[Item | None]:
    """The row of each table and id, at most 100 in one call; None where there is none. Those of the
    tables `perhaps_old` may be as they were a second ago, for half the price.

    Raises WriteContended when DynamoDB keeps leaving some out.
    """
    found: dict[tuple[str, str], Item] = {}
    wanted: Any = {}
    for table, item_id in filter(lambda key: can_be_key(key[1]), keys):
        of_table = wanted.setdefault(table, {"ConsistentRead": table not in perhaps_old})
        of_table.setdefault("Keys", []).append(to_attributes({"id": item_id}))
    for attempt in range(_TRANSACTION_TRIES):
        if not wanted:
            return [found.get(key) for key in keys]
        answer = dynamodb().batch_get_item(RequestItems=wanted)
        for table, rows in answer["Responses"].items():
            found |= {(table, row["id"]): row for row in map(from_attributes, rows)}
        wanted = {
            table: wanted[table] | {"Keys": left["Keys"]}
            for table, left in answer["UnprocessedKeys"].items()
        }
        if wanted:
            time.sleep(_random.uniform(0, 0.05 * 2**attempt))
    raise WriteContended("DynamoDB is slow to answer")


def scan(table: str) -> list[Item]:
    """Every row of a small table."""
    pages = dynamodb().get_paginator("scan").paginate(TableName=table)
    return [from_attributes(item) for page in pages for item in page["Items"]]


def scan_where(table: str, condition: str, *, attributes: str | None = None) -> Iterator[Item]:
    """Every row that meets a condition, or these attributes of it, page by page."""
    wanted: Any = {"ProjectionExpression": attributes} if attributes else {}
    pages = (
        dynamodb()
        .get_paginator("scan")
        .paginate(TableName=table, FilterExpression=condition, **wanted)
    )
    for page in pages:
        yield from map(from_attributes, page["Items"])


def query(  # noqa: PLR0913 - what a query is made of
    table: str,
    index: str | None,
    condition: str,
    values: Mapping[str, Any],
    *,
    limit: int,
    attributes: str | None = None,
    is_upwards: bool = True,
) -> list[Item]:
    """At most `limit` rows of an index, or of the table itself, lowest range key first, or
    highest.
    """
    answer = dynamodb().query(
        TableName=table,
        KeyConditionExpression=condition,
        ExpressionAttributeValues={f":{name}": _serialize(each) for name, each in values.items()},
        Limit=limit,
        ScanIndexForward=is_upwards,
        **({"IndexName": index} if index else {}),  # type: ignore[arg-type]
        **({"ProjectionExpression": attributes} if attributes else {}),  # type: ignore[arg-type]
    )
    return [from_attributes(item) for item in answer["Items"]]


def update(change: Change) -> Item:
    """Make one change; returns the row as it is now. Raises ConditionFailed with the row as it was.

    A write that was committed and whose answer was lost is sent again by botocore and then fails
    its own condition: callers compare `existing` with what they wanted before they believe it.
    """
    try:
        answer = dynamodb().update_item(**change.operation(), ReturnValues="ALL_NEW")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        raise ConditionFailed({0: _existing(error.response)}) from None
    return from_attributes(answer["Attributes"])


def transact(writes: Sequence[Write]) -> None:
    """Make writes in one transaction, all or nothing.

    Raises ConditionFailed when conditions did not hold, WriteContended when other transactions
    kept touching the same rows.
    """
    items = [{each.verb: each.operation()} for each in writes]
    for attempt in range(_TRANSACTION_TRIES):
        try:
            dynamodb().transact_write_items(TransactItems=items)  # type: ignore[arg-type]
        except ClientError as error:
            _unless_contended(error)
            time.sleep(_random.uniform(0, 0.05 * 2**attempt))
        else:
            return
    raise WriteContended("other transactions kept touching the same rows")


def _unless_contended(error: ClientError) -> None:
    """Raises ConditionFailed for failed conditions, and what is no matter of contention again."""
    if error.response["Error"]["Code"] == "TransactionInProgressException":
        return
    reasons: list[Item] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
    failed = {
        index: _existing(reason)
        for index, reason in enumerate(reasons)
        if reason.get("Code") == "ConditionalCheckFailed"
    }
    if failed:
        raise ConditionFailed(failed) from None
    is_contended = not reasons or any(each.get("Code") in _CONTENTION_CODES for each in reasons)
    if error.response["Error"]["Code"] != "TransactionCanceledException" or not is_contended:
        raise error


def _existing(failure: Mapping[str, Any]) -> Item | None:
    return from_attributes(failure["Item"]) if failure.get("Item") else None
