"""The account's time, which a test can put ahead of the machine's."""

from collections.abc import Callable


class Clock:
    """Unix seconds. Deliveries, retries and a refund's outcome keep to the machine's own time."""

    def __init__(self, source: Callable[[], float]) -> None:
        self._source = source
        self.ahead_seconds = 0

    def now(self) -> int:
        """PayMongo's unit of time."""
        return int(self._source()) + self.ahead_seconds
