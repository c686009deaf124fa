"""One request, one rental, however often it is sent (Idempotency-Key), and asynchronous answers."""

import uuid
from functools import partial

from tests.support.shop import Json, Shop, at_once, new_address


def rentals_of(shop: Shop, body: Json) -> list[Json]:
    """The rows of a customer's rentals."""
    email = body["customer"]["email"]
    return [row for row in shop.rows("Rentals") if row["customer"]["email"] == email]


def new_request(shop: Shop, units: int = 1) -> tuple[str, Json, str]:
    """A collectible, a checkout of it, and an Idempotency-Key."""
    collectible = shop.add_collectible(units=units)
    return collectible, shop.body(collectible), str(uuid.uuid4())


def test_same_key_at_once(shop: Shop) -> None:
    collectible, body, key = new_request(shop, units=5)

    answers = at_once(*[partial(shop.post_checkout, body, key)] * 5)

    assert {answer.status_code for answer in answers} <= {200, 202}
    assert len({answer.json()["data"]["rental_id"] for answer in answers}) == 1
    (row,) = rentals_of(shop, body)
    shop.wait_until_payable(row["id"])
    assert shop.available(collectible) == 4
    assert len(shop.paymongo.sessions(row["id"])) == 1


def test_same_key_later(shop: Shop) -> None:
    collectible, body, key = new_request(shop, units=2)
    first = shop.post_checkout(body, key)
    rental = shop.wait_until_payable(first.json()["data"]["rental_id"])

    again = shop.post_checkout(body, key)

    assert again.status_code == 200
    assert again.json()["data"]["rental_id"] == rental["rental_id"]
    assert again.json()["data"]["payment_url"] == rental["payment_url"]
    assert len(rentals_of(shop, body)) == 1
    assert shop.available(collectible) == 1


def test_same_key_after_payment(shop: Shop) -> None:
    collectible, body, key = new_request(shop, units=2)
    rental = shop.wait_until_payable(shop.post_checkout(body, key).json()["data"]["rental_id"])
    shop.pay_and_complete(rental)

    again = shop.post_checkout(body, key)

    assert again.status_code == 200
    data = again.json()["data"]
    assert (data["rental_id"], data["status"]) == (rental["rental_id"], "completed")
    assert data["payment_url"] is None
    assert shop.available(collectible) == 1


def test_same_key_after_the_rental_ended(shop: Shop) -> None:
    collectible, body, key = new_request(shop)
    rental = shop.wait_until_payable(shop.post_checkout(body, key).json()["data"]["rental_id"])
    shop.cancel_and_end(rental)

    again = shop.post_checkout(body, key)

    assert again.status_code == 409
    assert again.json()["code"] == "RENTAL_ENDED"
    assert shop.available(collectible) == 1
    new = shop.post_checkout(body, str(uuid.uuid4()))
    assert new.status_code in (200, 202)


def test_same_key_after_a_refusal(shop: Shop) -> None:
    """Nothing was kept of what was refused: there is a unit by now."""
    collectible, body, key = new_request(shop, units=0)
    assert shop.post_checkout(body, key).json()["code"] == "NO_UNIT_AVAILABLE"
    shop.add_units(collectible, "wh-001")

    first, again = (shop.post_checkout(body, key) for _ in range(2))
    assert first.status_code in (200, 202)
    assert again.json()["data"]["rental_id"] == first.json()["data"]["rental_id"]


def test_same_key_with_another_body(shop: Shop) -> None:
    collectible, body, key = new_request(shop, units=2)
    rental_id = shop.post_checkout(body, key).json()["data"]["rental_id"]
    shop.wait_until_payable(rental_id)

    changes: list[Json] = [
        {"duration": 4},
        {"store_id": "store-b"},
        {"payment_method": "card"},
        {"customer": body["customer"] | {"address": "2 Rizal Street"}},
    ]
    for change in changes:
        answer = shop.post_checkout(body | change, key)
        assert answer.status_code == 422
        assert answer.json()["code"] == "IDEMPOTENCY_KEY_REUSED"

    assert [row["id"] for row in rentals_of(shop, body)] == [rental_id]
    assert shop.available(collectible) == 1


def test_same_key_of_another_customer_is_another_request(shop: Shop) -> None:
    """A guessed key shows nobody's rental."""
    collectible = shop.add_collectible(units=2)
    answers = [shop.post_checkout(shop.body(collectible), "1") for _ in range(2)]

    first, second = (answer.json()["data"]["rental_id"] for answer in answers)

    assert first != second


def test_spelling_does_not_make_another_request(shop: Shop) -> None:
    """Spaces around a value are not part of it."""
    _, body, key = new_request(shop, units=2)
    customer = {name: f"  {value} " for name, value in body["customer"].items()}

    first = shop.post_checkout(body, key)
    again = shop.post_checkout(body | {"customer": customer}, key)

    assert again.status_code in (200, 202), again.text
    assert again.json()["data"]["rental_id"] == first.json()["data"]["rental_id"]


def test_without_a_key_every_request_is_a_rental(shop: Shop) -> None:
    collectible = shop.add_collectible(units=2)
    body = shop.body(collectible)

    first, second = (shop.post_checkout(body).json()["data"]["rental_id"] for _ in range(2))

    assert first != second
    shop.wait_until_payable(first)
    shop.wait_until_payable(second)
    assert shop.available(collectible) == 0


def test_asynchronous_answer(shop: Shop) -> None:
    _, body, key = new_request(shop)

    answer = shop.post_checkout(body, key, Prefer="respond-async")

    assert answer.status_code == 202
    rental_id = answer.json()["data"]["rental_id"]
    assert answer.headers["Location"] == f"/api/rentals/{rental_id}"
    assert answer.json()["data"]["status"] == "pending"
    assert shop.site.get(answer.headers["Location"]).json()["data"]["rental_id"] == rental_id
    rental = shop.wait_until_payable(rental_id)

    # Asked again when there is something to say, it says so.
    again = shop.post_checkout(body, key, Prefer="respond-async, wait=5")
    assert again.status_code == 200
    assert again.json()["data"]["payment_url"] == rental["payment_url"]


# --- how many at once ---


def test_fourth_unpaid_rental_from_an_address_is_refused(shop: Shop) -> None:
    collectible, address = shop.add_collectible(units=24), new_address()
    body = shop.body(collectible)
    post = partial(shop.post_checkout, address=address)
    rental_ids = [
        post(body, key, Prefer="respond-async").json()["data"]["rental_id"]
        for key in ("one", "two", "three")
    ]
    held = [shop.wait_until_payable(rental_id) for rental_id in rental_ids]

    for refused in (body, shop.body(collectible)):
        answer = post(refused, "four")
        assert answer.status_code == 429
        assert answer.json()["code"] == "TOO_MANY_HOLDS"
    assert shop.available(collectible) == 21
    assert len(rentals_of(shop, body)) == 3
    # What exists is still found, and nobody is kept out by who types their e-mail address.
    assert post(body, "one").status_code == 200
    assert shop.post_checkout(body, "elsewhere").status_code in (200, 202)

    # Cancelling one makes room for one, and paying for one for many.
    shop.cancel_and_end(held[0])
    assert post(body, "four").status_code in (200, 202)
    assert post(body, "five").status_code == 429
    shop.pay_and_complete(held[1])
    assert [post(body, key).status_code for key in ("five", "six", "seven")] == [200] * 3


def test_eight_rentals_from_an_address_at_once(shop: Shop) -> None:
    collectible, address = shop.add_collectible(units=12), new_address()
    body = shop.body(collectible)

    answers = at_once(
        *[
            partial(shop.post_checkout, body, str(number), address, Prefer="respond-async")
            for number in range(8)
        ]
    )

    codes = sorted(answer.status_code for answer in answers)
    assert codes == [202] * 3 + [429] * 5
    for row in rentals_of(shop, body):
        shop.wait_until_payable(row["id"])
    assert shop.available(collectible) == 9
