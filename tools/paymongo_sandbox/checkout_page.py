"""The hosted checkout page, where a person (or curl) pays."""

from collections.abc import Iterable
from html import escape
from pathlib import Path
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from tools.paymongo_sandbox.gateway import Gateway
from tools.paymongo_sandbox.resources import CheckoutSession, Json
from tools.paymongo_sandbox.settings import Settings
from tools.paymongo_sandbox.store import Store
from tools.paymongo_sandbox.validation import PAYMENT_METHODS

_STYLESHEET = Path(__file__).with_name("checkout.css").read_text(encoding="utf-8")
# The page loads nothing from anywhere else, and a shop's text cannot become a script.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}


class CheckoutPage:
    """`GET` shows the page; `POST outcome=paid|failed|cancelled` plays the customer."""

    def __init__(self, settings: Settings, store: Store, gateway: Gateway) -> None:
        self._settings = settings
        self._store = store
        self._gateway = gateway

    def routes(self) -> list[Route]:
        return [
            Route("/checkout.css", self.stylesheet, methods=["GET"]),
            Route("/checkout/{id}", self.show, methods=["GET"]),
            Route("/checkout/{id}", self.submit, methods=["POST"]),
        ]

    async def stylesheet(self, _: Request) -> Response:
        return Response(_STYLESHEET, media_type="text/css")

    async def show(self, request: Request) -> Response:
        session = self._store.find(CheckoutSession, request.path_params["id"])
        if session is None:
            return self._no_such_session()
        if self._gateway.is_paid(session):
            return self._paid_already(session, 200)
        if session.status == "expired":
            return self._expired(session, 200)
        return self._form(session)

    async def submit(self, request: Request) -> Response:
        session = self._store.find(CheckoutSession, request.path_params["id"])
        fields = parse_qs((await request.body()).decode("utf-8", "replace"))
        if session is None:
            return self._no_such_session()
        outcome = fields.get("outcome", [""])[-1]
        method = fields.get("payment_method", [None])[-1]
        if self._gateway.is_paid(session):
            # A double click on the button must not look like a failure.
            if outcome == "paid":
                return self._to_shop(session, 409)
            return self._paid_already(session, 409)
        if session.status == "expired":
            return self._expired(session, 410)
        if method is not None and method not in session.attributes["payment_method_types"]:
            return self._form(session, f"{method} is not offered here.", status=400)
        return self._play(session, outcome, method)

    def _play(self, session: CheckoutSession, outcome: str, method: str | None) -> Response:
        if outcome == "paid":
            self._gateway.pay(session, method=method)
            return self._to_shop(session, 200)
        if outcome == "failed":
            payment, _ = self._gateway.decline(session, method=method)
            message = f"{payment.failed_message} You were not charged and can try again."
            return self._form(session, message, chosen=method)
        if outcome == "cancelled":
            if session.attributes["cancel_url"]:
                return RedirectResponse(session.attributes["cancel_url"], 303)
            return self._form(session, "You left without paying.")
        return self._form(session, "The outcome must be paid, failed or cancelled.", status=400)

    def _to_shop(self, session: CheckoutSession, status: int) -> Response:
        """To the shop's success page, if it has one."""
        if session.attributes["success_url"]:
            return RedirectResponse(session.attributes["success_url"], 303)
        return self._paid_already(session, status)

    def _form(
        self,
        session: CheckoutSession,
        message: str | None = None,
        *,
        status: int = 200,
        chosen: str | None = None,
    ) -> Response:
        attributes = session.attributes
        total = session.total
        alert = f'<p class="alert" role="alert">{escape(message)}</p>' if message else ""
        tries = sum(p.status == "failed" for p in self._gateway.payments_of(session))
        tried = f'<p class="hint">Declined attempts so far: {tries}</p>' if tries else ""
        body = f"""
<section class="summary" aria-labelledby="total">
<p class="shop">{escape(self._settings.merchant_name)}</p>
<p class="total" id="total">{pesos(total)}</p>
{_description(attributes)}
{_items(attributes["line_items"]) if attributes["show_line_items"] else ""}
<dl>
<div class="due"><dt>Total due</dt><dd>{pesos(total)}</dd></div>
{_fact("Reference", attributes["reference_number"])}
{_fact("Paying as", attributes["billing"]["name"])}
{_fact("Email", attributes["billing"]["email"])}
</dl>
</section>
<section class="pay" aria-labelledby="pay">
<h1 id="pay">Pay with</h1>
{alert}
<form method="post">
<fieldset><legend class="hidden">Payment method</legend>
{_methods(attributes["payment_method_types"], chosen)}
</fieldset>
<button class="primary" name="outcome" value="paid">Pay {pesos(total)}</button>
<button class="secondary" name="outcome" value="failed">Simulate a declined payment</button>
<button class="plain" name="outcome" value="cancelled">Cancel and go back to the shop</button>
</form>
{tried}
</section>"""
        return self._page(f"Pay {pesos(total)}", body, status)

    def _paid_already(self, session: CheckoutSession, status: int) -> Response:
        link = _link(session.attributes["success_url"], "Continue to the shop")
        return self._notice(
            "Paid", f"This checkout is paid already: {pesos(session.total)}.", status, "good", link
        )

    def _expired(self, session: CheckoutSession, status: int) -> Response:
        link = _link(session.attributes["cancel_url"], "Back to the shop")
        text = "This checkout has expired and can no longer be paid. You were not charged."
        return self._notice("Expired", text, status, "bad", link)

    def _no_such_session(self) -> Response:
        return self._notice("Not found", "There is no such checkout.", 404, "bad", "")

    def _notice(self, title: str, text: str, status: int, mood: str, link: str) -> Response:
        body = (
            f'<section class="notice {mood}"><h1>{escape(title)}</h1>'
            f"<p>{escape(text)}</p>{link}</section>"
        )
        return self._page(title, body, status)

    def _page(self, title: str, body: str, status: int) -> Response:
        return HTMLResponse(
            f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · PayMongo sandbox</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/checkout.css">
</head>
<body>
<header><strong>PayMongo sandbox</strong> <span class="badge">Test mode</span>
<span class="note">No money moves.</span></header>
<main>{body}
</main>
</body>
</html>
""",
            status,
            headers=_HEADERS,
        )


def pesos(centavos: int) -> str:
    """`₱1,234.50`"""
    return f"₱{centavos // 100:,}.{centavos % 100:02}"


def _description(attributes: Json) -> str:
    if not attributes["show_description"]:
        return ""
    return f'<p class="description">{escape(attributes["description"])}</p>'


def _items(items: Iterable[Json]) -> str:
    rows = "".join(
        f'<li><span class="name">{escape(item["name"])}'
        + (f"<small>{escape(item['description'])}</small>" if item["description"] else "")
        + (
            f"<small>{item['quantity']} &times; {pesos(item['amount'])}</small>"
            if item["quantity"] > 1
            else ""
        )
        + f"</span><span>{pesos(item['amount'] * item['quantity'])}</span></li>"
        for item in items
    )
    return f'<ul class="items">{rows}</ul>'


def _fact(name: str, value: str | None) -> str:
    return f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" if value else ""


def _methods(methods: list[str], chosen: str | None) -> str:
    checked = chosen or methods[0]
    return "".join(
        f'<label><input type="radio" name="payment_method" value="{escape(method)}"'
        f"{' checked' if method == checked else ''}> "
        f"{escape(PAYMENT_METHODS.get(method, method))}</label>"
        for method in dict.fromkeys(methods)
    )


def _link(url: str | None, text: str) -> str:
    return f'<a class="primary" href="{escape(url)}">{escape(text)}</a>' if url else ""
