"""What the site sends and what it never does: headers, weight, and markup from outside."""

import json

import httpx
import pytest
from playwright.sync_api import expect

from tests.support.shop import Shop
from tests.system.browser.first_view import BUDGET_BYTES, BUDGET_SHIFT, PAGES, first_view
from tests.system.browser.safety import (
    MARKUP,
    expect_no_markup_from_outside,
    expect_security_headers,
)
from tests.system.browser.states import HELD, RENTAL_ID
from tests.system.browser.visitor import (
    CHECKOUT,
    COLLECTIBLES,
    Visitor,
    failure,
    new_customer,
    only_rental_of,
)
from tools.local.stack import LocalStack
from tools.ops.publishing import site_of
from tools.ops.target import Target
from tools.sources import ROOT
from tools.sources.site import SiteFile

SCRIPT_URL = "javascript:alert(1)"
PAYLOADS = [MARKUP, SCRIPT_URL]
SEEDED = json.loads(
    (ROOT / "tools" / "importing" / "catalogue" / "stock.json").read_text(encoding="utf-8")
)


def test_markup_in_every_text_field(shop: Shop, visitor: Visitor) -> None:
    collectible, customer = shop.add_collectible(), new_customer(shop)
    visitor.open_form(collectible)
    visitor.page.check("#payment_method-card")
    for field in customer:
        for payload in PAYLOADS:
            visitor.page.fill(f"#customer-{field}", payload)
            visitor.page.keyboard.press("Tab")
            expect_no_markup_from_outside(visitor)
    visitor.page.fill("#duration", MARKUP)
    visitor.submit.click()
    expect(visitor.page.locator("#error-summary").get_by_role("link")).to_have_count(4)
    expect_no_markup_from_outside(visitor)

    hostile = dict.fromkeys(("name", "address", "city"), MARKUP)
    visitor.page.fill("#duration", "3")
    visitor.fill_in(customer | hostile)
    visitor.page.reload()
    visitor.expect_filled_in(hostile)
    visitor.expect_price()
    visitor.submit.click()
    visitor.expect_payment_page()
    expect_no_markup_from_outside(visitor)
    expect(visitor.page.get_by_text(MARKUP).first).to_be_visible()
    visitor.pay()
    expect_no_markup_from_outside(visitor)
    assert shop.rental_row(only_rental_of(shop, customer))["customer"]["name"] == MARKUP


def test_markup_in_the_search(visitor: Visitor) -> None:
    visitor.open_catalogue()
    for payload in PAYLOADS:
        visitor.page.fill("#search", payload)
        expect(visitor.page.locator("#no-match")).to_be_visible()
        expect_no_markup_from_outside(visitor)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_markup_in_every_url_parameter(visitor: Visitor, payload: str) -> None:
    quoted = str(httpx.QueryParams({"p": payload})).removeprefix("p=")
    visitor.expect_failures_of("/payment/")
    visitor.expect_failures_of("/api/collectibles?store_id=")
    for page in ("rental", "success", "failed"):
        visitor.page.goto(f"/{page}.html?rental_id={quoted}#{quoted}")
        visitor.expect_heading("This link is not complete")
        expect_no_markup_from_outside(visitor)
    visitor.page.goto(f"/?search={quoted}&size={quoted}#{quoted}")
    expect(visitor.page.locator("#no-match")).to_be_visible()
    expect(visitor.page.locator("#search")).to_have_value(payload)
    expect_no_markup_from_outside(visitor)
    visitor.page.goto(f"/rent.html?collectible_id={quoted}&store_id=store-a#{quoted}")
    expect(visitor.page.locator("#unknown")).to_be_visible()
    expect_no_markup_from_outside(visitor)
    visitor.page.goto(f"/rent.html?collectible_id=col-001&store_id={quoted}&duration={quoted}")
    visitor.expect_heading("Tin Robot No. 7")
    expect_no_markup_from_outside(visitor)
    for outcome in ("success", "failed"):
        visitor.page.goto(f"/payment/{outcome}?rental_id={quoted}&signature={quoted}")
        expect_no_markup_from_outside(visitor)


def test_markup_from_the_api_is_text(visitor: Visitor) -> None:
    visitor.expect_failures_of("/api/rentals/checkout")
    hostile = {"name": MARKUP, "description": MARKUP, "image_url": SCRIPT_URL}
    visitor.change_answer(COLLECTIBLES, hostile)
    visitor.change_answer("**/api/stores", {"name": MARKUP, "address": MARKUP})
    error = {"field": "customer.name", "message": MARKUP}
    unknown = {"field": MARKUP, "message": MARKUP}
    visitor.answer(CHECKOUT, 400, failure("VALIDATION_ERROR", [error, unknown]))

    visitor.open_catalogue()
    expect(visitor.page.get_by_role("heading", name=MARKUP).first).to_be_visible()
    expect_no_markup_from_outside(visitor)
    visitor.open_form("col-001")
    visitor.expect_heading(MARKUP)
    visitor.fill_in(
        {"name": "Ana", "email": "ana@example.com", "phone": "0917 000 0000"}
        | {"address": "1 Rizal Street", "city": "Makati", "postal_code": "1200"}
    )
    visitor.submit.click()
    expect(visitor.page.locator("#customer-name-error")).to_contain_text(MARKUP)
    expect(visitor.page.locator("#error-list")).to_contain_text(MARKUP)
    expect_no_markup_from_outside(visitor)


def test_links_that_are_no_web_addresses_are_not_offered(visitor: Visitor) -> None:
    hostile = {"payment_url": SCRIPT_URL}
    rental = HELD | hostile | {"collectible_name": MARKUP, "collectible_id": "../x"}
    visitor.answer(f"**/api/rentals/{RENTAL_ID}", 200, {"success": True, "data": rental})

    visitor.page.goto(f"/rental.html?rental_id={RENTAL_ID}")

    expect(visitor.page.locator("#ticket-name")).to_have_text(MARKUP)
    expect(visitor.page.locator("#continue-payment, #cancel-rental")).to_have_count(0)
    expect_no_markup_from_outside(visitor)


def test_what_the_browser_remembers_may_be_rubbish(visitor: Visitor) -> None:
    visitor.expect_failures_of("/api/collectibles?store_id=")
    for rubbish in (json.dumps(MARKUP), "{", '{"customer": 1, "duration": {}}'):
        visitor.page.goto("/robots.txt")
        visitor.page.evaluate(
            """rubbish => {
              const kept = ["mc.store", "mc.rentals", "mc.details"];
              for (const key of kept) localStorage.setItem(key, rubbish);
              for (const key of ["mc.draft", "mc.attempt"]) sessionStorage.setItem(key, rubbish);
            }""",
            rubbish,
        )
        visitor.open_catalogue()
        expect(visitor.page.locator(".card-link").first).to_be_visible()
        visitor.open_form("col-001")
        expect_no_markup_from_outside(visitor)


def published(stack: LocalStack) -> dict[str, SiteFile]:
    return site_of(Target(endpoint_url=stack.settings.aws_url)).files


def test_security_headers_on_every_page_and_asset(stack: LocalStack) -> None:
    with httpx.Client(base_url=stack.settings.site_url) as client:
        expect_security_headers(client.get("/no-such-page").headers, stack.settings)
        for path in ["/", *published(stack)]:
            answer = client.get(path)
            assert answer.status_code == 200, path
            expect_security_headers(answer.headers, stack.settings)


def test_assets_may_be_kept_for_ever_and_pages_are_asked_for_anew(stack: LocalStack) -> None:
    with httpx.Client(base_url=stack.settings.site_url) as client:
        for path, file in published(stack).items():
            cache_control = client.get(path).headers["Cache-Control"]
            assert cache_control == file.cache_control
            assert ("immutable" in cache_control) is path.startswith("/assets/")


@pytest.mark.parametrize("page", PAGES)
def test_first_view_is_light_and_does_not_jump(visitor: Visitor, page: str) -> None:
    visitor.expect_failures_of("/no-such-page")
    visitor.show_only(SEEDED)

    seen = first_view(visitor, page)

    assert seen.sent_bytes < BUDGET_BYTES
    assert seen.shift < BUDGET_SHIFT
    assert seen.requests < 40
    expect(visitor.page.locator("img:not([width][height])")).to_have_count(0)


def test_second_view_asks_for_pages_and_answers_only(visitor: Visitor) -> None:
    visitor.use_the_cache()
    visitor.expect_failures_of("/images/col-")  # those of other tests' pieces
    visitor.open_catalogue()

    visitor.open_form("col-002")

    sizes = visitor.page.evaluate(
        "performance.getEntriesByType('resource')"
        ".filter((it) => it.name.includes('/assets/') && it.transferSize > 0)"
        ".map((it) => new URL(it.name).pathname)"
    )
    already_had = ("/css/site.css", "/js/api.js", "/js/words.js", ".woff2")
    assert [each for each in sizes if each.endswith(already_had)] == []


def test_browser_itself_refuses_markup(visitor: Visitor) -> None:
    """Trusted Types: should a later change insert text as HTML, it fails for everybody at once."""
    visitor.expect_refusals_of("TrustedHTML")
    visitor.expect_refusals_of("trusted-types")
    visitor.open_catalogue()

    refused = visitor.page.evaluate(
        "() => { try { document.body.innerHTML = '<b>'; } catch (error) { return error.name; } }"
    )

    assert refused == "TypeError"
