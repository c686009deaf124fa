"""What is stored about one customer, by e-mail address: as JSON, and erased.

A scan of the Rentals table: unpaid rentals stand in no look-up. To be called inside `domain_of`.
"""

from collections.abc import Iterator
from typing import Any

from infra import dynamo
from infra.settings import setting
from rentals import erasing, repository, retention, waiting_list
from rentals.identity import customer_key, identity_secret, normalized
from rentals.models import Rental
from tools.ops import dossier, rows
from tools.ops.target import Target

Json = dict[str, Any]

ERASED = "erased"
_TRIES = 5


def erase(email: str) -> dict[str, str]:
    """What became of each rental that names this customer: `ERASED`, or why later; it is erased by
    itself then. They are told no more of what is back. Safe to repeat. Raises WriteContended.
    """
    for each in waiting_list.waited_for_by(email):
        waiting_list.remove(each, email)
    return {each.id: _erase(each) for each in _rentals_of(email)}


def _erase(rental: Rental) -> str:
    for _ in range(_TRIES):
        if rental.erased_at is not None:
            return ERASED
        reason = retention.in_use(rental)
        try:
            if reason is None:
                erasing.erase(rental)
                return ERASED
            if rental.erasure_requested_at is None:
                erasing.request(rental)
        except dynamo.ConditionFailed:
            rental = repository.get(rental.id)
            continue
        return f"later: {reason}"
    return "later: it keeps changing"


def export(target: Target, email: str) -> Json:
    """Everything that names this customer, or is stored under a key of theirs."""
    found = [_export(target, each) for each in _rentals_of(email)]
    customer = dynamo.get(setting("CUSTOMERS_TABLE"), customer_key(email, identity_secret()))
    return {
        "email": email,
        "rentals": found,
        "waits_for": waiting_list.waited_for_by(email),
        "complained_at": customer and customer.get("complainedAt"),
    }


def _export(target: Target, rental: Rental) -> Json:
    row = rows.rental(target, rental.id)
    bucket = target.stack.physical_id("PhotographsBucket")
    pages = target.client("s3").get_paginator("list_objects_v2")
    photographs = pages.paginate(Bucket=bucket, Prefix=f"{rental.id}/")
    return rows.shown(row, personal_data=True) | {
        "notices": dossier.notices_of(target, row),
        "photographs": [each["Key"] for page in photographs for each in page.get("Contents", ())],
    }


def _rentals_of(email: str) -> Iterator[Rental]:
    wanted = normalized(email)
    named = dynamo.scan_where(
        setting("RENTALS_TABLE"), "attribute_not_exists(erasedAt)", attributes="id, customer"
    )
    for row in named:
        if normalized(row["customer"]["email"]) == wanted:
            yield repository.get(row["id"])
