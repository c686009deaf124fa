"""Times and their lengths as people read and write them, in a terminal and in a browser."""

from infra import clock
from rentals import dates
from tools.ops.errors import NotUnderstood

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def manila(timestamp: str | None) -> str:
    """A time as stored, for people in stores: their date and time; nothing for none."""
    if timestamp is None:
        return ""
    return f"{dates.in_manila(clock.parse(timestamp)):%Y-%m-%d %H:%M:%S}"


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
