"""What is told to customers and to the event bus: rows of the Notices table, written in the
transaction that causes them.
"""

from enum import StrEnum

from infra import clock
from infra.dynamo import New
from infra.settings import setting
from rentals.models import Rental


class NoticeKind(StrEnum):
    """What a notice is about."""

    CONFIRMED = "confirmed"
    READY = "ready"
    PICKED_UP = "picked_up"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    RETURNED = "returned"
    CLOSED = "closed"
    NOT_COLLECTED = "not_collected"
    CANCELLED = "cancelled"
    LOST = "lost"
    REFUNDED = "refunded"


def new_notice(rental: Rental, kind: NoticeKind, key: str = "1") -> New:
    """The row of a notice that is still to be sent; another one of a kind has another key."""
    return New(
        setting("NOTICES_TABLE"),
        {
            "id": f"{rental.id}#{kind}#{key}",
            "rentalId": rental.id,
            "kind": kind,
            "status": "pending",
            "createdAt": clock.now_timestamp(),
        },
    )
