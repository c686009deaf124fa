"""Whether PayMongo has the payment that a rental is to be completed with.

A webhook is signed, and a signing secret can leak: nothing is completed on its word alone. What a
redirect, the reconciler or the closing of the session has read is not asked for again.
"""

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
    payment = _ask(paymongo(), rental.payment_id)
    if payment is not None and _is_as_told(payment, rental):
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
    if payment is None or not payment.is_paid:
        raise PaymentUnknown(rental.id)
    if not (_is_of_its_session(payment, rental) or _names(payment, rental)):
        raise PaymentUnknown(rental.id)
    return payment


def _ask(client: PayMongo, payment_id: str) -> Payment | None:
    try:
        return client.retrieve_payment(payment_id)
    except PaymentProviderRejected as error:
        if error.status != _NO_SUCH_PAYMENT:
            raise
        return None


def _is_as_told(payment: Payment, rental: Rental) -> bool:
    told = (rental.amount_paid, rental.payment_currency)
    # The answer to opening its session may have been lost.
    is_its_own = (
        _names(payment, rental)
        if rental.payment_intent_id is None
        else _is_of_its_session(payment, rental)
    )
    return payment.is_paid and is_its_own and (payment.amount, payment.currency) == told


def _is_of_its_session(payment: Payment, rental: Rental) -> bool:
    return payment.payment_intent_id == rental.payment_intent_id is not None


def _names(payment: Payment, rental: Rental) -> bool:
    return payment.metadata.get("rental_id") == rental.id
