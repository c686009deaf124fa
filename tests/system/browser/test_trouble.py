"""The API is slow, fails, or says no: clear words, nothing lost, and a way on."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.support.shop import Shop
from tests.system.browser.states import HELD, RENTAL_ID
from tests.system.browser.visitor import (
    CHECKOUT,
    COLLECTIBLES,
    QUOTE,
    Visitor,
    failure,
    new_customer,
    only_rental_of,
    rentals_of,
)

Body = dict[str, Any] | str

RENTAL = re.compile(r"/api/rentals/[0-9a-f-]{36}$")

ANA = {
    "name": "Ana Cruz",
    "email": "ana@example.com",
    "phone": "+63 917 000 0000",
    "address": "1 Rizal Street",
    "city": "Makati",
    "postal_code": "1200",
}


def test_sold_out_while_filling_the_form(shop: Shop, visitor: Visitor) -> None:
    visitor.expect_failures_of("/api/rentals/checkout")
    collectible, customer = visitor.start_form(shop)
    other = shop.checkout(collectible)

    visitor.submit.click()

    expect(visitor.problem).to_contain_text("No unit was left")
    expect(visitor.page.locator("#sold-out")).to_be_visible()
    expect(visitor.submit).to_be_disabled()
    visitor.expect_filled_in(customer)

    shop.cancel(other)
    shop.wait_for_status(other["rental_id"], "cancelled")
    visitor.page.get_by_role("button", name="One day more").click()
    expect(visitor.submit).to_be_enabled()
    visitor.submit_and_pay()
    statuses = [row["paymentStatus"] for row in rentals_of(shop, customer)]
    assert statuses == ["completed"]


def test_field_errors_as_the_api_reports_them(shop: Shop, visitor: Visitor) -> None:
    visitor.expect_failures_of("/api/rentals/checkout")
    _, customer = visitor.start_form(shop)

    def spoil(route: Route) -> None:
        """The form would not send this, so the API would never get to say it."""
        body: Any = route.request.post_data_json
        body["customer"] |= {"email": "ana", "postal_code": "12"}
        route.continue_(post_data=json.dumps(body))

    visitor.page.route(CHECKOUT, spoil, times=1)
    visitor.submit.click()

    summary = visitor.page.locator("#error-summary")
    expect(summary).to_be_focused()
    expect(summary.get_by_role("link")).to_have_count(2)
    email_error = visitor.page.locator("#customer-email-error")
    expect(email_error).to_have_text("Email: must be an e-mail address")
    expect(visitor.page.locator("#customer-postal_code-error")).to_contain_text("must be 4 digits")
    visitor.expect_filled_in(customer)
    visitor.page.fill("#customer-email", customer["email"])
    expect(email_error).to_be_hidden()
    visitor.submit.click()
    visitor.expect_payment_page()
    assert only_rental_of(shop, customer)


def test_paymongo_down(shop: Shop, visitor: Visitor) -> None:
    visitor.expect_failures_of("/api/rentals/checkout")
    _, customer = visitor.start_form(shop)
    shop.paymongo.fault("error_500", "create_checkout_session", times=None)

    visitor.submit.click()
    expect(visitor.problem).to_contain_text("The payment page could not be opened")
    visitor.expect_filled_in(customer)
    shop.paymongo.forget_rules()
    visitor.submit.click()

    visitor.expect_payment_page()
    visitor.pay()
    statuses = [row["paymentStatus"] for row in rentals_of(shop, customer)]
    assert statuses == ["failed", "completed"]


def test_progress_shown_is_the_rentals_own(shop: Shop, visitor: Visitor) -> None:
    """The 202 comes at once; what is said after it is read from the rental."""
    _, customer = visitor.start_form(shop)
    answers = visitor.hold(RENTAL)

    with visitor.page.expect_request(RENTAL), visitor.page.expect_response(CHECKOUT) as answer:
        visitor.submit.click()

    assert answer.value.status == 202
    progress = visitor.page.locator("#progress-text")
    expect(progress).to_have_text("Reserving one for you…")
    expect(visitor.submit).to_have_attribute("aria-disabled", "true")
    rental_id = only_rental_of(shop, customer)
    reserved = {**shop.wait_until_payable(rental_id), "payment_url": None}
    answers.pop().fulfill(json={"success": True, "data": reserved})
    expect(progress).to_have_text("Preparing payment…")
    visitor.page.unroute(RENTAL)
    for route in answers:
        route.continue_()
    visitor.expect_payment_page()
    visitor.pay()


def test_answer_with_the_payment_page_is_followed_at_once(shop: Shop, visitor: Visitor) -> None:
    """The API's 200, for a request that was sent before."""
    collectible, customer = shop.add_collectible(), new_customer(shop)
    visitor.page.route(
        CHECKOUT,
        lambda route: route.continue_(headers=route.request.headers | {"prefer": ""}),
    )
    visitor.open_form(collectible)
    visitor.fill_in(customer)

    with visitor.page.expect_response(CHECKOUT) as answer:
        visitor.submit.click()

    assert answer.value.status == 200
    visitor.expect_payment_page()
    visitor.pay()
    assert only_rental_of(shop, customer)


def test_slow_checkout_asks_for_patience(visitor: Visitor) -> None:
    page = visitor.page
    page.clock.install()
    visitor.open_form("col-001")
    visitor.fill_in(ANA)
    keys = visitor.idempotency_keys()
    rental = HELD | {"payment_url": None, "hold_expires_at": None, "eta": None}
    visitor.answer(CHECKOUT, 202, {"success": True, "data": rental})
    visitor.answer(f"**/api/rentals/{RENTAL_ID}", 200, {"success": True, "data": rental})

    visitor.submit.click()
    progress = page.locator("#progress-text")
    expect(progress).to_have_text("Reserving one for you…")
    page.clock.run_for(10_000)
    expect(progress).to_have_text("Reserving one for you… Thank you for waiting.")
    # Playwright would wait until it is enabled; a customer doesn't.
    visitor.submit.click(force=True)
    page.clock.run_for(120_000)

    expect(visitor.problem).to_contain_text("This takes longer than usual")
    expect(visitor.problem.get_by_role("link", name="See your rental")).to_be_visible()
    assert len(keys) == 1


OVER: list[tuple[int, Body, str]] = [
    (409, failure("RENTAL_ENDED"), "Your earlier try has already ended"),
    (422, failure("IDEMPOTENCY_KEY_REUSED"), "Your details changed"),
    (502, failure("PAYMENT_PROVIDER_UNAVAILABLE"), "Our payment partner did not answer"),
]
MAY_BE_UNDER_WAY: list[tuple[int, Body, str]] = [
    (404, failure("STORE_NOT_FOUND"), "This store is no longer open"),
    (413, failure("BODY_TOO_LARGE"), "We could not accept this request"),
    (429, failure("TOO_MANY_HOLDS"), "rentals from your network are waiting for payment"),
    (429, "Too Many Requests", "Our site is very busy just now"),
    (500, failure("INTERNAL_ERROR"), "Something is not working on our side"),
    (504, "<h1>Gateway Timeout</h1>", "Something is not working on our side"),
    (200, "<h1>Not JSON</h1>", "Please try again"),
]


def keys_of_refused_checkouts(visitor: Visitor, answers: list[tuple[int, Body, str]]) -> list[str]:
    """Press once for each of these answers, which is told and loses nothing; the keys sent."""
    visitor.expect_failures_of("/api/rentals/checkout")
    visitor.open_form("col-001")
    visitor.fill_in(ANA)
    keys = visitor.idempotency_keys()
    for status, body, words in answers:
        visitor.answer(CHECKOUT, status, body, times=1)
        visitor.submit.click()
        expect(visitor.problem).to_contain_text(words)
        expect(visitor.problem).to_be_focused()
        expect(visitor.submit).to_have_attribute("aria-disabled", "false")
    visitor.expect_filled_in(ANA)
    assert len(keys) == len(answers)
    return keys


def test_try_that_is_over_is_followed_by_a_new_one(visitor: Visitor) -> None:
    keys = keys_of_refused_checkouts(visitor, OVER)

    assert len(set(keys)) == len(OVER)


def test_try_that_may_be_under_way_is_picked_up(visitor: Visitor) -> None:
    keys = keys_of_refused_checkouts(visitor, MAY_BE_UNDER_WAY)

    assert len(set(keys)) == 1


def test_checkout_without_any_answer(visitor: Visitor) -> None:
    visitor.page.add_init_script(
        "const wait = AbortSignal.timeout;"
        "AbortSignal.timeout = (ms) => wait.call(AbortSignal, ms >= 30_000 ? 100 : ms);"
    )
    visitor.open_form("col-001")
    visitor.fill_in(ANA)
    visitor.hold(CHECKOUT)

    visitor.submit.click()

    expect(visitor.problem).to_contain_text("Our site is taking too long to answer")
    visitor.expect_filled_in(ANA)


def test_price_that_cannot_be_read(visitor: Visitor) -> None:
    visitor.expect_failures_of("/api/rentals/quote")
    visitor.open_form("col-001")
    visitor.answer(QUOTE, 500, failure("INTERNAL_ERROR"), times=1)

    visitor.page.fill("#duration", "9")
    expect(visitor.page.locator("#quote-problem")).to_contain_text("could not see when it is ready")
    visitor.page.locator("#quote-retry").click()

    expect(visitor.page.locator("#quote-total")).to_have_text("₱9,000")


@pytest.mark.parametrize("path", ["/", "/rent.html?collectible_id=col-001&store_id=store-a"])
def test_page_that_cannot_be_loaded(visitor: Visitor, path: str) -> None:
    visitor.expect_failures_of("/api/collectibles")
    visitor.answer(COLLECTIBLES, 500, failure("INTERNAL_ERROR"), times=1)

    visitor.page.goto(path)
    problem = visitor.page.locator("#load-problem")
    expect(problem).to_contain_text("Something is not working on our side")
    visitor.page.locator("#retry").click()

    expect(problem).to_be_hidden()
    expect(visitor.page.get_by_text("Tin Robot No. 7").first).to_be_visible()


def test_cancelling_that_fails_can_be_tried_again(shop: Shop, visitor: Visitor) -> None:
    collectible, rental = shop.rent()
    visitor.expect_failures_of("/cancel")
    visitor.answer("**/api/rentals/*/cancel", 503, failure("TRY_AGAIN"), times=1)
    visitor.open_rental(shop, rental["rental_id"])
    visitor.page.get_by_role("button", name="Cancel this rental").click()
    dialog = visitor.page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Keep it")).to_be_focused()

    dialog.get_by_role("button", name="Yes, cancel").click()
    expect(dialog.get_by_role("alert")).to_contain_text("may not be cancelled yet")
    dialog.get_by_role("button", name="Yes, cancel").click()

    visitor.expect_heading("You cancelled this rental")
    assert shop.available(collectible) == 1


def test_rental_page_goes_on_asking(shop: Shop, visitor: Visitor) -> None:
    rental = shop.checkout(shop.add_collectible())
    visitor.expect_failures_of("/api/rentals/")
    url = f"**/api/rentals/{rental['rental_id']}"
    visitor.answer(url, 500, failure("INTERNAL_ERROR"))

    visitor.open_rental(shop, rental["rental_id"])
    expect(visitor.page.locator("#trouble")).to_contain_text("We keep trying")
    visitor.page.unroute(url)

    visitor.expect_heading("Your rental is on hold")
    expect(visitor.page.locator("#trouble")).to_be_hidden()


def test_unknown_rental_and_collectible(visitor: Visitor) -> None:
    visitor.expect_failures_of("/api/rentals/")
    nobody = "00000000-0000-4000-8000-000000000000"
    for page in ("rental", "success", "failed"):
        visitor.page.goto(f"/{page}.html?rental_id={nobody}")
        visitor.expect_heading("We do not know this rental")
        visitor.page.goto(f"/{page}.html")
        visitor.expect_heading("This link is not complete")
    visitor.page.goto("/rent.html?collectible_id=col-999")
    expect(visitor.page.locator("#unknown")).to_be_visible()
    expect(visitor.page.locator("#rent-form")).to_be_hidden()
