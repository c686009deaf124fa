"""What the functions logged."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tools.ops.target import Target

Json = dict[str, Any]

# What every line says anyway.
_ROUTINE = {
    "level", "location", "message", "timestamp", "service", "rental_id", "xray_trace_id",
    "function_name", "function_arn", "function_memory_size", "function_request_id", "cold_start",
    "exception", "stack_trace", "state", "route",
}  # fmt: skip
_PLATFORM_ERRORS = ("Task timed out", "Runtime.", "Process exited")
_ERRORS = ("ERROR", "CRITICAL", *_PLATFORM_ERRORS)
_WORTH_A_LOOK = ("ERROR", "CRITICAL")
# CloudWatch takes seconds to show a line, and not all in their order.
_LATEST_ARRIVAL = timedelta(seconds=60)
_POLL_SECONDS = 2.0


@dataclass(frozen=True)
class LogLine:
    """One structured line of a function; `where` is the state or the route, `rental_id` the rental
    that it is about, if it is about one.
    """

    at: datetime
    where: str
    level: str
    message: str
    details: Json
    rental_id: str | None = None

    def to_json(self) -> Json:
        """For scripts."""
        return {
            "at": self.at.isoformat(),
            "where": self.where,
            "level": self.level,
            "message": self.message,
            **({"rental_id": self.rental_id} if self.rental_id else {}),
            **self.details,
        }


def of_rental(target: Target, rental_id: str, since: datetime) -> list[LogLine]:
    """Every line with this rental id from `since` on, oldest first: functions share one group."""
    lines = map(_line, _events(target, since, rental_id))
    return sorted((line for line in lines if line is not None), key=lambda line: line.at)


def recent(
    target: Target, since: datetime, *, term: str | None, only_errors: bool
) -> list[LogLine]:
    """Lines of all functions from `since` on, oldest first: with this text in them, or that tell of
    an error, the platform's own included (time-outs, functions that could not be loaded).
    """
    terms: Sequence[str | None] = [term] if term else _ERRORS if only_errors else [None]
    # MiniStack treats OR terms as AND, so filter one term at a time.
    events = {
        (event["timestamp"], event.get("logStreamName"), event["message"]): event
        for each in terms
        for event in _events(target, since, each)
    }.values()
    found = []
    for event in events:
        line = _line(event) or _platform_line(event)
        is_wanted = not only_errors or (line is not None and line.level in _WORTH_A_LOOK)
        if line is not None and is_wanted and (not term or term in event["message"]):
            found.append(line)
    return sorted(found, key=lambda line: line.at)


def follow(
    read: Callable[[datetime], Sequence[LogLine]],
    since: datetime,
    *,
    poll_seconds: float = _POLL_SECONDS,
) -> Iterator[LogLine]:
    """Lines from `since` on as they come in, each once, for as long as somebody asks for more.

    `read` gives the lines from a time on. The last minute is read again each time: a line that
    arrives after later ones is not missed.
    """
    seen: dict[str, datetime] = {}
    while True:
        for line in read(since):
            key = json.dumps(line.to_json(), default=str)
            if key not in seen:
                seen[key] = line.at
                yield line
        since = max(since, datetime.now(UTC) - _LATEST_ARRIVAL)
        # Times are asked for in whole milliseconds.
        seen = {key: at for key, at in seen.items() if at >= since - timedelta(milliseconds=1)}
        time.sleep(poll_seconds)


def _events(target: Target, since: datetime, term: str | None) -> Iterator[Json]:
    pages = (
        target.client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=target.stack.physical_id("FunctionLogs"),
            startTime=int(since.timestamp() * 1000),
            **({"filterPattern": f'"{term}"'} if term else {}),
        )
    )
    for page in pages:
        yield from page["events"]


def _platform_line(event: Json) -> LogLine | None:
    """What Lambda says when a function cannot: everything else of its own is routine."""
    message = event["message"].strip()
    if not any(each in message for each in _PLATFORM_ERRORS):
        return None
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    return LogLine(at, event.get("logStreamName", ""), "ERROR", message, {})


def _line(event: Json) -> LogLine | None:
    try:
        entry = json.loads(event["message"])
        message, level = entry["message"], entry["level"]
    except (ValueError, KeyError, TypeError):
        return None  # the platform's own line, or a metric
    return LogLine(
        at=datetime.fromtimestamp(event["timestamp"] / 1000, UTC),
        where=entry.get("state") or entry.get("route") or "",
        level=level,
        message=str(message),
        details={name: value for name, value in entry.items() if name not in _ROUTINE},
        rental_id=entry.get("rental_id"),
    )
