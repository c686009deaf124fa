"""The dashboard: what is in the account, with buttons for what can be told to happen."""

import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Message

from tools.paymongo_sandbox import wire
from tools.paymongo_sandbox.checkout_page import pesos
from tools.paymongo_sandbox.control_requests import Table, answer
from tools.paymongo_sandbox.gateway import DECLINES, Gateway
from tools.paymongo_sandbox.refunds import Refunds, given_back
from tools.paymongo_sandbox.resources import (
    CheckoutSession,
    Delivery,
    Event,
    Json,
    Payment,
    Record,
    Refund,
    Webhook,
)
from tools.paymongo_sandbox.settings import Settings
from tools.paymongo_sandbox.store import Store
from tools.paymongo_sandbox.validation import MINIMUM_REFUND, PAYMENT_METHODS
from tools.paymongo_sandbox.webhooks import Webhooks

R = TypeVar("R", bound=Record)
Page = Callable[[Request], Json]

_PAGES = Path(__file__).with_name("pages")
_MOST_ROWS = 50
_MANILA = timezone(timedelta(hours=8))
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    # With none at all, browsers would not say where a form was sent from.
    "Referrer-Policy": "same-origin",
}


class Dashboard:
    """`GET` shows a page; `POST` to it calls a control endpoint, and shows the page again."""

    def __init__(  # noqa: PLR0913, PLR0917 (the sandbox's parts)
        self,
        settings: Settings,
        store: Store,
        gateway: Gateway,
        refunds: Refunds,
        webhooks: Webhooks,
        actions: Table,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._refunds = refunds
        self._webhooks = webhooks
        self._actions = {f"{method} {path}": handler for method, path, handler in actions}
        self._templates = Environment(
            loader=FileSystemLoader(_PAGES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"pesos": pesos, "moment": moment, "pretty": pretty}
        self._templates.globals |= {
            "merchant": settings.merchant_name,
            "method_names": PAYMENT_METHODS,
            "decline_codes": DECLINES,
            "minimum_refund": MINIMUM_REFUND,
            "most_rows": _MOST_ROWS,
            "checkout_url": lambda session: wire.checkout_url(session, settings.public_url),
            "given_back": lambda payment: given_back(refunds.of(payment)),
            "payment_of": lambda refund: store.get(Payment, refund.payment_id),
            "session_of": lambda payment: store.get(CheckoutSession, payment.session_id),
            "is_paid": gateway.is_paid,
        }

    def routes(self) -> list[Route]:
        pages: dict[str, Page] = {
            "/payments": self.payments,
            "/payments/{id}": self.payment,
            "/sessions": self.sessions,
            "/sessions/{id}": self.session,
            "/refunds": self.refunds,
            "/webhooks": self.webhooks,
            "/events": self.events,
            "/events/{id}": self.event,
        }
        return [
            Route("/", _to_payments),
            Route("/dashboard.css", _stylesheet),
            *(
                Route(f"/dashboard{path}", self._endpoint(page), methods=["GET", "POST"])
                for path, page in pages.items()
            ),
        ]

    # --- pages: what their templates, of the same name, are given ---

    def payments(self, request: Request) -> Json:
        return self._list(Payment, request, self._text_of_payment)

    def payment(self, request: Request) -> Json:
        payment = self._find(Payment, request)
        return {
            "payment": payment,
            "refunds": self._refunds.of(payment),
            "left": self._refunds.left(payment),
            "events": self._events_about(payment.id),
        }

    def sessions(self, request: Request) -> Json:
        return self._list(CheckoutSession, request, _text)

    def session(self, request: Request) -> Json:
        session = self._find(CheckoutSession, request)
        return {
            "session": session,
            "intent": self._gateway.intent_of(session),
            "payments": self._gateway.payments_of(session),
            "pending": self._gateway.pending_payment(session),
        }

    def refunds(self, request: Request) -> Json:
        rules = [rule for rule in self._refunds.rules.rules if not rule.is_spent]
        return {**self._list(Refund, request, _text), "rules": rules}

    def webhooks(self, _: Request) -> Json:
        return {
            "webhooks": list(self._store.all(Webhook)),
            "rules": [rule for rule in self._webhooks.rules.rules if not rule.is_spent],
            "held": sum(each.state == "held" for each in self._store.all(Delivery)),
        }

    def events(self, request: Request) -> Json:
        found = self._list(Event, request, _text)
        return {**found, "rows": [self._row(event) for event in found["rows"]]}

    def event(self, request: Request) -> Json:
        return self._row(self._find(Event, request))

    # --- parts ---

    def _endpoint(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            problem, status = None, 200
            if request.method == "POST":
                done = await self._act(request)
                if done.status_code == 200:
                    return RedirectResponse(str(request.url), 303)
                problem, status = _problem(done), done.status_code
            html = self._templates.get_template(f"{page.__name__}.html").render(
                page=page.__name__, problem=problem, balance=self._balance(), **page(request)
            )
            return HTMLResponse(html, status, headers=_HEADERS)

        return endpoint

    async def _act(self, request: Request) -> Response:
        """Calls the control endpoint that the form names, with the form's fields for a body."""
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        handler = self._actions.get(form.pop("do", ""))
        if handler is None:
            raise HTTPException(400, "There is no such action.")
        record_id = form.pop("id", "")
        options: Json = {name: None if text == "null" else text for name, text in form.items()}
        if "pesos" in options:
            options["amount"] = _centavos(options.pop("pesos"))
        text = json.dumps(options).encode()

        async def receive() -> Message:
            return {"type": "http.request", "body": text}

        scope = {**request.scope, "path_params": {"id": record_id}}
        return await answer(Request(scope, receive), handler)

    def _find(self, kind: type[R], request: Request) -> R:
        record = self._store.find(kind, request.path_params["id"])
        if record is None:
            raise HTTPException(404, f"There is no such {kind.KIND.replace('_', ' ')}.")
        return record

    def _list(self, kind: type[R], request: Request, text_of: Callable[[R], str]) -> Json:
        """The newest records that have the words of `?q=` in them, and how many there are."""
        words = request.query_params.get("q", "").strip()
        found = [each for each in self._store.all(kind) if words.casefold() in text_of(each)]
        return {"rows": found[: -_MOST_ROWS - 1 : -1], "count": len(found), "words": words}

    def _text_of_payment(self, payment: Payment) -> str:
        return _text(payment) + _text(self._store.get(CheckoutSession, payment.session_id))

    def _row(self, event: Event) -> Json:
        data = json.loads(event.body)["data"]["attributes"]["data"]
        deliveries = [self._store.get(Delivery, each) for each in event.delivery_ids]
        return {"event": event, "about": data["id"], "deliveries": deliveries}

    def _events_about(self, record_id: str) -> list[Json]:
        about = [event for event in self._store.all(Event) if record_id in event.body]
        return [self._row(event) for event in reversed(about)]

    def _balance(self) -> dict[str, int]:
        """Centavos, without fees and what went back; a payment's are available after some days."""
        balance = {"available": 0, "pending": 0}
        for payment in self._store.all(Payment):
            if payment.status != "paid":
                continue
            is_available = (payment.available_at or 0) <= self._store.clock.now()
            back = given_back(self._refunds.of(payment)) + payment.taken_back
            balance["available" if is_available else "pending"] += (
                payment.amount - payment.fee - back
            )
        return balance


def moment(at: float | None) -> str:
    """A time of Unix as Manila's clocks show it, which know no summer."""
    return f"{datetime.fromtimestamp(at, _MANILA):%d %b %Y, %H:%M:%S}" if at else ""


def pretty(text: str) -> str:
    """JSON, indented."""
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False)


async def _to_payments(_: Request) -> Response:
    return RedirectResponse("/dashboard/payments", 303)


async def _stylesheet(_: Request) -> Response:
    return FileResponse(_PAGES / "dashboard.css")


def _text(record: Record) -> str:
    return str(vars(record)).casefold()


def _centavos(text: str) -> int | str:
    """Of pesos; what is no number stays as it is, for the endpoint to refuse."""
    try:
        return round(Decimal(text) * 100)
    except (ArithmeticError, ValueError):
        return text


def _problem(response: Response) -> str:
    """Why a control endpoint refused."""
    answered: dict[str, Any] = json.loads(bytes(response.body))
    details: Iterator[str] = (each["detail"] for each in answered.get("errors", ()))
    return answered.get("error") or " ".join(details)
