"""A rental from paid to back on the shelf, by what staff do at the desk."""

from typing import Any

import httpx
import pytest

from tests.support.desk import Desk, manager, staff_of_store
from tests.support.shop import Json, Shop, at_once, eventually

# Each action with what it leads to.
LIFE: list[tuple[Json, str]] = [
    ({"action": "arrived"}, "ready_for_pickup"),
    ({"action": "picked_up", "id_seen": True}, "picked_up"),
    ({"action": "returned"}, "returned"),
    ({"action": "inspected", "condition": "fine"}, "closed"),
]
LISTS = ("late", "to_inspect", "to_hand_over", "due_today", "arriving")
PICTURE = b"\xff\xd8\xff\xe0 as good as a photograph"


def paid(shop: Shop, **changes: Any) -> str:
    rental = shop.checkout(shop.add_collectible(), **changes)
    shop.pay_and_complete(rental)
    rental_id: str = rental["rental_id"]
    return rental_id


def do(desk: Desk, rental_id: str, action: Json, store_id: str = "store-a") -> Json:
    answer = desk.post(f"rentals/{rental_id}/actions", {"store_id": store_id, **action})
    assert answer.status_code == 200, answer.text
    data: Json = answer.json()["data"]
    return data


def lists_with(desk: Desk, rental_id: str, store_id: str = "store-a") -> set[str]:
    today = desk.get("today", store_id=store_id).json()["data"]
    return {
        name for name in LISTS for each in today[name]["rentals"] if each["rental_id"] == rental_id
    }


def test_from_paid_to_back_on_the_shelf_each_said_twice(shop: Shop) -> None:
    rental_id, desk = paid(shop), staff_of_store(shop, "store-a")
    waits_in = []

    for action, status in LIFE:
        waits_in.append(lists_with(desk, rental_id))
        for is_new in (True, False):
            done = do(desk, rental_id, action)
            assert (done["is_new"], done["rental"]["fulfillment_status"]) == (is_new, status)

    # Handed over today for three days, so in no list of today.
    assert waits_in == [{"arriving"}, {"to_hand_over"}, set(), {"to_inspect"}]
    assert lists_with(desk, rental_id) == set()
    found = desk.details(rental_id)
    assert [each["action"] for each in found["log"]] == [each["action"] for each, _ in LIFE]
    assert {each["by"] for each in found["log"]} == {desk.session["name"]}
    assert {each["store_id"] for each in found["log"]} == {"store-a"}
    assert (found["closed_reason"], found["next"]) == ("returned", [])
    unit = shop.table("Units").get_item(Key={"id": found["unit_id"]})["Item"]
    assert (unit["status"], "reservedBy" in unit) == ("to_warehouse", False)


def test_one_scan_at_two_desks_at_once_is_done_once(shop: Shop) -> None:
    rental_id, desk = paid(shop), manager(shop)

    done = at_once(*[lambda: do(desk, rental_id, {"action": "arrived"})] * 4)

    assert sorted(each["is_new"] for each in done) == [False, False, False, True]
    assert len(desk.details(rental_id)["log"]) == 1


def test_what_comes_later_is_not_possible_now_and_says_why(shop: Shop) -> None:
    rental_id, desk = paid(shop), manager(shop)
    before = shop.rental_row(rental_id)

    for action in ("picked_up", "returned", "inspected", "found"):
        more = {"id_seen": True, "condition": "fine", "store_id": "store-a"}
        answer = desk.do(rental_id, action, **more)
        assert (answer.status_code, answer.json()["code"]) == (409, "NOT_POSSIBLE_NOW")
        assert "receive it first" in answer.json()["error"]

    assert shop.rental_row(rental_id)["fulfillmentStatus"] == before["fulfillmentStatus"]


def test_it_is_handed_over_at_its_own_store_and_taken_back_at_any(shop: Shop) -> None:
    rental_id, here = paid(shop), staff_of_store(shop, "store-a")
    there = staff_of_store(shop, "store-b")
    do(here, rental_id, {"action": "arrived"})

    refused = there.do(rental_id, "picked_up", id_seen=True)
    assert (refused.status_code, refused.json()["code"]) == (409, "WRONG_STORE")
    do(here, rental_id, {"action": "picked_up", "id_seen": True})
    do(there, rental_id, {"action": "returned"}, "store-b")

    assert lists_with(there, rental_id, "store-b") == {"to_inspect"}
    assert lists_with(here, rental_id) == set()


def test_nobody_acts_for_a_store_that_is_not_theirs(shop: Shop) -> None:
    rental_id, there = paid(shop), staff_of_store(shop, "store-b")

    refused = there.do(rental_id, "arrived", store_id="store-a")

    assert (refused.status_code, refused.json()["code"]) == (401, "NOT_YOUR_STORE")
    assert there.details(rental_id)["fulfillment_status"] == "awaiting_arrival"


def test_only_managers_declare_lost_and_what_is_lost_may_be_found(shop: Shop) -> None:
    rental_id, staff, boss = paid(shop), staff_of_store(shop, "store-a"), manager(shop)

    assert "lost" not in staff.details(rental_id)["next"]
    refused = staff.do(rental_id, "lost")
    assert (refused.status_code, refused.json()["code"]) == (401, "NOT_ALLOWED")
    assert do(boss, rental_id, {"action": "lost"})["rental"]["closed_reason"] == "lost"
    assert staff.details(rental_id)["next"] == ["found"]
    assert do(staff, rental_id, {"action": "found"})["is_new"]


def test_a_damaged_unit_is_kept_from_the_shelf_and_its_charge_is_settled(shop: Shop) -> None:
    rental_id, desk = paid(shop), manager(shop)
    for action, _ in LIFE[:3]:
        do(desk, rental_id, action)

    damaged = {"action": "inspected", "condition": "damaged", "note": "arm is bent"}
    do(desk, rental_id, damaged | {"amount": 1_500})

    found = desk.details(rental_id)
    unit = shop.table("Units").get_item(Key={"id": found["unit_id"]})["Item"]
    assert unit["status"] == "maintenance"
    assert "arm is bent" in unit["reason"]
    last = found["log"][-1]
    assert (last["condition"], last["note"]) == ("damaged", "arm is bent")
    (charge,) = found["money"]["charges"]
    assert charge["outstanding"] == last["amount"] == 1_500

    # Sent twice, each is done once.
    paid_here = {"action": "paid", "charge_id": charge["charge_id"], "receipt": "OR-1"}
    for body, outstanding in (
        (paid_here, 0),
        ({"action": "charge", "kind": "loss", "amount": 300, "reason": "a stand", "key": "k"}, 300),
        ({"action": "waive", "charge_id": f"{rental_id}-loss-k", "reason": "found"}, 0),
        ({"action": "refund", "amount": 200, "reason": "a long wait", "key": "k"}, 0),
    ):
        for _ in range(2):
            answer = desk.post(f"rentals/{rental_id}/money", body)
            assert answer.status_code == 200, answer.text
        assert answer.json()["data"]["money"]["outstanding"] == outstanding
    money = answer.json()["data"]["money"]
    assert [each["status"] for each in money["charges"]] == ["paid", "waived"]
    assert [(each["amount"], each["purpose"]) for each in money["refunds"]] == [(200, "goodwill")]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "picked_up"}, "id_seen"),
        ({"action": "inspected"}, "condition"),
        ({"action": "sold"}, "action"),
        ({"action": "arrived", "note": "x" * 501}, "note"),
        ({}, "action"),
    ],
)
def test_what_is_missing_is_told_by_its_field(shop: Shop, body: Json, field: str) -> None:
    answer = manager(shop).post(f"rentals/{paid(shop)}/actions", body)

    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["errors"]] == [field]


# --- finding ---


def test_a_rental_is_found_by_whatever_people_know_of_it(shop: Shop) -> None:
    rental_id, desk = paid(shop), staff_of_store(shop, "store-a")
    row, found = shop.rental_row(rental_id), desk.details(rental_id)
    number = found["number"]

    for words in (
        number,
        number.lower().replace("-", ""),
        number.removeprefix("MC-").replace("-", " "),
        rental_id,
        row["unitId"],
        row["customer"]["email"].upper(),
    ):
        answer = desk.get("rentals", q=words)
        assert [each["rental_id"] for each in answer.json()["data"]] == [rental_id], words
    for words in (row["customer"]["phone"], "ana CRUZ", "cruz"):
        answer = desk.get("rentals", q=words)
        assert rental_id in {each["rental_id"] for each in answer.json()["data"]}, words


@pytest.mark.parametrize("words", ["MC-2222-2222", "nobody", "", "%", "x" * 3000, "nobody@x.com"])
def test_unknown_words_find_nothing(shop: Shop, words: str) -> None:
    answer = manager(shop).get("rentals", q=words, store_id="store-a")

    assert (answer.status_code, answer.json()["data"]) == (200, [])


def test_an_unknown_rental_is_not_acted_on(shop: Shop) -> None:
    desk = manager(shop)

    for answer in (
        desk.do("unknown", "arrived", store_id="store-a"),
        desk.get("rentals/unknown"),
        desk.post("rentals/unknown/photographs", {}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "RENTAL_NOT_FOUND")


# --- photographs ---


def upload(form: Json, picture: bytes = PICTURE, changes: Json | None = None) -> httpx.Response:
    """As the page does it."""
    fields = form["fields"] | (changes or {})
    return httpx.post(form["url"], data=fields, files={"file": picture})


def test_photographs_are_stored_by_a_signed_form_and_shown_with_their_stage(shop: Shop) -> None:
    rental_id, desk = paid(shop), manager(shop)
    for action, stage in LIFE[:3]:
        do(desk, rental_id, action)
        form = desk.post(f"rentals/{rental_id}/photographs", {}).json()["data"]
        stored = upload(form)
        assert stored.status_code == 204, stored.text
        assert desk.details(rental_id)["photographs"][-1]["stage"] == stage

    photographs = desk.details(rental_id)["photographs"]
    assert len(photographs) == 3
    shown = httpx.get(photographs[0]["url"])
    assert (shown.content, shown.headers["Content-Type"]) == (PICTURE, "image/jpeg")
    assert httpx.get(photographs[0]["url"].partition("?")[0]).status_code == 403


def test_a_form_stores_one_small_picture_and_nothing_else(shop: Shop) -> None:
    rental_id, desk = paid(shop), manager(shop)
    form = desk.post(f"rentals/{rental_id}/photographs", {}).json()["data"]

    too_large = upload(form, b"x" * 5_000_001)
    assert too_large.status_code == 400
    for changes in ({"Content-Type": "text/html"}, {"key": "another"}):
        assert upload(form, changes=changes).status_code == 403
    assert upload(form, b"").status_code == 400

    assert desk.details(rental_id)["photographs"] == []


def test_an_unpaid_rental_is_not_for_the_desk(shop: Shop) -> None:
    _, rental = shop.rent()
    desk, rental_id = manager(shop), rental["rental_id"]

    assert desk.details(rental_id)["next"] == []
    assert desk.get("rentals", q=rental_id, store_id="store-a").json()["data"] == []
    photograph = desk.post(f"rentals/{rental_id}/photographs", {})
    assert (photograph.status_code, photograph.json()["code"]) == (409, "NOT_POSSIBLE_NOW")
    arrived = desk.do(rental_id, "arrived", store_id="store-a")
    assert (arrived.status_code, arrived.json()["code"]) == (409, "NOT_POSSIBLE_NOW")
    eventually(lambda: shop.rental(rental_id)["status"] == "pending", "it to be as it was")
