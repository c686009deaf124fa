"""The control endpoints under /_sandbox/, for tests (README.md lists them)."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from itertools import islice
from typing import Annotated, Any, Literal, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.paymongo_sandbox import wire
from tools.paymongo_sandbox.api import Api
from tools.paymongo_sandbox.background import Background
from tools.paymongo_sandbox.gateway import AlreadyPaidError, Gateway
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
from tools.paymongo_sandbox.rules import ApiFault, RefundRule, Rule, RuleBook, WebhookRule
from tools.paymongo_sandbox.store import Store
from tools.paymongo_sandbox.webhooks import Webhooks

M = TypeVar("M", bound=BaseModel)
R = TypeVar("R", bound=Record)
Handler = Callable[[Request], Awaitable[Json]]


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Start(_Options):
    method: Annotated[str | None, Field(alias="payment_method")] = None
    amount: PositiveInt | None = None
    currency: str | None = None


class _Settle(_Start):
    again: bool = False
    silently: bool = False


class _Decline(_Options):
    method: Annotated[str | None, Field(alias="payment_method")] = None
    code: str = "generic_decline"
    silently: bool = False


class _Finish(_Options):
    outcome: Literal["paid", "failed"] = "paid"
    silently: bool = False


class _SettleRefund(_Options):
    outcome: Literal["succeed", "fail"] = "succeed"


class _Release(_Options):
    order: Literal["original", "reversed"] = "original"


class _SendTo(_Options):
    url: str
    secret_key: str
    timestamp: int | None = None


class _Wait(_Options):
    timeout_seconds: NonNegativeFloat = 30.0


class _Reset(_Options):
    keep_webhooks: bool = True


class ControlError(Exception):
    """A control request that makes no sense."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Control:
    """Lets a test in another process steer and inspect the sandbox."""

    def __init__(
        self,
        store: Store,
        background: Background,
        webhooks: Webhooks,
        gateway: Gateway,
        api: Api,
    ) -> None:
        self._store = store
        self._background = background
        self._webhooks = webhooks
        self._gateway = gateway
        self._api = api

    def routes(self) -> list[Route]:
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/health", self.health),
            ("GET", "/ledger", self.ledger),
            ("GET", "/calls", self.calls),
            ("GET", "/events", self.events),
            ("GET", "/webhooks", self.webhooks),
            ("POST", "/events/{id}/resend", self.resend),
            ("POST", "/events/{id}/send", self.send_to),
            ("POST", "/webhooks/release", self.release),
            ("POST", "/checkout_sessions/{id}/settle", self.settle),
            ("POST", "/checkout_sessions/{id}/decline", self.decline),
            ("POST", "/checkout_sessions/{id}/start", self.start),
            ("POST", "/checkout_sessions/{id}/finish", self.finish),
            ("POST", "/refunds/{id}/settle", self.settle_refund),
            ("POST", "/wait", self.wait),
            ("POST", "/reset", self.reset),
            *self._rule_routes("/faults", self._api.faults, ApiFault),
            *self._rule_routes("/webhook_rules", self._webhooks.rules, WebhookRule),
            *self._rule_routes("/refund_rules", self._gateway.refund_rules, RefundRule),
        ]
        return [
            Route(f"/_sandbox{path}", _endpoint(handler), methods=[method])
            for method, path, handler in table
        ]

    async def health(self, _: Request) -> Json:
        return {"status": "ok", "background_tasks": self._background.count}

    async def ledger(self, request: Request) -> Json:
        """Sessions, payments and refunds by the session's `metadata.rental_id` ("" without)."""
        wanted = request.query_params.get("rental_id")
        rentals: dict[str, Json] = {}
        for session in self._store.all(CheckoutSession):
            rental_id = session.metadata.get("rental_id", "")
            if wanted not in (None, rental_id):
                continue
            rental = rentals.setdefault(rental_id, {"sessions": [], "payments": [], "refunds": []})
            payments = [self._payment_entry(p) for p in self._gateway.payments_of(session)]
            rental["sessions"].append(self._session_entry(session))
            rental["payments"] += payments
            rental["refunds"] += [refund for p in payments for refund in p["refunds"]]
        return {"rentals": rentals}

    def _session_entry(self, session: CheckoutSession) -> Json:
        return {
            "id": session.id,
            "status": session.status,
            "intent_id": session.intent_id,
            "intent_status": self._gateway.intent_of(session).status,
            "total": session.total,
            "paid": self._gateway.is_paid(session),
            "payment_in_progress": self._gateway.pending_payment(session) is not None,
            "metadata": session.metadata,
            "reference_number": session.attributes["reference_number"],
            "created_at": session.created_at,
        }

    def _payment_entry(self, payment: Payment) -> Json:
        refunds = self._gateway.refunds_of(payment)
        return {
            "id": payment.id,
            "session_id": payment.session_id,
            "intent_id": payment.intent_id,
            "amount": payment.amount,
            "currency": payment.currency,
            "status": payment.status,
            "payment_method": payment.source["type"],
            "paid_at": payment.paid_at,
            "refunded_amount": sum(r.amount for r in refunds if r.status != "failed"),
            "refunds": [
                {"id": r.id, "payment_id": payment.id, "amount": r.amount, "status": r.status}
                for r in refunds
            ],
        }

    async def calls(self, request: Request) -> Json:
        return self._api.calls.to_json(request.query_params.get("operation"))

    async def events(self, request: Request) -> Json:
        """Events, oldest first, with their deliveries and every attempt."""
        wanted = request.query_params.get("type")
        after = int(request.query_params.get("after", 0))
        later = islice(self._store.all(Event), after, None)
        events = [e for e in later if wanted in (None, e.type)]
        return {"events": [self._event_entry(event) for event in events]}

    def _event_entry(self, event: Event) -> Json:
        deliveries = (self._store.get(Delivery, delivery_id) for delivery_id in event.delivery_ids)
        return {
            "id": event.id,
            "type": event.type,
            "livemode": event.livemode,
            "created_at": event.created_at,
            "body": event.body,
            "deliveries": [asdict(delivery) for delivery in deliveries],
        }

    async def webhooks(self, _: Request) -> Json:
        """Every endpoint with its secret."""
        return {
            "webhooks": [
                wire.webhook_resource(w, with_secret=True) for w in self._store.all(Webhook)
            ]
        }

    async def resend(self, request: Request) -> Json:
        event = self._find(Event, request)
        deliveries = await self._webhooks.resend(event)
        return {"deliveries": [asdict(delivery) for delivery in deliveries]}

    async def send_to(self, request: Request) -> Json:
        event = self._find(Event, request)
        delivery = await self._webhooks.send_to(event, **vars(await _read(request, _SendTo)))
        return {"deliveries": [asdict(delivery)]}

    async def release(self, request: Request) -> Json:
        options = await _read(request, _Release)
        deliveries = self._webhooks.release(newest_first=options.order == "reversed")
        return {"released": len(deliveries)}

    async def settle(self, request: Request) -> Json:
        session = self._find(CheckoutSession, request)
        return self._paid(*self._gateway.pay(session, **vars(await _read(request, _Settle))))

    async def decline(self, request: Request) -> Json:
        session = self._find(CheckoutSession, request)
        return self._paid(*self._gateway.decline(session, **vars(await _read(request, _Decline))))

    async def start(self, request: Request) -> Json:
        session = self._find(CheckoutSession, request)
        options = await _read(request, _Start)
        if session.status == "expired" or self._gateway.is_paid(session):
            raise ControlError(409, "the session is expired or paid")
        return self._paid(self._gateway.start_payment(session, **vars(options)), [])

    async def finish(self, request: Request) -> Json:
        session = self._find(CheckoutSession, request)
        options = await _read(request, _Finish)
        if self._gateway.pending_payment(session) is None:
            raise ControlError(409, "no payment is in progress")
        if options.outcome == "paid":
            return self._paid(*self._gateway.pay(session, silently=options.silently))
        return self._paid(*self._gateway.decline(session, silently=options.silently))

    def _paid(self, payment: Payment, events: list[Event]) -> Json:
        return {
            "payment": wire.payment_resource(self._store, payment),
            "event_ids": [event.id for event in events],
        }

    async def settle_refund(self, request: Request) -> Json:
        refund = self._find(Refund, request)
        options = await _read(request, _SettleRefund)
        if not refund.is_under_way:
            raise ControlError(409, f"the refund is {refund.status}")
        events = self._gateway.finish_refund(refund, succeed=options.outcome == "succeed")
        return {
            "refund": wire.refund_resource(refund),
            "event_ids": [event.id for event in events],
        }

    async def wait(self, request: Request) -> Json:
        """Answers when no delivery, retry or refund is under way, or when time ran out."""
        options = await _read(request, _Wait)
        return {"idle": await self._background.wait_until_idle(options.timeout_seconds)}

    async def reset(self, request: Request) -> Json:
        """Forgets all rules, calls, sessions, payments, refunds, events and running work."""
        options = await _read(request, _Reset)
        await self._background.cancel()
        self._store.clear(keep=(Webhook,) if options.keep_webhooks else ())
        self._api.calls.clear()
        self._api.faults.clear()
        self._webhooks.rules.clear()
        self._gateway.refund_rules.clear()
        return {}

    def _rule_routes(
        self, path: str, book: RuleBook[Any], model: type[Rule]
    ) -> list[tuple[str, str, Handler]]:
        def shown() -> Json:
            return {"rules": [rule.model_dump(mode="json") for rule in book.rules]}

        async def add(request: Request) -> Json:
            rule = book.add(await _read(request, model))
            return {"rule": rule.model_dump(mode="json")}

        async def show(_: Request) -> Json:
            return shown()

        async def clear(_: Request) -> Json:
            book.clear()
            return shown()

        return [("POST", path, add), ("GET", path, show), ("DELETE", path, clear)]

    def _find(self, kind: type[R], request: Request) -> R:
        record = self._store.find(kind, request.path_params["id"])
        if record is None:
            raise ControlError(404, f"no such {kind.KIND}")
        return record


async def _read(request: Request, model: type[M]) -> M:
    """The request's JSON body, where no body is an empty object. Raises ControlError."""
    try:
        return model.model_validate_json(await request.body() or b"{}")
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ControlError(400, "; ".join(problems)) from None


def _endpoint(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        # A page that a browser on this machine shows must not tell the sandbox what to do.
        origin = request.headers.get("origin")
        if origin and httpx.URL(origin).netloc != request.url.netloc.encode():
            return JSONResponse({"error": "not for pages of another origin"}, 403)
        try:
            return JSONResponse(await handler(request))
        except ControlError as error:
            return JSONResponse({"error": str(error)}, error.status)
        except AlreadyPaidError:
            return JSONResponse({"error": "the session is paid already"}, 409)

    return endpoint
