"""Times, sums and counts as people read and write them, in a terminal and in a browser."""

from datetime import datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from infra import clock
from rentals import dates
from rentals.models import CENTAVOS_PER_PESO
from tools.ops.errors import NotUnderstood

# Of every program that shows times.
ZONE_VARIABLE = "TIME_ZONE"
MANILA = "Asia/Manila"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

# None is Manila, which needs no database of time zones.
_zone: tzinfo | None = None


def choose_zone(name: str) -> None:
    """Show times by the clocks of a zone from now on. Raises NotUnderstood."""
    global _zone  # noqa: PLW0603 - one for the whole program, like its language
    try:
        _zone = None if name == MANILA else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise NotUnderstood(
            f"there is no time zone {name!r}", f"{ZONE_VARIABLE} is one as UTC or {MANILA}"
        ) from None


def zone() -> str:
    """Whose clocks times are shown by: `Manila`, `UTC`, `Europe/Berlin`."""
    return "Manila" if _zone is None else str(_zone)


def local(moment: datetime) -> datetime:
    """The same moment by those clocks."""
    return dates.in_manila(moment) if _zone is None else moment.astimezone(_zone)


def when(timestamp: str | None) -> str:
    """A time as stored, by those clocks; nothing for none."""
    return f"{local(clock.parse(timestamp)):%Y-%m-%d %H:%M:%S}" if timestamp else ""


def manila(timestamp: str | None) -> str:
    """A time as stored, by Manila's clocks, whatever zone was chosen; nothing for none."""
    return f"{dates.in_manila(clock.parse(timestamp)):%Y-%m-%d %H:%M:%S}" if timestamp else ""


def day(text: str) -> tuple[str, str]:
    """When a day like `2026-11-28` begins by those clocks, and when the next one does, as stored.
    Raises NotUnderstood.
    """
    try:
        date = datetime.fromisoformat(text).date()
    except ValueError:
        raise NotUnderstood(f"{text!r} is no day", "write it as 2026-11-28") from None
    clocks = local(clock.now()).tzinfo
    begins = (datetime.combine(each, time(), clocks) for each in (date, date + timedelta(days=1)))
    first, last = map(clock.timestamp, begins)
    return first, last


def pesos(centavos: int | None) -> str:
    """Money for people: `PHP 6,000.00`."""
    return "" if centavos is None else f"PHP {centavos / CENTAVOS_PER_PESO:,.2f}"


def counted(count: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def duration(seconds: float) -> str:
    """How long something took or takes: `480 ms`, `4.1 s`, `2 min 5 s`, `1 h 3 min`, `3 d 4 h`."""
    if seconds < 0.9995:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return _parts(minutes, "min", rest, "s")
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return _parts(hours, "h", minutes, "min")
    return _parts(hours // 24, "d", hours % 24, "h")


def _parts(large: int, unit: str, small: int, smaller_unit: str) -> str:
    return f"{large} {unit} {small} {smaller_unit}" if small else f"{large} {unit}"


def seconds_of(text: str) -> float:
    """`90s`, `30m`, `2h` or `1d` in seconds. Raises NotUnderstood."""
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isdecimal():
        raise NotUnderstood(f"{text!r} is no length of time", "write 30m, 2h or 1d")
    return float(number) * _UNITS[unit]
