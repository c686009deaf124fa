"""What API Gateway itself refuses of a request: the other engine has no validators."""

from collections.abc import Iterator

import pytest

from tests.support.shop import Shop

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def untouched(shop: Shop) -> Iterator[Shop]:
    before = shop.counts()
    yield shop
    assert shop.counts() == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/rentals/checkout", b"{"),
        ("/api/rentals/checkout", b"[]"),
        ("/api/rentals/checkout", b"{}"),
        ("/api/rentals/checkout", b""),
        ("/api/rentals/quote", b'{"collectible_id":"col-001","store_id":"store-a","duration":"7"}'),
    ],
)
def test_a_body_of_another_shape(untouched: Shop, path: str, body: bytes) -> None:
    answer = untouched.site.post(path, content=body, headers=JSON)

    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR"), answer.text
    assert "/openapi.json" in answer.json()["error"]


def test_a_header_that_is_missing_is_named(untouched: Shop) -> None:
    answer = untouched.site.post("/api/rentals/some-id/cancel")

    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR"), answer.text
    assert "X-Rental-Key" in answer.json()["error"]


def test_a_body_that_says_it_is_something_else_is_the_functions_to_refuse(untouched: Shop) -> None:
    answer = untouched.site.post(
        "/api/rentals/checkout", content=b"{}", headers={"Content-Type": "text/plain"}
    )

    assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE"), (
        answer.text
    )
