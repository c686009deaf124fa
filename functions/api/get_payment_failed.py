"""GET /payment/failed: the customer gave up at PayMongo, or cancels on our own page."""

from api.redirects import ask_for_payment, page_when_down, rental_of
from api.requests import Event
from api.responses import Response, redirect
from api.routes import route
from rentals import payments
from rentals.errors import PaymentProviderError
from rentals.models import PaymentStatus


@route
@page_when_down("rental")
def handler(event: Event) -> Response:
    """303 to the page that says how it ended. Never cancels a rental that was paid."""
    rental = rental_of(event, "failed")
    if rental.payment_status is PaymentStatus.COMPLETED:
        return redirect(f"/success.html?rental_id={rental.id}")
    try:
        payment = ask_for_payment(rental)
    except PaymentProviderError:
        payment = None  # closing the session will ask again before anything is released
    if payment is not None:
        payments.payment_received(rental, payment)
        return redirect(f"/success.html?rental_id={rental.id}")
    payments.payment_cancelled(rental)
    return redirect(f"/failed.html?rental_id={rental.id}")
