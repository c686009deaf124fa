"""Bad input is a clear 4xx that says what to change; nothing is written and nothing is started."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.sandbox import Json
from tests.support.shop import Shop

CHECKOUT = "/api/rentals/checkout"
JSON = {"Content-Type": "application/json"}


class Counter:
    """The shop before the bad input, and one collectible that it is about."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.collectible = shop.add_collectible()
        self.before = shop.counts()

    def body(self, **changes: Any) -> Json:
        """A checkout body with these changes; `customer` changes single fields."""
        body = self.shop.body(self.collectible)
        customer = changes.pop("customer", {})
        if isinstance(customer, dict):
            return body | changes | {"customer": body["customer"] | customer}
        return body | changes | {"customer": customer}


@pytest.fixture
def counter(shop: Shop) -> Iterator[Counter]:
    counter = Counter(shop)
    yield counter
    assert shop.counts() == counter.before
    assert shop.available(counter.collectible) == 1


def expect_refused(answer: httpx.Response, status: int, code: str) -> Json:
    """The envelope of a refusal, with a sentence for people."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    body: Json = answer.json()
    assert body["success"] is False
    assert body["code"] == code
    assert len(body["error"]) > 10
    assert "Traceback" not in answer.text
    return body


def wrong_fields(answer: httpx.Response) -> set[str]:
    """The fields that a validation error names, each with a message."""
    errors = expect_refused(answer, 400, "VALIDATION_ERROR")["errors"]
    assert all(error["message"] for error in errors)
    return {error["field"] for error in errors}


# What is wrong with each value: tests/functions/unit/test_requests.py.
WRONG_VALUES: dict[str, list[Any]] = {
    "duration": [0, -1, 366, "7", 1.5, 3.0, True, None, [3], 10**30, float("inf")],
    "payment_method": ["", "cash", "CARD", "paymaya", 1, None, ["card"]],
    "store_id": ["", "   ", "x" * 65, 7, None],
    "collectible_id": ["", "x" * 10_000, 7, None, {}],
    "customer": [None, "Ana", [], 7],
    "customer.name": ["", "  ", "x" * 101, "Ana\nCruz", "\x00", 7, None],
    "customer.email": ["", "ana", "a b@example.com", "ana@example", 7, None, "x" * 250 + "@a.com"],
    "customer.phone": ["", "123456", "+63 (91) - -", "0917-CALL-ANA", "1" * 21, 9170000000, None],
    "customer.address": ["", "x" * 201, "x" * 50_000, None],
    "customer.city": ["", "x" * 101, "\t", None],
    "customer.postal_code": ["", "120", "12000", "12OO", "１２００", 1200, None],  # noqa: RUF001
}


def test_wrong_field(counter: Counter) -> None:
    for field, values in WRONG_VALUES.items():
        group, _, name = field.rpartition(".")
        for value in values:
            change = {group: {name: value}} if group else {name: value}
            content = json.dumps(counter.body(**change))
            answer = counter.shop.site.post(CHECKOUT, content=content, headers=JSON)
            assert wrong_fields(answer) == {field}, value


def test_every_wrong_field_is_told_at_once(counter: Counter) -> None:
    body = counter.body(
        duration=0, payment_method="cash", customer={"email": "ana", "phone": "1", "nick": "A"}
    )
    del body["store_id"]
    del body["customer"]["city"]

    assert wrong_fields(counter.shop.post_checkout(body)) == {
        "duration",
        "payment_method",
        "store_id",
        "customer.email",
        "customer.phone",
        "customer.nick",
        "customer.city",
    }
    assert wrong_fields(counter.shop.post_checkout({})) == {
        "collectible_id",
        "store_id",
        "duration",
        "payment_method",
        "customer",
    }


def test_unknown_field(counter: Counter) -> None:
    """A price of one's own is not overlooked but refused."""
    for field in ("total_fee", "daily_rate", "paymentStatus", "x" * 5_000, "日本"):
        answer = counter.shop.post_checkout(counter.body(**{field: 1}))
        assert wrong_fields(answer) == {field}


def test_malformed_json(counter: Counter) -> None:
    valid = json.dumps(counter.body()).encode()
    for content in (
        b"",
        b"{",
        valid[:-1],
        valid + b"}",
        b"[]",
        b"null",
        b'"text"',
        b"7",
        b"[" * 50_000,
        b'{"duration":' + b"9" * 5_000 + b"}",
        b"\xff\xfe" + valid,
        b"collectible_id=col-001",
    ):
        answer = counter.shop.site.post(CHECKOUT, content=content, headers=JSON)
        expect_refused(answer, 400, "MALFORMED_JSON")


def test_a_body_that_does_not_say_that_it_is_json(counter: Counter) -> None:
    """What a page of another origin can send without asking first."""
    for media_type in ("text/plain", "application/x-www-form-urlencoded"):
        answer = counter.shop.site.post(
            CHECKOUT, content=json.dumps(counter.body()), headers={"Content-Type": media_type}
        )
        expect_refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


def test_text_that_is_not_unicode(counter: Counter) -> None:
    """Half a surrogate pair is valid JSON and no text."""
    content = json.dumps(counter.body(customer={"name": "REPLACED"}))
    for broken in (
        content.replace("REPLACED", "\\ud800"),
        content.replace('"duration"', '"\\udfff": 1, "duration"'),
        content.replace(counter.collectible, "\\ud800"),
    ):
        answer = counter.shop.site.post(CHECKOUT, content=broken.encode(), headers=JSON)
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.json()["success"] is False


def test_body_over_64_kilobytes(counter: Counter) -> None:
    body = counter.body(customer={"address": "x" * 66_000})

    expect_refused(counter.shop.post_checkout(body), 413, "BODY_TOO_LARGE")


def test_unknown_ids(counter: Counter) -> None:
    shop = counter.shop
    for path in (CHECKOUT, "/api/rentals/quote"):
        for change, code in (
            ({"collectible_id": "col-999"}, "COLLECTIBLE_NOT_FOUND"),
            ({"collectible_id": "../col-001"}, "COLLECTIBLE_NOT_FOUND"),
            ({"store_id": "store-z"}, "STORE_NOT_FOUND"),
        ):
            body = counter.body(**change)
            if path != CHECKOUT:
                body = {key: body[key] for key in ("collectible_id", "store_id", "duration")}
            expect_refused(shop.site.post(path, json=body), 404, code)
    for rental_id in ("unknown", "x" * 3_000, "%00", "%F0%9F%A6%96"):
        answer = shop.site.get(f"/api/rentals/{rental_id}")
        expect_refused(answer, 404, "RENTAL_NOT_FOUND")
    for store_id in ("store-z", "", "x" * 3_000):
        answer = shop.site.get("/api/collectibles", params={"store_id": store_id})
        expect_refused(answer, 404, "STORE_NOT_FOUND")


def test_wrong_quote(counter: Counter) -> None:
    quote = {"collectible_id": counter.collectible, "store_id": "store-a"}
    for duration in (0, 366, "7", 1.5, None):
        answer = counter.shop.site.post("/api/rentals/quote", json=quote | {"duration": duration})
        assert wrong_fields(answer) == {"duration"}


def test_wrong_idempotency_key(counter: Counter) -> None:
    for key in ("", "x" * 256, "two words", "tab\there"):
        answer = counter.shop.post_checkout(counter.body(), key)
        assert wrong_fields(answer) == {"Idempotency-Key"}, key


def test_wrong_verb_and_unknown_route(counter: Counter) -> None:
    site = counter.shop.site
    for verb, path in (
        ("PUT", CHECKOUT),
        ("DELETE", CHECKOUT),
        ("GET", CHECKOUT),
        ("GET", "/api/rentals/quote"),
        ("PATCH", "/api/rentals/quote"),
        ("POST", "/api/collectibles"),
        ("DELETE", "/api/rentals/some-id"),
        ("GET", "/api/webhooks/paymongo"),
        ("POST", "/payment/success"),
        ("POST", "/payment/failed"),
        ("GET", "/payment/other"),
        ("GET", "/api/nothing"),
        ("GET", "/api/"),
        ("GET", "/api/rentals/some-id/customer"),
        ("GET", "/api/rentals/a%0Ab"),
        ("POST", "/api/rentals/%0A/cancel"),
    ):
        expect_refused(site.request(verb, path), 404, "ROUTE_NOT_FOUND")


def test_longest_and_strangest_input_that_is_right(shop: Shop) -> None:
    """The limits are inside what is allowed, and names are not only ASCII."""
    customer = {
        "name": "Ñ" * 100,
        "email": f"{'x' * 60}@{'y' * 60}.example.com",
        "phone": "+(63) (917)-000-0000",
        "address": "🏠" * 200,
        "city": "Parañaque",
        "postal_code": "0900",
    }
    for duration, method in ((1, "qrph"), (365, "ubp")):
        rental = shop.checkout(
            shop.add_collectible(size="Large"),
            duration=duration,
            payment_method=method,
            customer=customer,
        )
        assert rental["total_fee"] == {1: 20_000, 365: 3_650_000}[duration]
        assert not shop.cancel(rental)
        shop.wait_for_status(rental["rental_id"], "cancelled")
