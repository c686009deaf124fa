"""Days of rentals (docs/architecture.md, Rules): day n is floor((t + 8 h) / DAY_SECONDS), as in
Manila, which has no summer time. DAY_SECONDS is 86,400; a laptop may live faster.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta, timezone

from infra import clock
from infra.settings import integer_setting

_MANILA = timedelta(hours=8)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LONGEST_CLOSURE_DAYS = 31
_WHOLE_DAY_SECONDS = 86_400


def day_seconds() -> int:
    """Seconds of a day."""
    return integer_setting("DAY_SECONDS")


def days(count: float) -> timedelta:
    """So many days."""
    return timedelta(seconds=count * day_seconds())


def day_of(moment: datetime) -> int:
    """The number of the day that has this moment."""
    return (moment - _EPOCH + _MANILA) // timedelta(seconds=day_seconds())


def end_of_day(day: int) -> datetime:
    """The last second of a day."""
    return _EPOCH - _MANILA + timedelta(seconds=(day + 1) * day_seconds() - 1)


def in_days(moment: datetime, count: int) -> datetime:
    """The last second of the day that is `count` days after that of `moment`."""
    return end_of_day(day_of(moment) + count)


def expected(paid: datetime, eta: int, duration: int) -> tuple[datetime, datetime]:
    """By when a rental that is paid at this moment is ready at its store, `eta` days later, and
    when it is due if it is picked up on that day.
    """
    ready_by = in_days(paid, eta)
    return ready_by, in_days(ready_by, duration)


def in_manila(moment: datetime) -> datetime:
    """The same moment by Manila's clocks."""
    return moment.astimezone(timezone(_MANILA))


def in_words(moment: datetime) -> str:
    """`Sat 28 Nov` in Manila, with the year when it is not this one, and with the time of day where
    days are short. The site's format.js does the same.
    """
    there = in_manila(moment)
    day = f"{there:%a} {there.day} {there:%b}"
    if there.year != in_manila(clock.now()).year:
        day += f" {there.year}"
    return day if day_seconds() == _WHOLE_DAY_SECONDS else f"{day}, {there:%H:%M:%S}"


def rule(duration: int) -> str:
    """When a rental of `duration` days begins and ends, for customers."""
    return (
        "The days begin when you pick it up; it is due by the end of the day,"
        f" {number_of_days(duration)} later (Manila time)."
    )


def number_of_days(count: int) -> str:
    """`1 day`, `3 days`."""
    return f"{count} day{'s' * (count > 1)}"


def due(picked_up: datetime, duration: int, days_off: Collection[str]) -> datetime:
    """When a rental of `duration` days is due: at the end of the last day, or of the next one on
    which the store is open.
    """
    last = day_of(picked_up) + duration
    days_after = (last + n for n in range(_LONGEST_CLOSURE_DAYS))
    return end_of_day(next((day for day in days_after if not _is_off(day, days_off)), last))


def _is_off(day: int, days_off: Collection[str]) -> bool:
    if WEEKDAYS[(day + 3) % 7] in days_off:  # the epoch was a Thursday
        return True
    ordinal = day + _EPOCH_ORDINAL
    return ordinal <= date.max.toordinal() and date.fromordinal(ordinal).isoformat() in days_off
