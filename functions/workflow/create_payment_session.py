"""CreatePaymentSession: open the PayMongo checkout session that the customer will pay on."""

from rentals.models import Rental
from rentals.payment_sessions import open_session
from workflow.task import Event, task


@task
def handler(rental: Rental, event: Event) -> dict[str, object]:
    """One session per rental: a repeated run finds the first one on the row.

    Raises RentalEnded, PaymentMethodRefused, PaymentProviderUnavailable,
    PaymentProviderRejected.
    """
    if rental.checkout_session_id is None:
        rental = open_session(rental)
    return {
        "checkout_session_id": rental.checkout_session_id,
        "payment_intent_id": rental.payment_intent_id,
    }
