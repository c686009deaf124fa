"""Finding rentals as people know them, by the rows of the Lookups table: the work does not grow
with all rentals, only with those that stores wait for or have.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from infra.clock import now_timestamp
from rentals.identity import customer_key, phone_key
from rentals.lookups import EMAIL, LISTED, stage_key
from rentals.models import FulfillmentStatus
from rentals.numbers import read_number
from tools.ops import rows
from tools.ops.target import Target
from tools.ops.words import day

OVERDUE = "overdue"
# What can be asked for, and by which time its day is meant.
STAGES = {
    FulfillmentStatus.AWAITING_ARRIVAL: "ready by",
    FulfillmentStatus.READY_FOR_PICKUP: "arrived",
    FulfillmentStatus.PICKED_UP: "due",
    OVERDUE: "due",
    FulfillmentStatus.RETURNED: "returned",
}


@dataclass(frozen=True, slots=True)
class Lists:
    """Which lists of stores: by default every stage, of every day. `day` is like `2026-11-28`."""

    stores: Sequence[str]
    stage: str = ""
    day: str = ""


def meant(target: Target, words: str, *, may_read_secret: bool) -> list[str]:
    """The ids of the rentals that a number, id, unit, and if the secret may be read that an e-mail
    address or phone number, belongs to.
    """
    number = read_number(words)
    found = rows.looked_up(target, f"number#{number}") if number else []
    if may_read_secret:
        for key in _keys_of_customer(target, words):
            found += rows.looked_up(target, key)
    client = target.dynamodb.meta.client
    for unit in rows.get_many(client, target.table("Units").name, [words]):
        found += filter(None, [unit.get("reservedBy") or unit.get("lastRentalId")])
    return list(dict.fromkeys([*found, words]))


def _keys_of_customer(target: Target, words: str) -> Iterable[str]:
    if not EMAIL.fullmatch(words) and phone_key(words, b"") is None:
        return []
    secret = target.client("secretsmanager").get_secret_value(
        SecretId=target.stack.physical_id("IdentitySecret")
    )["SecretString"]
    by_email = customer_key(words, secret.encode()) if EMAIL.fullmatch(words) else None
    return filter(None, (by_email, phone_key(words, secret.encode())))


def listed(target: Target, lists: Lists) -> list[str]:
    """The ids of the rentals on these lists, the earliest of each first. Raises NotUnderstood."""
    entries = day(lists.day) if lists.day else None
    stages = [each for each in LISTED if lists.stage in ("", each)]
    if lists.stage == OVERDUE:
        begins, ends = entries or ("0", "~")
        stages, entries = [FulfillmentStatus.PICKED_UP], (begins, min(ends, now_timestamp()))
    if entries and entries[0] > entries[1]:
        return []
    keys = [stage_key(*each) for each in product(lists.stores, stages)]
    return rows.at_once(lambda key: rows.looked_up(target, key, entries), keys)


def named(target: Target, ids: Sequence[str], words: str) -> list[str]:
    """Those among these whose customer's name has these words in it, in the same order."""
    found = rows.get_many(
        target.dynamodb.meta.client,
        target.table("Rentals").name,
        ids,
        ProjectionExpression="#id, #customer.#name",
        ExpressionAttributeNames={"#id": "id", "#customer": "customer", "#name": "name"},
    )
    wanted = words.casefold()
    names = {each["id"]: each.get("customer", {}).get("name", "") for each in found}
    return [each for each in ids if wanted in names.get(each, "").casefold()]
