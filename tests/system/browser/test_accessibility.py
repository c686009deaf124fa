"""Every page and main state by axe-core (WCAG 2.2 AA), in light and dark, on desk and phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.system.browser.states import (
    HEADINGS,
    RENTAL_ID,
    RENTALS,
    STATES,
    collection_loading,
    collection_with_hold,
    day,
    show,
)
from tests.system.browser.visitor import SIZES, Visit, Visitor


def expect_accessible(visitor: Visitor) -> None:
    """As it is on a desk in light colours, then on a phone in dark ones."""
    visitor.page.set_viewport_size(SIZES["desktop"])
    visitor.page.emulate_media(color_scheme="light")
    assert visitor.accessibility_violations() == []
    visitor.page.set_viewport_size(SIZES["phone"])
    visitor.page.emulate_media(color_scheme="dark")
    assert visitor.accessibility_violations() == []
    # WCAG's reflow: 320 px wide is 1280 at four times the size.
    visitor.page.set_viewport_size({"width": 320, "height": 640})
    visitor.expect_no_sideways_scrolling()


@pytest.fixture
def still(visit: Visit) -> Visitor:
    """Without motion, because a colour on its way to another is neither."""
    return visit(reduced_motion="reduce")


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_shop_pages(
    still: Visitor, state: Callable[[Visitor], None], picture: Callable[[Visitor], None]
) -> None:
    still.expect_failures_of("/api/")
    still.expect_failures_of("/no-such-page")

    state(still)

    picture(still)
    expect_accessible(still)


@pytest.mark.parametrize(("page", "state"), HEADINGS)
def test_pages_about_a_rental(
    still: Visitor, page: str, state: str, picture: Callable[[Visitor], None]
) -> None:
    show(still, page, state)
    expect(still.page.locator(".ticket")).to_be_visible()

    picture(still)
    expect_accessible(still)


def test_pages_without_scripts_say_what_is_missing(
    still: Visitor, picture: Callable[[Visitor], None]
) -> None:
    """Not by axe-core, which is a script."""
    still.turn_scripts_off()
    for page in (
        "/",
        "/rent.html?collectible_id=col-002",
        "/rental.html",
        "/rentals.html",
        "/desk/",
    ):
        still.page.goto(page)
        expect(still.page.locator("noscript h2")).to_be_visible()
        expect(still.page.locator(".needs-script").first).to_be_hidden()
    still.page.goto("/")
    picture(still)


def test_changes_are_announced(visitor: Visitor) -> None:
    show(visitor, "rental", "setting up")
    visitor.page.unroute(f"**/api/rentals/{RENTAL_ID}")
    visitor.answer(f"**/api/rentals/{RENTAL_ID}", 200, {"success": True, "data": RENTALS["held"]})

    live = visitor.page.get_by_role("status").filter(has_text="Your rental is on hold")
    expect(live).to_contain_text("You have 2 tries left")


def test_money_and_dates_are_those_of_the_philippines(visitor: Visitor) -> None:
    """Whatever the customer's language and time zone."""
    show(visitor, "rental", "completed")

    expect(visitor.page.locator(".ticket")).to_contain_text("₱6,000")
    # 16:05 UTC on the 2nd.
    expect(visitor.page.locator("#timeline")).to_contain_text(f"{day(3)}, 12:05 AM")


def test_dark_and_light_are_the_customers_choice(visit: Visit) -> None:
    brightness = (
        "getComputedStyle(document.documentElement).backgroundColor"
        ".match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 3"
    )
    light, dark = visit(color_scheme="light"), visit(color_scheme="dark")
    for visitor in (light, dark):
        visitor.open_catalogue()

    assert light.page.evaluate(brightness) > 200
    assert dark.page.evaluate(brightness) < 50


def test_reduced_motion_stands_still(visit: Visit) -> None:
    moving = "document.getAnimations().filter((it) => it.playState === 'running').length"
    lively, still = visit(reduced_motion="no-preference"), visit(reduced_motion="reduce")
    for visitor in (lively, still):
        collection_loading(visitor)
        expect(visitor.page.locator(".card-loading").first).to_be_visible()

    assert lively.page.evaluate(moving) > 0
    assert still.page.evaluate(moving) == 0


def test_what_has_the_focus_is_never_under_the_dock(visit: Visit) -> None:
    phone = visit(device="phone")
    collection_with_hold(phone)
    page = phone.page
    covered = """() => {
      const dock = document.querySelector(".dock");
      const box = document.activeElement.getBoundingClientRect();
      const inside = dock.contains(document.activeElement) || box.height === 0;
      return !inside && box.bottom > dock.getBoundingClientRect().top && box.top > 0;
    }"""
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.className"))
        assert not page.evaluate(covered), page.evaluate("document.activeElement.outerHTML")
    assert "card-link" in seen


def test_choices_are_seen_in_forced_colours(visitor: Visitor) -> None:
    """Where backgrounds and shadows are gone, what is chosen must still differ."""
    visitor.page.emulate_media(forced_colors="active")
    visitor.open_form("col-002")
    visitor.page.check("#payment_method-gcash")
    outline = "it => getComputedStyle(it.closest('label')).outlineStyle"

    assert visitor.page.locator("#payment_method-gcash").evaluate(outline) == "solid"
    assert visitor.page.locator("#payment_method-card").evaluate(outline) == "none"
    current = visitor.page.locator("#rates .is-current")
    assert current.evaluate("it => getComputedStyle(it).outlineStyle") == "solid"


def test_on_paper_a_rental_is_its_ticket(visitor: Visitor) -> None:
    show(visitor, "success", "completed")
    visitor.page.emulate_media(media="print")

    expect(visitor.page.locator(".ticket")).to_be_visible()
    expect(visitor.page.locator("#rental-number")).to_have_text(RENTALS["completed"]["number"])
    for left_out in ("nav >> nth=0", "nav >> nth=1", ".site-footer", "#print", ".progress"):
        expect(visitor.page.locator(left_out)).to_be_hidden()
