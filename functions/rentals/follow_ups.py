"""What the reconciler follows up: attributes on a rental's row, found by a sparse index."""

from typing import Any

from infra import clock, due_index, dynamo
from infra.due_index import DueIndex
from infra.dynamo import Change, absent, equal, present
from infra.settings import setting
from rentals.models import FollowUp, PaymentStatus, Rental

FOLLOW_UP_INDEX = DueIndex("follow-up-index", "followUp", "followUpAt")
# A rental that is still open is looked at after this long (docs/paymongo.md: an abandoned session
# sends no event, and webhooks get lost).
PAYMENT_SECONDS = 120
# A refund is looked at this often until PayMongo says that it succeeded or failed.
REFUND_SECONDS = 600
# What could not be settled is tried again after this long, when the cause may have gone; refunds
# after twice as long each time, so that a cause that lasts for days is not reported every few
# minutes.
ATTENTION_SECONDS = 900
LONGEST_ATTENTION_SECONDS = 6 * 3600
# PayMongo delivers an event for 136 minutes at most (docs/paymongo.md): money that arrived after a
# rental ended, and whose event was lost, is found by asking PayMongo once more.
LAST_CHECK_SECONDS = 3 * 3600

SECONDS = {
    FollowUp.PAYMENT: PAYMENT_SECONDS,
    FollowUp.REFUND: REFUND_SECONDS,
    FollowUp.ATTENTION: ATTENTION_SECONDS,
}
# Attributes of a row that needs no attention any more, and of one that needs no follow-up at all.
# `settlement` stays: that execution may still be running.
NO_ATTENTION = {"attention": None, "attentionCount": None}
NONE_LEFT = {"followUp": None, "followUpAt": None, **NO_ATTENTION}


def due(rental_id: str, kind: FollowUp, seconds: float | None = None) -> dict[str, Any]:
    """The attributes that have a rental looked at in `seconds`, by default those of its kind."""
    after = SECONDS[kind] if seconds is None else seconds
    key = due_index.key_of(kind, rental_id)
    return {"followUp": key, "followUpAt": clock.timestamp_in(after)}


def keys_of(kind: FollowUp) -> list[str]:
    """The keys that rentals of a kind have in the index; the first one on rows of version 0.1."""
    return [kind, *due_index.keys_of(kind)]


def list_due(kind: FollowUp, limit: int) -> list[tuple[str, str]]:
    """Rentals that are due for another look, longest waiting first: (id, when it was due)."""
    rows = FOLLOW_UP_INDEX.list_due(setting("RENTALS_TABLE"), keys_of(kind), limit)
    return [(row["id"], row["followUpAt"]) for row in rows]


def claim(rental_id: str, due_at: str, next_in_seconds: int) -> Rental | None:
    """Put off the next look at a rental, and so take this one.

    Returns None when another run took it, or when there is nothing to look at any more.
    """
    later = {"followUpAt": clock.timestamp_in(next_in_seconds)}
    return _try(Change(setting("RENTALS_TABLE"), rental_id, later, [_seen(due_at)]))


def end(rental: Rental) -> Rental:
    """A rental needs no follow-up any more, unless there is news since it was read.

    Returns the rental as it is now, or as it was read.
    """
    if rental.follow_up is None or rental.surplus_payment_ids:
        return rental
    is_unchanged = [_seen(rental.follow_up_at), absent("surplusPaymentIds")]
    over = Change(setting("RENTALS_TABLE"), rental.id, NONE_LEFT, is_unchanged)
    return _try(over) or rental


def need_attention(rental: Rental, error: str) -> None:
    """Mark a rental that could not be settled; `error` is the name of what stopped it. It is tried
    again later.

    One that has not ended may hold a unit, or wait with money for one: it is never put off longer.
    """
    wait = ATTENTION_SECONDS
    if rental.payment_status in (PaymentStatus.COMPLETED, PaymentStatus.REFUNDED):
        wait = min(wait * 2**rental.attention_count, LONGEST_ATTENTION_SECONDS)
    marked = {
        "attention": error,
        "attentionCount": rental.attention_count + 1,
        "updatedAt": clock.now_timestamp(),
        **due(rental.id, FollowUp.ATTENTION, wait),
    }
    dynamo.update(Change(setting("RENTALS_TABLE"), rental.id, marked, [present("id")]))


def record_settlement(rental: Rental, execution_name: str) -> bool:
    """Remember which settlement the reconciler starts, so that it starts no other beside it.

    Returns False when another run has recorded one since the rental was read.
    """
    started = Change(
        setting("RENTALS_TABLE"),
        rental.id,
        {"settlement": execution_name},
        [present("id"), equal("settlement", rental.settlement)],
    )
    try:
        dynamo.update(started)
    except dynamo.ConditionFailed as failure:
        row = failure.existing[0] or {}
        return row.get("settlement") == execution_name
    return True


def _seen(due_at: str | None) -> dynamo.Condition:
    return equal("followUpAt", due_at)


def _try(change: Change) -> Rental | None:
    try:
        return Rental.from_row(dynamo.update(change))
    except dynamo.ConditionFailed:
        return None
