"""The store desk in a browser: from paid to back on the shelf by clicks, scans and keys."""

import uuid

import pytest
from playwright.sync_api import FilePayload, Locator, expect

from tests.support.desk import PASSWORD, accounts, manager
from tests.support.shop import Shop
from tests.system.browser.safety import MARKUP, expect_no_markup_from_outside
from tests.system.browser.visitor import Device, Visit, Visitor
from tools.local.stack import STAFF_EMAIL, STAFF_PASSWORD


def open_desk(visitor: Visitor) -> None:
    visitor.page.goto("/desk/")
    sign_in(visitor, STAFF_EMAIL, STAFF_PASSWORD)
    expect(visitor.page.get_by_role("heading", name="Arriving")).to_be_visible()


def sign_in(visitor: Visitor, email: str, password: str) -> None:
    visitor.page.get_by_label("E-mail address").fill(email)
    visitor.page.get_by_label("Password", exact=True).fill(password)
    button(visitor, "Sign in").click()


def button(visitor: Visitor, name: str) -> Locator:
    return visitor.page.get_by_role("button", name=name)


def scan(visitor: Visitor, words: str) -> None:
    """As a scanner does: into whatever has the focus."""
    visitor.page.keyboard.type(words)
    visitor.page.keyboard.press("Enter")


def notice(visitor: Visitor) -> Locator:
    return visitor.page.locator("#notice")


def take_photograph(visitor: Visitor) -> None:
    picture = visitor.page.screenshot()
    visitor.page.locator("#photograph").set_input_files(
        FilePayload(name="it.png", mimeType="image/png", buffer=picture)
    )


def paid(shop: Shop) -> str:
    _, rental = shop.rent()
    shop.pay_and_complete(rental)
    rental_id: str = rental["rental_id"]
    return rental_id


def expect_well(visitor: Visitor) -> None:
    # What is still being read is dimmed.
    expect(visitor.page.locator("#view[aria-busy=true]:visible")).to_have_count(0)
    assert visitor.accessibility_violations() == []
    # A phone would zoom out, so that its window is as wide as what is in it.
    size = visitor.page.viewport_size
    assert size
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= size["width"]


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_from_paid_to_back_on_the_shelf_by_clicks_alone(
    visit: Visit, shop: Shop, device: Device
) -> None:
    rental_id = paid(shop)
    visitor = visit(
        device=device,
        color_scheme="dark" if device == "phone" else "light",
        reduced_motion="reduce",
    )
    page = visitor.page
    open_desk(visitor)
    expect_well(visitor)
    row = shop.rental_row(rental_id)
    page.locator(f'.desk-row a[href="#rental={rental_id}"]').click()

    expect(page.locator("#stage")).to_contain_text("On its way to the store")
    expect(page.locator(".ticket")).to_contain_text(row["customer"]["phone"])
    button(visitor, "It has arrived").click()
    expect(notice(visitor)).to_contain_text("Arrived at the store.")
    expect(page.locator("#stage")).to_contain_text("Ready for pick-up")
    expect_well(visitor)

    button(visitor, "Hand it over").click()
    expect_well(visitor)
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Hand it over").click()
    expect(dialog).to_be_visible()  # no ID was seen
    dialog.get_by_label("I have seen an ID of Ana Cruz").check()
    dialog.get_by_label("Note").fill("all parts in the box")
    dialog.get_by_role("button", name="Hand it over").click()
    expect(page.locator("#stage")).to_contain_text("With the customer")
    expect(page.locator("#timeline")).to_contain_text("all parts in the box")

    button(visitor, "Take it back").click()
    expect(page.locator("#stage")).to_contain_text("To be inspected")
    button(visitor, "Inspect it").click()
    expect_well(visitor)
    dialog.get_by_label("Damaged").check()
    dialog.get_by_label("Pesos").fill("1500")
    dialog.get_by_label("Note").fill("a dent in the left arm")
    dialog.get_by_role("button", name="Inspect it").click()
    expect(page.locator(".desk-next")).to_have_text("Nothing is left to do.")
    expect(page.locator("#timeline li")).to_have_count(4)
    money = page.get_by_role("region", name="Money")
    expect(money).to_contain_text("Still to be paid: ₱1,500")
    expect_well(visitor)

    button(visitor, "Paid here").click()
    expect_well(visitor)
    dialog.get_by_role("button", name="Paid here").click()
    expect(dialog).to_be_visible()  # without a receipt
    dialog.get_by_label("Number of the receipt").fill("OR-0042")
    dialog.get_by_role("button", name="Paid here").click()
    expect(notice(visitor)).to_contain_text("Paid at the counter.")
    expect(money).not_to_contain_text("Still to be paid")
    unit = shop.table("Units").get_item(Key={"id": row["unitId"]})["Item"]
    assert unit["status"] == "maintenance"
    charge = shop.table("Charges").get_item(Key={"id": f"{rental_id}-damage-1"})["Item"]
    assert (charge["status"], charge["receipt"]) == ("paid", "OR-0042")


def test_a_scanner_finds_one_after_the_other(visitor: Visitor, shop: Shop) -> None:
    first, second = paid(shop), paid(shop)
    desk = manager(shop)
    open_desk(visitor)

    for rental_id in (first, second, first):
        scan(visitor, desk.details(rental_id)["number"])
        visitor.page.wait_for_url(f"**/desk/#rental={rental_id}")
        expect(visitor.page.locator("#rental-number")).to_be_visible()
    button(visitor, "It has arrived").click()
    expect(notice(visitor)).to_contain_text("Arrived at the store.")
    scan(visitor, "MC-2222-2222")

    visitor.expect_heading("Nothing found")
    expect(visitor.page.locator("#view")).to_contain_text("Nothing was changed")
    visitor.page.go_back()
    expect(visitor.page.locator("#rental-number")).to_be_visible()


def test_a_name_finds_several(visitor: Visitor, shop: Shop) -> None:
    wanted = {paid(shop), paid(shop)}
    open_desk(visitor)

    scan(visitor, "cruz")

    for rental_id in wanted:
        expect(visitor.page.locator(f'a[href="#rental={rental_id}"]')).to_be_visible()
    expect_well(visitor)


def test_what_another_desk_has_done_is_said_and_changes_nothing(
    visitor: Visitor, shop: Shop
) -> None:
    rental_id, desk = paid(shop), manager(shop)
    open_desk(visitor)
    visitor.page.goto(f"/desk/#rental={rental_id}")
    expect(button(visitor, "It has arrived")).to_be_visible()
    assert desk.do(rental_id, "arrived", store_id="store-a").status_code == 200

    button(visitor, "It has arrived").click()

    expect(notice(visitor)).to_contain_text("Arrived at the store already. Nothing was changed.")
    expect(visitor.page.locator("#stage")).to_contain_text("Ready for pick-up")


def test_handing_over_at_another_store_is_refused_with_the_reason(
    visitor: Visitor, shop: Shop
) -> None:
    rental_id, desk = paid(shop), manager(shop)
    desk.do(rental_id, "arrived", store_id="store-a")
    visitor.expect_failures_of("/actions")
    open_desk(visitor)
    visitor.page.get_by_label("Store", exact=True).select_option("store-b")
    visitor.page.goto(f"/desk/#rental={rental_id}")
    button(visitor, "Hand it over").click()
    dialog = visitor.page.get_by_role("dialog")
    dialog.get_by_label("I have seen an ID").check()

    dialog.get_by_role("button", name="Hand it over").click()

    expect(notice(visitor)).to_contain_text("handed over at store-a only. Nothing was changed.")
    expect(visitor.page.locator("#stage")).to_contain_text("Ready for pick-up")


def test_markup_from_customers_and_staff_is_text(visitor: Visitor, shop: Shop) -> None:
    customer = shop.body("")["customer"] | {"name": MARKUP}
    rental = shop.checkout(shop.add_collectible(), customer=customer)
    shop.pay_and_complete(rental)
    rental_id = rental["rental_id"]
    assert manager(shop).do(rental_id, "arrived", store_id="store-a", note=MARKUP).is_success
    open_desk(visitor)
    expect_no_markup_from_outside(visitor)

    scan(visitor, MARKUP)
    expect(visitor.page.locator("#rental-number")).to_be_visible()
    expect(visitor.page.locator("#timeline")).to_contain_text(MARKUP)
    button(visitor, "Hand it over").click()
    expect(visitor.page.get_by_role("dialog")).to_contain_text(MARKUP)

    expect_no_markup_from_outside(visitor)


def test_a_dialog_is_left_by_escape_without_doing_anything(visitor: Visitor, shop: Shop) -> None:
    rental_id = paid(shop)
    open_desk(visitor)
    visitor.page.goto(f"/desk/#rental={rental_id}")
    button(visitor, "It is lost").click()

    visitor.page.keyboard.press("Escape")

    expect(visitor.page.get_by_role("dialog")).to_have_count(0)
    expect(visitor.page.locator("#stage")).to_contain_text("On its way")
    assert shop.rental_row(rental_id)["fulfillmentStatus"] == "awaiting_arrival"


def test_a_photograph_is_taken_and_shown(visitor: Visitor, shop: Shop) -> None:
    rental_id = paid(shop)
    open_desk(visitor)
    visitor.page.goto(f"/desk/#rental={rental_id}")

    take_photograph(visitor)

    expect(notice(visitor)).to_contain_text("The photograph is stored.")
    shown = visitor.page.locator(".desk-photographs img")
    expect(shown).to_have_count(1)
    assert shown.evaluate("async (it) => { await it.decode(); return it.naturalWidth; }") > 100
    expect_well(visitor)


def test_a_photograph_that_is_not_stored_is_said_to_be_none(visitor: Visitor, shop: Shop) -> None:
    rental_id = paid(shop)
    visitor.expect_failures_of(shop.stack.settings.aws_url)
    open_desk(visitor)
    visitor.page.goto(f"/desk/#rental={rental_id}")
    visitor.page.route(f"{shop.stack.settings.aws_url}/**", lambda route: route.fulfill(status=403))

    take_photograph(visitor)

    expect(notice(visitor)).to_contain_text("could not be stored")
    expect(visitor.page.locator(".desk-photographs img")).to_have_count(0)


def test_a_sheet_is_printed_for_the_customer_to_sign(visitor: Visitor, shop: Shop) -> None:
    rental_id, desk = paid(shop), manager(shop)
    desk.do(rental_id, "arrived", store_id="store-a")
    open_desk(visitor)
    visitor.page.goto(f"/desk/#rental={rental_id}")
    expect(button(visitor, "Print the hand-over sheet")).to_be_visible()
    visitor.page.emulate_media(media="print")

    expect(visitor.page.locator(".sheet")).to_contain_text("For the store")
    expect(visitor.page.locator("#rental-number")).to_be_visible()
    for left_out in (".desk-bar", ".desk-next", ".desk-side", "#who"):
        expect(visitor.page.locator(left_out)).to_be_hidden()


# --- signing in ---


def test_a_first_password_is_replaced_by_ones_own(visitor: Visitor, shop: Shop) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    first = accounts(shop.stack).add(email, ["store-store-b"])
    assert first is not None
    visitor.expect_failures_of("/api/desk/session")
    visitor.page.goto("/desk/")
    expect_well(visitor)

    sign_in(visitor, email, "wrong")
    expect(visitor.page.get_by_role("alert")).to_contain_text("password is not right")
    sign_in(visitor, email, first)
    own = visitor.page.get_by_label("A password of your own")
    expect(own).to_be_focused()
    expect_well(visitor)
    own.fill(PASSWORD)
    own.press("Enter")

    expect(visitor.page.get_by_label("Store", exact=True)).to_have_value("store-b")
    expect(visitor.page.locator("#store option")).to_have_count(1)
    expect(visitor.page.locator("#name")).to_have_text(email)


def test_nobody_stays_signed_in_when_they_have_left(visitor: Visitor) -> None:
    open_desk(visitor)
    visitor.page.reload()
    expect(visitor.page.get_by_role("heading", name="Arriving")).to_be_visible()

    button(visitor, "Sign out").click()
    expect(visitor.page.get_by_label("Password", exact=True)).to_be_visible()
    visitor.page.reload()
    expect(visitor.page.get_by_label("Password", exact=True)).to_be_visible()

    open_desk(visitor)
    visitor.another_tab()
    visitor.page.goto("/desk/")
    expect(visitor.page.get_by_label("Password", exact=True)).to_be_visible()


def test_an_expired_session_leads_back_to_signing_in(visitor: Visitor) -> None:
    visitor.expect_failures_of("/api/desk/")
    open_desk(visitor)
    visitor.page.evaluate(
        """() => {
          const kept = JSON.parse(sessionStorage.getItem("mc.desk"));
          const spoiled = { ...kept, refresh_token: "x", good_until: 0 };
          sessionStorage.setItem("mc.desk", JSON.stringify(spoiled));
        }"""
    )
    visitor.page.reload()

    expect(visitor.page.get_by_role("alert")).to_have_text("Please sign in again.")
    sign_in(visitor, STAFF_EMAIL, STAFF_PASSWORD)
    expect(visitor.page.get_by_role("heading", name="Arriving")).to_be_visible()


def test_everything_is_reached_by_the_keyboard(visitor: Visitor, shop: Shop) -> None:
    rental_id = paid(shop)
    open_desk(visitor)
    scan(visitor, rental_id)
    expect(button(visitor, "It has arrived")).to_be_visible()

    visitor.tab_to('[data-action="arrived"]')
    visitor.page.keyboard.press("Enter")
    expect(notice(visitor)).to_contain_text("Arrived at the store.")
    visitor.tab_to('[data-action="picked_up"]')
    visitor.page.keyboard.press("Enter")
    visitor.tab_to("input[name=id_seen]")
    visitor.page.keyboard.press("Space")
    visitor.tab_to("#confirm")
    visitor.page.keyboard.press("Enter")

    expect(visitor.page.locator("#stage")).to_contain_text("With the customer")
