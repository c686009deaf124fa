"""Who has a rental's access key, and who is following a link."""

import pytest

from api import access
from api.requests import is_navigation
from rentals import links
from rentals.access_keys import access_key_of, verify_access_key
from rentals.errors import InvalidAccessKey
from rentals.identity import rental_id_for
from tests.support.samples import PENDING_RENTAL

SECRET = b"access-key"
KEY = access_key_of(PENDING_RENTAL.id, SECRET)


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (access, links):
        monkeypatch.setattr(module, "access_secret", lambda: SECRET)


def test_a_key_is_of_one_rental_and_one_secret() -> None:
    other_rental = rental_id_for("ana@example.com", None, b"")

    verify_access_key(PENDING_RENTAL.id, KEY, SECRET)
    for rental_id, secret in ((other_rental, SECRET), (PENDING_RENTAL.id, b"after a leak")):
        with pytest.raises(InvalidAccessKey):
            verify_access_key(rental_id, KEY, secret)


def test_who_sends_the_key_has_access_and_who_sends_none_has_not() -> None:
    for name in ("X-Rental-Key", "x-rental-key"):
        assert access.has_access({"headers": {name: KEY}}, PENDING_RENTAL)
    for headers in ({}, None, {"Authorization": KEY}):
        assert not access.has_access({"headers": headers}, PENDING_RENTAL)


@pytest.mark.parametrize(
    "key", ["", KEY[:-1], KEY.upper(), f"{KEY} ", "\u00e9\U0001f996", "0" * 64]
)
def test_another_key_is_refused_rather_than_ignored(key: str) -> None:
    with pytest.raises(InvalidAccessKey):
        access.has_access({"headers": {"X-Rental-Key": key}}, PENDING_RENTAL)


def test_pages_of_the_site_get_the_key_in_what_browsers_keep_to_themselves() -> None:
    page, _, fragment = links.page_with_key("success", PENDING_RENTAL.id).partition("#")

    assert page == f"/success.html?rental_id={PENDING_RENTAL.id}"
    assert fragment == f"key={KEY}"


@pytest.mark.parametrize(
    ("headers", "is_followed"),
    [
        ({}, True),  # an old browser, or the API used by hand
        ({"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, True),
        ({"sec-fetch-mode": "navigate"}, True),
        ({"Sec-Purpose": "prefetch"}, False),
        ({"Sec-Purpose": "prefetch;prerender", "Sec-Fetch-Mode": "navigate"}, False),
        ({"Purpose": "prefetch"}, False),
        ({"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, False),
        ({"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, False),
        ({"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, False),
    ],
)
def test_a_link_that_is_loaded_is_not_one_that_is_followed(
    headers: dict[str, str], is_followed: bool
) -> None:
    assert is_navigation({"headers": headers}) is is_followed
