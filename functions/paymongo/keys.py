"""PayMongo's keys, from Secrets Manager."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from infra import secret_values
from infra.settings import setting


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
    """The keys that are current."""
    return _keys(secret_values.current(setting("PAYMONGO_SECRET_ID")))


def other_webhook_secrets() -> Iterator[str]:
    """What may have signed a webhook that the current secret did not (secret_values.others)."""
    for value in secret_values.others(setting("PAYMONGO_SECRET_ID")):
        if secret := _keys(value).webhook_secret:
            yield secret


def _keys(value: str) -> PayMongoKeys:
    values = json.loads(value)
    return PayMongoKeys(
        secret_key=values["secretKey"], webhook_secret=values.get("webhookSecret", "")
    )
