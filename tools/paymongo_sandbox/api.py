"""PayMongo's v1 API."""

import asyncio
import base64
import binascii
import json
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tools.paymongo_sandbox import validation, wire
from tools.paymongo_sandbox.account import Account
from tools.paymongo_sandbox.connection import drop_connection, wait_for_disconnect
from tools.paymongo_sandbox.errors import ApiError, Problem, not_found, refused
from tools.paymongo_sandbox.gateway import Gateway
from tools.paymongo_sandbox.refunds import Refunds
from tools.paymongo_sandbox.resources import (
    CheckoutSession,
    Json,
    Payment,
    PaymentIntent,
    Record,
    Refund,
    Webhook,
    WebhookStatus,
    random_token,
)
from tools.paymongo_sandbox.rules import ApiFault, FaultKind, RuleBook
from tools.paymongo_sandbox.settings import Settings
from tools.paymongo_sandbox.store import Store

_REMEMBERED_CALLS = 10_000
_SLOW_SECONDS = 1.0
_HANG_SECONDS = 60.0
_PAGE = 10
_MAXIMUM_PAGE = 100


_REFUSALS: dict[FaultKind, Callable[[ApiFault], Response]] = {
    FaultKind.ERROR_500: lambda fault: _failure(
        ApiError(500, Problem("internal_server_error", "Something went wrong."))
    ),
    FaultKind.RATE_LIMITED_429: lambda fault: PlainTextResponse("Too Many Requests", 429),
    FaultKind.ERROR_400: lambda fault: _failure(refused(fault.code, fault.detail)),
}


@dataclass(slots=True)
class Call:
    """One API call as it was seen; `status` is None when the caller got no answer."""

    at: float
    method: str
    path: str
    operation: str | None
    status: int | None = None
    fault: str | None = None
    seconds: float = 0.0


class CallLog:
    """The last API calls, and how many there were of each operation."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._calls: deque[Call] = deque(maxlen=_REMEMBERED_CALLS)
        self._counts: Counter[str] = Counter()

    def record(self, call: Call) -> None:
        self._calls.append(call)
        self._counts[call.operation or "unknown"] += 1

    def to_json(self, operation: str | None = None) -> Json:
        """Calls, oldest first, of one operation or all, and the counts of all."""
        calls = [asdict(call) for call in self._calls if operation in (None, call.operation)]
        return {"calls": calls, "counts": dict(self._counts)}


@dataclass(frozen=True, slots=True)
class Arguments:
    """What an operation works on; `body` is the parsed JSON, None without one."""

    livemode: bool
    record_id: str
    query: dict[str, str]
    body: Any


Operation = Callable[[Arguments], Json | list[str]]
R = TypeVar("R", bound=Record)


class Api:
    """Routes, authentication, faults and the operations themselves."""

    def __init__(
        self,
        settings: Settings,
        account: Account,
        store: Store,
        gateway: Gateway,
        refunds: Refunds,
    ) -> None:
        self.faults: RuleBook[ApiFault] = RuleBook()
        self.calls = CallLog()
        self._settings = settings
        self._account = account
        self._store = store
        self._gateway = gateway
        self._refunds = refunds

    def routes(self) -> list[Route]:
        sessions, refunds, webhooks = "/v1/checkout_sessions", "/v1/refunds", "/v1/webhooks"
        table: list[tuple[str, str, Operation]] = [
            ("POST", sessions, self.create_checkout_session),
            ("GET", sessions + "/{id}", self.retrieve_checkout_session),
            ("POST", sessions + "/{id}/expire", self.expire_checkout_session),
            ("GET", "/v1/payment_intents/{id}", self.retrieve_payment_intent),
            ("GET", "/v1/payments/{id}", self.retrieve_payment),
            ("POST", refunds, self.create_refund),
            ("GET", refunds, self.list_refunds),
            ("GET", refunds + "/{id}", self.retrieve_refund),
            ("GET", "/v1/merchants/capabilities/payment_methods", self.list_payment_methods),
            ("POST", webhooks, self.create_webhook),
            ("GET", webhooks, self.list_webhooks),
            ("GET", webhooks + "/{id}", self.retrieve_webhook),
            ("PUT", webhooks + "/{id}", self.update_webhook),
            ("POST", webhooks + "/{id}/enable", self.enable_webhook),
            ("POST", webhooks + "/{id}/disable", self.disable_webhook),
        ]
        return [
            Route(path, self._endpoint(operation), methods=[method], name=operation.__name__)
            for method, path, operation in table
        ]

    def create_checkout_session(self, call: Arguments) -> Json:
        attributes = validation.checkout_session_attributes(
            call.body, self._account.inactive_payment_methods
        )
        session = self._gateway.create_session(attributes, livemode=call.livemode)
        return self._session(session)

    def retrieve_checkout_session(self, call: Arguments) -> Json:
        return self._session(self._find(CheckoutSession, call))

    def expire_checkout_session(self, call: Arguments) -> Json:
        session = self._find(CheckoutSession, call)
        self._gateway.expire_session(session)
        return self._session(session)

    def retrieve_payment_intent(self, call: Arguments) -> Json:
        return {"data": wire.intent_resource(self._store, self._find(PaymentIntent, call))}

    def retrieve_payment(self, call: Arguments) -> Json:
        return {"data": wire.payment_resource(self._store, self._find(Payment, call))}

    def create_refund(self, call: Arguments) -> Json:
        attributes = validation.refund_attributes(call.body)
        refund = self._refunds.create(attributes, livemode=call.livemode)
        return {"data": wire.refund_resource(refund)}

    def retrieve_refund(self, call: Arguments) -> Json:
        return {"data": wire.refund_resource(self._find(Refund, call))}

    def list_refunds(self, call: Arguments) -> Json:
        """Newest first, a page at a time (`limit`, `after`)."""
        payment_id = call.query.get("payment_id")
        refunds = [
            refund
            for refund in self._store.all(Refund)
            if refund.livemode == call.livemode and payment_id in (None, refund.payment_id)
        ]
        refunds.reverse()
        limit = call.query.get("limit", str(_PAGE))
        if not limit.isdecimal() or not 1 <= int(limit) <= _MAXIMUM_PAGE:
            raise refused("parameter_invalid", f"limit must be from 1 to {_MAXIMUM_PAGE}.", "limit")
        after = call.query.get("after")
        if after is not None:
            ids = [refund.id for refund in refunds]
            if after not in ids:
                raise refused("resource_not_found", f"No such refund with id {after}.", "after")
            refunds = refunds[ids.index(after) + 1 :]
        page = refunds[: int(limit)]
        return {
            "data": [wire.refund_resource(refund) for refund in page],
            "has_more": len(refunds) > len(page),
        }

    def list_payment_methods(self, _: Arguments) -> list[str]:
        """The names of those that are active, without an envelope."""
        inactive = self._account.inactive_payment_methods
        return [method for method in validation.PAYMENT_METHODS if method not in inactive]

    def create_webhook(self, call: Arguments) -> Json:
        attributes = validation.webhook_attributes(call.body)
        webhook = Webhook(livemode=call.livemode, secret_key=f"whsk_{random_token()}", **attributes)
        self._store.save(webhook)
        return {"data": wire.webhook_resource(webhook, with_secret=True)}

    def list_webhooks(self, call: Arguments) -> Json:
        webhooks = (w for w in self._store.all(Webhook) if w.livemode == call.livemode)
        return {"data": [wire.webhook_resource(webhook) for webhook in webhooks]}

    def retrieve_webhook(self, call: Arguments) -> Json:
        return {"data": wire.webhook_resource(self._find(Webhook, call))}

    def update_webhook(self, call: Arguments) -> Json:
        webhook = self._find(Webhook, call)
        attributes = validation.webhook_attributes(call.body, partial=True)
        webhook.url = attributes.get("url", webhook.url)
        webhook.events = attributes.get("events", webhook.events)
        self._store.save(webhook)
        return {"data": wire.webhook_resource(webhook)}

    def enable_webhook(self, call: Arguments) -> Json:
        return self._set_webhook_status(call, "enabled")

    def disable_webhook(self, call: Arguments) -> Json:
        return self._set_webhook_status(call, "disabled")

    def _set_webhook_status(self, call: Arguments, status: WebhookStatus) -> Json:
        webhook = self._find(Webhook, call)
        if webhook.status == status:
            raise refused("resource_failed_state", f"The webhook is already {status}.")
        webhook.status = status
        webhook.exhausted_event_ids.clear()
        self._store.save(webhook)
        return {"data": wire.webhook_resource(webhook)}

    def _session(self, session: CheckoutSession) -> Json:
        return {"data": wire.session_resource(self._store, session, self._settings)}

    def _find(self, kind: type[R], call: Arguments) -> R:
        record = self._store.find(kind, call.record_id, call.livemode)
        if record is None:
            raise not_found(kind.KIND.replace("_", " "), call.record_id)
        return record

    def _endpoint(self, operation: Operation) -> Callable[[Request], Any]:
        name = operation.__name__

        async def endpoint(request: Request) -> Response:
            started = time.time()
            call = Call(started, request.method, request.url.path, name)
            self.calls.record(call)
            body = await request.body()
            fault = self.faults.take(
                lambda rule: rule.matches(request.method, request.url.path, name)
            )
            call.fault = fault.kind.value if fault is not None else None
            try:
                response = await self._answer_with_fault(fault, request, body, operation)
            finally:
                call.seconds = round(time.time() - started, 3)
            if response is None:
                return await drop_connection(request)
            call.status = response.status_code
            return response

        return endpoint

    async def _answer_with_fault(
        self, fault: ApiFault | None, request: Request, body: bytes, operation: Operation
    ) -> Response | None:
        """The answer to a call; None when the connection is to be closed instead."""
        if fault is not None and fault.kind in _REFUSALS:
            return _REFUSALS[fault.kind](fault)
        kind = fault.kind if fault is not None else None
        delay = fault.delay_seconds if fault is not None else None
        if kind is FaultKind.SLOW:
            await asyncio.sleep(_SLOW_SECONDS if delay is None else delay)
        elif kind is FaultKind.HANG:
            await wait_for_disconnect(request, _HANG_SECONDS if delay is None else delay)
        if kind in (FaultKind.HANG, FaultKind.DROP_BEFORE):
            return None
        response = self._answer(request, body, operation)
        return None if kind is FaultKind.LOSE_ANSWER else response

    def _answer(self, request: Request, body: bytes, operation: Operation) -> Response:
        try:
            arguments = Arguments(
                livemode=self._authenticate(request.headers.get("authorization")),
                record_id=request.path_params.get("id", ""),
                query=dict(request.query_params),
                body=_parse(body),
            )
            return JSONResponse(operation(arguments))
        except ApiError as error:
            return _failure(error)

    def _authenticate(self, header: str | None) -> bool:
        """The livemode that the request's key selects. Raises ApiError 401."""
        scheme, _, credentials = (header or "").partition(" ")
        if scheme.lower() != "basic":
            raise ApiError(401, Problem("api_key_required", "An API key is required."))
        try:
            key = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            key = ""
        livemode = self._settings.livemode_of(key)
        if livemode is None:
            raise ApiError(401, Problem("api_key_invalid", "The API key is invalid."))
        return livemode


def _failure(error: ApiError) -> Response:
    return JSONResponse(error.to_json(), error.status)


def _parse(body: bytes) -> Any:
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise refused("parameter_format_invalid", "The request body is not valid JSON.") from None
