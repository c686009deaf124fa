"""GET /payment/success: the customer comes back from PayMongo, probably having paid."""

from api.redirects import (
    ask_for_payment,
    charge_of,
    look_at_charge,
    page_when_down,
    rental_of,
)
from api.requests import Event
from api.responses import Response, redirect
from api.routes import route
from rentals import payments
from rentals.errors import PaymentProviderError
from rentals.links import page_with_key
from rentals.models import PaymentStatus


@route
@page_when_down("success")
def handler(event: Event) -> Response:
    """303 to the page that waits for the truth: the webhook may be faster or slower than this."""
    rental = rental_of(event, "success")
    if (charge := charge_of(event, rental)) is not None:
        return look_at_charge(rental, charge)
    if rental.payment_status is not PaymentStatus.COMPLETED:
        try:
            payment = ask_for_payment(rental)
        except PaymentProviderError:
            payment = None  # the webhook or the reconciler will tell
        if payment is not None:
            payments.payment_received(rental, payment, is_read=True)
    return redirect(page_with_key("success", rental.id))
