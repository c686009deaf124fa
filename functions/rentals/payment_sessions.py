"""The PayMongo checkout session that a rental is paid on."""

from infra import clock
from infra.settings import setting
from paymongo.client import Billing, LineItem, SessionRequest, paymongo
from rentals import dates, repository
from rentals.errors import RentalEnded
from rentals.links import redirect_path, url_signing_key
from rentals.models import Customer, Rental


def open_session(rental: Rental) -> Rental:
    """Open a checkout session for a priced rental, and record it. Returns the rental on record.

    If PayMongo's answer is lost, the session that it opened stays unknown, and harmless: no
    customer ever gets its URL. Raises RentalEnded, PaymentProviderUnavailable,
    PaymentProviderRejected.
    """
    if not rental.is_pending:
        raise RentalEnded(rental.id, rental.payment_status)
    client = paymongo()
    session = client.create_checkout_session(session_request(rental))
    recorded = repository.set_checkout_session(rental, session)
    if recorded.checkout_session_id != session.id:
        client.close_checkout_session(session.id)
    return recorded


def session_request(rental: Rental) -> SessionRequest:
    """What PayMongo is asked for. Raises ValueError for a rental that has no price yet."""
    if rental.daily_rate_centavos is None:
        raise ValueError(f"rental {rental.id} has no price")
    site, key = setting("SITE_URL").rstrip("/"), url_signing_key()
    return SessionRequest(
        reference=rental.number,
        idempotency_key=rental.id,
        description=f"Rental {rental.number}: {rental.collectible_name}",
        line_items=[
            LineItem(
                name=rental.collectible_name,
                description=_days(rental),
                amount=rental.daily_rate_centavos,
                quantity=rental.duration,
            )
        ],
        payment_method_type=rental.payment_method.paymongo_type,
        billing=billing(rental.customer),
        metadata={"rental_id": rental.id},
        success_url=site + redirect_path("success", rental.id, key),
        cancel_url=site + redirect_path("failed", rental.id, key),
    )


def _days(rental: Rental) -> str:
    """How long, and from when to when if it is paid today."""
    ready_by, due = dates.expected(clock.now(), rental.eta or 1, rental.duration)
    return (
        f"Rental for {dates.number_of_days(rental.duration)} from pick-up. Ready by"
        f" {dates.in_words(ready_by)}; due back by the end of {dates.in_words(due)} if picked up"
        " that day"
    )


def billing(customer: Customer) -> Billing:
    """The customer as PayMongo's receipt names them."""
    return Billing(
        name=customer.name,
        email=customer.email,
        phone=customer.phone,
        line1=customer.address,
        city=customer.city,
        postal_code=customer.postal_code,
    )
