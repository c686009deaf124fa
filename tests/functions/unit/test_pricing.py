"""What a rental costs (docs/architecture.md, Rules)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rentals.models import Size
from rentals.pricing import base_daily_rate, price_rental, special_daily_rate

sizes = st.sampled_from(Size)
durations = st.integers(1, 365)

# docs/paymongo.md: never below 2,000 centavos in total.
PAYMONGO_MINIMUM = 2_000


@pytest.mark.parametrize(
    ("size", "pesos"), [(Size.SMALL, 1_000), (Size.MEDIUM, 5_000), (Size.LARGE, 10_000)]
)
def test_daily_rate_depends_on_the_size(size: Size, pesos: int) -> None:
    assert base_daily_rate(size) == pesos * 100
    assert special_daily_rate(size) == pesos * 200


@pytest.mark.parametrize(
    ("duration", "is_special", "total_pesos"),
    [(1, True, 2_000), (6, True, 12_000), (7, False, 7_000), (365, False, 365_000)],
)
def test_fewer_than_seven_days_cost_twice_the_rate(
    duration: int, is_special: bool, total_pesos: int
) -> None:
    price = price_rental(Size.SMALL, duration)

    assert price.is_special_rate is is_special
    assert price.total_fee_centavos == total_pesos * 100


@pytest.mark.parametrize(("duration", "rate"), [(6, 3_000), (7, 1_500)])
def test_a_rate_of_its_own_is_in_the_place_of_the_sizes(duration: int, rate: int) -> None:
    price = price_rental(Size.LARGE, duration, 1_500_00)

    assert (price.daily_rate_centavos, price.total_fee_centavos) == (
        rate * 100,
        rate * 100 * duration,
    )


@given(sizes, durations)
def test_total_is_the_rate_that_applies_times_the_days(size: Size, duration: int) -> None:
    price = price_rental(size, duration)

    assert price.total_fee_centavos == price.daily_rate_centavos * duration
    assert price.daily_rate_centavos == base_daily_rate(size) * (2 if duration < 7 else 1)


@given(sizes, durations, durations)
def test_at_one_rate_a_longer_rental_costs_more(size: Size, one: int, other: int) -> None:
    shorter, longer = sorted((one, other))
    low, high = price_rental(size, shorter), price_rental(size, longer)

    if shorter < longer and low.is_special_rate is high.is_special_rate:
        assert low.total_fee_centavos < high.total_fee_centavos


@given(durations)
def test_a_bigger_collectible_costs_more(duration: int) -> None:
    totals = [price_rental(size, duration).total_fee_centavos for size in Size]

    assert totals == sorted(set(totals))


@given(sizes, durations)
def test_every_total_is_whole_pesos_and_payable_at_paymongo(size: Size, duration: int) -> None:
    total = price_rental(size, duration).total_fee_centavos

    assert total % 100 == 0
    assert total >= PAYMONGO_MINIMUM


@pytest.mark.parametrize("duration", [-1, 0, 366, 10**30])
def test_other_durations_have_no_price(duration: int) -> None:
    with pytest.raises(ValueError, match="duration must be 1 to 365 days"):
        price_rental(Size.SMALL, duration)
