"""What the site remembers in a browser, and what it only remembers when asked to."""

from playwright.sync_api import expect

from rentals.numbers import number_of
from tests.support.shop import Shop
from tests.system.browser.states import rentals
from tests.system.browser.visitor import CHECKOUT, Visitor, failure, new_customer, only_rental_of


def test_details_are_kept_only_when_asked(shop: Shop, visitor: Visitor) -> None:
    customer = new_customer(shop)
    visitor.open_form("col-001")
    visitor.fill_in(customer)
    assert visitor.page.evaluate("localStorage.getItem('mc.details')") is None

    visitor.page.check("#remember")
    visitor.another_tab()
    visitor.open_form("col-002")
    expect(visitor.page.locator("#customer-email")).to_have_value(customer["email"])
    expect(visitor.page.locator("#remember")).to_be_checked()
    visitor.page.uncheck("#remember")

    visitor.another_tab()
    visitor.open_form("col-002")
    expect(visitor.page.locator("#customer-email")).to_have_value("")
    assert visitor.page.evaluate("localStorage.getItem('mc.details')") is None


def test_rental_is_found_again_in_the_list(shop: Shop, visitor: Visitor) -> None:
    collectible, customer = shop.add_collectible(), new_customer(shop)
    visitor.rent(collectible, customer)

    visitor.another_tab()
    visitor.page.goto("/rentals.html")
    row = visitor.page.locator(".rental-row")
    expect(row.locator(".stamp")).to_have_text("On hold")
    row.get_by_role("link").click()
    visitor.expect_heading("Your rental is on hold")
    number = number_of(only_rental_of(shop, customer))
    expect(visitor.page.locator("#rental-number")).to_have_text(number)
    visitor.page.get_by_role("link", name="Continue to payment").click()
    visitor.pay()

    visitor.page.goto("/rentals.html")
    expect(row.locator(".stamp")).to_have_text("Paid")


def test_list_follows_what_happens(shop: Shop, visitor: Visitor) -> None:
    rental = shop.checkout(shop.add_collectible())
    visitor.remember("mc.rentals", [{"id": rental["rental_id"], "open": True}])
    visitor.page.goto("/rentals.html")
    stamp = visitor.page.locator(".rental-row .stamp")
    expect(stamp).to_have_text("On hold")

    shop.pay(rental)

    expect(stamp).to_have_text("Paid")


def test_list_can_be_removed(visitor: Visitor) -> None:
    rentals(visitor)

    visitor.page.get_by_role("button", name="Remove this list").click()

    expect(visitor.page.get_by_role("heading", name="No rentals here yet")).to_be_visible()
    assert visitor.page.evaluate("localStorage.getItem('mc.rentals')") is None


def test_too_many_holds_leads_to_the_list(visitor: Visitor) -> None:
    visitor.expect_failures_of("/api/rentals/checkout")
    visitor.answer(CHECKOUT, 429, failure("TOO_MANY_HOLDS"))
    visitor.open_form("col-001")
    details = ("Ana", "ana@example.com", "0917 000 0000", "1 Rizal Street", "Makati", "1200")
    fields = ("name", "email", "phone", "address", "city", "postal_code")
    visitor.fill_in(dict(zip(fields, details, strict=True)))
    visitor.submit.click()

    visitor.problem.get_by_role("link", name="See your rentals").click()

    visitor.expect_heading("Your rentals")


def test_link_to_a_rental_can_be_copied(shop: Shop, visitor: Visitor) -> None:
    rental = shop.checkout(shop.add_collectible())
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.open_rental(shop, rental["rental_id"])

    visitor.page.get_by_role("button", name="Copy link").click()

    expect(visitor.page.get_by_role("button", name="Link copied")).to_be_visible()
    link = visitor.page.evaluate("navigator.clipboard.readText()")
    assert link.endswith(f"/rental.html?rental_id={rental['rental_id']}")
    visitor.page.goto(link)
    visitor.expect_heading("Your rental is on hold")
    expect(visitor.page.get_by_role("link", name="(02) 8555 0112")).to_have_attribute(
        "href", "tel:0285550112"
    )


def test_a_link_to_somebody_elses_rental_shows_it_and_no_more(shop: Shop, visitor: Visitor) -> None:
    _, rental = shop.rent()

    visitor.page.goto(f"/rental.html?rental_id={rental['rental_id']}")

    visitor.expect_heading("This rental is on hold")
    expect(visitor.page.locator("#continue-payment, #cancel-rental")).to_have_count(0)
    assert visitor.page.evaluate("localStorage.getItem('mc.rentals')") is None
    visitor.open_catalogue()
    expect(visitor.page.locator(".dock")).not_to_be_visible()


def test_coming_back_in_another_browser_brings_the_right_to_go_on(
    shop: Shop, visitor: Visitor
) -> None:
    """As from a wallet's own browser, which did not make the rental."""
    _, rental = shop.rent()

    visitor.page.goto(shop.success_url(rental["rental_id"]))

    visitor.expect_heading("Confirming your payment…")
    assert visitor.page.url.endswith(f"/success.html?rental_id={rental['rental_id']}")
    visitor.page.goto("/rentals.html")
    visitor.page.locator(".rental-row").get_by_role("link").click()
    visitor.page.get_by_role("link", name="Continue to payment").click()
    visitor.pay()


def test_a_key_that_was_changed_leaves_a_rental_to_look_at(shop: Shop, visitor: Visitor) -> None:
    rental_id = shop.rent()[1]["rental_id"]
    visitor.expect_failures_of("/api/rentals/")
    visitor.remember("mc.rentals", [{"id": rental_id, "open": True, "key": "0" * 64}])

    visitor.page.goto(f"/rental.html?rental_id={rental_id}")

    visitor.expect_heading("This rental is on hold")
    known = visitor.page.evaluate("JSON.parse(localStorage.getItem('mc.rentals'))")
    assert known == [{"id": rental_id, "open": True}]
