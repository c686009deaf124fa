"""What the API shows: pesos, no personal data, no token. Every field is listed, so that a new one
of the domain is not published by accident.
"""

from typing import Any

from infra.settings import integer_setting
from rentals.catalogue import Offer
from rentals.models import CENTAVOS_PER_PESO, Rental, Store
from rentals.pricing import base_daily_rate, special_daily_rate


def pesos(centavos: int | None) -> int | None:
    """Centavos as whole pesos; every rate is whole pesos."""
    return None if centavos is None else centavos // CENTAVOS_PER_PESO


def rental_view(rental: Rental, *, may_pay: bool) -> dict[str, Any]:
    """A rental for anybody who knows its id, and where to pay it for who may."""
    is_payable = rental.is_pending and may_pay
    most_attempts = integer_setting("MAX_PAYMENT_ATTEMPTS")
    return {
        "rental_id": rental.id,
        "status": rental.payment_status,
        "reason": rental.end_reason,
        "collectible_id": rental.collectible_id,
        "collectible_name": rental.collectible_name,
        "store_id": rental.store_id,
        "duration": rental.duration,
        "daily_rate": pesos(rental.daily_rate_centavos),
        "total_fee": pesos(rental.total_fee_centavos),
        "eta": rental.eta,
        "payment_method": rental.payment_method,
        "payment_url": rental.payment_url if is_payable else None,
        "hold_expires_at": rental.hold_expires_at if rental.is_pending else None,
        # An event of one more attempt may come after the last one that is allowed.
        "declined_attempts": min(rental.declined_attempts, most_attempts),
        "max_payment_attempts": most_attempts,
        "refund_status": "settled_outside" if rental.is_settled_outside else rental.refund_status,
        "created_at": rental.created_at,
        "updated_at": rental.updated_at,
    }


def offer_view(offer: Offer) -> dict[str, Any]:
    """A collectible for the catalogue."""
    collectible = offer.collectible
    return {
        "id": collectible.id,
        "name": collectible.name,
        "description": collectible.description,
        "size": collectible.size,
        "image_url": collectible.image_url,
        "daily_rate": pesos(base_daily_rate(collectible.size)),
        "special_daily_rate": pesos(special_daily_rate(collectible.size)),
        "stock": offer.stock,
        "eta": offer.eta,
    }


def store_view(store: Store) -> dict[str, Any]:
    """A store for customers."""
    return {
        "id": store.id,
        "name": store.name,
        "address": store.address,
        "phone": store.phone,
        "hours": store.hours,
    }
