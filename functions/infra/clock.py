"""Time as it is stored and shown: ISO 8601, UTC, milliseconds, so that strings sort by time."""

from datetime import UTC, datetime, timedelta


def now() -> datetime:
    """The current time, UTC."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """`moment` as stored: `2026-01-31T10:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def timestamp_of(unix_seconds: int) -> str:
    """A Unix time as stored."""
    return timestamp(datetime.fromtimestamp(unix_seconds, UTC))


def now_timestamp() -> str:
    """The current time as stored."""
    return timestamp(now())


def timestamp_in(seconds: float) -> str:
    """The time `seconds` from now, as stored."""
    return timestamp(now() + timedelta(seconds=seconds))


def parse(stored: str) -> datetime:
    """A time as stored, or as Step Functions writes it."""
    return datetime.fromisoformat(stored)
