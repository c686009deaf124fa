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
    """`daily_rate` is the rate that applies, in centavos a day; `total_fee` is centavos."""

    daily_rate: int
    total_fee: int
    is_special_rate: bool


def base_daily_rate(size: Size) -> int:
    """Centavos a day for rentals of a week or more."""
    return _DAILY_RATE_PESOS[size] * CENTAVOS_PER_PESO


def special_daily_rate(size: Size) -> int:
    """Centavos a day for rentals shorter than a week."""
    return base_daily_rate(size) * SPECIAL_RATE_FACTOR


def price_rental(size: Size, duration: int) -> Price:
    """Price of renting something of this size for `duration` days.

    Raises ValueError when the duration is not 1 to 365 days.
    """
    if not MIN_DURATION_DAYS <= duration <= MAX_DURATION_DAYS:
        raise ValueError(
            f"duration must be {MIN_DURATION_DAYS} to {MAX_DURATION_DAYS} days, not {duration}"
        )
    is_special = duration < SPECIAL_RATE_BELOW_DAYS
    daily_rate = special_daily_rate(size) if is_special else base_daily_rate(size)
    return Price(daily_rate, daily_rate * duration, is_special)
