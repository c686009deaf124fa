"""What can be set when the sandbox starts."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

TEST_PREFIX = "sk_test_"
LIVE_PREFIX = "sk_live_"


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one sandbox; times are seconds, scaled down from PayMongo's own.

    Raises ValueError for keys that PayMongo would never issue.
    """

    secret_key: str = "sk_test_sandbox"  # noqa: S105 (opens nothing but this sandbox)
    live_secret_key: str | None = None
    """Resources made with this key are `livemode` true and invisible to the test key."""
    public_url: str = "http://127.0.0.1:8001"
    """Where the customer's browser reaches the hosted checkout page."""
    merchant_name: str = "MongoCollectibles"
    state_file: Path | None = None
    """SQLite file that outlives the process; in memory when None."""
    inactive_payment_methods: frozenset[str] = frozenset()
    whole_refunds_only: frozenset[str] = frozenset()
    """Payment methods that give no part back."""
    refund_seconds: float = 1.0
    """From a refund's `pending` to `succeeded`."""
    webhook_timeout_seconds: float = 30.0
    webhook_retries: int = 12
    webhook_retry_seconds: float = 30.0
    """All retries of one delivery together; PayMongo takes about 136 minutes."""
    webhook_transport: httpx.AsyncBaseTransport | None = field(default=None, repr=False)
    """Replaces the network for deliveries (tests in the same process)."""
    time: Callable[[], float] = field(default=time.time, repr=False)
    """Unix seconds; replaces the machine's clock where payments and refunds age."""

    def __post_init__(self) -> None:
        if not self.secret_key.startswith(TEST_PREFIX):
            raise ValueError(f"the secret key must start with {TEST_PREFIX}")
        if self.live_secret_key is not None and not self.live_secret_key.startswith(LIVE_PREFIX):
            raise ValueError(f"the live secret key must start with {LIVE_PREFIX}")

    def livemode_of(self, key: str) -> bool | None:
        """The mode an API key selects; None when it is not a key of this account."""
        if key == self.secret_key:
            return False
        if self.live_secret_key is not None and key == self.live_secret_key:
            return True
        return None
