"""POST /api/rentals/checkout: start a rental, or find the one this request started before."""

from http import HTTPStatus

from api.bodies import Checkout, idempotency_key, parse
from api.requests import Event, client_address, header, json_object
from api.responses import HttpError, Response, success
from api.routes import route
from api.views import rental_view
from rentals.access_keys import access_key_of, access_secret
from rentals.checkout import start_checkout, wait_until_payable
from rentals.errors import NoUnitAvailable
from rentals.models import EndReason, PaymentStatus, Rental

_NO_UNIT = (
    HTTPStatus.CONFLICT,
    "NO_UNIT_AVAILABLE",
    "every unit of this collectible is taken; a quote says when the next one is expected",
)


@route
def handler(event: Event) -> Response:
    """200 with the payment URL, 202 when it is not there yet, else why there will be none."""
    key = idempotency_key(header(event, "Idempotency-Key"))
    request = parse(Checkout, json_object(event)).request()
    try:
        rental = start_checkout(request, key, client_address(event))
    except NoUnitAvailable:
        raise HttpError(*_NO_UNIT) from None
    if "respond-async" not in (header(event, "Prefer") or ""):
        rental = wait_until_payable(rental)
    return _answer(rental)


def _answer(rental: Rental) -> Response:
    view = rental_view(rental, may_pay=True)
    view["access_key"] = access_key_of(rental.id, access_secret())
    if rental.payment_status is PaymentStatus.COMPLETED:
        return success({**view, "message": "This rental is paid."})
    if rental.is_pending and rental.payment_url is None:
        return success(
            {**view, "message": "Your rental is being prepared."},
            HTTPStatus.ACCEPTED,
            {"Location": f"/api/rentals/{rental.id}", "Retry-After": "1"},
        )
    if rental.is_pending:
        return success({**view, "message": "Please complete the payment."})
    if rental.payment_status is PaymentStatus.REJECTED:
        raise HttpError(*_NO_UNIT)
    if rental.end_reason is EndReason.PAYMENT_SETUP_FAILED:
        raise HttpError(
            HTTPStatus.BAD_GATEWAY,
            "PAYMENT_PROVIDER_UNAVAILABLE",
            "the payment could not be set up and nothing was charged; please try again",
        )
    if rental.end_reason is EndReason.PAYMENT_METHOD_REFUSED:
        raise HttpError(
            HTTPStatus.BAD_GATEWAY,
            "PAYMENT_METHOD_REFUSED",
            "our payment partner does not take this payment method now, and nothing was charged;"
            " please choose another one",
        )
    raise HttpError(
        HTTPStatus.CONFLICT,
        "RENTAL_ENDED",
        f"this checkout has ended ({rental.payment_status});"
        " start a new one with a new Idempotency-Key",
    )
