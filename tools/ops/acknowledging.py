"""Taking a rental out of what needs attention because people have done what PayMongo will not.

The one place where a command writes to a rental: on the row as it was read, so that whatever
happens to the rental meanwhile wins, and what needs attention later is listed like any other.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from infra import clock, dynamo
from infra.dynamo import Change, equal
from rentals import deadlines, lookups, repository
from rentals.follow_ups import NONE_LEFT
from rentals.models import FulfillmentStatus, PaymentStatus, Rental
from rentals.unit_moves import release
from tools.ops import executions, rows
from tools.ops.account import Account, ledger_of
from tools.ops.domain import domain_of
from tools.ops.errors import CommandError
from tools.ops.target import Target
from tools.ops.upgrading import CARRIED_OVER

Json = dict[str, Any]

LONGEST_NOTE = 200
# An address; digits that begin as phone numbers do here (0..., 63 9..., 9...) or with a +.
_EMAIL = re.compile(r"\S@\S")
_PHONE = re.compile(
    r"(?<![\w-])"
    r"(?:\+\d[\d ().-]{6,}\d"
    r"|\(?0\d{1,3}\)?[ .-]?\d{3,4}[ .-]?\d{4}"
    r"|(?:63[ .-]?)?9\d{2}[ .-]?\d{3}[ .-]?\d{4})"
    r"(?![\w-])"
)


@dataclass(frozen=True)
class Acknowledgement:
    """What an operator says about a rental that needs attention. `payments` are the centavos, by
    payment id, that PayMongo keeps and that were given back in another way.
    """

    by: str
    note: str
    attention: str
    payments: Mapping[str, int]

    def entry(self, at: str) -> Json:
        """As the rental's row keeps it."""
        return {
            "at": at,
            "by": self.by,
            "note": self.note,
            "problem": self.attention,
            "payments": dict(self.payments),
        }


def checked_note(note: str) -> str:
    """The note without spaces around it. Raises CommandError when it is none to keep."""
    text = " ".join(note.split())
    if not text:
        raise CommandError("the note is empty", 'such as "paid back by bank transfer, ref ..."')
    if len(text) > LONGEST_NOTE:
        raise CommandError(f"the note has {len(text)} characters; {LONGEST_NOTE} are the most")
    if _EMAIL.search(text) or _PHONE.search(text):
        raise CommandError(
            "the note seems to hold an e-mail address or a phone number",
            "it is shown to everybody who looks at the rental: give the transfer's reference"
            " (with letters before it if it looks like a phone number), and name nobody",
        )
    return text


def prepare(target: Target, client: Account, row: Json, note: str) -> Acknowledgement:
    """What is to be acknowledged, as the row, its executions and PayMongo have it.

    Raises CommandError when there is nothing to acknowledge, or something is still under way.
    """
    note = checked_note(note)
    require_attention(row)
    require_quiet(executions.of_rental(target, row["id"], _since(row)))
    payments = to_settle(row, client.payments_of(row))
    return Acknowledgement(target.caller, note, row["attention"], payments)


def require_attention(row: Mapping[str, Any]) -> None:
    """Raises CommandError when the rental needs no attention, or has not ended."""
    rental_id = row["id"]
    if "attention" not in row and row.get("refundStatus") in ("pending", "processing"):
        raise CommandError(
            f"a refund of rental {rental_id} is under way at PayMongo",
            f"see what comes of it: ./rentals show {rental_id}",
        )
    if "attention" not in row:
        raise CommandError(
            f"rental {rental_id} needs no attention ({row['paymentStatus']})",
            f"see how it stands: ./rentals show {rental_id}",
        )
    if row["paymentStatus"] == PaymentStatus.PENDING:
        raise CommandError(
            f"rental {rental_id} has not ended: it may hold a unit, and can still be paid",
            f"bring it to its end: ./rentals settle {rental_id}",
        )


def require_quiet(found: Sequence[executions.Execution]) -> None:
    """Raises CommandError while an execution of the rental might give the money back."""
    for each in found:
        if each.is_running:
            raise CommandError(
                f"execution {each.name} is under way", "wait until it is over, and look again"
            )


def to_settle(row: Mapping[str, Any], payments: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Centavos that PayMongo keeps of payments that buy nothing, by payment id.

    Raises CommandError while PayMongo is giving one of them back, or when it has given the rental's
    own back and a settlement has not written so yet.
    """
    is_own_due = (
        row["paymentStatus"] != PaymentStatus.COMPLETED or "refundRequestedAt" in row
    ) and "paymentId" in row
    due = {*row.get("surplusPaymentIds", ()), *([row["paymentId"]] if is_own_due else ())}
    wanted = [each for each in payments if each["id"] in due]
    for payment in wanted:
        for refund in payment["attributes"].get("refunds") or ():
            if refund["attributes"]["status"] not in ("succeeded", "failed"):
                raise CommandError(
                    f"refund {refund['id']} of {payment['id']} is under way at PayMongo",
                    "wait for it: otherwise the money would be given back twice",
                )
    ledger = list(ledger_of(row["id"], wanted))
    for each in ledger:
        is_own = each.id == row.get("paymentId") and row.get("refundStatus") != "succeeded"
        if is_own and each.is_paid and not each.kept:
            raise CommandError(
                f"PayMongo has refunded {each.id} meanwhile",
                f"nothing else is needed: ./rentals settle {row['id']}",
            )
    return {each.id: each.kept for each in ledger if each.kept}


def write(target: Target, row: Json, acknowledgement: Acknowledgement) -> Json:
    """Write it, if the rental is still as it was read; the row as it is then.

    Raises CommandError when the rental has changed.
    """
    names = {table: target.table(table).name for table in ("Rentals", "Units")}
    items = [
        {"Update": each.operation()}
        for each in changes(row, acknowledgement, rentals=names["Rentals"], units=names["Units"])
    ]
    try:
        target.client("dynamodb").transact_write_items(TransactItems=items)
    except ClientError as error:
        if error.response["Error"]["Code"] != "TransactionCanceledException":
            raise
        raise _changed(row) from None
    return rows.rental(target, row["id"])


def ends_rental(row: Mapping[str, Any], acknowledgement: Acknowledgement) -> bool:
    """Whether the rental ends as refunded with it. One that was completed stays so."""
    return row.get("paymentId") in acknowledgement.payments and row["paymentStatus"] not in (
        PaymentStatus.REFUNDED,
        PaymentStatus.COMPLETED,
    )


def acknowledge_fulfillment(target: Target, row: Json, note: str) -> Json:
    """Take a paid rental out of what needs attention: somebody has dealt with a mail that came
    back, or an execution that failed. Returns the row as it is then.

    Raises CommandError for what lasts until the desk acts, and when the rental has changed.
    """
    said = Acknowledgement(target.caller, checked_note(note), row["fulfillmentAttention"], {})
    with domain_of(target):
        deal_with(row, said)
    return rows.rental(target, row["id"])


def deal_with(row: Json, said: Acknowledgement) -> None:
    """The same inside `domain_of`: a deadline that lasts is what is left to look at."""
    rental = Rental.from_row(row)
    lasting: list[str] = [
        due.deadline
        for due in deadlines.of(rental)
        if due.needs_somebody and due.key in rental.deadlines_met
    ]
    if rental.is_carried_over and rental.fulfillment_status is FulfillmentStatus.READY_FOR_PICKUP:
        lasting.append(CARRIED_OVER)
    if said.attention in lasting:
        raise CommandError(
            f"rental {rental.id} needs attention until the desk acts ({said.attention})",
            f"see how it stands: ./rentals show {rental.id}",
        )
    left = lasting[-1] if lasting else None
    entries = [*row.get("acknowledgements", ()), said.entry(clock.now_timestamp())]
    change = repository.change(
        rental.id,
        {"acknowledgements": entries, "fulfillmentAttention": left},
        equal("fulfillmentAttention", said.attention),
        equal("updatedAt", row["updatedAt"]),
    )
    try:
        dynamo.transact([change, *([] if left else [lookups.out_of_attention(rental.id)])])
    except dynamo.ConditionFailed:
        raise _changed(row) from None


def _changed(row: Json) -> CommandError:
    return CommandError(
        f"rental {row['id']} changed meanwhile, and nothing was written",
        f"look at it again: ./rentals show {row['id']}",
    )


def changes(
    row: Json, acknowledgement: Acknowledgement, *, rentals: str, units: str
) -> list[Change]:
    """The writes, for the tables of these names: the rental needs no follow-up any more. When its
    own payment was given back, it ends as refunded if it has not yet, its unit goes back on the
    shelf, and nobody gives it another one. One that was completed stays so, with its unit.
    """
    now, ends = clock.now_timestamp(), ends_rental(row, acknowledgement)
    refunded = {
        "paymentStatus": PaymentStatus.REFUNDED,
        "refundRequestedAt": row.get("refundRequestedAt", now),
        "unitId": None,
    }
    attributes = {
        "acknowledgements": [*row.get("acknowledgements", ()), acknowledgement.entry(now)],
        "updatedAt": now,
        # Those that are not settled here have been given back by PayMongo (`to_settle`).
        "surplusPaymentIds": None,
        **NONE_LEFT,
        **(refunded if ends else {}),
    }
    # Any write of news changes `updatedAt`; one of the reconciler's, `followUpAt`.
    is_as_read = [
        *(equal(name, row[name]) for name in ("paymentStatus", "updatedAt", "followUpAt")),
        equal("attention", acknowledgement.attention),
    ]
    written = [Change(rentals, row["id"], attributes, is_as_read)]
    if ends and "unitId" in row:
        collectible = row["collectibleId"]
        written.append(release(row["unitId"], row["id"], collectible_id=collectible, table=units))
    return written


def _since(row: Mapping[str, Any]) -> datetime:
    return rows.moment(row["createdAt"]) - timedelta(minutes=1)
