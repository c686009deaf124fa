"""Rows of the tables as operators read them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from infra.clock import now_timestamp
from rentals import follow_ups
from rentals.lookups import ATTENTION_KEY
from rentals.models import CENTAVOS_PER_PESO, FollowUp, FulfillmentStatus
from rentals.numbers import read_number
from tools.ops.errors import CommandError
from tools.ops.target import Target

Json = dict[str, Any]
Asked = TypeVar("Asked")
Found = TypeVar("Found")

# Never shown: whoever has a token can end the rental's wait.
_SECRET = {"taskToken", "fulfillmentToken"}
# Shown only when asked for: who it is, and links that act for them.
_PERSONAL = {
    "customer",
    "customerKey",
    "phoneKey",
    "sourceKey",
    "paymentUrl",
    "checkoutUrl",
    "requestHash",
}
# The attribute that says since when a rental is at its stage.
_SINCE = {
    FulfillmentStatus.AWAITING_ARRIVAL: "completedAt",
    FulfillmentStatus.READY_FOR_PICKUP: "arrivedAt",
    FulfillmentStatus.PICKED_UP: "pickedUpAt",
    FulfillmentStatus.RETURNED: "returnedAt",
    FulfillmentStatus.CLOSED: "closedAt",
}
_BATCH = 100
_PARALLEL = 8


def rental(target: Target, words: str) -> Json:
    """The row of the rental of an id, or of a paid one's number, however that is written.

    Raises CommandError when there is none, or more than one.
    """
    number = read_number(words)
    ids = looked_up(target, f"number#{number}") if number else []
    if len(ids) > 1:
        raise CommandError(f"more than one rental has the number {number}", "; ".join(ids))
    key = ids[0] if ids else words
    found = target.table("Rentals").get_item(Key={"id": key}, ConsistentRead=True)
    if "Item" not in found:
        raise CommandError(
            f"there is no rental {words!r} in {target.stack_name}",
            "the id is the name of the rental's execution, and rental_id in every log line;"
            " a number is known from the payment on",
        )
    return plain(found["Item"])


def looked_up(target: Target, key: str, entries: tuple[str, str] | None = None) -> list[str]:
    """The ids of the rentals that the Lookups table has for a key; only those whose entry is
    between two, if these are given.
    """
    client: Any = target.dynamodb.meta.client
    wanted: Any = Key("lookup").eq(key)
    pages = client.get_paginator("query").paginate(
        TableName=target.stack.physical_id("LookupsTable"),
        KeyConditionExpression=wanted & Key("entry").between(*entries) if entries else wanted,
    )
    return [str(each["rentalId"]) for page in pages for each in page["Items"]]


def plain(item: Mapping[str, Any]) -> Json:
    """A row with plain numbers and sorted lists."""
    return {name: _plain(value) for name, value in sorted(item.items())}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, set):
        return sorted(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return plain(value) if isinstance(value, dict) else value


def shown(row: Mapping[str, Any], *, personal_data: bool) -> Json:
    """The row without what nobody needs to see."""
    hidden = _SECRET if personal_data else _SECRET | _PERSONAL
    return {name: value for name, value in row.items() if name not in hidden}


def scan(target: Target, table: str) -> Iterator[Json]:
    """Every row of a table, consistently read."""
    pages = target.dynamodb.meta.client.get_paginator("scan").paginate(
        TableName=target.table(table).name, ConsistentRead=True
    )
    for page in pages:
        yield from page["Items"]


def names(target: Target, table: str) -> dict[str, str]:
    """What `Stores` or `Warehouses` are called, by id: there are few of them. Nothing where they
    may not be read.
    """
    try:
        return {each["id"]: each.get("name") or each["id"] for each in scan(target, table)}
    except ClientError:
        return {}


def followed_up(target: Target) -> list[Json]:
    """The rows that the reconciler still has to follow up, by the sparse index."""
    client: Any = target.dynamodb.meta.client
    table = target.table("Rentals").name

    def find(key: str) -> list[str]:
        pages = client.get_paginator("query").paginate(
            TableName=table,
            IndexName=follow_ups.FOLLOW_UP_INDEX.name,
            KeyConditionExpression=Key(follow_ups.FOLLOW_UP_INDEX.key).eq(key),
        )
        return [each["id"] for page in pages for each in page["Items"]]

    ids = at_once(find, [key for kind in FollowUp for key in follow_ups.keys_of(kind)])
    return get_many(client, table, ids)


def in_attention(target: Target) -> list[Json]:
    """The rows of paid rentals whose fulfillment needs somebody."""
    ids = looked_up(target, ATTENTION_KEY)
    return get_many(target.dynamodb.meta.client, target.table("Rentals").name, ids)


def get_many(client: Any, table: str, ids: Sequence[str], **projection: Any) -> list[Json]:
    """The rows with these ids that exist, consistently read, in no order.

    `client` is that of a boto3 resource, which takes and gives plain values.
    """
    batches = [ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH)]

    def get(batch: Sequence[str]) -> list[Json]:
        keys = [{"id": each} for each in batch]
        wanted: Any = {table: {"Keys": keys, "ConsistentRead": True, **projection}}
        items: list[Json] = []
        while wanted:
            answer = client.batch_get_item(RequestItems=wanted)
            items += answer["Responses"].get(table, [])
            wanted = answer.get("UnprocessedKeys")
        return items

    return at_once(get, batches)


def at_once(find: Callable[[Asked], list[Found]], keys: Iterable[Asked]) -> list[Found]:
    """What is found for each key, in the order of the keys; several are asked for at once."""
    with ThreadPoolExecutor(_PARALLEL) as pool:
        return [each for found in pool.map(find, keys) for each in found]


def stage_since(row: Mapping[str, Any]) -> str | None:
    """When a paid rental came to its stage, as stored; None for one that is not paid."""
    return row.get(_SINCE.get(row.get("fulfillmentStatus", ""), ""))


def is_overdue(row: Mapping[str, Any]) -> bool:
    """Whether the customer has the unit past its due date."""
    is_with_customer = row.get("fulfillmentStatus") == FulfillmentStatus.PICKED_UP
    return is_with_customer and row.get("dueAt", "~") < now_timestamp()


def moment(timestamp: str) -> datetime:
    """A time as stored."""
    return datetime.fromisoformat(timestamp)


def age(timestamp: str, now: datetime | None = None) -> float:
    """Seconds since a time as stored."""
    return ((now or datetime.now(UTC)) - moment(timestamp)).total_seconds()


def total(row: Mapping[str, Any]) -> int | None:
    """What a rental costs, in centavos."""
    fee = row.get("totalFee")
    return None if fee is None else int(fee * CENTAVOS_PER_PESO)
