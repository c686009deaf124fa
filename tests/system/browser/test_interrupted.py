"""Double clicks, reloads, the Back button and lost answers: one rental, and nothing lost."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Playwright, Route, expect

from tests.support.shop import Shop, eventually
from tests.system.browser.launch import launch
from tests.system.browser.visitor import CHECKOUT, Visitor, new_customer, only_rental_of, rentals_of
from tools.local.stack import LocalStack


def test_double_click_makes_one_rental(shop: Shop, visitor: Visitor) -> None:
    keys = visitor.idempotency_keys()
    collectible, customer = visitor.start_form(shop, units=2)

    visitor.submit.dblclick()

    visitor.expect_payment_page()
    assert len(keys) == 1
    assert only_rental_of(shop, customer)
    assert shop.available(collectible) == 1


def test_reload_while_reserving_picks_the_same_rental_up(shop: Shop, visitor: Visitor) -> None:
    keys = visitor.idempotency_keys()
    collectible, customer = visitor.start_form(shop, units=2)
    # The API hears of it, the customer doesn't hear back.
    visitor.page.route(CHECKOUT, lambda route: route.fetch() and None, times=1)
    visitor.submit.click()
    expect(visitor.page.locator("#progress-text")).not_to_be_empty()

    visitor.page.reload()

    expect(visitor.page.locator("#notice")).to_contain_text("Your last try was interrupted")
    visitor.expect_filled_in(customer)
    visitor.expect_price()
    visitor.submit.click()
    visitor.expect_payment_page()
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert only_rental_of(shop, customer)
    assert shop.available(collectible) == 1
    visitor.pay()


def test_retry_after_a_lost_answer_picks_the_same_rental_up(shop: Shop, visitor: Visitor) -> None:
    visitor.expect_failures_of("/api/rentals/checkout")
    collectible, customer = visitor.start_form(shop, units=2)

    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort("connectionreset")

    visitor.page.route(CHECKOUT, lose_the_answer, times=1)
    visitor.submit.click()
    expect(visitor.problem).to_contain_text("nothing is reserved or charged twice")
    expect(visitor.problem).to_be_focused()
    visitor.submit.click()

    visitor.expect_payment_page()
    assert only_rental_of(shop, customer)
    assert shop.available(collectible) == 1


def test_back_from_paymongo_shows_the_hold_and_leads_on(shop: Shop, visitor: Visitor) -> None:
    customer = new_customer(shop)
    visitor.rent(shop.add_collectible(), customer)

    visitor.page.go_back()

    panel = visitor.page.get_by_role("region", name="Rental on hold")
    expect(panel).to_contain_text("Test Piece is on hold for you for")
    expect(panel).to_be_focused()
    expect(panel.get_by_role("timer")).to_have_text(re.compile(r"^(10:00|9:\d\d)$"))
    expect(visitor.page.locator("#rent-form")).to_be_hidden()
    panel.get_by_role("link", name="Continue to payment").click()
    visitor.expect_payment_page()
    visitor.pay()
    assert shop.rental(only_rental_of(shop, customer))["status"] == "completed"


def test_back_from_paymongo_and_cancel(shop: Shop, visitor: Visitor) -> None:
    collectible, customer = shop.add_collectible(), new_customer(shop)
    visitor.rent(collectible, customer)
    page = visitor.page
    page.go_back()

    page.get_by_role("button", name="Cancel this rental").click()
    expect(page.get_by_role("dialog", name="Cancel this rental?")).to_be_visible()
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("button", name="Cancel this rental")).to_be_focused()
    page.get_by_role("button", name="Cancel this rental").click()
    page.get_by_role("button", name="Yes, cancel").click()

    visitor.expect_heading("You cancelled this rental")
    assert shop.available(collectible) == 1
    page.locator("#try-again").click()
    visitor.expect_price()
    visitor.expect_filled_in(customer)


@pytest.fixture
def visitor_with_cache(playwright: Playwright, stack: LocalStack) -> Iterator[Visitor]:
    """Whose browser keeps the pages that were left, as all browsers of customers do."""
    browser = launch(playwright, back_forward_cache=True)
    visitor = Visitor(browser, stack.settings)
    yield visitor
    browser.close()
    assert visitor.problems == []


def test_page_out_of_the_back_forward_cache_knows_of_the_hold(
    shop: Shop, visitor_with_cache: Visitor
) -> None:
    """It is not loaded again: its scripts go on where they were, a checkout under way."""
    visitor = visitor_with_cache
    _, customer = visitor.start_form(shop)
    visitor.page.evaluate("window.isTheSamePage = true")
    visitor.submit.click()
    visitor.expect_payment_page()

    visitor.page.go_back(wait_until="commit")

    expect(visitor.page.get_by_role("region", name="Rental on hold")).to_be_focused()
    expect(visitor.page.locator("#rent-form")).to_be_hidden()
    assert visitor.page.evaluate("window.isTheSamePage")
    assert visitor.page.locator("#submit").get_attribute("aria-disabled") == "false"
    assert only_rental_of(shop, customer)


def test_hold_is_offered_on_the_catalogue_and_in_another_tab(shop: Shop, visitor: Visitor) -> None:
    customer = new_customer(shop)
    visitor.rent(shop.add_collectible(), customer)

    tab = visitor.page.context.new_page()
    tab.goto("/")
    dock = tab.get_by_role("region", name="Rental on hold")
    expect(dock.get_by_role("link", name="See or cancel it")).to_be_visible()
    dock.get_by_role("link", name="Continue to payment").click()

    tab.get_by_role("button", name="Pay ₱").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("Your rental is confirmed")


def test_a_second_tab_is_told_of_the_hold_of_the_first(shop: Shop, visitor: Visitor) -> None:
    customer, other = new_customer(shop), shop.add_collectible()
    first = visitor.page
    visitor.another_tab()
    visitor.open_form(other)
    visitor.fill_in(customer)
    second, visitor.page = visitor.page, first
    visitor.rent(shop.add_collectible(), customer)
    visitor.page = second

    visitor.submit.click()

    expect(visitor.problem).to_contain_text("is already on hold for you")
    expect(visitor.problem.get_by_role("link", name="See your rental")).to_be_visible()
    assert only_rental_of(shop, customer)
    visitor.submit.click()
    visitor.expect_payment_page()
    assert len(rentals_of(shop, customer)) == 2


@pytest.mark.parametrize("reload_at", ["success", "failed"])
def test_reloading_the_last_page_changes_nothing(
    shop: Shop, visitor: Visitor, reload_at: str
) -> None:
    customer = new_customer(shop)
    visitor.rent(shop.add_collectible(), customer)
    if reload_at == "success":
        visitor.pay()
    else:
        visitor.leave_payment_page()
        visitor.expect_heading("You cancelled this rental")
    heading = visitor.page.get_by_role("heading", level=1).inner_text()
    rental_id = only_rental_of(shop, customer)
    eventually(lambda: shop.execution(rental_id)["status"] == "SUCCEEDED", "the end")
    before = shop.rental_row(rental_id)

    visitor.page.reload()

    visitor.expect_heading(heading)
    assert shop.rental_row(rental_id) == before
