"""The URLs that PayMongo sends customers back to carry no authority: they only make us ask."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.sandbox import Json
from tests.support.shop import Shop


def expect_refused_everywhere(shop: Shop, rental: Json, query: str) -> None:
    for outcome in ("success", "failed"):
        answer = shop.site.get(f"/payment/{outcome}{query.replace('OUTCOME', outcome)}")
        assert answer.status_code == 401, (outcome, query, answer.text)
        assert answer.json()["code"] == "INVALID_SIGNATURE"
        assert answer.json()["success"] is False


def signature_in(url: str) -> str:
    return parse_qs(urlsplit(url).query)["signature"][0]


def test_wrong_or_missing_signature_changes_nothing(shop: Shop) -> None:
    collectible = shop.add_collectible(units=2)
    rental, other = shop.checkout(collectible), shop.checkout(collectible)
    rental_id = rental["rental_id"]
    before = shop.rental_row(rental_id)
    genuine, of_other = signature_in(rental["cancel_url"]), signature_in(other["cancel_url"])

    for query in (
        "",
        f"?rental_id={rental_id}",
        f"?rental_id={rental_id}&signature=",
        f"?rental_id={rental_id}&signature={'0' * 64}",
        f"?rental_id={rental_id}&signature={of_other}",
        f"?rental_id={rental_id}&signature={genuine.upper()}",
        f"?rental_id={rental_id}&signature={genuine[:-1]}",
        f"?rental_id={rental_id}&signature=%C3%A9%00%F0%9F%A6%96",
        f"?rental_id={rental_id}%20&signature={genuine}",
        f"?rental_id=&signature={genuine}",
        f"?signature={genuine}",
        f"?rental_id=unknown&signature={genuine}",
    ):
        expect_refused_everywhere(shop, rental, query)

    assert shop.rental_row(rental_id) == before
    assert shop.execution(rental_id)["status"] == "RUNNING"


def test_signature_of_one_outcome_is_not_one_of_the_other(shop: Shop) -> None:
    """Who may look whether it was paid may not cancel."""
    rental = shop.checkout(shop.add_collectible())
    rental_id = rental["rental_id"]
    shop.paymongo.webhooks_are("drop")
    to_success = signature_in(shop.pay(rental))

    cancel = shop.site.get(f"/payment/failed?rental_id={rental_id}&signature={to_success}")

    assert cancel.status_code == 401
    assert shop.rental(rental_id)["status"] == "pending"
    shop.follow(f"/payment/success?rental_id={rental_id}&signature={to_success}")
    shop.wait_for_status(rental_id, "completed")


def test_success_url_without_a_payment_changes_nothing(shop: Shop) -> None:
    """A customer who types the URL instead of paying."""
    rental = shop.checkout(shop.add_collectible())
    success_url = shop.success_url(rental["rental_id"])
    before = shop.rental_row(rental["rental_id"])

    page = shop.follow(success_url)

    assert page == f"/success.html?rental_id={rental['rental_id']}"
    assert shop.rental_row(rental["rental_id"]) == before
    assert shop.execution(rental["rental_id"])["status"] == "RUNNING"


def test_cancelling_after_paying_leads_to_the_success_page(shop: Shop) -> None:
    """Paid in one tab, cancelled in another one, and no webhook yet."""
    collectible, rental = shop.rent()
    shop.paymongo.webhooks_are("hold")
    shop.pay(rental)

    assert shop.cancel(rental) == f"/success.html?rental_id={rental['rental_id']}"

    shop.wait_for_status(rental["rental_id"], "completed")
    assert shop.cancel(rental) == f"/success.html?rental_id={rental['rental_id']}"
    assert shop.available(collectible) == 0


def test_cancelling_twice(shop: Shop) -> None:
    collectible, rental = shop.rent()

    pages = {shop.cancel(rental) for _ in range(3)}

    assert pages == {f"/failed.html?rental_id={rental['rental_id']}"}
    shop.wait_for_status(rental["rental_id"], "cancelled")
    assert shop.available(collectible) == 1


def test_returning_from_a_rental_that_ended_long_ago(shop: Shop) -> None:
    rental = shop.checkout(shop.add_collectible())
    success_url = shop.success_url(rental["rental_id"])
    shop.cancel_and_end(rental)
    before = shop.rental_row(rental["rental_id"])

    assert shop.follow(success_url).startswith("/success.html")
    assert shop.cancel(rental).startswith("/failed.html")

    assert shop.rental_row(rental["rental_id"]) == before


@pytest.mark.parametrize("fault", ["error_500", "error_400"])
def test_paid_while_paymongo_does_not_say_so(shop: Shop, fault: str) -> None:
    """The customer gets a page all the same, and the webhook tells the rest."""
    rental = shop.checkout(shop.add_collectible())
    session = f"/v1/checkout_sessions/{shop.session_id(rental['rental_id'])}"
    shop.paymongo.webhooks_are("hold")
    success_url = shop.pay(rental)
    shop.paymongo.fault(fault, "retrieve_checkout_session", path=session)

    assert shop.follow(success_url).startswith("/success.html")

    assert shop.rental(rental["rental_id"])["status"] == "pending"
    shop.paymongo.release_webhooks()
    shop.wait_for_status(rental["rental_id"], "completed")


def test_cancelled_after_paying_while_paymongo_does_not_say_so(shop: Shop) -> None:
    """Closing the session asks again before anything is released."""
    collectible, rental = shop.rent()
    session = f"/v1/checkout_sessions/{shop.session_id(rental['rental_id'])}"
    shop.paymongo.webhooks_are("drop")
    shop.pay(rental)
    shop.paymongo.fault("error_500", "retrieve_checkout_session", times=2, path=session)

    assert shop.cancel(rental).startswith("/failed.html")

    shop.wait_for_status(rental["rental_id"], "completed")
    assert shop.available(collectible) == 0


def test_coming_back_with_a_payment_that_is_late_and_that_no_webhook_told(shop: Shop) -> None:
    rental = shop.checkout(shop.add_collectible())
    success_url = shop.success_url(rental["rental_id"])
    shop.cancel_and_end(rental)
    shop.paymongo.settle(shop.session_id(rental["rental_id"]), silently=True)

    shop.follow(success_url)

    shop.wait_for_status(rental["rental_id"], "completed")
    assert len(shop.settlements_of(rental["rental_id"])) == 1


def test_cancelling_again_when_the_money_has_come_after_all(shop: Shop) -> None:
    rental = shop.checkout(shop.add_collectible())
    shop.cancel_and_end(rental)
    shop.paymongo.settle(shop.session_id(rental["rental_id"]), silently=True)

    page = shop.cancel(rental)

    assert page == f"/success.html?rental_id={rental['rental_id']}"
    shop.wait_for_status(rental["rental_id"], "completed")
