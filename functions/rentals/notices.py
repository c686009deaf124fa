"""What customers and other systems are told of rentals: rows of the Notices table, the outbox.

A row is written in the transaction that causes it, so that nothing is told that did not happen,
and nothing that did is forgotten; the table's stream has it sent (outbox.py). A row has ids only.
"""

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from infra import clock, dynamo
from infra.dynamo import Change, New, absent, either, equal, present
from infra.settings import setting
from rentals.models import Rental
from rentals.rows import from_row, to_row


class NoticeKind(StrEnum):
    """What happened: our word, the event's detail-type (events/schemas), whether it is mailed."""

    CONFIRMED = "confirmed", "RentalConfirmed", True
    LINK_ASKED = "link_asked", "RentalLinkAsked", True
    READY = "ready", "RentalReady", True
    PICKED_UP = "picked_up", "RentalPickedUp", True
    DUE_SOON = "due_soon", "RentalDueSoon", True
    OVERDUE = "overdue", "RentalOverdue", True
    RETURNED = "returned", "RentalReturned", False  # the mail comes after the inspection
    CLOSED = "closed", "RentalClosed", True
    NOT_COLLECTED = "not_collected", "RentalNotCollected", True
    CANCELLED = "cancelled", "RentalCancelled", True
    LOST = "lost", "UnitLost", False  # the store talks with the customer
    REFUNDED = "refunded", "RentalRefunded", True
    PART_REFUNDED = "part_refunded", "RentalPartRefunded", True
    EXTENDED = "extended", "RentalExtended", True
    CHARGE = "charge", "ChargeRaised", True
    CHARGE_REMINDER = "charge_reminder", "ChargeReminder", True
    CHARGE_PAID = "charge_paid", "ChargePaid", True

    event: str
    is_mailed: bool

    def __new__(cls, name: str, event: str = "", is_mailed: bool = False) -> "NoticeKind":
        """A member is its name; what it is told as goes with it."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.event, member.is_mailed = event, is_mailed
        return member


# Mailed also to customers who have complained about our mails.
ABOUT_MONEY = {
    NoticeKind.REFUNDED,
    NoticeKind.PART_REFUNDED,
    NoticeKind.CHARGE,
    NoticeKind.CHARGE_REMINDER,
    NoticeKind.CHARGE_PAID,
}


class NoticeStatus(StrEnum):
    """`pending`, then what became of the notice: only its mail can fail."""

    PENDING = "pending"
    SENT = "sent"
    NOT_SENT = "not_sent"
    BOUNCED = "bounced"


@dataclass(frozen=True, slots=True)
class Notice:
    """One row of the Notices table. `problem` says why its mail was not sent, or how it bounced."""

    id: str
    rental_id: str
    kind: NoticeKind
    status: NoticeStatus
    created_at: str
    collectible_id: str
    store_id: str
    unit_id: str | None = None
    sent_at: str | None = None
    message_id: str | None = None
    problem: str | None = None

    @property
    def key(self) -> str:
        """What tells several of one kind and rental apart."""
        return self.id.split("#", 2)[-1]


def id_of(rental_id: str, kind: str, key: str) -> str:
    """The id of a notice: `key` tells several of one kind and rental apart."""
    return f"{rental_id}#{kind}#{key}"


def rental_of(notice_id: str) -> str:
    """The id of the rental that a notice is about."""
    return notice_id.partition("#")[0]


def new_notice(rental: Rental, kind: NoticeKind, key: str = "1") -> New:
    """The row that has something told, for the transaction that makes it true."""
    notice = Notice(
        id=id_of(rental.id, kind, key),
        rental_id=rental.id,
        kind=kind,
        status=NoticeStatus.PENDING,
        created_at=clock.now_timestamp(),
        collectible_id=rental.collectible_id,
        store_id=rental.store_id,
        unit_id=rental.unit_id,
    )
    return New(setting("NOTICES_TABLE"), to_row(notice))


def find(wanted: str) -> Notice | None:
    """The notice as it is now, or None."""
    row = dynamo.get(setting("NOTICES_TABLE"), wanted)
    return from_row(Notice, row) if row else None


def record_outcome(notice: Notice, outcome: dict[str, Any]) -> None:
    """Write what became of a pending notice; another run may have written it before."""
    wanted = Change(
        setting("NOTICES_TABLE"), notice.id, outcome, [equal("status", NoticeStatus.PENDING)]
    )
    with suppress(dynamo.ConditionFailed):
        dynamo.update(wanted)


def record_bounce(wanted: str, message_id: str, problem: str) -> Notice | None:
    """Write that a notice's mail came back. Returns None when it has no such mail: the mail may
    have been sent anew since.
    """
    bounced = Change(
        setting("NOTICES_TABLE"),
        wanted,
        {"status": NoticeStatus.BOUNCED, "messageId": message_id, "problem": problem},
        # A mail may come back before its id is on the row.
        [present("id"), either(absent("messageId"), equal("messageId", message_id))],
    )
    try:
        return from_row(Notice, dynamo.update(bounced))
    except dynamo.ConditionFailed:
        return None
