"""After payment: the number, the days, and where the unit is."""

import re
from urllib.parse import urlsplit

import pytest
import segno
from playwright.sync_api import expect

from tests.support.desk import manager
from tests.support.shop import Shop
from tests.system.browser.states import RENTAL_ID, RENTALS, day
from tests.system.browser.states import show as show_page
from tests.system.browser.visitor import COLLECTIBLES, QUOTE, Visitor

_RENTAL = f"**/api/rentals/{RENTAL_ID}"
_TAB_COMES_BACK = "document.dispatchEvent(new Event('visibilitychange'))"


def show(visitor: Visitor, state: str) -> None:
    """The rental's page in this state, also when it was open before."""
    visitor.page.goto("about:blank")
    show_page(visitor, "rental", state)


def dark_modules(visitor: Visitor) -> set[tuple[int, int]]:
    """Column and row of each dark module of the page's QR code."""
    path = visitor.page.locator(".qr path").get_attribute("d") or ""
    return {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", path)}


def test_the_page_follows_what_the_store_does(shop: Shop, visitor: Visitor) -> None:
    _, rental = shop.rent()
    shop.pay_and_complete(rental)
    rental_id, desk = rental["rental_id"], manager(shop)
    visitor.open_rental(shop, rental_id)
    visitor.expect_heading("Your rental is confirmed")
    number = visitor.page.locator("#rental-number")
    expect(number).to_have_text(desk.details(rental_id)["number"])

    for action, more, heading in (
        ("arrived", {}, re.compile("^Ready for you to pick up$")),
        ("picked_up", {"id_seen": True}, re.compile("^Yours until")),
        ("returned", {}, re.compile("^It is back with us$")),
        ("inspected", {"condition": "fine"}, re.compile("^Your rental is over$")),
    ):
        answer = desk.do(rental_id, action, **more)
        assert answer.status_code == 200, answer.text
        visitor.page.evaluate(_TAB_COMES_BACK)
        expect(visitor.page.get_by_role("heading", level=1)).to_have_text(heading)
        if action == "picked_up":  # the page asks what a day more costs
            expect(visitor.page.locator("#extension-price")).to_contain_text("1 day more")

    expect(visitor.page.locator(".step-done")).to_have_count(7)


def test_the_qr_code_says_the_number(visitor: Visitor) -> None:
    """As another library writes it: with one of the standard's eight masks."""
    show(visitor, "ready")

    number = RENTALS["ready"]["number"]
    codes = [segno.make_qr(number, mode="alphanumeric", error="q", mask=mask) for mask in range(8)]
    dark = [
        {(x, y) for y, row in enumerate(code.matrix) for x, module in enumerate(row) if module}
        for code in codes
    ]
    assert dark_modules(visitor) in dark
    expect(visitor.page.locator("#rental-number")).to_have_text(number)
    expect(visitor.page.get_by_role("img", name=f"number {number}")).to_be_visible()


@pytest.mark.parametrize("state", ["held", "declined", "closed", "refunded"])
def test_what_the_store_has_nothing_to_scan_for_has_no_code(visitor: Visitor, state: str) -> None:
    visitor.answer(_RENTAL, 200, {"success": True, "data": RENTALS[state]})
    visitor.page.goto(f"/rental.html?rental_id={RENTAL_ID}")

    expect(visitor.page.locator("#rental-number")).to_have_text(RENTALS[state]["number"])
    expect(visitor.page.locator(".qr")).to_have_count(0)


def test_a_rental_is_printed_with_its_number_and_code(visitor: Visitor) -> None:
    show(visitor, "ready")

    visitor.page.emulate_media(media="print")

    expect(visitor.page.locator("#rental-number")).to_be_visible()
    expect(visitor.page.locator(".qr")).to_be_visible()
    expect(visitor.page.locator("#print")).to_be_hidden()


def test_what_to_do_next_is_said_at_each_stage(visitor: Visitor) -> None:
    now = visitor.page.locator(".step-now")
    lead = visitor.page.locator("#lead")

    show(visitor, "completed")
    expect(now).to_contain_text(f"It travels to the Quezon City store, ready by {day(4)}")
    expect(lead).to_contain_text(f"due back by the end of {day(7)} if you pick it up that day")
    show(visitor, "ready")
    expect(now).to_contain_text("with your rental number and a valid ID")
    expect(lead).to_contain_text(f"until {day(11)}, 10:00 AM")
    show(visitor, "picked up")
    expect(now).to_contain_text(f"bring it back to the Quezon City store by the end of {day(8)}")
    show(visitor, "overdue")
    expect(visitor.page.locator(".step-bad")).to_contain_text(f"due by the end of {day(8)}")
    expect(visitor.page.locator(".stamp")).to_have_text("Overdue")
    show(visitor, "returned")
    expect(now).to_contain_text("Our staff look it over")
    show(visitor, "closed")
    expect(now).to_have_count(0)
    expect(visitor.page.locator(".ticket")).not_to_contain_text("Due back")


def test_money_that_goes_back_is_told_beside_how_the_rental_ended(visitor: Visitor) -> None:
    refund = visitor.page.locator("#refund")

    show(visitor, "cancelled after payment")
    expect(refund).to_contain_text("Your money is on its way back. ₱6,000")
    expect(visitor.page.locator(".stamp")).to_have_text("Refund on its way")
    show(visitor, "money back later")
    expect(refund).to_contain_text("₱6,000 was sent back")
    expect(visitor.page.locator(".stamp")).to_have_text("Returned")
    show_page(visitor, "success", "refunded")  # a peso, of a rent of 6,000
    expect(visitor.page.locator("#lead")).to_contain_text("₱1 was sent back")
    show(visitor, "not collected")
    expect(refund).to_have_count(0)
    expect(visitor.page.locator("#lead")).to_contain_text("About your payment, please call")


def test_who_comes_back_to_the_page_sees_how_it_stands_then(visitor: Visitor) -> None:
    show(visitor, "ready")
    visitor.page.unroute(_RENTAL)
    visitor.answer(_RENTAL, 200, {"success": True, "data": RENTALS["picked up"]})

    visitor.page.evaluate(_TAB_COMES_BACK)

    visitor.expect_heading(f"Yours until {day(8)}")


def test_a_paid_rental_is_read_once_until_somebody_comes_back(visitor: Visitor) -> None:
    page = visitor.page
    page.clock.install()
    show(visitor, "ready")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))

    page.clock.run_for(120_000)

    # On a busy machine a picture may come only now.
    assert [path for path in asked if "/images/" not in path] == []


def test_sold_out_says_when_the_next_one_is_expected(visitor: Visitor) -> None:
    back = {"stock": 0, "eta": None, "next_expected": RENTALS["completed"]["due_at"]}
    visitor.change_answer(COLLECTIBLES, back)
    visitor.change_answer(QUOTE, back | {"ready_by": None, "due_at": None})

    visitor.open_catalogue()
    expect(visitor.page.locator(".eta").first).to_have_text(f"Expected back by {day(7)}")
    visitor.open_form("col-001")

    expect(visitor.page.locator("#sold-out")).to_contain_text(f"Expected back by {day(7)}.")
    expect(visitor.page.locator("#due-rule")).to_be_empty()
