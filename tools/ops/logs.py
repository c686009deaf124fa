"""What the functions logged about a rental."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tools.ops.target import Target

Json = dict[str, Any]

# What every line says anyway.
_ROUTINE = {
    "level", "location", "message", "timestamp", "service", "rental_id", "xray_trace_id",
    "function_name", "function_arn", "function_memory_size", "function_request_id", "cold_start",
    "exception", "stack_trace", "state", "route",
}  # fmt: skip


@dataclass(frozen=True)
class LogLine:
    """One structured line of a function; `where` is the state or the route."""

    at: datetime
    where: str
    level: str
    message: str
    details: Json

    def to_json(self) -> Json:
        """For scripts."""
        return {
            "at": self.at.isoformat(),
            "where": self.where,
            "level": self.level,
            "message": self.message,
            **self.details,
        }


def of_rental(target: Target, rental_id: str, since: datetime) -> list[LogLine]:
    """Every line with this rental id from `since` on, oldest first: functions share one group."""
    pages = (
        target.client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=target.stack.physical_id("FunctionLogs"),
            startTime=int(since.timestamp() * 1000),
            filterPattern=f'"{rental_id}"',
        )
    )
    lines = (_line(event) for page in pages for event in page["events"])
    return sorted((line for line in lines if line is not None), key=lambda line: line.at)


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
    )
