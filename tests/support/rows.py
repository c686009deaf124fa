"""Rows of the Rentals table, as tools read them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from infra.clock import timestamp
from rentals.rows import to_row
from tests.support.samples import pending_rental

Json = dict[str, Any]

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def ago(**delta: float) -> str:
    """A moment before NOW, as rows have it."""
    return timestamp(NOW - timedelta(**delta))


def row(**changes: Any) -> Json:
    """A rental that was checked out five minutes ago, with these attributes changed."""
    return (
        to_row(pending_rental())
        | {
            "id": "rental-1",
            "paymentStatus": "pending",
            "collectibleName": "Tin Robot No. 7",
            "createdAt": ago(minutes=5),
            "updatedAt": ago(minutes=5),
            "followUp": "payment#7",
            "followUpAt": ago(minutes=0),
        }
        | changes
    )
