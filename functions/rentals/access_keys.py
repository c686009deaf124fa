"""A rental's access key: the right to pay and to cancel it, which its id is not.

The customer's browser has it, and what PayMongo's redirects lead to. Its secret is changed only
after a leak: from then on no key that was handed out opens anything.
"""

import hashlib
import hmac

from infra import secret_values
from infra.settings import setting
from rentals.errors import InvalidAccessKey


def access_secret() -> bytes:
    """The secret that access keys are made under."""
    return secret_values.current(setting("ACCESS_SECRET_ID")).encode()


def access_key_of(rental_id: str, secret: bytes) -> str:
    """The access key of one rental."""
    return hmac.new(secret, f"access:{rental_id}".encode(), hashlib.sha256).hexdigest()


def verify_access_key(rental_id: str, key: str, secret: bytes) -> None:
    """Check that this is the rental's key. Raises InvalidAccessKey."""
    if not hmac.compare_digest(access_key_of(rental_id, secret).encode(), key.encode()):
        raise InvalidAccessKey
