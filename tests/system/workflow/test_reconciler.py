"""What nobody told us: the reconciler finds it out."""

import uuid

from infra.clock import now_timestamp
from rentals import follow_ups
from rentals.identity import rental_id_for
from rentals.models import FollowUp
from tests.support.shop import Json, Shop, eventually


def stray(shop: Shop, like: Json) -> str:
    """A rental like this one whose execution was never started: checkout died in between."""
    rental_id, source_key = rental_id_for("", None, b""), uuid.uuid4().hex
    row = {
        name: like[name]
        for name in (
            "collectibleId", "collectibleName", "storeId", "customer", "duration", "paymentMethod",
            "requestHash", "createdAt", "updatedAt",
        )
    }  # fmt: skip
    row |= {
        "id": rental_id,
        "sourceKey": source_key,
        "paymentStatus": "pending",
        "followUp": follow_ups.due(rental_id, FollowUp.PAYMENT)["followUp"],
        "followUpAt": like["createdAt"],
    }
    shop.table("Customers").put_item(
        Item={"id": source_key, "openRentals": {f"{row['createdAt']}#{rental_id}"}}
    )
    shop.table("Rentals").put_item(Item=row)
    return rental_id


def test_a_payment_whose_webhooks_were_lost(shop: Shop) -> None:
    rental_id = shop.checkout(shop.add_collectible())["rental_id"]
    shop.paymongo.settle(shop.session_id(rental_id), silently=True)

    shop.reconcile(rental_id)

    shop.wait_for_status(rental_id, "completed")
    shop.wait_for_execution(rental_id)
    assert shop.states_of(rental_id)[-2:] == ["ConfirmRental", "RentalConfirmed"]


def test_a_rental_without_an_execution(shop: Shop) -> None:
    rental = shop.checkout(shop.add_collectible())
    rental_id = stray(shop, shop.rental_row(rental["rental_id"]))

    shop.reconcile(rental_id)

    assert shop.wait_for_status(rental_id, "failed")["reason"] == "error"
    shop.cancel(rental)


def test_a_refund_whose_end_nobody_told(shop: Shop) -> None:
    collectible, rental = shop.rent()
    shop.cancel_and_end(rental)
    shop.checkout(collectible)
    shop.paymongo.webhooks_are("drop", "payment.refund*")
    shop.paymongo.settle(shop.session_id(rental["rental_id"]))
    shop.wait_for_refund(rental["rental_id"])

    shop.reconcile(rental["rental_id"])

    shop.eventually_refund_status(rental["rental_id"], "succeeded")


def test_a_settlement_that_is_still_at_it_gets_no_other_beside_it(shop: Shop) -> None:
    rental_id = shop.checkout(shop.add_collectible())["rental_id"]
    session_id = shop.session_id(rental_id)
    shop.paymongo.start_payment(session_id)
    shop.stop_execution(rental_id)
    shop.wait_for_calls(f"/v1/checkout_sessions/{session_id}/expire", 1)

    shop.reconcile(rental_id)
    first = now_timestamp()[:19]
    eventually(lambda: now_timestamp()[:19] > first, "another second, so another name")
    shop.reconcile(rental_id)

    started = [each["name"] for each in shop.settlements_of(rental_id)]
    assert sum("reconciler" in name for name in started) == 1
    shop.paymongo.finish_payment(session_id, silently=True)
    shop.wait_for_status(rental_id, "completed")
