"""Days of rentals, as in Manila, and what a store's days off do to a due date."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.settings import integer_setting
from rentals import dates

MOMENTS = st.integers(1_700_000_000, 2_200_000_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)


@pytest.fixture(autouse=True)
def _day() -> None:
    set_day(86_400)


def set_day(seconds: int) -> None:
    integer_setting.cache_clear()
    patch = pytest.MonkeyPatch()
    patch.setenv("DAY_SECONDS", str(seconds))
    assert dates.day_seconds() == seconds
    patch.undo()


def manila(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00")


@pytest.mark.parametrize(
    ("picked_up", "days", "due"),
    [
        ("2026-11-26T00:00:00", 1, "2026-11-27T23:59:59"),
        ("2026-11-26T23:59:59", 1, "2026-11-27T23:59:59"),
        ("2026-12-30T12:00:00", 3, "2027-01-02T23:59:59"),
        ("2028-02-28T12:00:00", 1, "2028-02-29T23:59:59"),
        ("2026-01-01T12:00:00", 365, "2027-01-01T23:59:59"),
    ],
)
def test_a_rental_is_due_at_the_end_of_a_day_in_manila(picked_up: str, days: int, due: str) -> None:
    assert dates.due(manila(picked_up), days, ()) == manila(due)


@pytest.mark.parametrize(
    ("days_off", "due"),
    [
        (("2026-11-27",), "2026-11-28T23:59:59"),
        (("2026-11-27", "Saturday", "Sunday"), "2026-11-30T23:59:59"),
        (("Thursday",), "2026-11-27T23:59:59"),
        (("Friday",), "2026-11-28T23:59:59"),
        (tuple(dates._WEEKDAYS), "2026-11-27T23:59:59"),  # a store that never opens moves nothing
    ],
)
def test_a_store_that_is_closed_moves_the_due_date_to_its_next_open_day(
    days_off: tuple[str, ...], due: str
) -> None:
    assert dates.due(manila("2026-11-26T12:00:00"), 1, days_off) == manila(due)


@given(moment=MOMENTS, count=st.integers(0, 365), seconds=st.sampled_from([10, 30, 3_600, 86_400]))
def test_the_end_of_a_day_is_its_last_second(moment: datetime, count: int, seconds: int) -> None:
    set_day(seconds)

    end = dates.in_days(moment, count)

    assert dates.day_of(end) == dates.day_of(moment) + count
    assert dates.day_of(end + timedelta(seconds=1)) == dates.day_of(end) + 1
    assert dates.day_of(moment) * seconds <= moment.timestamp() + 8 * 3_600
