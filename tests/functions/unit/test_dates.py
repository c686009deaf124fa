"""Days of rentals, as in Manila, and what a store's days off do to a due date."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import clock
from infra.settings import integer_setting
from rentals import dates

# 23:30 on Thursday the 26th in Manila.
LATE_ON_THURSDAY = datetime(2026, 11, 26, 15, 30, tzinfo=UTC)
MOMENTS = st.integers(1_700_000_000, 2_200_000_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)


@pytest.fixture(autouse=True)
def _day(monkeypatch: pytest.MonkeyPatch) -> None:
    set_day(86_400)
    monkeypatch.setattr(clock, "now", lambda: LATE_ON_THURSDAY)


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
        (tuple(dates.WEEKDAYS), "2026-11-27T23:59:59"),  # a store that never opens moves nothing
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


def test_ready_and_due_are_the_last_seconds_of_days_in_manila() -> None:
    ready_by, due = dates.expected(LATE_ON_THURSDAY, eta=2, duration=3)

    assert ready_by == datetime(2026, 11, 28, 15, 59, 59, tzinfo=UTC)
    assert due == datetime(2026, 12, 1, 15, 59, 59, tzinfo=UTC)


def test_a_rental_is_due_on_the_day_that_was_expected_if_it_is_picked_up_when_it_is_ready() -> None:
    ready_by, due = dates.expected(LATE_ON_THURSDAY, eta=2, duration=3)

    assert dates.due(ready_by, 3, days_off=()) == due


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (LATE_ON_THURSDAY, "Thu 26 Nov"),
        (datetime(2026, 11, 26, 16, 0, tzinfo=UTC), "Fri 27 Nov"),
        (datetime(2027, 1, 1, 15, 59, 59, tzinfo=UTC), "Fri 1 Jan 2027"),
    ],
)
def test_a_day_in_words_is_manilas(moment: datetime, words: str) -> None:
    assert dates.in_words(moment) == words


def test_where_days_are_short_the_time_is_said_as_well() -> None:
    set_day(30)

    ready_by, due = dates.expected(LATE_ON_THURSDAY, eta=2, duration=3)

    assert dates.in_words(ready_by) == "Thu 26 Nov, 23:31:29"
    assert dates.in_words(due) == "Thu 26 Nov, 23:32:59"


@pytest.mark.parametrize(("duration", "words"), [(1, "1 day later"), (30, "30 days later")])
def test_the_rule_says_how_long(duration: int, words: str) -> None:
    assert words in dates.rule(duration)
    assert "when you pick it up" in dates.rule(duration)
