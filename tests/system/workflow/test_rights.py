"""What the id of a rental is good for, and what needs its access key."""

import pytest

from tests.support.shop import Shop


def test_checkout_hands_out_the_key_each_time_it_is_repeated(shop: Shop) -> None:
    body = shop.body(shop.add_collectible())
    first, again = (shop.post_checkout(body, "a-key").json()["data"] for _ in range(2))

    assert first["access_key"] == again["access_key"]
    assert shop.key_of(first["rental_id"]) == {"X-Rental-Key": first["access_key"]}


def test_who_knows_the_id_sees_how_it_stands_and_can_do_nothing(shop: Shop) -> None:
    collectible, rental = shop.rent()
    rental_id = rental["rental_id"]

    seen = shop.site.get(f"/api/rentals/{rental_id}")
    cancelled = shop.site.post(f"/api/rentals/{rental_id}/cancel")

    assert seen.json()["data"] == rental | {"payment_url": None}
    assert (cancelled.status_code, cancelled.json()["code"]) == (401, "INVALID_ACCESS_KEY")
    assert shop.execution(rental_id)["status"] == "RUNNING"
    assert shop.available(collectible) == 0


def test_the_key_of_another_rental_opens_nothing(shop: Shop) -> None:
    collectible = shop.add_collectible(units=2)
    rental, other = (shop.checkout(collectible)["rental_id"] for _ in range(2))
    before = shop.rental_row(rental)

    for answer in (
        shop.site.get(f"/api/rentals/{rental}", headers=shop.key_of(other)),
        shop.site.post(f"/api/rentals/{rental}/cancel", headers=shop.key_of(other)),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_ACCESS_KEY")

    assert shop.rental_row(rental) == before


def test_cancelling_on_our_own_page_twice(shop: Shop) -> None:
    collectible, rental = shop.rent()

    assert [shop.cancel(rental) for _ in range(3)] == [False] * 3

    ended = shop.wait_for_status(rental["rental_id"], "cancelled")
    assert ended["reason"] == "cancelled_by_customer"
    assert shop.available(collectible) == 1


def test_cancelling_what_was_paid_completes_it(shop: Shop) -> None:
    """Paid in one tab, cancelled in another one, and no webhook yet."""
    collectible, rental = shop.rent()
    shop.paymongo.webhooks_are("hold")
    shop.pay(rental)

    assert shop.cancel(rental)

    shop.wait_for_status(rental["rental_id"], "completed")
    assert shop.available(collectible) == 0


def test_cancelling_again_when_the_money_has_come_after_all(shop: Shop) -> None:
    _, rental = shop.rent()
    shop.cancel_and_end(rental)
    shop.paymongo.settle(shop.session_id(rental["rental_id"]), silently=True)

    assert shop.cancel(rental)

    shop.wait_for_status(rental["rental_id"], "completed")


def test_cancelling_what_is_still_being_prepared_is_too_early(shop: Shop) -> None:
    shop.paymongo.fault("slow", "create_checkout_session", delay_seconds=2)
    rental_id = shop.start_checkout(shop.add_collectible())

    answer = shop.site.post(f"/api/rentals/{rental_id}/cancel", headers=shop.key_of(rental_id))

    assert (answer.status_code, answer.json()["code"]) == (409, "RENTAL_NOT_READY")
    shop.cancel(shop.wait_until_payable(rental_id))


@pytest.mark.parametrize("rental_id", ["unknown", "x" * 3000])
def test_a_rental_that_is_not_there_has_no_key(shop: Shop, rental_id: str) -> None:
    answer = shop.site.post(f"/api/rentals/{rental_id}/cancel", headers={"X-Rental-Key": "0" * 64})

    assert (answer.status_code, answer.json()["code"]) == (404, "RENTAL_NOT_FOUND")
