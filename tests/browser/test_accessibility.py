"""Every page and main state by axe-core (WCAG 2.2 AA), in light and dark, on desk and phone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.visitor import (
    CHECKOUT,
    COLLECTIBLES,
    QUOTE,
    SIZES,
    Visitor,
    failure,
)

Json = dict[str, Any]

RENTAL_ID = "0b7c1a52-6f0e-5b1c-9a39-0d6a3e1f5c11"
# As GET /api/rentals/{rental_id} answers.
HELD: Json = {
    "rental_id": RENTAL_ID,
    "status": "pending",
    "reason": None,
    "collectible_id": "col-002",
    "collectible_name": "Jade Dragon",
    "store_id": "store-b",
    "duration": 3,
    "daily_rate": 2000,
    "total_fee": 6000,
    "eta": 2,
    "payment_method": "gcash",
    "payment_url": "http://127.0.0.1/checkout",
    "cancel_url": "/payment/failed?rental_id=x&signature=y",
    "hold_expires_at": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
    "declined_attempts": 1,
    "max_payment_attempts": 3,
    "refund_status": None,
    "created_at": "2026-01-02T03:04:05.678Z",
    "updated_at": "2026-01-02T16:05:06.789Z",
}
_OVER = {"payment_url": None, "cancel_url": None, "hold_expires_at": None}
RENTALS: dict[str, Json] = {
    "held": HELD,
    "setting up": HELD | _OVER,
    "completed": HELD | _OVER | {"status": "completed"},
    "declined": HELD | _OVER | {"status": "failed", "reason": "declined"},
    "cancelled": HELD | _OVER | {"status": "cancelled", "reason": "cancelled_by_customer"},
    "expired": HELD | _OVER | {"status": "expired", "reason": "hold_expired"},
    "rejected": HELD | _OVER | {"status": "rejected", "reason": "no_unit", "eta": None},
    "refund under way": HELD | _OVER | {"status": "refunded", "refund_status": "pending"},
    "refund failed": HELD | _OVER | {"status": "refunded", "refund_status": "failed"},
}
HEADINGS = {
    ("rental", "held"): "Your rental is on hold",
    ("rental", "setting up"): "Setting up your rental…",
    ("rental", "completed"): "Your rental is confirmed",
    ("rental", "rejected"): "No unit was left",
    ("rental", "refund failed"): "Your refund needs our help",
    ("success", "held"): "Confirming your payment…",
    ("success", "completed"): "Your rental is confirmed",
    ("success", "expired"): "This rental is not paid",
    ("success", "refund under way"): "Your money is on its way back",
    ("failed", "held"): "Closing this rental…",
    ("failed", "completed"): "This rental is paid after all",
    ("failed", "declined"): "The payment was declined",
    ("failed", "cancelled"): "You cancelled this rental",
    ("failed", "expired"): "The time to pay ran out",
}


def show(visitor: Visitor, page: str, state: str) -> None:
    """A page about a rental in this state."""
    visitor.answer(f"**/api/rentals/{RENTAL_ID}", 200, {"success": True, "data": RENTALS[state]})
    visitor.page.goto(f"/{page}.html?rental_id={RENTAL_ID}")
    visitor.expect_heading(HEADINGS[page, state])


def collection(visitor: Visitor) -> None:
    visitor.change_answer(COLLECTIBLES, {"stock": 0})
    visitor.open_catalogue()
    expect(visitor.page.get_by_text("Sold out").first).to_be_visible()
    visitor.page.unroute(COLLECTIBLES)
    visitor.page.select_option("#store", "store-a")
    expect(visitor.page.get_by_text("At Makati").first).to_be_visible()


def collection_loading(visitor: Visitor) -> None:
    visitor.hold(COLLECTIBLES)
    visitor.page.goto("/")


def collection_without_match(visitor: Visitor) -> None:
    visitor.open_catalogue()
    visitor.page.fill("#search", "unicorn")
    expect(visitor.page.locator("#no-match")).to_be_visible()


def collection_empty(visitor: Visitor) -> None:
    visitor.answer(COLLECTIBLES, 200, {"success": True, "data": []})
    visitor.page.goto("/")
    expect(visitor.page.locator("#empty")).to_be_visible()


def collection_not_loaded(visitor: Visitor) -> None:
    visitor.answer(COLLECTIBLES, 500, failure("INTERNAL_ERROR"))
    visitor.page.goto("/")
    expect(visitor.page.locator("#load-problem")).to_be_visible()


def collection_with_hold(visitor: Visitor) -> None:
    show(visitor, "rental", "held")
    visitor.open_catalogue()
    expect(visitor.page.locator("#current-hold")).to_be_visible()


def form(visitor: Visitor) -> None:
    visitor.open_form("col-002")


def form_with_errors(visitor: Visitor) -> None:
    visitor.open_form("col-002")
    visitor.submit.click()
    expect(visitor.page.locator("#error-summary")).to_be_visible()


def form_sold_out(visitor: Visitor) -> None:
    visitor.change_answer(QUOTE, {"stock": 0, "eta": None})
    visitor.open_form("col-002")
    expect(visitor.page.locator("#sold-out")).to_be_visible()


def form_working(visitor: Visitor) -> None:
    visitor.hold(CHECKOUT)
    send_form(visitor)
    expect(visitor.page.locator("#progress")).not_to_be_empty()


def form_refused(visitor: Visitor) -> None:
    visitor.answer(CHECKOUT, 500, failure("INTERNAL_ERROR"))
    send_form(visitor)
    expect(visitor.problem).to_be_visible()


def send_form(visitor: Visitor) -> None:
    visitor.open_form("col-002")
    details = ("Ana", "ana@example.com", "0917 000 0000", "1 Rizal Street", "Makati", "1200")
    fields = ("name", "email", "phone", "address", "city", "postal_code")
    visitor.fill_in(dict(zip(fields, details, strict=True)))
    visitor.submit.click()


def form_with_hold(visitor: Visitor) -> None:
    show(visitor, "rental", "held")
    visitor.page.goto("/rent.html?collectible_id=col-002&store_id=store-b")
    expect(visitor.page.locator("#change-hint")).to_be_visible()


def unknown_collectible(visitor: Visitor) -> None:
    visitor.page.goto("/rent.html?collectible_id=col-999")
    expect(visitor.page.locator("#unknown")).to_be_visible()


def cancel_dialog(visitor: Visitor) -> None:
    show(visitor, "rental", "held")
    visitor.page.get_by_role("button", name="Cancel this rental").click()
    expect(visitor.page.get_by_role("dialog")).to_be_visible()


def rental_unreadable(visitor: Visitor) -> None:
    visitor.answer(f"**/api/rentals/{RENTAL_ID}", 500, failure("INTERNAL_ERROR"))
    visitor.page.goto(f"/rental.html?rental_id={RENTAL_ID}")
    expect(visitor.page.locator("#trouble")).to_be_visible()


def incomplete_link(visitor: Visitor) -> None:
    visitor.page.goto("/rental.html")
    visitor.expect_heading("This link is not complete")


def no_such_page(visitor: Visitor) -> None:
    visitor.page.goto("/no-such-page")
    visitor.expect_heading("This drawer is empty")


STATES: list[Callable[[Visitor], None]] = [
    collection,
    collection_loading,
    collection_without_match,
    collection_empty,
    collection_not_loaded,
    collection_with_hold,
    form,
    form_with_errors,
    form_sold_out,
    form_working,
    form_refused,
    form_with_hold,
    unknown_collectible,
    cancel_dialog,
    rental_unreadable,
    incomplete_link,
    no_such_page,
]


def expect_accessible(visitor: Visitor) -> None:
    """As it is on a desk in light colours, then on a phone in dark ones."""
    assert visitor.accessibility_violations() == []
    visitor.page.set_viewport_size(SIZES["phone"])
    visitor.page.emulate_media(color_scheme="dark")
    assert visitor.accessibility_violations() == []
    visitor.expect_no_sideways_scrolling()


@pytest.fixture
def still(visit: Visit) -> Visitor:
    """Without motion, because a colour on its way to another is neither."""
    return visit(reduced_motion="reduce")


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_shop_pages(still: Visitor, state: Callable[[Visitor], None]) -> None:
    still.expect_failures_of("/api/")
    still.expect_failures_of("/no-such-page")

    state(still)

    expect_accessible(still)


@pytest.mark.parametrize(("page", "state"), HEADINGS)
def test_pages_about_a_rental(still: Visitor, page: str, state: str) -> None:
    show(still, page, state)
    expect(still.page.locator(".ticket")).to_be_visible()

    expect_accessible(still)


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
    expect(visitor.page.locator("#timeline")).to_contain_text("Sat, Jan 3, 12:05 AM")


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
