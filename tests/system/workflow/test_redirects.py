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


def give_up(shop: Shop, rental: Json) -> str:
    """What PayMongo's link back to the shop does: the page that it leads to."""
    return shop.follow(shop.cancel_url(rental["rental_id"]))


def test_wrong_or_missing_signature_changes_nothing(shop: Shop) -> None:
    collectible = shop.add_collectible(units=2)
    rental, other = shop.checkout(collectible), shop.checkout(collectible)
    rental_id = rental["rental_id"]
    before = shop.rental_row(rental_id)
    genuine, of_other = (
        signature_in(shop.cancel_url(each["rental_id"])) for each in (rental, other)
    )

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

    assert give_up(shop, rental) == f"/success.html?rental_id={rental['rental_id']}"

    shop.wait_for_status(rental["rental_id"], "completed")
    assert give_up(shop, rental) == f"/success.html?rental_id={rental['rental_id']}"
    assert shop.available(collectible) == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch"},
        {"Purpose": "prefetch"},
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ],
    ids=str,
)
def test_a_link_to_cancel_that_is_only_loaded_changes_nothing(
    shop: Shop, headers: dict[str, str]
) -> None:
    _, rental = shop.rent()
    before = shop.rental_row(rental["rental_id"])

    answer = shop.site.get(shop.cancel_url(rental["rental_id"]), headers=headers)

    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"/rental.html?rental_id={rental['rental_id']}#")
    shop.site.head(shop.cancel_url(rental["rental_id"]))
    assert shop.rental_row(rental["rental_id"]) == before
    assert shop.execution(rental["rental_id"])["status"] == "RUNNING"


def test_a_link_to_cancel_that_is_followed_cancels(shop: Shop) -> None:
    _, rental = shop.rent()
    headers = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-User": "?1"}

    shop.site.get(shop.cancel_url(rental["rental_id"]), headers=headers)

    shop.wait_for_status(rental["rental_id"], "cancelled")


def test_cancelling_twice(shop: Shop) -> None:
    collectible, rental = shop.rent()

    pages = {give_up(shop, rental) for _ in range(3)}

    assert pages == {f"/failed.html?rental_id={rental['rental_id']}"}
    shop.wait_for_status(rental["rental_id"], "cancelled")
    assert shop.available(collectible) == 1


def test_returning_from_a_rental_that_ended_long_ago(shop: Shop) -> None:
    rental = shop.checkout(shop.add_collectible())
    success_url = shop.success_url(rental["rental_id"])
    shop.cancel_and_end(rental)
    before = shop.rental_row(rental["rental_id"])

    assert shop.follow(success_url).startswith("/success.html")
    assert give_up(shop, rental).startswith("/failed.html")

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

    assert not shop.cancel(rental)

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

    page = give_up(shop, rental)

    assert page == f"/success.html?rental_id={rental['rental_id']}"
    shop.wait_for_status(rental["rental_id"], "completed")
