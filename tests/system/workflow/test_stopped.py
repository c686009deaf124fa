"""An operator's Stop runs no Catch: the settlement brings the rental to a consistent end."""

import pytest

from tests.support.shop import Shop


def test_stopping_an_unpaid_rental_releases_its_unit(shop: Shop) -> None:
    collectible, rental = shop.rent()

    shop.stop_execution(rental["rental_id"])

    stopped = shop.wait_for_status(rental["rental_id"], "cancelled")
    assert stopped["reason"] == "stopped"
    assert shop.execution(rental["rental_id"])["status"] == "ABORTED"
    assert shop.available(collectible) == 1
    assert shop.session(rental["rental_id"])["status"] == "expired"
    (settlement,) = shop.settlements_of(rental["rental_id"])
    assert settlement["status"] in ("RUNNING", "SUCCEEDED")


def test_stopping_a_rental_that_was_just_paid_completes_it(shop: Shop) -> None:
    collectible, rental = shop.rent()
    shop.paymongo.webhooks_are("drop")
    shop.pay(rental)

    shop.stop_execution(rental["rental_id"])

    shop.wait_for_status(rental["rental_id"], "completed")
    assert shop.available(collectible) == 0


def test_stopping_a_rental_whose_payment_is_in_progress_waits_for_it(shop: Shop) -> None:
    collectible, rental = shop.rent()
    session_id = shop.session_id(rental["rental_id"])
    shop.paymongo.start_payment(session_id)

    shop.stop_execution(rental["rental_id"])

    shop.wait_for_calls(f"/v1/checkout_sessions/{session_id}/expire", 2)
    assert shop.available(collectible) == 0
    shop.paymongo.finish_payment(session_id, silently=True)
    shop.wait_for_status(rental["rental_id"], "completed")


def test_paying_after_the_stop_is_a_late_payment(shop: Shop) -> None:
    """The webhook finds the task gone."""
    collectible, rental = shop.rent()
    expire = f"/v1/checkout_sessions/{shop.session_id(rental['rental_id'])}/expire"
    shop.paymongo.fault("error_500", "expire_checkout_session", times=2, path=expire)

    shop.stop_execution(rental["rental_id"])
    shop.pay(rental)

    shop.wait_for_status(rental["rental_id"], "completed")
    assert shop.available(collectible) == 0


def test_stopping_while_the_session_is_being_created(shop: Shop) -> None:
    """The function goes on after the Stop, and must not bring the rental back to life."""
    collectible = shop.add_collectible()
    shop.paymongo.fault("slow", "create_checkout_session", delay_seconds=2)
    rental_id = shop.start_checkout(collectible)
    shop.wait_for_state(rental_id, "CreatePaymentSession")

    shop.stop_execution(rental_id)

    shop.wait_for_status(rental_id, "cancelled")
    assert shop.available(collectible) == 1
    # The session that nobody knows comes up, and is paid although nobody has its URL.
    session = shop.wait_for_session(rental_id)
    assert shop.rental(rental_id)["payment_url"] is None
    shop.paymongo.settle(session["id"])
    shop.wait_for_status(rental_id, "completed")


@pytest.mark.parametrize("outcome", ["completed", "cancelled"])
def test_settling_what_is_settled_changes_nothing(shop: Shop, outcome: str) -> None:
    rental = shop.checkout(shop.add_collectible())
    if outcome == "completed":
        shop.pay(rental)
    else:
        shop.cancel(rental)
    shop.wait_for_status(rental["rental_id"], outcome)
    shop.wait_for_execution(rental["rental_id"])
    if outcome == "completed":
        shop.wait_for_stage(rental["rental_id"], "awaiting_arrival")
    shop.paymongo.wait_until_idle()
    before = shop.rental_row(rental["rental_id"])

    shop.settle(rental["rental_id"])

    assert shop.rental_row(rental["rental_id"]) == before


def test_settling_a_rental_whose_customer_is_still_paying(shop: Shop) -> None:
    """An operator who settles instead of stopping: the execution ends in peace."""
    collectible, rental = shop.rent()

    shop.settle(rental["rental_id"])

    shop.wait_for_status(rental["rental_id"], "failed")
    assert shop.available(collectible) == 1
    shop.stop_execution(rental["rental_id"])
