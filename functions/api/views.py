"""Rentals as the API shows them: pesos, no personal data, no token."""

from typing import Any

from infra.secret_values import url_signing_key
from infra.settings import integer_setting
from rentals.models import CENTAVOS_PER_PESO, Rental
from rentals.signatures import redirect_path


def pesos(centavos: int | None) -> int | None:
    """Centavos as whole pesos; every rate is whole pesos."""
    return None if centavos is None else centavos // CENTAVOS_PER_PESO


def rental_view(rental: Rental) -> dict[str, Any]:
    """A rental for the customer's page."""
    is_payable = rental.is_pending and rental.payment_url is not None
    return {
        "rental_id": rental.id,
        "status": rental.payment_status,
        "reason": rental.end_reason,
        "collectible_id": rental.collectible_id,
        "collectible_name": rental.collectible_name,
        "store_id": rental.store_id,
        "duration": rental.duration,
        "daily_rate": pesos(rental.daily_rate),
        "total_fee": pesos(rental.total_fee),
        "eta": rental.eta,
        "payment_method": rental.payment_method,
        "payment_url": rental.payment_url if is_payable else None,
        "cancel_url": cancel_path(rental) if is_payable else None,
        "hold_expires_at": rental.hold_expires_at if rental.is_pending else None,
        "declined_attempts": rental.declined_attempts,
        "max_payment_attempts": integer_setting("MAX_PAYMENT_ATTEMPTS"),
        "refund_status": "settled_outside" if rental.is_settled_outside else rental.refund_status,
        "created_at": rental.created_at,
        "updated_at": rental.updated_at,
    }


def cancel_path(rental: Rental) -> str:
    """The signed path that cancels the rental, for its customer only."""
    return redirect_path("failed", rental.id, url_signing_key())
