"""Rentals that are paid."""

from tests.support.shop import Shop, at_once
from tests.support.tasks import ordinary_way


def test_paid_by_webhook(shop: Shop) -> None:
    collectible, rental = shop.rent(units=2)

    shop.pay(rental)

    completed = shop.wait_for_status(rental["rental_id"], "completed")
    assert completed["payment_url"] is None
    assert completed["reason"] is None
    assert completed["total_fee"] == 6_000
    execution = shop.wait_for_execution(rental["rental_id"])
    assert execution["status"] == "SUCCEEDED"
    assert shop.states_of(rental["rental_id"]) == ordinary_way("RentalStateMachine")
    assert shop.available(collectible) == 1


def test_paid_by_redirect_before_the_webhook(shop: Shop) -> None:
    _, rental = shop.rent()
    shop.paymongo.webhooks_are("hold")

    page = shop.follow(shop.pay(rental))

    assert page == f"/success.html?rental_id={rental['rental_id']}"
    before = shop.wait_for_stage(rental["rental_id"], "awaiting_arrival")
    shop.paymongo.release_webhooks()
    assert shop.rental_row(rental["rental_id"]) == before


def test_paid_by_redirect_and_both_webhooks_at_once(shop: Shop) -> None:
    _, rental = shop.rent()
    shop.paymongo.webhooks_are("hold")
    success_url = shop.pay(rental)

    at_once(
        shop.paymongo.release_webhooks,
        *[lambda: shop.follow(success_url) and None] * 3,
    )

    shop.wait_for_status(rental["rental_id"], "completed")
    assert shop.wait_for_execution(rental["rental_id"])["status"] == "SUCCEEDED"
    assert shop.settlements_of(rental["rental_id"]) == []


def test_declined_once_then_paid(shop: Shop) -> None:
    _, rental = shop.rent()

    assert shop.on_hosted_page(rental, "failed").status_code == 200
    shop.paymongo.wait_until_idle()
    declined = shop.rental(rental["rental_id"])
    assert (declined["status"], declined["declined_attempts"]) == ("pending", 1)
    assert declined["payment_url"] == rental["payment_url"]
    assert declined["max_payment_attempts"] == 3

    shop.pay(rental)
    assert shop.wait_for_status(rental["rental_id"], "completed")["declined_attempts"] == 1


def test_paid_before_the_news_of_the_last_decline_arrives(shop: Shop) -> None:
    """The customer's fourth card works while the third decline is still on its way."""
    _, rental = shop.rent()
    session_id = shop.session_id(rental["rental_id"])
    shop.paymongo.decline(session_id)
    shop.paymongo.decline(session_id)
    shop.paymongo.wait_until_idle()
    shop.paymongo.webhooks_are("hold")
    shop.paymongo.decline(session_id)
    shop.pay(rental)

    shop.paymongo.release_webhooks()

    shop.wait_for_status(rental["rental_id"], "completed")
    assert "ClosePaymentSession" in shop.states_of(rental["rental_id"])
    assert shop.paymongo.refunds(rental["rental_id"]) == []


def test_paid_while_the_hold_runs_out(shop: Shop) -> None:
    """A wallet payment in progress: PayMongo refuses to expire, and the unit stays held."""
    collectible = shop.add_collectible()
    with shop.hold_of(3):
        rental = shop.checkout(collectible)
        session_id = shop.session_id(rental["rental_id"])
        shop.paymongo.start_payment(session_id)
        shop.wait_for_state(rental["rental_id"], "ClosePaymentSession")

    assert shop.available(collectible) == 0
    shop.paymongo.finish_payment(session_id, silently=True)

    shop.wait_for_status(rental["rental_id"], "completed")
    assert shop.wait_for_execution(rental["rental_id"])["status"] == "SUCCEEDED"
    assert shop.available(collectible) == 0


def test_paid_while_no_webhook_arrives_at_all(shop: Shop) -> None:
    """The hold runs out, and closing the session finds the money."""
    collectible = shop.add_collectible()
    shop.paymongo.webhooks_are("drop")
    with shop.hold_of(3):
        rental = shop.checkout(collectible)
        shop.pay(rental)
        shop.wait_for_status(rental["rental_id"], "completed")

    assert "ClosePaymentSession" in shop.states_of(rental["rental_id"])


def test_paid_after_the_answer_to_creating_the_session_was_lost(shop: Shop) -> None:
    """PayMongo has two sessions then; the customer gets the one that we know."""
    collectible = shop.add_collectible()
    shop.paymongo.fault("lose_answer", "create_checkout_session")

    rental = shop.checkout(collectible)

    sessions = shop.paymongo.sessions(rental["rental_id"])
    assert len(sessions) == 2
    shop.pay_and_complete(rental)

    # Nobody has the other one's URL; if it is paid all the same, the money goes back.
    unknown = next(it for it in sessions if it["id"] != shop.session_id(rental["rental_id"]))
    surplus = shop.paymongo.settle(unknown["id"])
    refund = shop.wait_for_refund(rental["rental_id"])
    assert (refund["payment_id"], refund["amount"]) == (surplus["id"], 600_000)
    assert shop.rental(rental["rental_id"])["status"] == "completed"
