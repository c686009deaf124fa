"""Rentals that end unpaid: the unit goes back, and the session can no longer be paid."""

from tests.support.shop import Shop


def expect_released(shop: Shop, rental_id: str, collectible: str) -> None:
    """The unit is on the shelf, the session is expired, and the execution succeeded."""
    assert shop.available(collectible) == len(shop.units_of(collectible))
    assert shop.session(rental_id)["status"] == "expired"
    assert shop.wait_for_execution(rental_id)["status"] == "SUCCEEDED"
    assert shop.states_of(rental_id)[-1] == "RentalNotPaid"
    ended = shop.rental(rental_id)
    assert (ended["payment_url"], ended["hold_expires_at"]) == (None, None)


def test_declined_until_the_last_attempt(shop: Shop) -> None:
    collectible, rental = shop.rent()

    for attempt in (1, 2, 3):
        assert shop.on_hosted_page(rental, "failed").status_code == 200
        shop.paymongo.wait_until_idle()
        assert shop.rental(rental["rental_id"])["declined_attempts"] == attempt

    failed = shop.wait_for_status(rental["rental_id"], "failed")
    assert failed["reason"] == "declined"
    expect_released(shop, rental["rental_id"], collectible)


def test_the_same_decline_delivered_three_times_counts_once(shop: Shop) -> None:
    rental = shop.checkout(shop.add_collectible())
    event_id = shop.paymongo.decline(shop.session_id(rental["rental_id"]))
    shop.paymongo.wait_until_idle()

    assert [shop.paymongo.resend(event_id) for _ in range(2)] == [[200], [200]]

    still_open = shop.rental(rental["rental_id"])
    assert (still_open["status"], still_open["declined_attempts"]) == ("pending", 1)
    shop.pay_and_complete(rental)


def test_cancelled_on_the_hosted_page(shop: Shop) -> None:
    collectible, rental = shop.rent()

    page = shop.follow(shop.leave_hosted_page(rental))

    assert page == f"/failed.html?rental_id={rental['rental_id']}"
    cancelled = shop.wait_for_status(rental["rental_id"], "cancelled")
    assert cancelled["reason"] == "cancelled_by_customer"
    expect_released(shop, rental["rental_id"], collectible)


def test_cancelled_while_a_payment_is_in_progress_that_then_fails(shop: Shop) -> None:
    collectible, rental = shop.rent()
    session_id = shop.session_id(rental["rental_id"])
    shop.paymongo.start_payment(session_id)

    shop.cancel(rental)

    shop.wait_for_state(rental["rental_id"], "ClosePaymentSession")
    assert shop.available(collectible) == 0
    assert shop.rental(rental["rental_id"])["status"] == "pending"
    shop.paymongo.finish_payment(session_id, "failed")
    shop.wait_for_status(rental["rental_id"], "cancelled")
    expect_released(shop, rental["rental_id"], collectible)


def test_hold_expired(shop: Shop) -> None:
    collectible = shop.add_collectible()
    with shop.hold_of(1):
        rental_id = shop.start_checkout(collectible)
        expired = shop.wait_for_status(rental_id, "expired")

    assert expired["reason"] == "hold_expired"
    expect_released(shop, rental_id, collectible)


def test_no_unit_is_a_clear_refusal(shop: Shop) -> None:
    collectible = shop.add_collectible(units=1)
    shop.checkout(collectible)

    body = shop.body(collectible)
    answer = shop.post_checkout(body, key="sold-out")

    assert answer.status_code == 409
    assert answer.json()["success"] is False
    assert answer.json()["code"] == "NO_UNIT_AVAILABLE"
    email = body["customer"]["email"]
    assert not [row for row in shop.rows("Rentals") if row["customer"]["email"] == email]


def test_a_unit_that_cannot_be_reserved_ends_in_the_same_refusal(shop: Shop) -> None:
    """Checkout sees one, and it is gone when it is to be reserved: here, its warehouse is."""
    body = shop.body(shop.add_collectible({"wh-gone": 1}))

    answer = shop.post_checkout(body, key="gone")

    assert (answer.status_code, answer.json()["code"]) == (409, "NO_UNIT_AVAILABLE")
    (rejected,) = (
        row for row in shop.rows("Rentals") if row["customer"]["email"] == body["customer"]["email"]
    )
    assert (rejected["paymentStatus"], rejected["endReason"]) == ("rejected", "no_unit")
    execution = shop.wait_for_execution(rejected["id"])
    assert execution["status"] == "SUCCEEDED"
    assert shop.states_of(rejected["id"]) == ["ReserveUnit", "RejectRental", "RentalRejected"]
    assert shop.paymongo.sessions(rejected["id"]) == []


def test_paymongo_down_at_creation(shop: Shop) -> None:
    collectible = shop.add_collectible()
    shop.paymongo.fault("error_500", "create_checkout_session", times=None)

    answer = shop.post_checkout(shop.body(collectible))

    assert answer.status_code == 502
    assert answer.json()["code"] == "PAYMENT_PROVIDER_UNAVAILABLE"
    assert shop.available(collectible) == 1


def test_paymongo_refuses_the_session(shop: Shop) -> None:
    """Such as a payment method that the account doesn't have: not retried."""
    collectible = shop.add_collectible()
    shop.paymongo.fault("error_400", "create_checkout_session", times=None)
    rental_id = shop.start_checkout(collectible)

    failed = shop.wait_for_status(rental_id, "failed")

    assert failed["reason"] == "payment_method_refused"
    assert shop.available(collectible) == 1
    assert shop.paymongo.sessions(rental_id) == []
    assert shop.wait_for_execution(rental_id)["status"] == "SUCCEEDED"


def test_every_answer_to_creating_the_session_lost(shop: Shop) -> None:
    collectible = shop.add_collectible()
    shop.paymongo.fault("lose_answer", "create_checkout_session", times=None)

    answer = shop.post_checkout(shop.body(collectible))

    assert answer.status_code == 502
    assert shop.available(collectible) == 1


def test_paymongo_busy_at_creation_is_asked_again(shop: Shop) -> None:
    shop.paymongo.fault("rate_limited_429", "create_checkout_session", times=5)
    shop.paymongo.fault("drop_before", "create_checkout_session")

    answer = shop.post_checkout(shop.body(shop.add_collectible()))

    assert answer.status_code in (200, 202)
    rental_id = answer.json()["data"]["rental_id"]
    shop.wait_until_payable(rental_id)
    assert len(shop.paymongo.sessions(rental_id)) == 1


def test_slow_workflow_is_answered_with_where_to_look(shop: Shop) -> None:
    shop.paymongo.fault("slow", "create_checkout_session", delay_seconds=9)

    answer = shop.post_checkout(shop.body(shop.add_collectible()))

    assert answer.status_code == 202
    rental_id = answer.json()["data"]["rental_id"]
    assert answer.headers["Location"] == f"/api/rentals/{rental_id}"
    assert answer.json()["data"]["status"] == "pending"
    assert answer.json()["data"]["payment_url"] is None
    shop.wait_until_payable(rental_id)


def test_unit_is_kept_while_paymongo_cannot_say_that_the_session_is_closed(shop: Shop) -> None:
    collectible, rental = shop.rent()
    expire = f"/v1/checkout_sessions/{shop.session_id(rental['rental_id'])}/expire"
    shop.paymongo.fault("error_500", "expire_checkout_session", times=None, path=expire)

    shop.cancel(rental)

    shop.wait_for_state(rental["rental_id"], "ClosePaymentSession")
    shop.wait_for_calls(expire, 3)
    assert shop.available(collectible) == 0
    assert shop.rental(rental["rental_id"])["status"] == "pending"
    shop.paymongo.forget_rules()
    shop.wait_for_status(rental["rental_id"], "cancelled")
    expect_released(shop, rental["rental_id"], collectible)


def test_unit_is_kept_while_paymongo_refuses_to_close_the_session(shop: Shop) -> None:
    """A 400 says nothing: the session is read, and it is open."""
    collectible, rental = shop.rent()
    expire = f"/v1/checkout_sessions/{shop.session_id(rental['rental_id'])}/expire"
    shop.paymongo.fault("error_400", "expire_checkout_session", times=2, path=expire)

    shop.cancel(rental)

    shop.wait_for_status(rental["rental_id"], "cancelled")
    shop.wait_for_calls(expire, 3)
    expect_released(shop, rental["rental_id"], collectible)


def test_session_is_closed_although_the_answer_to_closing_it_was_lost(shop: Shop) -> None:
    collectible, rental = shop.rent()
    session = f"/v1/checkout_sessions/{shop.session_id(rental['rental_id'])}"
    shop.paymongo.fault("lose_answer", "expire_checkout_session", path=f"{session}/expire")
    shop.paymongo.fault("slow", "retrieve_checkout_session", path=session, delay_seconds=2)

    shop.cancel(rental)

    shop.wait_for_status(rental["rental_id"], "cancelled")
    expect_released(shop, rental["rental_id"], collectible)


def test_news_after_the_end_changes_nothing(shop: Shop) -> None:
    _, rental = shop.rent()
    event_id = shop.paymongo.decline(shop.session_id(rental["rental_id"]))
    shop.paymongo.wait_until_idle()
    shop.cancel_and_end(rental)
    before = shop.rental_row(rental["rental_id"])

    assert shop.paymongo.resend(event_id) == [200]
    shop.paymongo.decline(before["checkoutSessionId"])
    shop.paymongo.wait_until_idle()
    shop.cancel(rental)

    assert shop.rental_row(rental["rental_id"]) == before
