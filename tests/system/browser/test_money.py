"""Money after the checkout: charges, deposits, part refunds, extension, change of mind."""

import re

from playwright.sync_api import expect

from infra import clock
from tests.support.shop import Shop
from tests.system.browser.states import show
from tests.system.browser.visitor import CHECKOUT, Visit, Visitor, failure

_ANA = {"name": "Ana", "email": "ana@example.com", "phone": "0917 000 0000"}
_ANA |= {"address": "1 Rizal Street", "city": "Makati", "postal_code": "1200"}


def rental_at(shop: Shop, stage: str, collectible_id: str) -> str:
    """The id of a paid rental that the store has brought to this stage."""
    rental = shop.checkout(collectible_id)
    shop.pay_and_complete(rental)
    rental_id: str = rental["rental_id"]
    for action in ("arrived", "picked_up"):
        if shop.rental_row(rental_id)["fulfillmentStatus"] == stage:
            break
        shop.desk(rental_id, action)
    return rental_id


def pay(visitor: Visitor) -> None:
    """Pay on PayMongo's page, which leads back to the rental's."""
    visitor.expect_payment_page()
    visitor.page.get_by_role("button", name=re.compile("^Pay ₱")).click()
    visitor.page.wait_for_url("**/rental.html?rental_id=*")


def test_a_rental_with_deposit_is_extended_late_and_damaged(shop: Shop, visit: Visit) -> None:
    visitor = visit(device="phone")
    rental_id = rental_at(shop, "picked_up", shop.add_collectible(deposit=5000))
    page, money = visitor.page, visitor.page.locator("#money")
    visitor.open_rental(shop, rental_id)
    expect(money).to_contain_text(re.compile("Deposit.*Goes back once it is back.*₱5,000"))
    expect(page.locator("#late-fee")).to_contain_text("costs a late fee: ₱1,000 for each day")

    page.get_by_role("button", name="One day more").click()
    expect(page.locator("#extension-price")).to_contain_text("2 days more: ₱4,000. Due back by")
    page.locator("#extend").click()
    pay(visitor)
    expect(money).to_contain_text("2 days more")
    assert shop.rental_row(rental_id)["duration"] == 5

    shop.table("Rentals").update_item(
        Key={"id": rental_id},
        UpdateExpression="SET dueAt = :before",
        ExpressionAttributeValues={":before": clock.timestamp_in(-47 * 3600)},
    )
    page.reload()
    expect(page.locator("#late-fee")).to_contain_text("Late fee until now: ₱2,000")
    expect(page.locator("#extend")).to_have_count(0)

    shop.desk(rental_id, "returned")
    shop.desk(rental_id, "inspected", condition="damaged", note="An ear broke", centavos=450_000)
    page.reload()
    visitor.expect_heading("Your rental is over")
    expect(money).to_contain_text(re.compile("Late return, from your deposit.*₱2,000"))
    page.get_by_role("button", name="Pay ₱1,500").click()
    pay(visitor)
    expect(money).to_contain_text(re.compile("Damage.*An ear broke.*₱1,500"))
    expect(money).to_contain_text("₱16,500")
    expect(page.get_by_role("button", name=re.compile("^Pay"))).to_have_count(0)


def test_cancelling_a_paid_rental_says_first_what_goes_back(shop: Shop, visitor: Visitor) -> None:
    rental_id = rental_at(shop, "awaiting_arrival", shop.add_collectible())
    visitor.expect_failures_of("/cancel")
    visitor.open_rental(shop, rental_id)
    visitor.page.get_by_role("button", name="Cancel this rental").click()
    dialog = visitor.page.get_by_role("dialog")
    expect(dialog).to_contain_text("₱6,000 goes back to the account you paid from")
    expect(dialog).to_contain_text("we keep nothing")

    shop.desk(rental_id, "arrived")
    dialog.get_by_role("button", name="Cancel and get ₱6,000 back").click()
    expect(dialog.get_by_role("alert")).to_contain_text("It is not cancelled: another sum")
    expect(dialog).to_contain_text("we keep ₱3,000 of the rent of ₱6,000")
    assert shop.paymongo.refunds(rental_id) == []
    dialog.get_by_role("button", name="Cancel and get ₱3,000 back").click()

    visitor.expect_heading("This rental was cancelled")
    shop.eventually_refunded(rental_id, 300_000)
    money = visitor.page.locator("#money")
    expect(money).to_contain_text("Because you cancelled · Sent back on")
    expect(money).to_contain_text(re.compile("We keep.*cancelled so late.*₱3,000"))


def test_what_was_paid_kept_and_given_back(visitor: Visitor) -> None:
    show(visitor, "rental", "to pay")

    money = visitor.page.locator("#money")
    expect(money).to_contain_text(re.compile("Rent.*3 days.*₱6,000"))
    expect(money).to_contain_text(re.compile("Given back.*For the wait at the counter.*₱150.50"))
    expect(money).to_contain_text(re.compile("We keep.*₱14,849.50"))
    expect(visitor.page.locator("main")).not_to_contain_text("could not go ahead")
    expect(visitor.page.get_by_role("button", name="Pay ₱1,500")).to_be_visible()


def test_who_only_has_the_address_may_look(visitor: Visitor) -> None:
    show(visitor, "rental", "to pay")
    visitor.page.evaluate("localStorage.clear()")
    visitor.page.reload()

    expect(visitor.page.locator(".hold")).to_contain_text("Pay at the store")
    expect(visitor.page.get_by_role("button", name="Pay ₱1,500")).to_have_count(0)


def test_a_refused_way_to_pay_leaves_the_others(visitor: Visitor) -> None:
    visitor.expect_failures_of("/api/rentals/checkout")
    visitor.open_form("col-001")
    visitor.fill_in(_ANA)
    visitor.answer(CHECKOUT, 502, failure("PAYMENT_METHOD_REFUSED"))

    visitor.submit.click()

    expect(visitor.problem).to_contain_text("PayMongo refused this way to pay")
    expect(visitor.page.locator("#payment_method-gcash")).to_be_disabled()
    expect(visitor.page.locator("#payment_method-error")).to_contain_text("refused GCash")
    visitor.page.check("#payment_method-card")
    expect(visitor.page.locator("#payment_method-error")).to_be_hidden()
