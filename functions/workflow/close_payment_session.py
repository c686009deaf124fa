"""ClosePaymentSession: close the rental's checkout session, or find that it was paid."""

from infra.telemetry import count, logger
from paymongo.client import paymongo
from rentals import endings, repository
from rentals.errors import PaymentProviderError, PaymentSessionOpen
from rentals.models import Rental
from workflow.task import Event, task


@task
def handler(rental: Rental, event: Event) -> dict[str, object]:
    """Answers `paid`: whether there is money on record, from PayMongo or from before.

    Raises PaymentSessionOpen while a payment is in progress, PaymentProviderUnavailable,
    PaymentProviderRejected: a unit is not released on any of them before the longest hold is over.
    """
    try:
        rental = _close(rental)
    except PaymentProviderError as error:
        if not endings.is_held_too_long(rental):
            raise
        count("SessionLeftOpen")
        logger.warning("let go with its session open", extra={"cause": str(error)})
    return {"paid": rental.payment_id is not None}


def _close(rental: Rental) -> Rental:
    if rental.checkout_session_id is None:
        return rental
    session = paymongo().close_checkout_session(rental.checkout_session_id)
    for payment in session.payments:
        if payment.is_paid:
            rental = repository.record_payment(rental.id, payment, is_read=True)
    if session.is_expired:
        return repository.record_session_closed(rental)
    if rental.payment_id is None:
        raise PaymentSessionOpen(session.id)
    return rental
