"""Declined, cancelled, expired, refunded: what the customer is told, and the way to try again."""

from playwright.sync_api import expect

from tests.support.shop import Shop
from tests.system.browser.visitor import Visitor, new_customer, only_rental_of, rentals_of


def try_again(visitor: Visitor) -> None:
    """From a page about an ended rental back to the form."""
    visitor.page.locator("#try-again").click()
    visitor.page.wait_for_url("**/rent.html?*")
    visitor.expect_price()


def test_declined_once_and_paid_with_another_card(shop: Shop, visitor: Visitor) -> None:
    customer = new_customer(shop)
    visitor.rent(shop.add_collectible(), customer)
    visitor.have_a_payment_declined()
    rental_id = only_rental_of(shop, customer)
    shop.paymongo.wait_until_idle()

    visitor.page.goto(f"/rental.html?rental_id={rental_id}")
    visitor.expect_heading("Your rental is on hold")
    warning = visitor.page.locator(".hold .note-warning")
    expect(warning).to_contain_text("declined once. You have 2 tries left")
    visitor.page.get_by_role("link", name="Continue to payment").click()
    visitor.expect_payment_page()
    visitor.pay()

    assert shop.rental(rental_id)["status"] == "completed"


def test_declined_until_the_end_then_rented_anew(shop: Shop, visitor: Visitor) -> None:
    collectible, customer = shop.add_collectible(), new_customer(shop)
    visitor.rent(collectible, customer)
    for _ in range(3):
        visitor.have_a_payment_declined()
    shop.wait_for_status(only_rental_of(shop, customer), "failed")

    visitor.page.get_by_role("button", name="Simulate a declined payment").click()
    visitor.page.get_by_role("link", name="Back to the shop").click()
    visitor.expect_heading("The payment was declined")
    expect(visitor.page.locator("#lead")).to_contain_text("back on the shelf")
    try_again(visitor)
    visitor.expect_filled_in(customer)
    visitor.submit_and_pay()

    statuses = [row["paymentStatus"] for row in rentals_of(shop, customer)]
    assert statuses == ["failed", "completed"]


def test_cancelled_on_paymongos_page_then_rented_anew(shop: Shop, visitor: Visitor) -> None:
    collectible, customer = shop.add_collectible(), new_customer(shop)
    visitor.rent(collectible, customer)

    visitor.leave_payment_page()
    visitor.expect_heading("You cancelled this rental")
    expect(visitor.page.locator("#lead")).to_contain_text("back on the shelf")
    assert shop.available(collectible) == 1
    try_again(visitor)
    visitor.expect_filled_in(customer)
    expect(visitor.page.locator("#store_id")).to_have_value("store-a")
    expect(visitor.page.locator("#duration")).to_have_value("3")
    visitor.submit_and_pay()

    statuses = [row["paymentStatus"] for row in rentals_of(shop, customer)]
    assert statuses == ["cancelled", "completed"]


def test_expired_while_paying(shop: Shop, visitor: Visitor) -> None:
    collectible, customer = shop.add_collectible(), new_customer(shop)
    with shop.hold_of(2):
        visitor.rent(collectible, customer)
        shop.wait_for_status(only_rental_of(shop, customer), "expired")

    visitor.page.get_by_role("button", name="Pay ₱").click()
    expect(visitor.page.get_by_text("has expired and can no longer be paid")).to_be_visible()
    visitor.page.get_by_role("link", name="Back to the shop").click()
    visitor.expect_heading("The time to pay ran out")
    try_again(visitor)
    visitor.expect_filled_in(customer)

    assert shop.available(collectible) == 1


def test_hold_runs_out_before_the_customers_eyes(shop: Shop, visitor: Visitor) -> None:
    with shop.hold_of(4):
        rental = shop.checkout(shop.add_collectible())
    visitor.open_rental(shop, rental["rental_id"])

    visitor.expect_heading("The time to pay ran out")

    expect(visitor.page.get_by_role("link", name="Continue to payment")).to_have_count(0)
    expect(visitor.page.locator(".stamp")).to_have_text("Not paid")


def test_money_that_comes_too_late_is_returned(shop: Shop, visitor: Visitor) -> None:
    collectible = shop.add_collectible()
    late = shop.checkout(collectible)
    session_id = shop.session_id(late["rental_id"])
    shop.cancel(late)
    shop.wait_for_status(late["rental_id"], "cancelled")
    shop.pay(shop.checkout(collectible))

    visitor.page.goto(f"/success.html?rental_id={late['rental_id']}")
    visitor.expect_heading("This rental is not paid")
    shop.paymongo.settle(session_id)

    visitor.expect_heading("Your money was returned")
    expect(visitor.page.locator("#lead")).to_contain_text("₱6,000 was sent back")
    expect(visitor.page.locator(".stamp")).to_have_text("Refunded")
