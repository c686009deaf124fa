"""The hosted checkout page, where a person (or curl) pays."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from tools.paymongo_sandbox.gateway import Gateway
from tools.paymongo_sandbox.resources import CheckoutSession
from tools.paymongo_sandbox.settings import Settings
from tools.paymongo_sandbox.store import Store
from tools.paymongo_sandbox.validation import PAYMENT_METHODS

_STYLESHEET = Path(__file__).with_name("checkout.css")
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
        return FileResponse(_STYLESHEET)

    async def show(self, request: Request) -> Response:
        session = self._store.find(CheckoutSession, request.path_params["id"])
        if session is None:
            return _no_such_session()
        if self._gateway.is_paid(session):
            return _paid_already(session, 200)
        if session.status == "expired":
            return _expired(session, 200)
        return self._form(session)

    async def submit(self, request: Request) -> Response:
        session = self._store.find(CheckoutSession, request.path_params["id"])
        fields = parse_qs((await request.body()).decode("utf-8", "replace"))
        if session is None:
            return _no_such_session()
        outcome = fields.get("outcome", [""])[-1]
        method = fields.get("payment_method", [None])[-1]
        if self._gateway.is_paid(session):
            # A double click on the button must not look like a failure.
            if outcome == "paid":
                return self._to_shop(session, 409)
            return _paid_already(session, 409)
        if session.status == "expired":
            return _expired(session, 410)
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
        return _paid_already(session, status)

    def _form(
        self,
        session: CheckoutSession,
        message: str | None = None,
        *,
        status: int = 200,
        chosen: str | None = None,
    ) -> Response:
        payments = self._gateway.payments_of(session)
        return _page(
            f"Pay {pesos(session.total)}",
            status,
            session=session.attributes,
            total=session.total,
            merchant=self._settings.merchant_name,
            message=message,
            method_names=PAYMENT_METHODS,
            chosen=chosen or session.attributes["payment_method_types"][0],
            tries=sum(payment.status == "failed" for payment in payments),
        )


def pesos(centavos: int) -> str:
    """`₱1,234.50`, or `-₱1,234.50`."""
    whole, part = divmod(abs(centavos), 100)
    return f"{'-' if centavos < 0 else ''}₱{whole:,}.{part:02}"


def _paid_already(session: CheckoutSession, status: int) -> Response:
    text = f"This checkout is paid already: {pesos(session.total)}."
    url = session.attributes["success_url"]
    return _page("Paid", status, notice=text, mood="good", url=url, link="Continue to the shop")


def _expired(session: CheckoutSession, status: int) -> Response:
    text = "This checkout has expired and can no longer be paid. You were not charged."
    url = session.attributes["cancel_url"]
    return _page("Expired", status, notice=text, mood="bad", url=url, link="Back to the shop")


def _no_such_session() -> Response:
    return _page("Not found", 404, notice="There is no such checkout.", mood="bad")


def _page(title: str, status: int, **context: Any) -> Response:
    return HTMLResponse(_TEMPLATE.render(title=title, **context), status, headers=_HEADERS)


_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True
)
_TEMPLATES.filters["pesos"] = pesos
_TEMPLATE = _TEMPLATES.get_template("checkout.html")
