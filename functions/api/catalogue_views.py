"""What the API shows of the catalogue, each field listed."""

from typing import Any

from api.views import expected_dates, pesos
from rentals import dates, terms
from rentals.catalogue import Offer
from rentals.models import Store
from rentals.pricing import Price, base_daily_rate, special_daily_rate


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
        "next_expected": offer.next_expected,
    }


def quote_view(offer: Offer, price: Price, duration: int) -> dict[str, Any]:
    """What a rental would cost, and its days if it were paid now."""
    ready_by, due_at = expected_dates(offer.eta, duration)
    return {
        "collectible_id": offer.collectible.id,
        "duration": duration,
        "daily_rate": pesos(price.daily_rate_centavos),
        "total_fee": pesos(price.total_fee_centavos),
        "is_special_rate": price.is_special_rate,
        "stock": offer.stock,
        "eta": offer.eta,
        "next_expected": offer.next_expected,
        "ready_by": ready_by,
        "due_at": due_at,
        "due_rule": dates.rule(duration),
        "deposit": pesos(terms.deposit_wanted(offer.collectible)),
        "deposit_online_with": [
            method
            for method in terms.methods_of_account()
            if terms.gives_back_until_inspected(method, offer.eta or 1, duration)
        ],
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
