"""What the API shows of a rental: pesos, no personal data, no token. Every field is listed, so that
a new one of the domain is not published by accident.
"""

from typing import Any

from infra import clock
from infra.settings import integer_setting
from rentals import dates, deadlines
from rentals.models import CENTAVOS_PER_PESO, Rental


def pesos(centavos: int | None) -> int | None:
    """Centavos as whole pesos; every rate is whole pesos."""
    return None if centavos is None else centavos // CENTAVOS_PER_PESO


def rental_view(rental: Rental, *, may_pay: bool) -> dict[str, Any]:
    """A rental for anybody who knows its id, and where to pay it for who may."""
    is_payable = rental.is_pending and may_pay
    most_attempts = integer_setting("MAX_PAYMENT_ATTEMPTS")
    return {
        "rental_id": rental.id,
        "number": rental.number,
        "status": rental.payment_status,
        "reason": rental.end_reason,
        "collectible_id": rental.collectible_id,
        "collectible_name": rental.collectible_name,
        "store_id": rental.store_id,
        "duration": rental.duration,
        "daily_rate": pesos(rental.daily_rate_centavos),
        "total_fee": pesos(rental.total_fee_centavos),
        "deposit": pesos(rental.deposit_centavos) or 0,
        "counter_deposit": pesos(rental.counter_deposit_centavos) or 0,
        "amount_due": pesos(rental.amount_due_centavos),
        "eta": rental.eta,
        **_fulfillment_view(rental),
        "payment_method": rental.payment_method,
        "payment_url": rental.payment_url if is_payable else None,
        "hold_expires_at": rental.hold_expires_at if rental.is_pending else None,
        # An event of one more attempt may come after the last one that is allowed.
        "declined_attempts": min(rental.declined_attempts, most_attempts),
        "max_payment_attempts": most_attempts,
        "refund_status": "settled_outside" if rental.is_settled_outside else rental.refund_status,
        "created_at": rental.created_at,
        "updated_at": rental.updated_at,
    }


def _fulfillment_view(rental: Rental) -> dict[str, Any]:
    """Where the unit of a rental is, and its days: those to expect, until they are known."""
    ready_by, due_at = rental.ready_by, rental.due_at
    if rental.is_pending:
        ready_by, due_at = expected_dates(rental.eta, rental.duration)
    return {
        "fulfillment_status": rental.fulfillment_status,
        "closed_reason": rental.closed_reason,
        "is_overdue": rental.is_overdue(clock.now_timestamp()),
        "completed_at": rental.completed_at,
        "ready_by": ready_by,
        "arrived_at": rental.arrived_at,
        "collect_by": deadlines.collect_by(rental),
        "picked_up_at": rental.picked_up_at,
        "due_at": due_at,
        "returned_at": rental.returned_at,
        "closed_at": rental.closed_at,
    }


def expected_dates(eta: int | None, duration: int) -> tuple[str | None, str | None]:
    """When a rental that were paid now would be ready and due; None while no unit is known."""
    if eta is None:
        return None, None
    ready_by, due = dates.expected(clock.now(), eta, duration)
    return clock.timestamp(ready_by), clock.timestamp(due)
