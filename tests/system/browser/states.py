"""Every page and state of the site, by name: what axe-core checks and `make screenshots` shows."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from playwright.sync_api import expect

from tests.system.browser.visitor import CHECKOUT, COLLECTIBLES, QUOTE, Visitor, failure

Json = dict[str, Any]

MANILA = timezone(timedelta(hours=8))
# Dates of other years are shown with their year.
YEAR = datetime.now(MANILA).year
RENTAL_ID = "0b7c1a52-6f0e-5b1c-9a39-0d6a3e1f5c11"
# As GET /api/rentals/{rental_id} answers.
HELD: Json = {
    "rental_id": RENTAL_ID,
    "number": "MC-7K4Q-9F2D",
    "status": "pending",
    "reason": None,
    "collectible_id": "col-002",
    "collectible_name": "Jade Dragon",
    "store_id": "store-b",
    "duration": 3,
    "daily_rate": 2000,
    "total_fee": 6000,
    "deposit": 0,
    "counter_deposit": 0,
    "amount_due": 6000,
    "eta": 2,
    "fulfillment_status": None,
    "closed_reason": None,
    "is_overdue": False,
    "completed_at": None,
    # At the ends of days in Manila.
    "ready_by": f"{YEAR}-01-04T15:59:59.000Z",
    "arrived_at": None,
    "collect_by": None,
    "picked_up_at": None,
    "due_at": f"{YEAR}-01-07T15:59:59.000Z",
    "returned_at": None,
    "closed_at": None,
    "payment_method": "gcash",
    "payment_url": "http://127.0.0.1/checkout",
    "hold_expires_at": (datetime.now(UTC) + timedelta(minutes=50)).isoformat(),
    "declined_attempts": 1,
    "max_payment_attempts": 3,
    "refund_status": None,
    "deposit_held": 0,
    "deposit_kept": 0,
    "charges": [],
    "outstanding": 0,
    "refunds": [],
    "given_back": 0,
    "refund_if_cancelled": None,
    "late_fee_per_day": 1000,
    "late_fee_now": 0,
    "created_at": f"{YEAR}-01-02T03:04:05.678Z",
    "updated_at": f"{YEAR}-01-02T16:05:06.789Z",
}
_OVER = {"payment_url": None, "hold_expires_at": None}
_NO_DAYS = {"ready_by": None, "due_at": None}
_PAID = (
    HELD
    | _OVER
    | {
        "status": "completed",
        "completed_at": f"{YEAR}-01-02T16:05:06.789Z",
        "fulfillment_status": "awaiting_arrival",
        "refund_if_cancelled": 6000,
    }
)
_READY = _PAID | {
    "fulfillment_status": "ready_for_pickup",
    "refund_if_cancelled": 3000,
    "arrived_at": f"{YEAR}-01-04T02:00:00.000Z",
    "collect_by": f"{YEAR}-01-11T02:00:00.000Z",
}
_PICKED_UP = _READY | {
    "fulfillment_status": "picked_up",
    "refund_if_cancelled": None,
    "collect_by": None,
    "picked_up_at": f"{YEAR}-01-05T03:00:00.000Z",
    "due_at": f"{YEAR}-01-08T15:59:59.000Z",
}
_RETURNED = _PICKED_UP | {
    "fulfillment_status": "returned",
    "returned_at": f"{YEAR}-01-08T04:00:00.000Z",
}


def _ended(status: str, reason: str) -> Json:
    return HELD | _OVER | _NO_DAYS | {"status": status, "reason": reason}


def refund(amount: float, status: str, purpose: str | None = None, reason: str = "") -> Json:
    """Pesos that go back, as the API shows them."""
    return {
        "refund": f"{purpose}-1",
        "amount": amount,
        "purpose": purpose,
        "reason": reason,
        "status": status,
        "at": f"{YEAR}-01-09T04:00:00.000Z",
    }


def charge(kind: str, amount: int, **changes: Any) -> Json:
    """A charge that is to be paid, as the API shows it."""
    return {
        "charge_id": f"{RENTAL_ID}-{kind}-1",
        "kind": kind,
        "amount": amount,
        "outstanding": amount,
        "from_deposit": 0,
        "status": "open",
        "reason": "",
        "days": None,
        "payment_url": None,
        "created_at": f"{YEAR}-01-09T04:00:00.000Z",
        "paid_at": None,
    } | changes


def _refunded(refund_status: str, *refunds: Json) -> Json:
    status = {"status": "refunded", "refund_status": refund_status, "refunds": list(refunds)}
    return HELD | _OVER | _NO_DAYS | status


def _closed(before: Json, reason: str, refund_status: str | None = None) -> Json:
    return before | {
        "fulfillment_status": "closed",
        "closed_reason": reason,
        "closed_at": f"{YEAR}-01-11T02:00:30.000Z",
        "collect_by": None,
        "refund_status": refund_status,
        "refund_if_cancelled": None,
        "refunds": [refund(6000, refund_status)] if refund_status else [],
    }


RENTALS: dict[str, Json] = {
    "held": HELD,
    "setting up": HELD | _OVER | _NO_DAYS | {"eta": None, "declined_attempts": 0},
    "time over": HELD | _OVER | {"hold_expires_at": f"{YEAR}-01-02T03:19:05Z"},
    "completed": _PAID,
    "ready": _READY,
    "picked up": _PICKED_UP,
    "short days": _PICKED_UP | {"due_at": f"{YEAR}-01-05T03:02:29.000Z"},
    "with deposit": _READY | {"deposit": 5000, "amount_due": 11_000, "deposit_held": 5000},
    "counter deposit": _READY | {"counter_deposit": 5000},
    "overdue": _PICKED_UP | {"is_overdue": True, "late_fee_now": 2000},
    "returned": _RETURNED,
    "closed": _closed(_RETURNED, "returned"),
    "money back later": _closed(_RETURNED, "returned", "succeeded"),
    "to pay": _closed(_RETURNED, "returned")
    | {
        "duration": 5,
        "deposit": 5000,
        "amount_due": 11_000,
        "deposit_kept": 5000,
        "outstanding": 1500,
        "charges": [
            charge("extension", 4000, status="paid", outstanding=0, days=2),
            charge("late", 2000, status="paid", outstanding=0, from_deposit=2000),
            charge(
                "damage", 4500, outstanding=1500, from_deposit=3000, reason="The left ear broke off"
            ),
        ],
        "refunds": [refund(150.5, "succeeded", "goodwill", "For the wait at the counter")],
    },
    "cancelled in a tier": _closed(_READY, "cancelled")
    | {"refunds": [refund(3000, "pending", "cancelled")]},
    "not collected": _closed(_READY, "not_collected"),
    "cancelled after payment": _closed(_PAID, "cancelled", "pending"),
    "lost": _closed(_PICKED_UP, "lost"),
    "declined": _ended("failed", "declined"),
    "cancelled": _ended("cancelled", "cancelled_by_customer"),
    "expired": _ended("expired", "hold_expired"),
    "rejected": _ended("rejected", "no_unit") | {"eta": None},
    "set-up failed": _ended("failed", "payment_setup_failed"),
    "stopped": _ended("cancelled", "stopped"),
    "broken": _ended("failed", "error"),
    "method refused": _ended("failed", "payment_method_refused"),
    "refund under way": _refunded("pending", refund(6000, "pending")),
    "refunded": _refunded("succeeded", refund(1, "succeeded")),
    "refund failed": _refunded("failed"),
    "paid back by staff": _refunded("settled_outside"),
}


EXTENSION: Json = {
    "success": True,
    "data": {"days": 1, "amount": 2000, "due_at": f"{YEAR}-01-09T15:59:59.000Z"},
}


def day(number: int) -> str:
    """A day of January as the site writes it."""
    return f"{datetime(YEAR, 1, number, tzinfo=MANILA):%a}\u00a0{number}\u00a0Jan"


HEADINGS = {
    ("rental", "held"): "Your rental is on hold",
    ("rental", "setting up"): "Setting up your rental…",
    ("rental", "time over"): "Checking your payment…",
    ("rental", "completed"): "Your rental is confirmed",
    ("rental", "ready"): "Ready for you to pick up",
    ("rental", "picked up"): f"Yours until {day(8)}",
    ("rental", "short days"): f"Yours until {day(5)}, 11:02:29",
    ("rental", "overdue"): "Your rental is overdue",
    ("rental", "returned"): "It is back with us",
    ("rental", "closed"): "Your rental is over",
    ("rental", "money back later"): "Your rental is over",
    ("rental", "with deposit"): "Ready for you to pick up",
    ("rental", "counter deposit"): "Ready for you to pick up",
    ("rental", "to pay"): "Your rental is over",
    ("rental", "cancelled in a tier"): "This rental was cancelled",
    ("rental", "not collected"): "It was not picked up in time",
    ("rental", "cancelled after payment"): "This rental was cancelled",
    ("rental", "lost"): "It was lost",
    ("rental", "rejected"): "No unit was left",
    ("rental", "stopped"): "Our staff stopped this rental",
    ("rental", "broken"): "Something went wrong on our side",
    ("rental", "refund failed"): "Your refund needs our help",
    ("rental", "paid back by staff"): "Your money was returned",
    ("success", "held"): "Confirming your payment…",
    ("success", "completed"): "Your rental is confirmed",
    ("success", "picked up"): f"Yours until {day(8)}",
    ("success", "expired"): "This rental is not paid",
    ("success", "refund under way"): "Your money is on its way back",
    ("success", "refunded"): "Your money was returned",
    ("failed", "held"): "Closing this rental…",
    ("failed", "completed"): "This rental is paid after all",
    ("failed", "declined"): "The payment was declined",
    ("failed", "cancelled"): "You cancelled this rental",
    ("failed", "expired"): "The time to pay ran out",
    ("failed", "set-up failed"): "The payment page could not be opened",
    ("failed", "method refused"): "PayMongo refused this way to pay",
}


def show(visitor: Visitor, page: str, state: str) -> None:
    """A page about a rental in this state."""
    visitor.answer(f"**/api/rentals/{RENTAL_ID}", 200, {"success": True, "data": RENTALS[state]})
    visitor.answer(f"**/api/rentals/{RENTAL_ID}/extension?days=*", 200, EXTENSION)
    visitor.page.goto(f"/{page}.html?rental_id={RENTAL_ID}#key={'0' * 64}")
    visitor.expect_heading(HEADINGS[page, state])


def collection(visitor: Visitor) -> None:
    visitor.open_catalogue()
    visitor.page.select_option("#store", "store-a")
    expect(visitor.page.get_by_text("At Makati").first).to_be_visible()


def collection_sold_out(visitor: Visitor) -> None:
    visitor.change_answer(
        COLLECTIBLES, {"stock": 0, "next_expected": f"{YEAR}-01-10T15:59:59.000Z"}
    )
    visitor.open_catalogue()
    expect(visitor.page.get_by_text("Sold out").first).to_be_visible()


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
    expect(visitor.page.locator(".dock")).to_be_visible()


def form(visitor: Visitor) -> None:
    visitor.open_form("col-002")


def form_with_errors(visitor: Visitor) -> None:
    visitor.open_form("col-002")
    visitor.submit.click()
    expect(visitor.page.locator("#error-summary")).to_be_visible()


def form_sold_out(visitor: Visitor) -> None:
    visitor.change_answer(
        QUOTE, {"stock": 0, "eta": None, **_NO_DAYS, "next_expected": f"{YEAR}-01-10T15:59:59.000Z"}
    )
    visitor.open_form("col-002")
    expect(visitor.page.locator("#sold-out")).to_be_visible()


def form_working(visitor: Visitor) -> None:
    visitor.hold(CHECKOUT)
    send_form(visitor)
    expect(visitor.page.locator("#progress-text")).not_to_be_empty()


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


def cancel_paid_dialog(visitor: Visitor) -> None:
    show(visitor, "rental", "ready")
    visitor.page.get_by_role("button", name="Cancel this rental").click()
    expect(visitor.page.get_by_role("dialog")).to_contain_text("₱3,000 goes back")


def form_with_deposit(visitor: Visitor) -> None:
    visitor.change_answer(QUOTE, {"deposit": 5000, "deposit_online_with": ["card", "gcash"]})
    visitor.open_form("col-002")
    visitor.page.check("#payment_method-gcash")
    expect(visitor.page.locator("#quote-facts")).to_contain_text("Paid now")


def rental_unreadable(visitor: Visitor) -> None:
    visitor.answer(f"**/api/rentals/{RENTAL_ID}", 500, failure("INTERNAL_ERROR"))
    visitor.page.goto(f"/rental.html?rental_id={RENTAL_ID}")
    expect(visitor.page.locator("#trouble")).to_be_visible()


def rentals(visitor: Visitor) -> None:
    names = ["held", "completed", "overdue", "cancelled after payment", "declined", "refunded"]
    ids = [f"{RENTAL_ID[:-1]}{number}" for number in range(len(names))]
    for number, (rental_id, name) in enumerate(zip(ids, names, strict=True), 1):
        rental = RENTALS[name] | {"rental_id": rental_id, "collectible_id": f"col-00{number}"}
        visitor.answer(f"**/api/rentals/{rental_id}", 200, {"success": True, "data": rental})
    visitor.remember("mc.rentals", [{"id": each, "open": True} for each in ids])
    visitor.page.goto("/rentals.html")
    expect(visitor.page.locator(".rental-row .stamp")).to_have_count(len(names))


def no_rentals(visitor: Visitor) -> None:
    visitor.page.goto("/rentals.html")
    expect(visitor.page.locator("#empty")).to_be_visible()


def incomplete_link(visitor: Visitor) -> None:
    visitor.page.goto("/rental.html")
    visitor.expect_heading("This link is not complete")


def no_such_page(visitor: Visitor) -> None:
    visitor.page.goto("/no-such-page")
    visitor.expect_heading("This shelf is empty")


def collectible(visitor: Visitor) -> None:
    visitor.page.goto("/collectibles/col-005")
    expect(visitor.page.locator("#where").get_by_role("link").first).to_be_visible()
    visitor.page.get_by_role("button", name="Picture 2").click()


def collectible_enlarged(visitor: Visitor) -> None:
    collectible(visitor)
    visitor.page.get_by_role("button", name="Enlarge picture 2 of 2").click()
    expect(visitor.page.get_by_role("dialog")).to_be_visible()


def collectible_sold_out(visitor: Visitor) -> None:
    nowhere = [{"store_id": "store-a", "stock": 0, "eta": None}]
    expected = {"stock": 0, "next_expected": f"{YEAR}-01-10T15:59:59.000Z"}
    visitor.change_answer(COLLECTIBLES, {"availability": nowhere, **expected})
    visitor.page.goto("/collectibles/col-005")
    expect(visitor.page.locator("#offer")).to_contain_text("Expected back")
    visitor.page.get_by_label("Email").fill("ana")
    visitor.page.get_by_role("button", name="Tell me").click()
    expect(visitor.page.locator("#waiting-email-error")).to_be_visible()


def terms(visitor: Visitor) -> None:
    visitor.page.goto("/terms.html#cancellation")
    visitor.expect_heading("Terms")


def privacy(visitor: Visitor) -> None:
    visitor.page.goto("/privacy.html")
    visitor.expect_heading("Privacy")


def stores(visitor: Visitor) -> None:
    visitor.page.goto("/stores.html")
    expect(visitor.page.get_by_role("link", name="Open the map of Makati")).to_be_visible()


STATES: list[Callable[[Visitor], None]] = [
    collection,
    collection_sold_out,
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
    cancel_paid_dialog,
    form_with_deposit,
    rental_unreadable,
    rentals,
    no_rentals,
    incomplete_link,
    no_such_page,
    collectible,
    collectible_enlarged,
    collectible_sold_out,
    terms,
    privacy,
    stores,
]
