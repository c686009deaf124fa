"""What both redirects from PayMongo share: whose they are, and what PayMongo says of it. Our own
page cancels as the second one does.

A redirect is a browser asking; it carries no authority. PayMongo is asked before anything is
believed, and the customer gets a page whatever happens.
"""

import functools
from collections.abc import Callable
from urllib.parse import urlencode

from botocore.exceptions import BotoCoreError, ClientError

from api.requests import Event, query
from api.responses import Response, redirect
from infra.aws import describe
from infra.secret_values import verify_with_any
from infra.telemetry import logger
from paymongo.client import paymongo
from paymongo.resources import Payment
from rentals import charge_payments, charge_sessions, charges, payments, repository
from rentals.charges import Charge
from rentals.errors import ChargeNotFound, PaymentProviderError, TransientFailure
from rentals.links import (
    other_url_signing_keys,
    page_with_key,
    url_signing_key,
    verify_redirect,
)
from rentals.models import PaymentStatus, Rental


def page_when_down(
    page: str,
) -> Callable[[Callable[[Event], Response]], Callable[[Event], Response]]:
    """Lead to `page` of the site when something here is down: it asks how the rental stands until
    there is an answer, and offers what can be done.
    """

    def decorate(answer: Callable[[Event], Response]) -> Callable[[Event], Response]:
        @functools.wraps(answer)
        def answer_or_lead(event: Event) -> Response:
            try:
                return answer(event)
            except (TransientFailure, ClientError, BotoCoreError) as error:
                logger.error("something is down; led to a page", extra={"error": describe(error)})
                return redirect(
                    f"/{page}.html?{urlencode({'rental_id': query(event, 'rental_id') or ''})}"
                )

        return answer_or_lead

    return decorate


def rental_of(event: Event, page: str) -> Rental:
    """The rental that a signed redirect URL is for. Raises InvalidSignature, RentalNotFound."""
    rental_id = query(event, "rental_id") or ""
    signature = query(event, "signature") or ""
    subject_id = query(event, "charge_id") or rental_id
    verify_with_any(
        lambda key: verify_redirect(page, subject_id, signature, key),
        url_signing_key(),
        other_url_signing_keys(),
    )
    rental = repository.get(rental_id)
    logger.append_keys(rental_id=rental.id)
    return rental


def charge_of(event: Event, rental: Rental) -> Charge | None:
    """The rental's charge that the URL is for, if it is for one. Raises ChargeNotFound."""
    charge_id = query(event, "charge_id")
    if charge_id is None:
        return None
    charge = charges.get(charge_id)
    if charge.rental_id != rental.id:
        raise ChargeNotFound(charge_id)
    return charge


def look_at_charge(rental: Rental, charge: Charge) -> Response:
    """Ask PayMongo whether a charge was paid, and lead back to the rental's page."""
    try:
        if (payment := charge_sessions.ask(charge)) is not None:
            charge_payments.payment_received(rental, charge, payment)
    except PaymentProviderError as error:
        # The webhook or the reconciler will tell.
        logger.warning("PayMongo did not answer", extra={"error": str(error)})
    return redirect(page_with_key("rental", rental.id))


def is_paid_or_cancel(rental: Rental) -> bool:
    """Whether PayMongo says that the rental was paid; if not, its customer cancels it."""
    if rental.payment_status is PaymentStatus.COMPLETED:
        return True
    try:
        payment = ask_for_payment(rental)
    except PaymentProviderError:
        payment = None  # closing the session will ask again before anything is released
    if payment is not None:
        payments.payment_received(rental, payment, is_read=True)
        return True
    payments.payment_cancelled(rental)
    return False


def ask_for_payment(rental: Rental) -> Payment | None:
    """The payment that PayMongo received for the rental.

    Raises PaymentProviderError when PayMongo doesn't say.
    """
    if rental.checkout_session_id is None:
        return None
    try:
        return paymongo().retrieve_checkout_session(rental.checkout_session_id).paid_payment
    except PaymentProviderError as error:
        logger.warning("PayMongo did not answer", extra={"error": str(error)})
        raise
