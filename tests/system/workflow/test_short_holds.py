"""When much of a collectible is held unpaid, the next unit is held for a shorter time."""

from datetime import timedelta

from infra.clock import parse, timestamp_in
from tests.support.shop import Json, Shop, new_address


def hold(shop: Shop, rental: Json) -> timedelta:
    row = shop.rental_row(rental["rental_id"])
    return parse(row["holdExpiresAt"]) - parse(row["createdAt"])


def test_a_short_hold_ends_when_it_is_over(shop: Shop) -> None:
    collectible = shop.add_collectible(units=2)
    usual, short = shop.checkout(collectible), shop.checkout(collectible)
    assert hold(shop, short) < timedelta(seconds=360) < hold(shop, usual)

    # The reconciler looks when the hold is over, not before.
    row = shop.rental_row(short["rental_id"])
    assert row["followUpAt"] == row["holdExpiresAt"] == short["hold_expires_at"]
    shop.table("Rentals").update_item(
        Key={"id": short["rental_id"]},
        UpdateExpression="SET holdExpiresAt = :past",
        ExpressionAttributeValues={":past": timestamp_in(-1)},
    )
    shop.reconcile(short["rental_id"])

    assert shop.wait_for_status(short["rental_id"], "expired")["reason"] == "hold_expired"
    assert shop.available(collectible) == 1
    assert shop.rental(usual["rental_id"])["status"] == "pending"


def test_a_short_hold_that_is_paid_in_time_is_a_rental(shop: Shop) -> None:
    collectible = shop.add_collectible(units=2)
    for rental in (shop.checkout(collectible), shop.checkout(collectible)):
        shop.pay_and_complete(rental)


def test_an_address_that_holds_a_unit_gets_no_other_of_what_is_left(shop: Shop) -> None:
    collectible, address = shop.add_collectible(units=3), new_address()
    assert shop.post_checkout(shop.body(collectible), address=address).status_code == 200

    refused = shop.post_checkout(shop.body(collectible), address=address)

    assert (refused.status_code, refused.json()["code"]) == (409, "NO_UNIT_AVAILABLE")
    assert shop.available(collectible) == 2
    assert shop.post_checkout(shop.body(collectible)).status_code == 200


def test_the_front_door_says_where_a_request_comes_from_not_the_client(shop: Shop) -> None:
    collectible, address = shop.add_collectible(units=12), new_address()
    for number in range(3):
        pretended = {"X-Client-Address": f"192.0.2.{number}", "X-Forwarded-For": "192.0.2.9"}
        answer = shop.post_checkout(shop.body(collectible), address=address, **pretended)
        assert answer.status_code == 200

    answer = shop.post_checkout(
        shop.body(collectible), address=address, **{"X-Client-Address": "192.0.2.99"}
    )
    assert answer.status_code == 429
