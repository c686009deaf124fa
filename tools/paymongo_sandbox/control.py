"""The control endpoints under /_sandbox/, for tests (README.md lists them)."""

from dataclasses import asdict
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt
from starlette.requests import Request

from tools.paymongo_sandbox import wire
from tools.paymongo_sandbox.account import Account
from tools.paymongo_sandbox.api import Api, Arguments
from tools.paymongo_sandbox.background import Background
from tools.paymongo_sandbox.control_requests import (
    ControlError,
    Options,
    Table,
    caused,
    find,
    read,
)
from tools.paymongo_sandbox.gateway import Gateway
from tools.paymongo_sandbox.refunds import Refunds, given_back
from tools.paymongo_sandbox.resources import (
    CheckoutSession,
    Delivery,
    Event,
    Json,
    Payment,
    Webhook,
)
from tools.paymongo_sandbox.rules import ApiFault, RefundRule, Rule, RuleBook, WebhookRule
from tools.paymongo_sandbox.store import Store
from tools.paymongo_sandbox.webhooks import Webhooks


class _Start(Options):
    method: Annotated[str | None, Field(alias="payment_method")] = None
    amount: PositiveInt | None = None
    currency: str | None = None


class _Settle(_Start):
    again: bool = False
    silently: bool = False


class _Decline(Options):
    method: Annotated[str | None, Field(alias="payment_method")] = None
    code: str = "generic_decline"
    silently: bool = False


class _Finish(Options):
    outcome: Literal["paid", "failed"] = "paid"
    silently: bool = False


class _Release(Options):
    order: Literal["original", "reversed"] = "original"


class _SendTo(Options):
    url: str
    secret_key: str
    timestamp: int | None = None


class _Advance(Options):
    days: NonNegativeInt = 0
    seconds: int = 0


class _Wait(Options):
    timeout_seconds: NonNegativeFloat = 30.0


class _Reset(Options):
    keep_webhooks: bool = True


class Control:
    """Lets a test in another process steer and inspect the sandbox."""

    def __init__(  # noqa: PLR0913, PLR0917 (the sandbox's parts)
        self,
        account: Account,
        store: Store,
        background: Background,
        webhooks: Webhooks,
        gateway: Gateway,
        refunds: Refunds,
        api: Api,
    ) -> None:
        self._account, self._initial_account = account, account.model_copy()
        self._store = store
        self._background = background
        self._webhooks = webhooks
        self._gateway = gateway
        self._refunds = refunds
        self._api = api

    def table(self) -> Table:
        return [
            ("GET", "/health", self.health),
            ("GET", "/ledger", self.ledger),
            ("GET", "/calls", self.calls),
            ("GET", "/events", self.events),
            ("GET", "/webhooks", self.webhooks),
            ("POST", "/events/{id}/resend", self.resend),
            ("POST", "/events/{id}/send", self.send_to),
            ("POST", "/webhooks/release", self.release),
            ("POST", "/webhooks/{id}/enable", self.enable),
            ("POST", "/webhooks/{id}/disable", self.disable),
            ("POST", "/checkout_sessions/{id}/settle", self.settle),
            ("POST", "/checkout_sessions/{id}/decline", self.decline),
            ("POST", "/checkout_sessions/{id}/start", self.start),
            ("POST", "/checkout_sessions/{id}/finish", self.finish),
            ("POST", "/account", self.change_account),
            ("POST", "/clock", self.advance_clock),
            ("POST", "/wait", self.wait),
            ("POST", "/reset", self.reset),
            *self._rule_routes("/faults", self._api.faults, ApiFault),
            *self._rule_routes("/webhook_rules", self._webhooks.rules, WebhookRule),
            *self._rule_routes("/refund_rules", self._refunds.rules, RefundRule),
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
        refunds = self._refunds.of(payment)
        return {
            "id": payment.id,
            "session_id": payment.session_id,
            "intent_id": payment.intent_id,
            "amount": payment.amount,
            "currency": payment.currency,
            "status": payment.status,
            "payment_method": payment.source["type"],
            "paid_at": payment.paid_at,
            "refunded_amount": given_back(refunds),
            "refunds": [
                {
                    "id": refund.id,
                    "payment_id": payment.id,
                    "amount": refund.amount,
                    "status": refund.status,
                    "metadata": refund.metadata,
                    "created_at": refund.created_at,
                }
                for refund in refunds
            ],
            "dispute": payment.dispute,
            "taken_back_amount": payment.taken_back,
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
        event = find(self._store, Event, request)
        deliveries = await self._webhooks.resend(event)
        return {"deliveries": [asdict(delivery) for delivery in deliveries]}

    async def send_to(self, request: Request) -> Json:
        event = find(self._store, Event, request)
        delivery = await self._webhooks.send_to(event, **vars(await read(request, _SendTo)))
        return {"deliveries": [asdict(delivery)]}

    async def release(self, request: Request) -> Json:
        options = await read(request, _Release)
        deliveries = self._webhooks.release(newest_first=options.order == "reversed")
        return {"released": len(deliveries)}

    async def enable(self, request: Request) -> Json:
        return self._api.enable_webhook(self._webhook(request))

    async def disable(self, request: Request) -> Json:
        return self._api.disable_webhook(self._webhook(request))

    def _webhook(self, request: Request) -> Arguments:
        webhook = find(self._store, Webhook, request)
        return Arguments(livemode=webhook.livemode, record_id=webhook.id, query={}, body=None)

    async def settle(self, request: Request) -> Json:
        session = find(self._store, CheckoutSession, request)
        return self._paid(*self._gateway.pay(session, **vars(await read(request, _Settle))))

    async def decline(self, request: Request) -> Json:
        session = find(self._store, CheckoutSession, request)
        return self._paid(*self._gateway.decline(session, **vars(await read(request, _Decline))))

    async def start(self, request: Request) -> Json:
        session = find(self._store, CheckoutSession, request)
        options = await read(request, _Start)
        if session.status == "expired" or self._gateway.is_paid(session):
            raise ControlError(409, "the session is expired or paid")
        return self._paid(self._gateway.start_payment(session, **vars(options)), [])

    async def finish(self, request: Request) -> Json:
        session = find(self._store, CheckoutSession, request)
        options = await read(request, _Finish)
        if self._gateway.pending_payment(session) is None:
            raise ControlError(409, "no payment is in progress")
        if options.outcome == "paid":
            return self._paid(*self._gateway.pay(session, silently=options.silently))
        return self._paid(*self._gateway.decline(session, silently=options.silently))

    def _paid(self, payment: Payment, events: list[Event]) -> Json:
        return caused("payment", wire.payment_resource(self._store, payment), events)

    async def change_account(self, request: Request) -> Json:
        self._account.become(await read(request, Account))
        return self._account.model_dump(mode="json")

    async def advance_clock(self, request: Request) -> Json:
        """Payments and refunds get older; what is under way goes on as before."""
        options = await read(request, _Advance)
        self._store.clock.ahead_seconds += options.seconds + options.days * 86_400
        return {"now": self._store.clock.now()}

    async def wait(self, request: Request) -> Json:
        """Answers when no delivery, retry or refund is under way, or when time ran out."""
        options = await read(request, _Wait)
        return {"idle": await self._background.wait_until_idle(options.timeout_seconds)}

    async def reset(self, request: Request) -> Json:
        """Forgets all rules, calls, sessions, payments, refunds, events and running work."""
        options = await read(request, _Reset)
        await self._background.cancel()
        self._store.clear(keep=(Webhook,) if options.keep_webhooks else ())
        self._api.calls.clear()
        self._api.faults.clear()
        self._webhooks.rules.clear()
        self._refunds.rules.clear()
        self._account.become(self._initial_account)
        self._store.clock.ahead_seconds = 0
        return {}

    def _rule_routes(self, path: str, book: RuleBook[Any], model: type[Rule]) -> Table:
        def shown() -> Json:
            return {"rules": [rule.model_dump(mode="json") for rule in book.rules]}

        async def add(request: Request) -> Json:
            rule = book.add(await read(request, model))
            return {"rule": rule.model_dump(mode="json")}

        async def show(_: Request) -> Json:
            return shown()

        async def clear(_: Request) -> Json:
            book.clear()
            return shown()

        return [("POST", path, add), ("GET", path, show), ("DELETE", path, clear)]
