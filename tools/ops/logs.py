"""What the functions logged about a rental."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from tools.ops.account import is_missing_here
from tools.ops.target import Target

Json = dict[str, Any]

_PARALLEL = 8
# What every line says anyway.
_ROUTINE = {
    "level", "location", "message", "timestamp", "service", "rental_id", "xray_trace_id",
    "function_name", "function_arn", "function_memory_size", "function_request_id", "cold_start",
    "exception", "stack_trace",
}  # fmt: skip


@dataclass(frozen=True)
class LogLine:
    """One structured line of a function."""

    at: datetime
    function: str
    level: str
    message: str
    details: Json

    def to_json(self) -> Json:
        """For scripts."""
        return {
            "at": self.at.isoformat(),
            "function": self.function,
            "level": self.level,
            "message": self.message,
            **self.details,
        }


def of_rental(target: Target, rental_id: str, since: datetime) -> list[LogLine]:
    """Every line with this rental id from `since` on, oldest first."""
    functions = target.stack.functions.items()
    with ThreadPoolExecutor(_PARALLEL) as pool:
        target.client("logs")  # made once, before threads ask for it
        found = pool.map(
            lambda each: list(_lines(target, each[0], each[1], rental_id, since)), functions
        )
        return sorted((line for lines in found for line in lines), key=lambda line: line.at)


def _lines(
    target: Target, logical_id: str, function: str, rental_id: str, since: datetime
) -> Iterator[LogLine]:
    pages = (
        target.client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=f"/aws/lambda/{function}",
            startTime=int(since.timestamp() * 1000),
            filterPattern=f'"{rental_id}"',
        )
    )
    try:
        for page in pages:
            for event in page["events"]:
                line = _line(logical_id, event)
                if line is not None:
                    yield line
    except ClientError as error:
        if not is_missing_here(error):
            raise  # a function that never ran has no log group


def _line(logical_id: str, event: Json) -> LogLine | None:
    try:
        entry = json.loads(event["message"])
        message, level = entry["message"], entry["level"]
    except (ValueError, KeyError, TypeError):
        return None  # the platform's own line, or a metric
    return LogLine(
        at=datetime.fromtimestamp(event["timestamp"] / 1000, UTC),
        function=logical_id.removesuffix("Function"),
        level=level,
        message=str(message),
        details={name: value for name, value in entry.items() if name not in _ROUTINE},
    )
