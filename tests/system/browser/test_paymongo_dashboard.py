"""The dashboard at the sandbox's address."""

from playwright.sync_api import expect

from tests.support.shop import Shop
from tests.system.browser.visitor import SIZES, Visitor


def test_a_rental_is_paid_on_the_dashboard(shop: Shop, visitor: Visitor) -> None:
    rental = shop.checkout(shop.add_collectible())
    page, dashboard = visitor.page, f"{shop.stack.settings.paymongo_url}/dashboard"

    page.goto(f"{dashboard}/sessions?q={rental['rental_id']}")
    page.locator("tbody a").click()
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.locator("h1")).to_contain_text("paid")
    shop.wait_for_execution(rental["rental_id"])
    page.locator("tbody a").click()
    expect(page.get_by_role("button", name="Refund", exact=True)).to_be_visible()

    assert visitor.accessibility_violations() == []
    page.set_viewport_size(SIZES["phone"])
    page.emulate_media(color_scheme="dark")
    for name in ("webhooks", "events"):
        page.goto(f"{dashboard}/{name}")
        assert visitor.accessibility_violations() == [], name
        visitor.expect_no_sideways_scrolling()
