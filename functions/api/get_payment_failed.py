"""GET /payment/failed: the customer gave up on PayMongo's page."""

from api.redirects import (
    charge_of,
    is_paid_or_cancel,
    look_at_charge,
    page_when_down,
    rental_of,
)
from api.requests import Event, is_navigation
from api.responses import Response, redirect
from api.routes import route
from rentals.links import page_with_key


@route
@page_when_down("rental")
def handler(event: Event) -> Response:
    """303 to the page that says how it ended. Never cancels a rental that was paid, nor for who
    only looks where the link leads.
    """
    rental = rental_of(event, "failed")
    if (charge := charge_of(event, rental)) is not None:
        return look_at_charge(rental, charge)
    if not is_navigation(event):
        return redirect(page_with_key("rental", rental.id))
    page = "success" if is_paid_or_cancel(rental) else "failed"
    return redirect(page_with_key(page, rental.id))
