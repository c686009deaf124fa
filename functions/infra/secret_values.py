"""What Secrets Manager holds, kept for a while.

Rotating needs no pause: what was signed with the secret before (AWSPREVIOUS) is accepted, and so is
what is signed with one that is newer than what is kept here.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

from infra.aws import secretsmanager
from infra.errors import InvalidSignature

Key = TypeVar("Key")

# Long enough to cost nothing, short enough that a rotated secret is in use within minutes.
_KEEP_SECONDS = 300.0
# An unknown signature may be made with a secret that was rotated in after ours was cached: fetch it
# again, but not more often than this, because anyone can send bad signatures.
_FETCH_AGAIN_SECONDS = 10.0
_CURRENT, _PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"

_cache: dict[tuple[str, str], tuple[float, str | None]] = {}


def current(secret_id: str, keep_seconds: float = _KEEP_SECONDS) -> str:
    """The secret, at most `keep_seconds` old. Raises KeyError when it has no value."""
    value = _version(secret_id, _CURRENT, keep_seconds)
    if value is None:
        raise KeyError(secret_id)
    return value


def others(secret_id: str) -> Iterator[str]:
    """Values that may have signed what `current` did not: the previous one, then a newer one. Each
    is looked up when it is asked for.
    """
    known = current(secret_id)
    previous = _version(secret_id, _PREVIOUS, _KEEP_SECONDS)
    if previous is not None:
        yield previous
    newer = current(secret_id, _FETCH_AGAIN_SECONDS)
    if newer != known:
        yield newer


def verify_with_any(verify: Callable[[Key], None], key: Key, other_keys: Iterable[Key]) -> None:
    """`verify` with the current key, then with others that may still or already be in use.

    Raises InvalidSignature, for the reason that the current key gives.
    """
    try:
        verify(key)
    except InvalidSignature:
        for other in other_keys:
            with suppress(InvalidSignature):
                verify(other)
                return
        raise


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
    if stage == _CURRENT and cached and value != cached[1]:
        _cache.pop((secret_id, _PREVIOUS), None)  # it was rotated: another one is previous now
    _cache[secret_id, stage] = (time.monotonic(), value)
    return value
