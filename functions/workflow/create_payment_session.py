"""CreatePaymentSession: open the PayMongo checkout session that the customer will pay on."""

from infra.secret_values import url_signing_key
from infra.settings import setting
from paymongo.client import SessionRequest, paymongo
from rentals import repository, signatures
from rentals.errors import RentalEnded
from rentals.models import Rental
from workflow.task import Event, task


@task
def handler(rental: Rental, event: Event) -> dict[str, object]:
    """One session per rental: a repeated run finds the first one on the row.

    When an answer was lost, the session that it named stays unknown, and harmless: nobody ever
    gets its URL. Raises RentalEnded, PaymentProviderUnavailable, PaymentProviderRejected.
    """
    if rental.checkout_session_id is None:
        rental = _open_session(rental)
    return {
        "checkout_session_id": rental.checkout_session_id,
        "payment_intent_id": rental.payment_intent_id,
    }


def _open_session(rental: Rental) -> Rental:
    if not rental.is_pending or rental.daily_rate is None or rental.total_fee is None:
        raise RentalEnded(rental.id, rental.payment_status)
    site, key = setting("SITE_URL").rstrip("/"), url_signing_key()
    client = paymongo()
    session = client.create_checkout_session(
        SessionRequest(
            rental_id=rental.id,
            collectible_name=rental.collectible_name,
            duration=rental.duration,
            daily_rate=rental.daily_rate,
            total_fee=rental.total_fee,
            payment_method=rental.payment_method,
            customer=rental.customer,
            success_url=site + signatures.redirect_path("success", rental.id, key),
            cancel_url=site + signatures.redirect_path("failed", rental.id, key),
        )
    )
    recorded = repository.set_checkout_session(rental, session)
    if recorded.checkout_session_id != session.id:
        client.close_checkout_session(session.id)
    return recorded
