"""What Secrets Manager holds: PayMongo's keys and the key that signs redirect URLs.

Rotating needs no pause: what was signed with the secret before (AWSPREVIOUS) is accepted, and so is
what is signed with one that is newer than what is kept here.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from infra.aws import secretsmanager
from infra.settings import setting

# Long enough to cost nothing, short enough that a rotated secret is in use within minutes.
_KEEP_SECONDS = 300.0
# A signature that no kept secret made may be a newer one's. Asking again is bounded, for anybody
# can send bad signatures.
_ASK_AGAIN_SECONDS = 10.0
_CURRENT, _PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"

_cache: dict[tuple[str, str], tuple[float, str | None]] = {}


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
    return _keys(_current(setting("PAYMONGO_SECRET_ID")))


def other_webhook_secrets() -> Iterator[str]:
    """What may have signed a webhook that `paymongo_keys()` did not: the secret before, or one that
    is newer. Each is looked up when it is asked for.
    """
    for value in _others(setting("PAYMONGO_SECRET_ID")):
        if secret := _keys(value).webhook_secret:
            yield secret


def url_signing_key() -> bytes:
    """The key that signs redirect URLs."""
    return _current(setting("URL_SIGNING_SECRET_ID")).encode()


def other_url_signing_keys() -> Iterator[bytes]:
    """What may have signed a redirect URL that `url_signing_key()` did not."""
    for value in _others(setting("URL_SIGNING_SECRET_ID")):
        yield value.encode()


def _keys(value: str) -> PayMongoKeys:
    values = json.loads(value)
    return PayMongoKeys(
        secret_key=values["secretKey"], webhook_secret=values.get("webhookSecret", "")
    )


def _others(secret_id: str) -> Iterator[str]:
    current = _current(secret_id)
    previous = _version(secret_id, _PREVIOUS, _KEEP_SECONDS)
    if previous is not None:
        yield previous
    newer = _current(secret_id, _ASK_AGAIN_SECONDS)
    if newer != current:
        yield newer


def _current(secret_id: str, keep_seconds: float = _KEEP_SECONDS) -> str:
    value = _version(secret_id, _CURRENT, keep_seconds)
    if value is None:
        raise KeyError(secret_id)
    return value


def _version(secret_id: str, stage: str, keep_seconds: float) -> str | None:
    cached = _cache.get((secret_id, stage))
    if cached and time.monotonic() - cached[0] < keep_seconds:
        return cached[1]
    client = secretsmanager()
    value: str | None = None
    try:
        value = client.get_secret_value(SecretId=secret_id, VersionStage=stage)["SecretString"]
    except client.exceptions.ResourceNotFoundException:
        if stage == _CURRENT:
            raise
    _cache[secret_id, stage] = (time.monotonic(), value)
    return value
