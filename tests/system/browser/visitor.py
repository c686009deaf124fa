"""A customer's browser on the site, and on PayMongo's page."""

import json
import re
from collections.abc import Container, Sequence
from importlib.resources import files
from typing import Any, Literal, Protocol

from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Dialog,
    Locator,
    Page,
    Request,
    Route,
    ViewportSize,
    expect,
)

from api.requests import ACCESS_KEY_HEADER
from tests.support.shop import PATIENCE_SECONDS, Shop
from tools.local.stack import Settings
from tools.sources import ROOT

Json = dict[str, Any]
Device = Literal["desktop", "phone"]
ColorScheme = Literal["light", "dark"]
Motion = Literal["reduce", "no-preference"]

SIZES: dict[Device, ViewportSize] = {
    "desktop": {"width": 1280, "height": 800},
    "phone": {"width": 390, "height": 844},
}
CHECKOUT = "**/api/rentals/checkout"
QUOTE = "**/api/rentals/quote"
COLLECTIBLES = "**/api/collectibles*"

_PAYMENT_PAGE = re.compile(r"/checkout/cs_")
_PICTURE_OF_A_TEST_PIECE = re.compile(r"/images/col-[0-9a-f]{12}\.svg$")
_AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
_WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
_REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  reportViolation(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
"""

expect.set_options(timeout=PATIENCE_SECONDS * 1000)


class Visitor:
    """One browser with nothing stored. It notes what may happen on no page: errors in the console
    or the scripts, violations of the Content-Security-Policy, dialogs, requests to third parties.
    """

    def __init__(
        self,
        browser: Browser,
        settings: Settings,
        *,
        device: Device = "desktop",
        color_scheme: ColorScheme = "light",
        reduced_motion: Motion = "no-preference",
    ) -> None:
        self.problems: list[str] = []
        self.settings = settings
        self._expected_failures: list[str] = []
        self._expected_refusals: list[str] = []
        self._context = browser.new_context(
            base_url=settings.site_url,
            viewport=SIZES[device],
            is_mobile=device == "phone",
            has_touch=device == "phone",
            color_scheme=color_scheme,
            reduced_motion=reduced_motion,
            # Neither may show: the shop is in Manila.
            locale="de-DE",
            timezone_id="America/New_York",
        )
        self._context.set_default_timeout(PATIENCE_SECONDS * 1000)
        self._context.expose_binding("reportViolation", self._on_violation)
        self._context.add_init_script(_REPORT_VIOLATIONS)
        self._context.route(_PICTURE_OF_A_TEST_PIECE, _fulfill_with_a_picture)
        self._context.on("request", self._on_request)
        self._context.on("console", self._on_console)
        self._context.on("dialog", self._on_dialog)
        self._context.on("weberror", lambda error: self.problems.append(str(error.error)))
        self.page: Page = self._context.new_page()

    def turn_scripts_off(self) -> None:
        """The pages' scripts do not run; ours, through `evaluate`, do."""
        session = self._context.new_cdp_session(self.page)
        session.send("Emulation.setScriptExecutionDisabled", {"value": True})

    def remember(self, key: str, value: Any) -> None:
        """The browser has this in its local storage, from an earlier visit."""
        self.page.goto("/robots.txt")
        self.page.evaluate(
            "([key, value]) => localStorage.setItem(key, value)", [key, json.dumps(value)]
        )

    def use_the_cache(self) -> None:
        """As browsers do, while Playwright does not once it has a route."""
        self._context.unroute_all()

    def another_tab(self) -> None:
        """Go on in a new tab: what only the first one knew is not there."""
        self.page = self._context.new_page()

    def leave(self) -> None:
        """Close the browser."""
        self._context.close()

    def expect_failures_of(self, path: str) -> None:
        """Requests whose URL contains this may fail; the browser logs each."""
        self._expected_failures.append(path)

    def expect_refusals_of(self, what: str) -> None:
        """The browser may refuse this, in the words of its console and its policy reports."""
        self._expected_refusals.append(what)

    def _on_request(self, request: Request) -> None:
        photographs = f"{self.settings.aws_url}/"
        ours = (self.settings.site_url, self.settings.paymongo_url, photographs, "data:")
        if not request.url.startswith(ours):
            self.problems.append(f"third-party request: {request.url}")

    def _on_console(self, message: ConsoleMessage) -> None:
        url = message.location.get("url", "")
        failed = message.text.startswith("Failed to load resource")
        if failed and any(path in url for path in self._expected_failures):
            return
        if any(what in message.text for what in self._expected_refusals):
            return
        # PayMongo's page has a console of its own to fill.
        ours = url.startswith(self.settings.site_url) or not url
        if message.type in ("error", "warning") and ours:
            self.problems.append(f"console {message.type}: {message.text} ({url})")

    def _on_violation(self, source: Any, text: str) -> None:
        if any(what in text for what in self._expected_refusals):
            return
        if source["frame"].url.startswith(self.settings.site_url):
            self.problems.append(f"policy violation: {text} on {source['frame'].url}")

    def _on_dialog(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    # --- the catalogue and the form ---

    def open_catalogue(self) -> None:
        """The catalogue, loaded."""
        self.page.goto("/")
        expect(self.page.locator("#cards")).to_have_attribute("aria-busy", "false")

    def open_form(
        self, collectible_id: str, *, store_id: str = "store-a", duration: int = 3
    ) -> None:
        """The form of a collectible with its price, which is not sold out."""
        query = f"collectible_id={collectible_id}&store_id={store_id}&duration={duration}"
        self.page.goto(f"/rent.html?{query}")
        self.expect_price()

    def start_form(self, shop: Shop, units: int = 1) -> tuple[str, Json]:
        """The form filled in for a new collectible and customer: both."""
        collectible, customer = shop.add_collectible(units), new_customer(shop)
        self.open_form(collectible)
        self.fill_in(customer)
        return collectible, customer

    def submit_and_pay(self) -> None:
        """Send the form, and pay on PayMongo's page."""
        self.submit.click()
        self.expect_payment_page()
        self.pay()

    def expect_price(self) -> None:
        """The price of the form as it stands is shown."""
        expect(self.page.locator("#quote-total")).to_be_visible()
        expect(self.page.locator("#quote")).to_have_attribute("aria-busy", "false")

    def fill_in(self, customer: Json, method: str = "gcash") -> None:
        """The payment method and the customer's details."""
        self.page.check(f"#payment_method-{method}")
        for field, value in customer.items():
            self.page.fill(f"#customer-{field}", value)

    def expect_filled_in(self, customer: Json, method: str = "gcash") -> None:
        """Nothing of `fill_in` was lost."""
        expect(self.page.locator(f"#payment_method-{method}")).to_be_checked()
        for field, value in customer.items():
            expect(self.page.locator(f"#customer-{field}")).to_have_value(value)

    @property
    def submit(self) -> Locator:
        """`Continue to payment` of the form."""
        return self.page.locator("#submit")

    @property
    def problem(self) -> Locator:
        """Why a checkout did not work."""
        return self.page.locator("#checkout-problem")

    def rent(self, collectible_id: str, customer: Json) -> None:
        """From the form to PayMongo's page."""
        self.open_form(collectible_id)
        self.fill_in(customer)
        self.submit.click()
        self.expect_payment_page()

    def open_rental(self, shop: Shop, rental_id: str) -> None:
        """The rental's page, as its customer is led to it."""
        key = shop.key_of(rental_id)[ACCESS_KEY_HEADER]
        self.page.goto(f"/rental.html?rental_id={rental_id}#key={key}")

    # --- PayMongo's page ---

    def expect_payment_page(self) -> None:
        """PayMongo's page is open."""
        self.page.wait_for_url(_PAYMENT_PAGE)

    def pay(self) -> None:
        """Pay, and be told that the rental is confirmed."""
        self.page.get_by_role("button", name=re.compile("^Pay ₱")).click()
        self.page.wait_for_url("**/success.html?rental_id=*")
        self.expect_heading("Your rental is confirmed")

    def have_a_payment_declined(self) -> None:
        """Pay with something that is declined; PayMongo's page stays open."""
        self.page.get_by_role("button", name="Simulate a declined payment").click()
        expect(self.page.get_by_role("alert")).to_contain_text("You were not charged")

    def leave_payment_page(self) -> None:
        """Cancel on PayMongo's page."""
        self.page.get_by_role("button", name="Cancel and go back to the shop").click()
        self.page.wait_for_url("**/failed.html?rental_id=*")

    # --- every page ---

    def expect_heading(self, text: str) -> None:
        """The page's heading becomes this."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(text)

    def expect_no_sideways_scrolling(self) -> None:
        """Nothing is wider than the screen."""
        wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{self.page.url} is {wide} px too wide"

    def tab_to(self, selector: str) -> None:
        """Press Tab until this has the focus."""
        for _ in range(100):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("it => document.activeElement.matches(it)", selector):
                return
        raise AssertionError(f"Tab does not lead to {selector}")

    def accessibility_violations(self) -> list[str]:
        """What axe-core has against the page as it is, by WCAG 2.2 AA."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(_AXE)
        found: Json = self.page.evaluate(
            "tags => axe.run({runOnly: tags, resultTypes: ['violations']})", _WCAG_22_AA
        )
        return [
            f"{rule['id']}: {node['html']} {node['failureSummary']}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]

    # --- an API that is not as it should be ---

    def answer(self, url: str, status: int, body: Json | str, *, times: int | None = None) -> None:
        """The API answers this, so many times (None: from now on)."""
        text = body if isinstance(body, str) else json.dumps(body)
        kind = "text/html" if isinstance(body, str) else "application/json"
        self.page.route(
            url,
            lambda route: route.fulfill(status=status, body=text, content_type=kind),
            times=times,
        )

    def hold(self, url: str | re.Pattern[str]) -> list[Route]:
        """The API does not answer; the requests that wait, to be continued."""
        waiting: list[Route] = []

        def wait(route: Route) -> None:
            waiting.append(route)

        self.page.route(url, wait)
        return waiting

    def change_answer(self, url: str, changes: Json) -> None:
        """The API's answer has some data that it does not have really."""

        def change(route: Route) -> None:
            answer = route.fetch()
            body = answer.json()
            entries = body["data"] if isinstance(body["data"], list) else [body["data"]]
            for entry in entries:
                entry.update(changes)
            route.fulfill(response=answer, json=body)

        self.page.route(url, change)

    def show_only(self, collectible_ids: Container[str]) -> None:
        """The catalogue has these collectibles, and not those of other tests."""

        def leave_out(route: Route) -> None:
            answer = route.fetch()
            data = [each for each in answer.json()["data"] if each["id"] in collectible_ids]
            route.fulfill(response=answer, json={"success": True, "data": data})

        self.page.route(COLLECTIBLES, leave_out)

    def idempotency_keys(self) -> list[str]:
        """The keys of the checkouts from now on, as they are sent."""
        keys: list[str] = []

        def note(request: Request) -> None:
            if request.url.endswith("/api/rentals/checkout"):
                keys.append(request.headers["idempotency-key"])

        self.page.on("request", note)
        return keys


class Visit(Protocol):
    """Opens a browser of this kind."""

    def __call__(
        self,
        *,
        device: Device = ...,
        color_scheme: ColorScheme = ...,
        reduced_motion: Motion = ...,
    ) -> Visitor: ...


def failure(code: str, errors: Sequence[Json] = ()) -> Json:
    """The body of the API's failures."""
    return {"success": False, "error": "It went wrong.", "code": code, "errors": list(errors)}


def new_customer(shop: Shop) -> Json:
    """A customer nobody has seen before, by the form's fields."""
    customer: Json = shop.body("")["customer"]
    return customer


def rentals_of(shop: Shop, customer: Json) -> list[Json]:
    """The rows of a customer's rentals, the oldest first."""
    rows = [row for row in shop.rows("Rentals") if row["customer"]["email"] == customer["email"]]
    return sorted(rows, key=lambda row: str(row["createdAt"]))


def only_rental_of(shop: Shop, customer: Json) -> str:
    """The id of a customer's one rental."""
    (row,) = rentals_of(shop, customer)
    rental_id: str = row["id"]
    return rental_id


def _fulfill_with_a_picture(route: Route) -> None:
    route.fulfill(path=ROOT / "static" / "images" / "col-001.svg")
