"""Whether PayMongo has the payment that a rental is to be completed with.

A webhook is signed, and a signing secret can leak: nothing is completed on its word alone. What a
redirect, the reconciler or the closing of the session has read is not asked for again.
"""

from contextlib import suppress

from infra.telemetry import count, logger
from paymongo.client import PayMongo, paymongo
from paymongo.resources import Payment
from rentals import repository
from rentals.errors import PaymentProviderRejected, PaymentUnknown
from rentals.models import PaymentStatus, Rental

_NO_SUCH_PAYMENT = 404


def require_known(rental: Rental) -> None:
    """Ask PayMongo about the payment on the row of a rental that is neither completed nor refunded.

    Raises PaymentUnknown, once the payment is struck off the row, PaymentProviderUnavailable,
    PaymentProviderRejected, WriteContended.
    """
    is_settled = rental.payment_status in (PaymentStatus.COMPLETED, PaymentStatus.REFUNDED)
    if is_settled or rental.payment_id is None or rental.payment_read_at is not None:
        return
    with suppress(PaymentUnknown):
        payment = paid_for(paymongo(), rental, rental.payment_id)
        if (payment.amount, payment.currency) == (rental.amount_paid, rental.payment_currency):
            return
    repository.strike_payment(rental)
    count("PaymentUnknown")
    logger.error("a payment that PayMongo does not have", extra={"payment_id": rental.payment_id})
    raise PaymentUnknown(rental.id)


def paid_for(client: PayMongo, rental: Rental, payment_id: str) -> Payment:
    """A payment that PayMongo received for the rental, on whichever session.

    Raises PaymentUnknown, PaymentProviderUnavailable, PaymentProviderRejected.
    """
    payment = _ask(client, payment_id)
    if payment is None or not payment.is_paid or not _is_its_own(payment, rental):
        raise PaymentUnknown(rental.id)
    return payment


def _ask(client: PayMongo, payment_id: str) -> Payment | None:
    try:
        return client.retrieve_payment(payment_id)
    except PaymentProviderRejected as error:
        if error.status != _NO_SUCH_PAYMENT:
            raise
        return None


def _is_its_own(payment: Payment, rental: Rental) -> bool:
    """The answer to opening a session may have been lost: it names the rental all the same."""
    is_of_its_session = payment.payment_intent_id == rental.payment_intent_id is not None
    return is_of_its_session or payment.metadata.get("rental_id") == rental.id
