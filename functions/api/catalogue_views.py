"""What the API shows of the catalogue, each field listed."""

from collections.abc import Mapping
from typing import Any

from api.views import expected_dates, pesos
from rentals import dates
from rentals.catalogue import Offer
from rentals.models import Store
from rentals.pricing import Price, base_daily_rate, special_daily_rate
from rentals.terms import deposit_wanted, gives_back_until_inspected, methods_of_account


def offer_view(offer: Offer) -> dict[str, Any]:
    """A collectible for the catalogue."""
    collectible = offer.collectible
    rate = collectible.size, collectible.daily_rate_centavos
    return {
        "id": collectible.id,
        "name": collectible.name,
        "description": collectible.description,
        "size": collectible.size,
        "image_url": collectible.image_url,
        "category": collectible.category,
        "pictures": list(collectible.pictures),
        "measurements": collectible.measurements,
        "weight_kg": None if collectible.weight_kg is None else float(collectible.weight_kg),
        "condition": collectible.condition,
        "year": collectible.year,
        "in_the_box": collectible.in_the_box,
        "needs_two_people": collectible.needs_two_people,
        "daily_rate": pesos(base_daily_rate(*rate)),
        "special_daily_rate": pesos(special_daily_rate(*rate)),
        "stock": offer.stock,
        "eta": offer.eta,
        "next_expected": offer.next_expected,
        "deposit": pesos(deposit_wanted(collectible)),
    }


def availability_view(by_store: Mapping[str, tuple[int, int | None]]) -> list[dict[str, Any]]:
    """Where it can be had, and how soon."""
    return [
        {"store_id": store_id, "stock": stock, "eta": eta}
        for store_id, (stock, eta) in by_store.items()
    ]


def quote_view(offer: Offer, price: Price, duration: int) -> dict[str, Any]:
    """What a rental would cost, and its days if it were paid now."""
    ready_by, due_at = expected_dates(offer.eta, duration)
    wanted = offer.collectible
    return {
        "collectible_id": wanted.id,
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
        "deposit": pesos(deposit_wanted(wanted)),
        "deposit_online_with": _online_with(offer.eta or 1, duration),
        "late_fee_per_day": pesos(base_daily_rate(wanted.size, wanted.daily_rate_centavos)),
    }


def _online_with(eta: int, duration: int) -> list[str]:
    """The payment methods with which a deposit is paid with the rent; with others, at the store."""
    return [
        each for each in methods_of_account() if gives_back_until_inspected(each, eta, duration)
    ]


def store_view(store: Store) -> dict[str, Any]:
    """A store for customers."""
    return {
        "id": store.id,
        "name": store.name,
        "address": store.address,
        "phone": store.phone,
        "hours": store.hours,
    }
