"""The days of a rental, by Manila's calendar, and the words for them."""

from datetime import UTC, datetime

import pytest

from infra import clock
from rentals import dates

# 23:30 on Thursday the 26th in Manila.
LATE_ON_THURSDAY = datetime(2026, 11, 26, 15, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def settings(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DAY_SECONDS", "86400")
    environment.setattr(clock, "now", lambda: LATE_ON_THURSDAY)


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


def test_where_days_are_short_the_time_is_said_as_well(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DAY_SECONDS", "30")

    ready_by, due = dates.expected(LATE_ON_THURSDAY, eta=2, duration=3)

    assert dates.in_words(ready_by) == "Thu 26 Nov, 23:31:29"
    assert dates.in_words(due) == "Thu 26 Nov, 23:32:59"


@pytest.mark.parametrize(("duration", "words"), [(1, "1 day later"), (30, "30 days later")])
def test_the_rule_says_how_long(duration: int, words: str) -> None:
    assert words in dates.rule(duration)
    assert "when you pick it up" in dates.rule(duration)
