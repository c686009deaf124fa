"""For how long a rental names its customer: docs/privacy.md.

A row of the Lookups table says when to look at a rental's personal data next. It is written with
the rental and stays until the data is erased, so that nothing is kept because it was forgotten.
"""

from datetime import timedelta

from infra import clock, due_index
from infra.due_index import DueIndex
from infra.dynamo import Delete, Put
from infra.settings import integer_setting, setting
from rentals.models import Rental

RETENTION = DueIndex(None, "lookup", "entry")
_KIND = "retention"
_A_DAY_SECONDS = 86_400


def look_keys() -> list[str]:
    """The keys of the rows that say when to look."""
    return due_index.keys_of(_KIND)


def first_look(rental: Rental) -> Put:
    """The row of a new rental."""
    return look(rental.id, _unpaid_until(rental))


def look(rental_id: str, at: str) -> Put:
    """The row that has a rental looked at; `at` is a time as stored."""
    row = {**_key(rental_id, f"{at}#{rental_id}"), "rentalId": rental_id}
    return Put(setting("LOOKUPS_TABLE"), row)


def looked(rental_id: str, entry: str) -> Delete:
    """The end of the row with this entry."""
    return Delete(setting("LOOKUPS_TABLE"), _key(rental_id, entry))


def in_use(rental: Rental) -> str | None:
    """Why a rental's personal data is needed whatever its age; None when it is not."""
    if rental.is_pending:
        return "it has not ended"
    if rental.follow_up is not None or rental.attention is not None:
        return "its money is not settled"
    if rental.unit_id is not None or rental.fulfillment_attention is not None:
        return "it is not closed, or needs somebody"
    if rental.charge_ids and rental.closed_at is not None:
        # An unpaid charge needs somebody from then on.
        until = _days_after(rental.closed_at, integer_setting("CHARGE_DAYS"))
        return "a charge may still be paid" if until > clock.now_timestamp() else None
    return None


def kept_until(rental: Rental) -> str:
    """When a rental's personal data is erased, once it is not in use; a time as stored."""
    if rental.erasure_requested_at is not None:
        return rental.erasure_requested_at
    if rental.payment_id is None:
        return _unpaid_until(rental)
    over_at = rental.closed_at or rental.refund_requested_at or rental.updated_at
    return _days_after(over_at, integer_setting("CLOSED_RETENTION_DAYS"))


def next_look(rental: Rental) -> str:
    """When to look at one again whose data is kept: at its time, or tomorrow while it is in use."""
    tomorrow = clock.timestamp_in(_A_DAY_SECONDS)
    return tomorrow if in_use(rental) else max(kept_until(rental), tomorrow)


def _unpaid_until(rental: Rental) -> str:
    return _days_after(rental.created_at, integer_setting("UNPAID_RETENTION_DAYS"))


def _days_after(timestamp: str, days: int) -> str:
    """In days of 24 hours, whatever DAY_SECONDS is: the law does not hurry."""
    return clock.timestamp(clock.parse(timestamp) + timedelta(days=days))


def _key(rental_id: str, entry: str) -> dict[str, str]:
    return {"lookup": due_index.key_of(_KIND, rental_id), "entry": entry}
