"""Charges and what goes back, on the deployed stack: known in every way that there is."""

from typing import Any

import pytest

from infra.clock import timestamp_in
from rentals import charge_payments, fulfillment
from tests.support.desk import manager
from tests.support.domain import domain_of
from tests.support.shop import Json, Shop, eventually

STAGES = {"arrived": "ready_for_pickup", "picked_up": "picked_up", "returned": "returned"}
WAYS = ("webhook", "success", "failed", "reconciler")


def brought_to(shop: Shop, stage: str, deposit: int = 0) -> str:
    """A paid rental that the store has brought to this stage: its id."""
    rental = shop.checkout(shop.add_collectible(deposit=deposit))
    shop.pay_and_complete(rental)
    rental_id: str = rental["rental_id"]
    shop.wait_for_stage(rental_id, "awaiting_arrival")
    for action, then in STAGES.items():
        if shop.rental_row(rental_id)["fulfillmentStatus"] == stage:
            break
        shop.desk(rental_id, action)
        shop.wait_for_stage(rental_id, then)
    return rental_id


def ask(shop: Shop, rental_id: str, path: str, **query: int) -> Json:
    """POST as the rental's customer."""
    answer = shop.site.post(
        f"/api/rentals/{rental_id}/{path}", headers=shop.key_of(rental_id), params=query
    )
    assert answer.status_code == 200, answer.text
    data: Json = answer.json()["data"]
    return data


def charge_row(shop: Shop, charge_id: str) -> Any:
    return shop.table("Charges").get_item(Key={"id": charge_id}, ConsistentRead=True)["Item"]


def pay(shop: Shop, charge_id: str, way: str) -> None:
    """Pay a charge; it becomes known in this way, and in this only."""
    session_id = charge_row(shop, charge_id)["checkoutSessionId"]
    shop.paymongo.settle(session_id, silently=way != "webhook")
    if way in ("success", "failed"):
        session = shop.paymongo.api(f"/v1/checkout_sessions/{session_id}")["attributes"]
        shop.follow(session["success_url" if way == "success" else "cancel_url"])
    if way == "reconciler":
        look_at(shop, charge_id)
    eventually(lambda: charge_row(shop, charge_id)["status"] == "paid", "a paid charge")


def look_at(shop: Shop, charge_id: str, **changes: str) -> None:
    """The reconciler looks at a charge that is due."""
    changes |= {"followUpAt": timestamp_in(-1)}
    shop.table("Charges").update_item(
        Key={"id": charge_id},
        UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in changes),
        ExpressionAttributeValues={f":{name}": value for name, value in changes.items()},
    )
    shop.run_reconciler()


@pytest.mark.parametrize("way", WAYS)
def test_a_paid_extension_moves_the_due_date_however_it_becomes_known(shop: Shop, way: str) -> None:
    rental_id = brought_to(shop, "picked_up")
    before = shop.rental_row(rental_id)
    shown = shop.site.get(f"/api/rentals/{rental_id}/extension", params={"days": 2})
    assert shown.status_code == 200, shown.text

    charge = ask(shop, rental_id, "extension", days=2)
    assert ask(shop, rental_id, "extension", days=2) == charge
    pay(shop, charge["charge_id"], way)

    after = shop.rental_row(rental_id)
    assert (after["duration"], after["dueAt"] > before["dueAt"]) == (5, True)
    shop.wait_for_stage(rental_id, "picked_up")
    assert [each["status"] for each in shop.rental(rental_id)["charges"]] == ["paid"]


@pytest.mark.parametrize("way", WAYS)
def test_what_the_deposit_does_not_cover_is_paid_and_nobody_need_look_any_more(
    shop: Shop, way: str
) -> None:
    rental_id = brought_to(shop, "returned", deposit=1_000)
    shop.desk(rental_id, "inspected", condition="damaged", note="an ear", centavos=250_000)
    shop.wait_for_stage(rental_id, "closed")
    [charge] = shop.rental(rental_id)["charges"]
    assert (charge["from_deposit"], charge["outstanding"]) == (1_000, 1_500)
    look_at(shop, charge["charge_id"], createdAt=timestamp_in(-100 * 86_400))
    row = shop.rental_row(rental_id)
    assert row["fulfillmentAttention"] == charge_payments.UNPAID

    ask(shop, rental_id, f"charges/{charge['charge_id']}/payment")
    pay(shop, charge["charge_id"], way)

    assert "fulfillmentAttention" not in shop.rental_row(rental_id)


def test_a_manager_waives_what_nobody_pays(shop: Shop) -> None:
    rental_id = brought_to(shop, "returned")
    desk = manager(shop)
    inspected = {"condition": "damaged", "note": "an ear", "amount": 1_500}
    assert desk.do(rental_id, "inspected", store_id="store-a", **inspected).status_code == 200
    shop.wait_for_stage(rental_id, "closed")
    with domain_of(shop.stack):
        fulfillment.flag(rental_id, charge_payments.UNPAID)
    [charge] = shop.rental(rental_id)["charges"]

    body = {"action": "waive", "charge_id": charge["charge_id"], "reason": "a good customer"}
    assert desk.post(f"rentals/{rental_id}/money", body).status_code == 200

    assert "fulfillmentAttention" not in shop.rental_row(rental_id)
    assert shop.rental(rental_id)["outstanding"] == 0


def test_a_lost_unit_that_is_found_is_not_to_be_paid_any_more(shop: Shop) -> None:
    rental_id, desk = brought_to(shop, "picked_up"), manager(shop)
    lost = {"note": "left in a taxi", "amount": 9_000}
    assert desk.do(rental_id, "lost", store_id="store-a", **lost).status_code == 200
    shop.wait_for_stage(rental_id, "closed")
    assert shop.rental(rental_id)["outstanding"] == 9_000

    assert desk.do(rental_id, "found", store_id="store-a").status_code == 200

    assert shop.rental(rental_id)["outstanding"] == 0


def test_a_customer_cancels_what_waits_at_the_store(shop: Shop) -> None:
    rental_id = brought_to(shop, "ready_for_pickup")
    with domain_of(shop.stack):
        fulfillment.flag(rental_id, "DeliveryLate")

    ask(shop, rental_id, "cancel", refund=3_000)

    shop.wait_for_stage(rental_id, "closed")
    shop.eventually_refunded(rental_id, 300_000)
    assert shop.rental_row(rental_id)["closedReason"] == "cancelled"


@pytest.mark.parametrize("centavos", [100_000, 600_000], ids=["a part", "all of it"])
def test_what_was_given_back_unheard_is_found_by_asking(shop: Shop, centavos: int) -> None:
    rental_id = brought_to(shop, "ready_for_pickup")
    [payment] = shop.paymongo.payments(rental_id)
    shop.paymongo.webhooks_are("drop", "*")
    shop.paymongo.refund(payment["id"], centavos)
    shop.eventually_refunded(rental_id, centavos)
    shop.paymongo.forget_rules()

    shop.money_balance()
    shop.reconcile(rental_id)

    [refund] = eventually(lambda: shop.rental(rental_id)["refunds"], "the refund")
    assert refund["amount"] * 100 == centavos
    # Nobody has it yet: all of it back means that it stays.
    stage = "closed" if centavos == 600_000 else "ready_for_pickup"
    assert shop.rental_row(rental_id)["fulfillmentStatus"] == stage
