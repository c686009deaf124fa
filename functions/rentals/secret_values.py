"""What Secrets Manager holds: PayMongo's keys and the key that signs redirect URLs."""

import json
import time
from dataclasses import dataclass, field

from rentals.aws import secretsmanager
from rentals.settings import setting

# Long enough to cost nothing, short enough that a rotated secret is in use within minutes.
_KEEP_SECONDS = 300.0

_cache: dict[str, tuple[float, str]] = {}


@dataclass(frozen=True, slots=True)
class PayMongoKeys:
    """`secret_key` calls the API; `webhook_secret` (whsk_...) verifies what PayMongo sends."""

    secret_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)

    @property
    def is_live(self) -> bool:
        """Whether the keys are for live mode; PayMongo tells modes apart by the key's prefix."""
        return self.secret_key.startswith("sk_live_")


def paymongo_keys() -> PayMongoKeys:
    """PayMongo's keys."""
    values = json.loads(_secret(setting("PAYMONGO_SECRET_ID")))
    return PayMongoKeys(
        secret_key=values["secretKey"], webhook_secret=values.get("webhookSecret", "")
    )


def url_signing_key() -> bytes:
    """The key that signs redirect URLs."""
    return _secret(setting("URL_SIGNING_SECRET_ID")).encode()


def _secret(secret_id: str) -> str:
    cached = _cache.get(secret_id)
    if cached and time.monotonic() - cached[0] < _KEEP_SECONDS:
        return cached[1]
    value = secretsmanager().get_secret_value(SecretId=secret_id)["SecretString"]
    _cache[secret_id] = (time.monotonic(), value)
    return value
