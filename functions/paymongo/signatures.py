"""PayMongo's signatures on webhooks: HMAC-SHA256, compared in constant time (docs/paymongo.md)."""

import hashlib
import hmac
import re

from infra.errors import InvalidSignature

_CLOCKS_DIFFER_SECONDS = 300
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")


def signature_of(body: bytes, secret: str, sent_at: str) -> str:
    """PayMongo's signature of a raw body that is sent at these Unix seconds."""
    return hmac.new(secret.encode(), sent_at.encode() + b"." + body, hashlib.sha256).hexdigest()


def verify_webhook(  # noqa: PLR0913 - all of them decide
    header: str, body: bytes, secret: str, *, is_live: bool, now: float, tolerance: float
) -> None:
    """Check `Paymongo-Signature: t=<unix>,te=<hex>,li=<hex>` over the raw body.

    The part to compare is chosen by our own mode, never by which one is filled: the other one is
    present and empty. `now` is Unix seconds. A signature may be `tolerance` seconds old, because
    deliveries are repeated for hours, and a few minutes early, as clocks differ. Raises
    InvalidSignature.
    """
    parts: dict[str, str] = {}
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        parts[name] = value
    sent_at, signature = parts.get("t", ""), parts.get("li" if is_live else "te", "")
    if not secret or not sent_at.isascii() or not sent_at.isdigit() or len(sent_at) > 12:
        raise InvalidSignature("the signature header is not readable")
    if not _HEX_SHA256.fullmatch(signature):
        raise InvalidSignature("the signature for our mode is missing")
    if not hmac.compare_digest(signature_of(body, secret, sent_at), signature):
        raise InvalidSignature("the signature does not match the body")
    age = now - int(sent_at)
    if age > tolerance:
        raise InvalidSignature("the signature is too old")
    if age < -_CLOCKS_DIFFER_SECONDS:
        raise InvalidSignature("the signature is from the future")
