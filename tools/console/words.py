"""Times and JSON as people read them in the console."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tools.ops.history import unpacked
from tools.ops.words import duration, local

_HIDDEN = "(hidden)"
_SECRET = re.compile(r"token", re.IGNORECASE)


def between(start: datetime, end: datetime | None) -> str:
    """From one moment to another, or to now."""
    return duration(((end or datetime.now(UTC)) - start).total_seconds())


def moment(at: datetime) -> str:
    """A moment to the second."""
    return f"{local(at):%Y-%m-%d %H:%M:%S}"


def clock(at: datetime) -> str:
    """The time of a moment, to the millisecond."""
    at = local(at)
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"


def pretty(text: str) -> str:
    """JSON indented and without task tokens, also inside of its strings; else the text as it is."""
    value = unpacked(text)
    return value if isinstance(value, str) else _indented(value)


def details(values: Mapping[str, Any]) -> str:
    """An event's details, like `pretty`."""
    return _indented(values)


def inline(value: object) -> str:
    """A value on one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def stack_trace(text: str) -> str:
    """Where a Lambda function failed, or nothing."""
    value = unpacked(text)
    lines = value.get("stackTrace") if isinstance(value, dict) else None
    return "".join(map(str, lines)).rstrip() if isinstance(lines, list) else ""


def _indented(value: object) -> str:
    return json.dumps(_readable(value), indent=2, ensure_ascii=False, default=str)


def _readable(value: object, name: str = "") -> object:
    if _SECRET.search(name):
        return _HIDDEN
    value = unpacked(value)
    if isinstance(value, Mapping):
        return {key: _readable(each, str(key)) for key, each in value.items()}
    if isinstance(value, list):
        return [_readable(each) for each in value]
    return value
