"""From the catalogue to a confirmed rental."""

import re
import uuid

import pytest
from playwright.sync_api import expect

from rentals.numbers import number_of
from tests.support.shop import Shop
from tests.system.browser.visitor import QUOTE, Device, Visit, Visitor, new_customer, only_rental_of


def add_named_piece(shop: Shop, units: int = 1) -> tuple[str, str]:
    """A collectible that can be searched for: its id and name."""
    collectible_id = shop.add_collectible(units)
    name = f"Piece {uuid.uuid4().hex[:8]}"
    shop.table("Collectibles").update_item(
        Key={"id": collectible_id},
        UpdateExpression="SET #name = :name",
        ExpressionAttributeNames={"#name": "name"},
        ExpressionAttributeValues={":name": name},
    )
    return collectible_id, name


def go_on_from_its_page(visitor: Visitor) -> None:
    expect(visitor.page.locator("#where").get_by_role("link")).to_have_count(3)
    expect(visitor.page.locator("#prices")).to_contain_text("₱6,000")
    visitor.expect_no_sideways_scrolling()
    visitor.page.get_by_role("link", name="Rent it").click()


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_purchase_from_the_catalogue(shop: Shop, visit: Visit, device: Device) -> None:
    collectible, name = add_named_piece(shop, units=2)
    customer = new_customer(shop)
    visitor = visit(device=device)
    page = visitor.page

    visitor.open_catalogue()
    visitor.expect_no_sideways_scrolling()
    page.select_option("#store", "store-b")
    page.fill("#search", name)
    card = page.locator(f'[data-collectible="{collectible}"]')
    expect(page.locator(".card:visible")).to_have_count(1)
    expect(card.locator(".stock")).to_have_text("Only 2 left")
    expect(card.locator(".eta")).to_contain_text("At Quezon City in")
    card.get_by_role("link", name=name).click()

    visitor.expect_heading(name)
    go_on_from_its_page(visitor)
    visitor.expect_heading(name)
    expect(page.locator("#store_id")).to_have_value("store-b")
    page.get_by_role("button", name="3 days").click()
    expect(page.locator("#quote-total")).to_have_text("₱6,000")
    facts = page.locator("#quote-facts > div")
    ready = facts.filter(has_text="Ready by").locator("dd").inner_text().splitlines()[0]
    due = facts.filter(has_text="Due back").locator("dd").inner_text().splitlines()[0]
    days = f"Ready by {ready}; due back {due[0].lower()}{due[1:]}"
    visitor.fill_in(customer, "maya")
    visitor.expect_no_sideways_scrolling()
    page.get_by_role("button", name="Continue to payment").click()
    visitor.expect_payment_page()
    number = number_of(only_rental_of(shop, customer))
    expect(page.get_by_text("₱6,000.00").first).to_be_visible()
    expect(page.locator("main")).to_contain_text(f"Rental {number}: {name}")
    expect(page.locator("main")).to_contain_text(days)
    visitor.pay()

    lead = page.locator("#lead")
    expect(lead).to_contain_text(f"We received ₱6,000 for {name}, 3 days. {days}")
    ticket = page.locator(".ticket")
    expect(ticket).to_contain_text("Quezon City")
    expect(ticket).to_contain_text("Maya")
    expect(ticket.locator(".stamp")).to_have_text("Paid")
    expect(ticket.locator("#rental-number")).to_have_text(number)
    visitor.expect_no_sideways_scrolling()
    rental_id = only_rental_of(shop, customer)
    assert page.url.endswith(f"rental_id={rental_id}")
    assert shop.rental(rental_id)["status"] == "completed"
    assert shop.available(collectible) == 1

    page.get_by_role("link", name="Your rentals").click()
    page.get_by_role("link", name=name).click()
    page.wait_for_url("**/rental.html?rental_id=*")
    visitor.expect_heading("Your rental is confirmed")
    expect(page.locator("#timeline")).to_contain_text(
        f"It travels to the Quezon City store, ready by {ready}"
    )
    visitor.expect_no_sideways_scrolling()


def test_purchase_with_the_keyboard_only(shop: Shop, visitor: Visitor) -> None:
    _, name = add_named_piece(shop)
    customer = new_customer(shop)
    page, press, write = visitor.page, visitor.page.keyboard.press, visitor.page.keyboard.type

    visitor.open_catalogue()
    press("Tab")
    expect(page.locator(".skip-link")).to_be_focused()
    press("Enter")
    visitor.tab_to("#store")
    write("Makati")
    visitor.tab_to("#search")
    write(name)
    expect(page.locator(".card:visible")).to_have_count(1)
    expect(page.locator(".card:visible .eta")).to_contain_text("At Makati in")
    visitor.tab_to(".card-link")
    press("Enter")
    visitor.expect_heading(name)
    visitor.tab_to("#offer .button")
    press("Enter")
    visitor.expect_price()
    visitor.tab_to("#duration")
    press("ControlOrMeta+a")
    write("8")
    expect(page.locator("#quote-total")).to_have_text("₱8,000")
    visitor.tab_to("[name=payment_method]")
    press("Space")
    press("ArrowDown")
    expect(page.locator("#payment_method-gcash")).to_be_checked()
    for field, value in customer.items():
        visitor.tab_to(f"#customer-{field}")
        write(value)
    visitor.tab_to("#submit")
    press("Enter")
    visitor.expect_payment_page()
    visitor.tab_to("[value=paid]")
    press("Enter")

    visitor.expect_heading("Your rental is confirmed")
    assert shop.rental(only_rental_of(shop, customer))["total_fee"] == 8000


def test_price_and_rule_follow_the_number_of_days(visitor: Visitor) -> None:
    visitor.open_form("col-003", duration=6)
    page = visitor.page
    expect(page.locator("#quote-total")).to_have_text("₱60,000")
    expect(page.locator("#rate-rule")).to_contain_text("₱10,000 instead of ₱5,000")
    expect(page.locator("#rate-rule")).to_contain_text("which is ₱25,000 less")

    page.get_by_role("button", name="Make it 7 days").click()

    expect(page.locator("#duration")).to_be_focused()
    expect(page.locator("#quote-total")).to_have_text("₱35,000")
    expect(page.locator("#rate-rule")).to_contain_text("Daily rate: ")
    expect(page.locator("#live")).to_have_text("7 days: ₱35,000 in total.")
    assert page.url.endswith("?collectible_id=col-003&store_id=store-a&duration=7")


def test_the_price_is_there_before_a_store_is_chosen(visitor: Visitor) -> None:
    visitor.page.goto("/rent.html?collectible_id=col-003&duration=8")

    expect(visitor.page.locator("#quote-total")).to_have_text("₱40,000")
    expect(visitor.page.locator("#quote-problem")).to_contain_text("when it is ready")


def test_late_answer_to_an_older_question_is_dropped(visitor: Visitor) -> None:
    visitor.open_form("col-001", duration=8)
    waiting = visitor.hold(QUOTE)
    with visitor.page.expect_request(QUOTE):
        visitor.page.fill("#duration", "9")
    visitor.page.unroute(QUOTE)
    visitor.page.fill("#duration", "10")
    expect(visitor.page.locator("#quote-total")).to_have_text("₱10,000")

    for route in waiting:
        route.continue_()

    visitor.page.evaluate("fetch('/api/stores').then((answer) => answer.text())")
    expect(visitor.page.locator("#quote-total")).to_have_text("₱10,000")


# Plurals, kinds, sizes, accents, and near misses at last.
FOUND = {
    "figures": "col-001",
    "Machines": "col-005",
    "toys": "col-001",
    "small dragons": "col-002",
    "jeepneys": "col-004",
    "rob\u00f3t": "col-001",
    "drgon": "col-002",
    "jeepnye": "col-004",
}


def test_search_and_size_narrow_the_collection(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open_catalogue()
    shown = page.locator(".card:visible")

    page.get_by_role("radio", name="Large").check()
    expect(shown.locator(".plate").filter(has_not_text="Large")).to_have_count(0)
    page.fill("#search", "PINBALL")
    expect(shown).to_have_count(1)
    expect(page.locator("#count")).to_have_text(re.compile(r"^1 of \d+ collectibles$"))
    page.get_by_role("radio", name="All", exact=True).check()
    for typed, found in FOUND.items():
        page.fill("#search", typed)
        expect(page.locator(f'[data-collectible="{found}"]'), typed).to_be_visible()
        expect(page.locator('[data-collectible="col-003"]'), typed).to_be_hidden()
    expect(page.locator("#count")).to_contain_text("with words like these")
    page.get_by_role("radio", name="Large").check()
    page.fill("#search", "PINBALL")
    expect(shown).to_have_count(1)
    page.reload()
    expect(shown).to_have_count(1)
    expect(page.get_by_role("radio", name="Large")).to_be_checked()
    page.fill("#search", "unicorn")
    expect(page.get_by_role("heading", name="Nothing fits")).to_be_visible()
    page.get_by_role("button", name="Show everything").click()

    expect(page.locator('[data-collectible="col-001"]')).to_be_visible()
    expect(page.locator("#search")).to_be_focused()


def test_store_is_remembered(visitor: Visitor) -> None:
    visitor.open_catalogue()
    visitor.page.select_option("#store", "store-c")
    eta = visitor.page.locator('[data-collectible="col-001"] .eta')
    expect(eta).to_contain_text("At Alabang in")

    visitor.page.reload()

    expect(eta).to_contain_text("At Alabang in")
    expect(visitor.page.locator("#store")).to_have_value("store-c")


def test_sold_out_is_shown_and_cannot_be_rented(shop: Shop, visitor: Visitor) -> None:
    collectible = shop.add_collectible(units=0)
    visitor.open_catalogue()

    card = visitor.page.locator(f'[data-collectible="{collectible}"]')
    expect(card.locator(".stamp")).to_have_text("Sold out")
    card.get_by_role("link").click()
    expect(visitor.page.locator("#offer")).to_contain_text("Sold out")
    expect(visitor.page.locator("#offer").get_by_role("link", name="Rent it")).to_have_count(0)
    visitor.page.goto(f"/rent.html?collectible_id={collectible}&store_id=store-a&duration=3")
    expect(visitor.page.locator("#sold-out")).to_be_visible()
    expect(visitor.submit).to_be_disabled()


def test_mistakes_are_said_by_field_and_nothing_is_sent(visitor: Visitor) -> None:
    page = visitor.page
    keys = visitor.idempotency_keys()
    visitor.open_form("col-001")
    page.fill("#duration", "0")
    page.fill("#customer-email", "ana")
    page.fill("#customer-phone", "12345")

    visitor.submit.click()

    summary = page.locator("#error-summary")
    expect(summary).to_be_focused()
    expect(summary.get_by_role("link")).to_have_count(8)
    expect(page.locator("#customer-phone-error")).to_contain_text("0917 123 4567")
    summary.get_by_role("link", name="Enter an email address like name@example.com.").click()
    email = page.locator("#customer-email")
    expect(email).to_be_focused()
    expect(email).to_have_attribute("aria-invalid", "true")
    email.fill("ana@example.com")
    expect(page.locator("#customer-email-error")).to_be_hidden()
    expect(email).not_to_have_attribute("aria-invalid", "true")
    assert keys == []
