"""Links of a rental: signed, where PayMongo sends its customer back to; and with its access key."""

import hashlib
import hmac
from collections.abc import Iterator
from urllib.parse import urlencode

from infra import secret_values
from infra.errors import InvalidSignature
from infra.settings import setting
from rentals.access_keys import access_key_of, access_secret


def url_signing_key() -> bytes:
    """The key that signs links."""
    return secret_values.current(setting("URL_SIGNING_SECRET_ID")).encode()


def other_url_signing_keys() -> Iterator[bytes]:
    """What may have signed a link that `url_signing_key()` did not (secret_values.others)."""
    for value in secret_values.others(setting("URL_SIGNING_SECRET_ID")):
        yield value.encode()


def redirect_path(page: str, rental_id: str, key: bytes, charge_id: str | None = None) -> str:
    """The signed path `/payment/<page>?rental_id=...&signature=...` of one rental, or of one of its
    charges.
    """
    subject = {"rental_id": rental_id, **({"charge_id": charge_id} if charge_id else {})}
    query = urlencode(subject | {"signature": _sign(page, charge_id or rental_id, key)})
    return f"/payment/{page}?{query}"


def verify_redirect(page: str, subject_id: str, signature: str, key: bytes) -> None:
    """Check that we made this link of a rental or charge. Raises InvalidSignature."""
    expected = _sign(page, subject_id, key)
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise InvalidSignature("this link was not made by us, or was changed")


def page_with_key(page: str, rental_id: str) -> str:
    """A page of the site about a rental, with its access key where no server is told of it."""
    key = access_key_of(rental_id, access_secret())
    return f"/{page}.html?{urlencode({'rental_id': rental_id})}#key={key}"


def _sign(page: str, subject_id: str, key: bytes) -> str:
    return hmac.new(key, f"{page}:{subject_id}".encode(), hashlib.sha256).hexdigest()
