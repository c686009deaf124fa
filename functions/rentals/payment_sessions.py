"""The PayMongo checkout session that a rental is paid on."""

from dataclasses import replace
from http import HTTPStatus

from infra import clock
from infra.settings import setting
from infra.telemetry import count, logger
from paymongo.client import Billing, LineItem, PayMongo, SessionRequest, paymongo
from paymongo.resources import CheckoutSession
from rentals import dates, repository, terms
from rentals.errors import PaymentMethodRefused, PaymentProviderRejected, RentalEnded
from rentals.links import redirect_path, url_signing_key
from rentals.models import Customer, Rental


def open_session(rental: Rental) -> Rental:
    """Open a checkout session for a priced rental, and record it. Returns the rental on record.

    If PayMongo's answer is lost, the session that it opened stays unknown, and harmless: no
    customer ever gets its URL. Raises RentalEnded, PaymentMethodRefused,
    PaymentProviderUnavailable, PaymentProviderRejected.
    """
    if not rental.is_pending:
        raise RentalEnded(rental.id, rental.payment_status)
    client, wanted = paymongo(), session_request(rental)
    try:
        session = client.create_checkout_session(wanted)
    except PaymentProviderRejected as error:
        session = _with_chosen_method(client, wanted, error)
    recorded = repository.set_checkout_session(rental, session)
    if recorded.checkout_session_id != session.id:
        client.close_checkout_session(session.id)
    return recorded


def _with_chosen_method(
    client: PayMongo, wanted: SessionRequest, error: PaymentProviderRejected
) -> CheckoutSession:
    """PayMongo refuses a session for one method that the account does not have: that must not cost
    the others theirs. Raises PaymentMethodRefused when it is the chosen one.
    """
    if error.status != HTTPStatus.BAD_REQUEST:
        raise error
    count("PaymentMethodRefused")
    logger.error("PayMongo refused a session", extra={"codes": error.codes})
    chosen = wanted.payment_method_types[:1]
    try:
        return client.create_checkout_session(
            replace(
                wanted,
                payment_method_types=chosen,
                idempotency_key=f"{wanted.idempotency_key}-{chosen[0]}",
            )
        )
    except PaymentProviderRejected as second:
        raise PaymentMethodRefused(chosen[0], str(second)) from None


def session_request(rental: Rental) -> SessionRequest:
    """What PayMongo is asked for. Raises ValueError for a rental that has no price yet."""
    if rental.daily_rate_centavos is None:
        raise ValueError(f"rental {rental.id} has no price")
    site, key = setting("SITE_URL").rstrip("/"), url_signing_key()
    return SessionRequest(
        reference=rental.number,
        idempotency_key=rental.id,
        description=f"Rental {rental.number}: {rental.collectible_name}",
        line_items=_line_items(rental, rental.daily_rate_centavos),
        payment_method_types=[each.paymongo_type for each in terms.methods_offered(rental)],
        billing=billing(rental.customer),
        metadata={"rental_id": rental.id},
        success_url=site + redirect_path("success", rental.id, key),
        cancel_url=site + redirect_path("failed", rental.id, key),
    )


def _line_items(rental: Rental, daily_rate: int) -> list[LineItem]:
    rent = LineItem(
        name=rental.collectible_name,
        description=_days(rental),
        amount=daily_rate,
        quantity=rental.duration,
    )
    if not rental.deposit_centavos:
        return [rent]
    deposit = LineItem(
        name="Deposit",
        description="Given back after the unit is back and was looked at, less what is owed then",
        amount=rental.deposit_centavos,
        quantity=1,
    )
    return [rent, deposit]


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
