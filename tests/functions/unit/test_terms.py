"""What a rental costs besides its rent, for any sums and any dates."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import clock
from rentals import terms
from rentals.models import PaymentMethod
from rentals.pricing import share
from tests.support.samples import TERMS, pending_rental
from tests.support.tables import forget_settings

DUE = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
CENTAVOS = st.integers(0, 100_000_000)
SECONDS_LATE = st.integers(-40 * 86_400, 40 * 86_400)


@pytest.fixture(autouse=True, scope="module")
def settings() -> Iterator[None]:
    """As the template has them, for every example."""
    forget_settings()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"DAY_SECONDS": "86400", "COLLECTION_DAYS": "7", **TERMS}.items():
            patch.setenv(name, value)
        yield
    forget_settings()


def _late_fee(seconds_late: int) -> int:
    back_at = clock.timestamp(DUE + timedelta(seconds=seconds_late))
    rental = replace(
        pending_rental(), due_at=clock.timestamp(DUE), base_daily_rate_centavos=100_000
    )
    return terms.late_fee(rental, back_at)


@given(SECONDS_LATE, SECONDS_LATE)
def test_a_later_return_never_costs_less_and_never_more_than_the_cap(one: int, other: int) -> None:
    earlier, later = sorted((one, other))

    assert 0 <= _late_fee(earlier) <= _late_fee(later) <= 14 * 100_000


def test_a_return_within_the_grace_is_free_and_a_started_day_counts() -> None:
    assert [_late_fee(3600), _late_fee(86_400), _late_fee(86_401)] == [0, 100_000, 200_000]


@given(CENTAVOS, CENTAVOS, CENTAVOS)
def test_late_fee_and_damage_stay_within_the_value_and_the_late_fee_is_cut_first(
    value: int, late: int, damage: int
) -> None:
    rental = replace(pending_rental(), replacement_value_centavos=value)

    asked_late, asked_damage = terms.within_value(rental, late, damage)

    assert asked_late + asked_damage == min(value, late + damage)
    assert asked_damage == min(value, damage)


@given(CENTAVOS, st.integers(0, 100))
def test_a_share_is_whole_pesos_and_its_odd_centavos_stay_with_the_customer(
    centavos: int, percent: int
) -> None:
    kept = share(centavos, percent)

    assert kept % 100 == 0
    assert 0 <= centavos * percent - kept * 100 < 100 * 100


@given(CENTAVOS, st.sampled_from(PaymentMethod), st.integers(1, 60), st.integers(1, 365))
def test_a_deposit_is_taken_online_only_if_a_part_can_go_back_until_it_was_inspected(
    wanted: int, method: PaymentMethod, eta: int, duration: int
) -> None:
    deposit = terms.deposit_for(wanted, method, eta, duration)

    assert deposit.online + deposit.at_counter == wanted
    if deposit.online:
        assert method.gives_parts_back
        assert eta + duration + 7 + 14 + 7 <= method.refund_days
