"""Cancelling a paid rental before its unit is handed over, by its customer."""

from infra import dynamo
from rentals import (
    final_charges,
    fulfillment,
    fulfillment_executions,
    payments,
    repository,
)
from rentals.errors import NotPossibleNow, RefundChanged, WriteContended
from rentals.given_back import Purpose
from rentals.models import ClosedReason, Rental
from rentals.statement import Statement

_TRIES = 5


def cancel(rental: Rental, expected: int) -> Rental:
    """Cancel a paid rental: its unit goes home, and `expected` centavos, which the customer was
    shown, go back. Returns the rental on record.

    Raises NotPossibleNow, RefundChanged when another sum would go back, WriteContended.
    """
    for _ in range(_TRIES):
        if rental.closed_reason is ClosedReason.CANCELLED:
            return rental
        refund = Statement(rental).refund_if_cancelled
        if refund is None:
            raise NotPossibleNow("a rental can be cancelled until its unit is handed over")
        if refund != expected:
            raise RefundChanged(refund)
        final = final_charges.by_the_customer(rental, Purpose.CANCELLED, by="customer")
        try:
            after = fulfillment.close(rental, ClosedReason.CANCELLED, {}, final=final)
        except dynamo.ConditionFailed:
            rental = repository.get(rental.id)
        else:
            fulfillment_executions.tell(rental, after)
            for ordered in final.orders:  # the reconciler would, minutes later
                payments.start_settlement(rental.id, ordered.key)
            return after
    raise WriteContended(f"rental {rental.id} keeps changing, or disagrees with its unit")
