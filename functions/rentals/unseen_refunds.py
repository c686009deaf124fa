"""Refunds that were made at PayMongo's dashboard and whose event was lost: found by asking, each
day about a bounded number of payments.

Each payment that can still be given back is asked about every day, as long as there are no more
than MOST_ASKED; with n times as many, every n days.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from infra import clock, dynamo
from infra.telemetry import count, logger
from paymongo.client import paymongo
from rentals import follow_ups, given_back, repository, terms
from rentals.errors import PaymentProviderError
from rentals.models import FollowUp, PaymentStatus, Rental

MOST_ASKED = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """A rental whose payment can be asked about."""

    rental_id: str
    payment_id: str


def asked_about(rental: Rental) -> Asked | None:
    """What to ask about a rental; None when its payment cannot go back any more, or is followed."""
    is_over = rental.payment_status is not PaymentStatus.COMPLETED or rental.refund_requested_at
    if is_over or rental.payment_id is None or rental.follow_up is not None:
        return None
    days = terms.paid_method(rental).refund_days
    since = clock.parse(rental.paid_at or rental.created_at)
    if clock.now() > since + timedelta(days=days):
        return None
    return Asked(rental.id, rental.payment_id)


def todays(candidates: Sequence[Asked]) -> list[Asked]:
    """Whom it is the turn of today."""
    rounds = -(-len(candidates) // MOST_ASKED) or 1
    turn = clock.now().toordinal() % rounds
    return [e for e in candidates if zlib.crc32(e.rental_id.encode()) % rounds == turn]


def look(candidates: Sequence[Asked], has_time: Callable[[], bool]) -> int:
    """Have the reconciler look at rentals of which PayMongo knows a refund that the row does not.
    Returns how many there are.
    """
    found = 0
    for each in todays(candidates):
        if not has_time():
            break
        try:
            told = paymongo().list_refunds(each.payment_id)
        except PaymentProviderError as error:
            logger.warning("PayMongo did not answer", extra={"error": str(error)})
            break
        if told and given_back.news(rental := repository.get(each.rental_id), told):
            found += 1
            now = follow_ups.due(rental.id, FollowUp.REFUND, 0)
            dynamo.update(repository.change(rental.id, now, dynamo.present("id")))
    count("UnseenRefund", found)
    return found
