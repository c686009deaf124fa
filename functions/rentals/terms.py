"""What a rental costs besides its rent, and what goes back: deposit, late fee, cancellation
(docs/architecture.md, Rules). All money is integer centavos.
"""

from dataclasses import dataclass
from datetime import timedelta

from infra import clock
from infra.settings import integer_setting, setting
from rentals import dates
from rentals.models import (
    CENTAVOS_PER_PESO,
    Collectible,
    FulfillmentStatus,
    PaymentMethod,
    Rental,
    Size,
)
from rentals.pricing import base_rate_of, share

# A deposit goes back when its unit was inspected: at the latest a week after the last late day.
_DAYS_TO_INSPECT = 7


@dataclass(frozen=True, slots=True)
class Deposit:
    """A deposit in centavos: `online` with the rent, `at_counter` when the unit is handed over."""

    online: int = 0
    at_counter: int = 0


def deposit_wanted(collectible: Collectible) -> int:
    """Centavos of deposit for a collectible: its own, or that of its size."""
    if collectible.deposit_centavos is not None:
        return collectible.deposit_centavos
    by_size = dict(zip(Size, setting("DEPOSITS").split(","), strict=True))
    return int(by_size[collectible.size]) * CENTAVOS_PER_PESO


def deposit_for(wanted: int, method: PaymentMethod, eta: int, duration: int) -> Deposit:
    """Where a deposit of `wanted` centavos is taken: online only if a payment with this method can
    still be given back in part when the unit is looked at, however late it comes back.
    """
    if gives_back_until_inspected(method, eta, duration):
        return Deposit(online=wanted)
    return Deposit(at_counter=wanted)


def gives_back_until_inspected(method: PaymentMethod, eta: int, duration: int) -> bool:
    """Whether a part of a payment made today can be given back after a rental of `duration` days
    that is at its store in `eta` days, however late it is fetched and brought back.
    """
    waits = integer_setting("COLLECTION_DAYS") + integer_setting("LATE_FEE_DAYS")
    days = eta + duration + waits + _DAYS_TO_INSPECT
    return method.gives_parts_back and method.refund_days >= days


def methods_offered(rental: Rental) -> list[PaymentMethod]:
    """What a rental's checkout session can be paid with: the chosen method first, then the others
    that the account has, unless the deposit could not be given back.
    """
    others = [each for each in methods_of_account() if each is not rental.payment_method]
    if rental.deposit_centavos:
        eta = rental.eta or 1
        others = [e for e in others if gives_back_until_inspected(e, eta, rental.duration)]
    return [rental.payment_method, *others]


def methods_of_account() -> list[PaymentMethod]:
    """What the PayMongo account can be paid with."""
    names = setting("PAYMENT_METHODS")
    return [PaymentMethod(name) for name in names.split(",")] if names else list(PaymentMethod)


def paid_method(rental: Rental) -> PaymentMethod:
    """What a rental was paid with, as PayMongo said; of older rows, what was chosen."""
    used = (each for each in PaymentMethod if each.paymongo_type == rental.paid_with)
    return next(used, rental.payment_method)


def base_daily_rate(rental: Rental) -> int:
    """Centavos of a late day: the base rate, on the row or from what rows before it have."""
    if rental.base_daily_rate_centavos is not None:
        return rental.base_daily_rate_centavos
    return base_rate_of(rental.daily_rate_centavos or 0, rental.duration)


def late_days(due_at: str, back_at: str) -> int:
    """Started days between a due date and a return, both as stored: none within the grace, then
    counted from the due second, at most LATE_FEE_DAYS.
    """
    late = clock.parse(back_at) - clock.parse(due_at)
    if late <= dates.days(integer_setting("LATE_GRACE_HOURS") / 24):
        return 0
    started = -(-late // timedelta(seconds=dates.day_seconds()))
    return min(started, integer_setting("LATE_FEE_DAYS"))


def late_fee(rental: Rental, back_at: str) -> int:
    """Centavos for bringing a unit back at this time, as stored; none for who rented before there
    was a late fee.
    """
    if rental.due_at is None or rental.is_carried_over:
        return 0
    return base_daily_rate(rental) * late_days(rental.due_at, back_at)


def within_value(rental: Rental, late: int, damage: int) -> tuple[int, int]:
    """Late fee and damage (or loss), together never above the collectible's replacement value: the
    late fee is cut first.
    """
    value = rental.replacement_value_centavos
    if value is None:
        return late, damage
    damage = min(damage, value)
    return min(late, value - damage), damage


def cancellation_percent(rental: Rental) -> int:
    """How much of the rent goes back when the customer cancels, or does not collect, now."""
    until_ready, until_pickup = map(int, setting("CANCELLATION_PERCENTS").split(","))
    tiers = {
        FulfillmentStatus.AWAITING_ARRIVAL: until_ready,
        FulfillmentStatus.READY_FOR_PICKUP: until_pickup,
    }
    return tiers.get(rental.fulfillment_status, 0) if rental.fulfillment_status else 0


def cancellation_fee(rental: Rental) -> int:
    """Centavos of the rent that are kept when the customer cancels, or does not collect, now."""
    rent = rental.total_fee_centavos or 0
    return share(rent, 100 - cancellation_percent(rental))
