"""What both redirects from PayMongo share: whose they are, and what PayMongo says of it.

A redirect is a browser asking; it carries no authority. PayMongo is asked before anything is
believed, and the customer gets a page whatever happens.
"""

from api.http import Event, query
from rentals import repository
from rentals.errors import PaymentProviderError, RentalNotFound
from rentals.models import Payment, Rental
from rentals.paymongo import paymongo
from rentals.secret_values import other_url_signing_keys, url_signing_key
from rentals.signatures import verify_redirect, verify_with_any
from rentals.telemetry import logger


def rental_of(event: Event, outcome: str) -> Rental:
    """The rental that a signed redirect URL is for. Raises InvalidSignature, RentalNotFound."""
    rental_id = query(event, "rental_id") or ""
    signature = query(event, "signature") or ""
    verify_with_any(
        lambda key: verify_redirect(outcome, rental_id, signature, key),
        url_signing_key(),
        other_url_signing_keys(),
    )
    logger.append_keys(rental_id=rental_id)
    rental = repository.find(rental_id)
    if rental is None:
        raise RentalNotFound(rental_id)
    return rental


def ask_for_payment(rental: Rental) -> Payment | None:
    """The payment that PayMongo received for the rental.

    Raises PaymentProviderError when PayMongo doesn't say.
    """
    if rental.checkout_session_id is None:
        return None
    try:
        return paymongo().retrieve_checkout_session(rental.checkout_session_id).paid_payment
    except PaymentProviderError as error:
        logger.warning("PayMongo did not answer", extra={"reason": str(error)})
        raise
