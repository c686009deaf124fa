"""ClosePaymentSession: close the rental's checkout session, or find that it was paid."""

from paymongo.client import paymongo
from rentals import repository
from rentals.errors import PaymentSessionOpen
from rentals.models import Rental
from workflow.task import Event, task


@task
def handler(rental: Rental, event: Event) -> dict[str, object]:
    """Answers `paid`: whether there is money on record, from PayMongo or from before.

    Raises PaymentSessionOpen while a payment is in progress, PaymentProviderUnavailable,
    PaymentProviderRejected: a unit is not released on any of them.
    """
    if rental.checkout_session_id is not None:
        session = paymongo().close_checkout_session(rental.checkout_session_id)
        for payment in session.payments:
            if payment.is_paid:
                rental = repository.record_payment(rental.id, payment)
        if session.is_expired:
            rental = repository.record_session_closed(rental)
        elif rental.payment_id is None:
            raise PaymentSessionOpen(session.id)
    return {"paid": rental.payment_id is not None}
