"""Money that arrives when nobody waits for it: it buys something, or it goes back."""

import pytest

from infra.clock import timestamp_in
from tests.support.sandbox import Json
from tests.support.shop import Shop, at_once


def cancelled_rental(shop: Shop, collectible: str) -> Json:
    """A rental that its customer cancelled; the session is expired."""
    rental = shop.checkout(collectible)
    shop.cancel(rental)
    return shop.wait_for_status(rental["rental_id"], "cancelled")


def pay_late(shop: Shop, rental_id: str, **options: object) -> Json:
    """A wallet payment that the customer had authorised settles after all."""
    return shop.paymongo.settle(shop.session_id(rental_id), **options)


def make_an_hour_older(shop: Shop, rental_id: str) -> None:
    """As if it had been checked out before the longest hold."""
    row, before = shop.rental_row(rental_id), timestamp_in(-3601)
    for table, key, change, value in (
        ("Rentals", rental_id, "SET createdAt = :value", before),
        ("Customers", row["sourceKey"], "ADD openRentals :value", {f"{before}#{rental_id}"}),
        (
            *("Customers", row["sourceKey"], "DELETE openRentals :value"),
            {f"{row['createdAt']}#{rental_id}"},
        ),
    ):
        shop.table(table).update_item(
            Key={"id": key},
            UpdateExpression=change,
            ExpressionAttributeValues={":value": value},
        )


# --- a late payment of the rental's total ---


def test_a_payment_begun_and_left_keeps_no_unit_and_is_late_when_it_is_paid(shop: Shop) -> None:
    collectible, rental = shop.rent()
    rental_id = rental["rental_id"]
    shop.paymongo.start_payment(shop.session_id(rental_id))
    make_an_hour_older(shop, rental_id)

    shop.cancel(rental)

    shop.wait_for_status(rental_id, "cancelled")
    assert shop.available(collectible) == 1
    shop.reconcile(rental_id)
    assert "followUp" in shop.rental_row(rental_id)
    shop.paymongo.finish_payment(shop.session_id(rental_id), silently=True)
    shop.reconcile(rental_id)
    shop.wait_for_status(rental_id, "completed")
    assert shop.available(collectible) == 0


def test_late_payment_of_an_expired_rental_takes_its_unit_again(shop: Shop) -> None:
    collectible = shop.add_collectible()
    with shop.hold_of(1):
        rental_id = shop.start_checkout(collectible)
        shop.wait_for_status(rental_id, "expired")

    pay_late(shop, rental_id)

    completed = shop.wait_for_status(rental_id, "completed")
    assert completed["reason"] is None
    assert shop.available(collectible) == 0
    shop.paymongo.wait_until_idle()
    assert len(shop.settlements_of(rental_id)) == 1
    assert shop.paymongo.refunds(rental_id) == []


def test_late_payment_gets_another_unit_when_its_own_is_taken(shop: Shop) -> None:
    collectible = shop.add_collectible()
    late = cancelled_rental(shop, collectible)
    shop.checkout(collectible)
    shop.add_units(collectible, "wh-003")

    pay_late(shop, late["rental_id"])

    completed = shop.wait_for_status(late["rental_id"], "completed")
    row = shop.rental_row(late["rental_id"])
    assert (row["warehouseId"], completed["eta"]) == ("wh-003", 3)
    assert shop.available(collectible) == 0


def test_late_payment_is_refunded_when_no_unit_is_left(shop: Shop) -> None:
    collectible = shop.add_collectible()
    late = cancelled_rental(shop, collectible)
    rival = shop.checkout(collectible)

    pay_late(shop, late["rental_id"])

    shop.wait_for_status(late["rental_id"], "refunded")
    refund = shop.wait_for_refund(late["rental_id"])
    assert refund["amount"] == 600_000
    shop.eventually_refund_status(late["rental_id"], "succeeded")
    shop.pay(rival)
    shop.wait_for_status(rival["rental_id"], "completed")


def test_news_of_a_late_payment_many_times_settles_once(shop: Shop) -> None:
    collectible = shop.add_collectible()
    late = cancelled_rental(shop, collectible)
    shop.checkout(collectible)
    shop.paymongo.webhooks_are("duplicate", copies=4)

    pay_late(shop, late["rental_id"])

    shop.wait_for_status(late["rental_id"], "refunded")
    shop.wait_for_refund(late["rental_id"])
    for event in shop.paymongo.events(late["rental_id"]):
        shop.paymongo.resend(event["id"])
    shop.paymongo.wait_until_idle()
    assert len(shop.settlements_of(late["rental_id"])) == 1
    assert len(shop.paymongo.refunds(late["rental_id"])) == 1
    assert shop.rental(late["rental_id"])["status"] == "refunded"


@pytest.mark.parametrize("fault", ["lose_answer", "error_500"])
def test_trouble_while_refunding_refunds_once(shop: Shop, fault: str) -> None:
    collectible = shop.add_collectible()
    late = cancelled_rental(shop, collectible)
    shop.checkout(collectible)
    shop.paymongo.fault(fault, "create_refund")

    pay_late(shop, late["rental_id"])

    shop.wait_for_status(late["rental_id"], "refunded")
    shop.wait_for_refund(late["rental_id"])


def test_two_late_payments_for_one_unit(shop: Shop) -> None:
    """One of them gets the unit, the other one the money."""
    collectible = shop.add_collectible()
    first = cancelled_rental(shop, collectible)["rental_id"]
    second = cancelled_rental(shop, collectible)["rental_id"]

    at_once(lambda: pay_late(shop, first), lambda: pay_late(shop, second))

    ends = [
        shop.wait_for_status(rental_id, "completed", "refunded")["status"]
        for rental_id in (first, second)
    ]
    assert sorted(ends) == ["completed", "refunded"]


def test_late_payment_while_somebody_checks_out(shop: Shop) -> None:
    """Whoever loses the race for the unit is told so, or paid back."""
    collectible = shop.add_collectible()
    late = cancelled_rental(shop, collectible)["rental_id"]

    rival, _ = at_once(
        lambda: shop.post_checkout(shop.body(collectible)),
        lambda: shop.paymongo.try_to_settle(shop.session_id(late)),
    )

    rival_won = rival.status_code in (200, 202)
    assert rival_won or rival.json()["code"] == "NO_UNIT_AVAILABLE"
    if rival.status_code == 200:
        shop.wait_for_status(late, "refunded")
    else:
        shop.wait_for_status(late, "completed", "refunded")


def test_late_payment_of_a_rental_whose_idempotency_key_is_used_again(shop: Shop) -> None:
    """The customer repeats the request after the late payment completed the rental."""
    collectible = shop.add_collectible()
    body = shop.body(collectible)
    rental = shop.wait_until_payable(shop.post_checkout(body, "late").json()["data"]["rental_id"])
    shop.cancel_and_end(rental)
    pay_late(shop, rental["rental_id"])
    shop.wait_for_status(rental["rental_id"], "completed")

    answer = shop.post_checkout(body, "late")

    assert answer.status_code == 200
    assert answer.json()["data"]["status"] == "completed"


# --- more than one payment ---


def test_surplus_payment_is_refunded(shop: Shop) -> None:
    collectible, rental = shop.rent()
    shop.pay_and_complete(rental)

    surplus = pay_late(shop, rental["rental_id"], again=True)

    refund = shop.wait_for_refund(rental["rental_id"])
    assert (refund["payment_id"], refund["amount"]) == (surplus["id"], 600_000)
    assert shop.rental(rental["rental_id"])["status"] == "completed"
    assert shop.rental(rental["rental_id"])["refund_status"] is None
    assert shop.available(collectible) == 0


def test_two_payments_told_at_once(shop: Shop) -> None:
    rental = shop.checkout(shop.add_collectible())
    shop.paymongo.webhooks_are("hold")
    pay_late(shop, rental["rental_id"])
    pay_late(shop, rental["rental_id"], again=True)

    shop.paymongo.release_webhooks("reversed")

    shop.wait_for_status(rental["rental_id"], "completed")
    shop.wait_for_refund(rental["rental_id"])


def test_two_late_payments_of_one_rental_with_no_unit_left(shop: Shop) -> None:
    collectible = shop.add_collectible()
    late = cancelled_rental(shop, collectible)["rental_id"]
    shop.checkout(collectible)

    pay_late(shop, late)
    pay_late(shop, late, again=True)

    shop.wait_for_status(late, "refunded")
    shop.eventually_refunded(late, 1_200_000)


def test_payment_after_the_refund_goes_back_too(shop: Shop) -> None:
    collectible = shop.add_collectible()
    late = cancelled_rental(shop, collectible)["rental_id"]
    shop.checkout(collectible)
    pay_late(shop, late)
    shop.wait_for_status(late, "refunded")
    shop.wait_for_refund(late)

    pay_late(shop, late, again=True)

    shop.eventually_refunded(late, 1_200_000)
    assert shop.rental(late)["status"] == "refunded"


# --- not the rental's total in pesos ---


@pytest.mark.parametrize(
    "paid", [{"amount": 100}, {"amount": 600_001}, {"currency": "USD"}], ids=str
)
def test_wrong_amount_is_refunded_and_flagged(shop: Shop, paid: Json) -> None:
    collectible, rental = shop.rent()
    shop.expect_failure_of(rental["rental_id"])

    pay_late(shop, rental["rental_id"], **paid)

    shop.wait_for_status(rental["rental_id"], "refunded")
    refund = shop.wait_for_refund(rental["rental_id"])
    assert refund["amount"] == paid.get("amount", 600_000)
    assert shop.available(collectible) == 1
    assert shop.wait_for_execution(rental["rental_id"])["status"] == "FAILED"


def test_wrong_amount_paid_late_takes_no_unit(shop: Shop) -> None:
    collectible = shop.add_collectible()
    late = cancelled_rental(shop, collectible)["rental_id"]
    shop.expect_failure_of(late)

    pay_late(shop, late, amount=599_999)

    shop.wait_for_status(late, "refunded")
    assert shop.available(collectible) == 1
    shop.wait_for_refund(late)


def test_wrong_amount_and_then_the_right_one(shop: Shop) -> None:
    """Both go back: the rental ended with the first one."""
    collectible, rental = shop.rent()
    shop.expect_failure_of(rental["rental_id"])
    pay_late(shop, rental["rental_id"], amount=100)
    shop.wait_for_status(rental["rental_id"], "refunded")

    pay_late(shop, rental["rental_id"], again=True)

    shop.eventually_refunded(rental["rental_id"], 600_100)
    assert shop.available(collectible) == 1


# --- refunds that others make, and refunds that fail ---


def test_refund_on_paymongos_dashboard_cancels_the_rental(shop: Shop) -> None:
    collectible, rental = shop.rent()
    rental_id = rental["rental_id"]
    shop.pay_and_complete(rental)
    shop.wait_for_stage(rental_id, "awaiting_arrival")
    (payment,) = shop.paymongo.payments(rental_id)

    shop.paymongo.refund(payment["id"], payment["amount"])

    shop.eventually_refund_status(rental_id, "succeeded")
    shop.tick(rental_id)
    row = shop.wait_for_stage(rental_id, "closed")
    assert (row["paymentStatus"], row["closedReason"]) == ("completed", "cancelled")
    assert [unit["status"] for unit in shop.units_of(collectible)] == ["to_warehouse"]


def test_failed_refund_is_asked_for_again_by_the_next_settlement(shop: Shop) -> None:
    collectible = shop.add_collectible()
    late = cancelled_rental(shop, collectible)["rental_id"]
    shop.expect_failure_of(late)
    shop.checkout(collectible)
    shop.paymongo.next_refund("fail")
    pay_late(shop, late)
    shop.eventually_refund_status(late, "failed")
    shop.wait_for_attention(late, "RefundFailed")

    shop.settle(late)

    shop.eventually_refund_status(late, "succeeded")
    statuses = sorted(refund["status"] for refund in shop.paymongo.refunds(late))
    assert statuses == ["failed", "succeeded"]
    assert "attention" not in shop.rental_row(late)


def test_trouble_is_told_and_ends_when_its_cause_has_gone(shop: Shop) -> None:
    collectible = shop.add_collectible()
    late = cancelled_rental(shop, collectible)["rental_id"]
    shop.expect_failure_of(late)
    shop.checkout(collectible)
    shop.paymongo.fault("error_400", "create_refund", times=None, code="allowed_date_exceeded")
    pay_late(shop, late)

    shop.wait_for_attention(late, "RefundFailed")
    told = shop.wait_for_message_about(late)
    (failed,) = [each for each in shop.settlements_of(late) if each["status"] == "FAILED"]
    assert told["detail"]["executionArn"] == failed["executionArn"]
    assert "RefundFailed" in failed["cause"]
    assert "runbook" in failed["cause"]
    assert shop.rental(late)["refund_status"] == "failed"

    shop.paymongo.forget_rules("faults")
    shop.reconcile(late)

    shop.eventually_refund_status(late, "succeeded")
    assert "attention" not in shop.rental_row(late)
