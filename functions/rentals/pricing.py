"""What a rental costs (docs/architecture.md, Rules). All money is integer centavos."""

from dataclasses import dataclass

from rentals.models import CENTAVOS_PER_PESO, Size

MIN_DURATION_DAYS = 1
MAX_DURATION_DAYS = 365
SPECIAL_RATE_BELOW_DAYS = 7
SPECIAL_RATE_FACTOR = 2

_DAILY_RATE_PESOS = {Size.SMALL: 1_000, Size.MEDIUM: 5_000, Size.LARGE: 10_000}


@dataclass(frozen=True, slots=True)
class Price:
    """What applies: centavos a day, and for all days."""

    daily_rate_centavos: int
    total_fee_centavos: int
    is_special_rate: bool


def base_daily_rate(size: Size, own_rate: int | None = None) -> int:
    """Centavos a day for rentals of a week or more: a collectible's own rate, or its size's."""
    return _DAILY_RATE_PESOS[size] * CENTAVOS_PER_PESO if own_rate is None else own_rate


def special_daily_rate(size: Size, own_rate: int | None = None) -> int:
    """Centavos a day for rentals shorter than a week."""
    return base_daily_rate(size, own_rate) * SPECIAL_RATE_FACTOR


def price_rental(size: Size, duration: int, own_rate: int | None = None) -> Price:
    """Price of renting something of this size, or at its own rate, for `duration` days.

    Raises ValueError when the duration is not 1 to 365 days.
    """
    if not MIN_DURATION_DAYS <= duration <= MAX_DURATION_DAYS:
        raise ValueError(
            f"duration must be {MIN_DURATION_DAYS} to {MAX_DURATION_DAYS} days, not {duration}"
        )
    is_special = duration < SPECIAL_RATE_BELOW_DAYS
    rate_of = special_daily_rate if is_special else base_daily_rate
    daily_rate = rate_of(size, own_rate)
    return Price(daily_rate, daily_rate * duration, is_special)


def added_days(base_daily_rate: int, duration: int, days: int) -> int:
    """Centavos for `days` more of a rental of `duration` days: the base rate if it becomes a week
    or longer, else the special rate.

    Raises ValueError when that is not 1 to 365 days in all.
    """
    total = duration + days
    if days < 1 or total > MAX_DURATION_DAYS:
        raise ValueError(f"a rental lasts at most {MAX_DURATION_DAYS} days, not {total}")
    factor = SPECIAL_RATE_FACTOR if total < SPECIAL_RATE_BELOW_DAYS else 1
    return base_daily_rate * factor * days


def base_rate_of(daily_rate: int, duration: int) -> int:
    """Centavos a day that a rental of `duration` days at `daily_rate` has as its base rate."""
    return daily_rate // (SPECIAL_RATE_FACTOR if duration < SPECIAL_RATE_BELOW_DAYS else 1)


def share(centavos: int, percent: int) -> int:
    """`percent` of an amount, rounded down to whole pesos: the one rule for percentages, so that
    the odd centavo is the customer's.
    """
    return centavos * percent // 100 // CENTAVOS_PER_PESO * CENTAVOS_PER_PESO
