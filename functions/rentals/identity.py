"""Names made under a secret of the stack: who does not know it can neither compute nor test them.

That secret is never rotated: a repeated checkout finds its rental by a name that was made before.
"""

import hashlib
import hmac
import ipaddress
import json
import uuid

from infra import secret_values
from infra.settings import setting

# A Philippine number without its country code (+63) or trunk prefix (0).
_PHONE_DIGITS = 10
_FEWEST_DIGITS = 7


def identity_secret() -> bytes:
    """The secret that names are made under."""
    return secret_values.current(setting("IDENTITY_SECRET_ID")).encode()


def rental_id_for(email: str, idempotency_key: str | None, secret: bytes) -> str:
    """The rental's id: the same for the same customer and key, random without a key."""
    key = idempotency_key or str(uuid.uuid4())
    digest = _digest("rental", [normalized(email), key], secret)
    return str(uuid.UUID(bytes=digest[:16], version=5))


def customer_key(email: str, secret: bytes) -> str:
    """Key of a customer's row: says nothing about who it is."""
    return _digest("customer", [normalized(email)], secret).hex()


def phone_key(phone: str, secret: bytes) -> str | None:
    """Key of a phone number, however it is written; None for what is none: `0917 123 4567`,
    `+63 (917) 123-4567` and `917 123 4567` are one.
    """
    digits = "".join(each for each in phone if each.isdigit())
    if len(digits) < _FEWEST_DIGITS or any(each.isalpha() for each in phone):
        return None
    return _digest("phone", [digits[-_PHONE_DIGITS:]], secret).hex()


def source_key(address: str, secret: bytes) -> str:
    """Key of where requests come from: an IPv4 address, or the /64 of an IPv6 one, which is what
    one household or server has at least. Raises ValueError for what is no address.
    """
    source = ipaddress.ip_address(address)
    if isinstance(source, ipaddress.IPv6Address):
        source = source.ipv4_mapped or ipaddress.ip_network((source, 64), strict=False)[0]
    return _digest("source", [str(source)], secret).hex()


def normalized(email: str) -> str:
    """An address as it names a customer: case and space around it do not matter."""
    return email.strip().lower()


def _digest(label: str, parts: list[str], secret: bytes) -> bytes:
    return hmac.new(secret, json.dumps([label, *parts]).encode(), hashlib.sha256).digest()
