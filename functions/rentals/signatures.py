"""Signatures: PayMongo's on webhooks, ours on redirect URLs; HMAC-SHA256, in constant time."""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TypeVar
from urllib.parse import urlencode

from rentals.errors import InvalidSignature

_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")


Key = TypeVar("Key")


def verify_with_any(verify: Callable[[Key], None], current: Key, others: Iterable[Key]) -> None:
    """`verify` with the current key, then with others that may still or already be in use.

    Raises InvalidSignature, for the reason that the current key gives.
    """
    try:
        verify(current)
    except InvalidSignature:
        for other in others:
            with suppress(InvalidSignature):
                verify(other)
                return
        raise


def verify_webhook(  # noqa: PLR0913 - all of them decide
    header: str, body: bytes, secret: str, *, is_live: bool, now: float, tolerance: float
) -> None:
    """Check `Paymongo-Signature: t=<unix>,te=<hex>,li=<hex>` over the raw body.

    The part to compare is chosen by our own mode, never by which one is filled: the other one is
    present and empty. `now` is Unix seconds, `tolerance` seconds either side. Raises
    InvalidSignature.
    """
    parts = dict(part.strip().partition("=")[::2] for part in header.split(","))
    sent_at, signature = parts.get("t", ""), parts.get("li" if is_live else "te", "")
    if not secret or not sent_at.isascii() or not sent_at.isdigit() or len(sent_at) > 12:
        raise InvalidSignature("the signature header is not readable")
    if not _HEX_SHA256.fullmatch(signature):
        raise InvalidSignature("the signature for our mode is missing")
    expected = hmac.new(secret.encode(), sent_at.encode() + b"." + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, signature):
        raise InvalidSignature("the signature does not match the body")
    if abs(now - int(sent_at)) > tolerance:
        raise InvalidSignature("the signature is too old")


def redirect_path(outcome: str, rental_id: str, key: bytes) -> str:
    """The signed path `/payment/<outcome>?rental_id=...&signature=...` of one rental."""
    query = urlencode({"rental_id": rental_id, "signature": _sign(outcome, rental_id, key)})
    return f"/payment/{outcome}?{query}"


def verify_redirect(outcome: str, rental_id: str, signature: str, key: bytes) -> None:
    """Check that we made this redirect URL. Raises InvalidSignature."""
    expected = _sign(outcome, rental_id, key)
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise InvalidSignature("this link was not made by us, or was changed")


def _sign(outcome: str, rental_id: str, key: bytes) -> str:
    return hmac.new(key, f"{outcome}:{rental_id}".encode(), hashlib.sha256).hexdigest()
