"""The PayMongo sandbox behaves as PayMongo does, and misbehaves exactly when told."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tools.ops.webhook import EVENTS
from tools.paymongo_sandbox import Settings, create_app
from tools.sources import ROOT

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
TEST_KEY = "sk_test_unit"
LIVE_KEY = "sk_live_unit"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Shop:
    """The merchant's side: answers webhooks as told and remembers what it was sent."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.answer: Callable[[httpx.Request], Awaitable[httpx.Response]] = self.accept

    async def accept(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"received": True})

    async def refuse(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(503, json={})

    async def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return await self.answer(request)

    @property
    def events(self) -> list[Json]:
        return [json.loads(request.content)["data"] for request in self.requests]

    @property
    def types(self) -> list[str]:
        return [event["attributes"]["type"] for event in self.events]


class Sandbox:
    """A running sandbox and shorthand for talking to it."""

    def __init__(self, http: httpx.AsyncClient, shop: Shop) -> None:
        self.http = http
        self.shop = shop

    async def create(self, **changes: Any) -> Json:
        response = await self.http.post("/v1/checkout_sessions", json=session_body(**changes))
        assert response.status_code == 200, response.text
        return data_of(response)

    async def session(self, session: Json) -> Json:
        return await self.read(f"checkout_sessions/{session['id']}")

    async def attributes(self, session: Json) -> Json:
        attributes: Json = (await self.session(session))["attributes"]
        return attributes

    async def statuses(self, session: Json) -> list[str]:
        payments = (await self.attributes(session))["payments"]
        return [each["attributes"]["status"] for each in payments]

    async def read(self, path: str) -> Json:
        return data_of(await self.http.get(f"/v1/{path}"))

    async def expire(self, session: Json) -> httpx.Response:
        return await self.http.post(f"/v1/checkout_sessions/{session['id']}/expire")

    async def play(self, session: Json, outcome: str, **fields: str) -> httpx.Response:
        url = session["attributes"]["checkout_url"]
        return await self.http.post(url, data={"outcome": outcome, **fields})

    async def pay(self, session: Json | None = None) -> Json:
        """Pay, and wait until everybody was told: the payment."""
        session = session or await self.create()
        await self.play(session, "paid")
        await self.settle_down()
        payment: Json = (await self.attributes(session))["payments"][-1]
        return payment

    async def paid_payment(self, amount: int = 500_000) -> Json:
        return await self.pay(await self.create(line_items=[line_item(amount=amount)]))

    async def refund(self, payment: Json, amount: int, **changes: Any) -> httpx.Response:
        attributes = {"amount": amount, "payment_id": payment["id"], "reason": "others"}
        body = {"data": {"attributes": {**attributes, **changes}}}
        return await self.http.post("/v1/refunds", json=body)

    async def register(self, events: list[str] | None = None, key: str = TEST_KEY) -> Json:
        body = {
            "data": {"attributes": {"url": "http://shop.test/hook", "events": events or EVENTS}}
        }
        return data_of(await self.http.post("/v1/webhooks", json=body, auth=(key, "")))

    async def control(self, path: str, /, **options: Any) -> Json:
        response = await self.http.post(f"/_sandbox/{path}", json=options)
        assert response.status_code == 200, response.text
        answer: Json = response.json()
        return answer

    async def look(self, path: str) -> Json:
        answer: Json = (await self.http.get(f"/_sandbox/{path}")).json()
        return answer

    async def settle_down(self) -> None:
        assert (await self.control("wait", timeout_seconds=5))["idle"]

    async def ledger(self) -> Json:
        rentals: Json = (await self.look("ledger"))["rentals"]
        return rentals

    async def paid_event(self) -> Json:
        """The one event of the one payment, with its deliveries."""
        (event,) = (await self.look("events?type=payment.paid"))["events"]
        found: Json = event
        return found


def line_item(**changes: Any) -> Json:
    return {"name": "Tin Robot", "amount": 100_000, "currency": "PHP", "quantity": 1, **changes}


def session_body(**changes: Any) -> Json:
    attributes = {
        "line_items": [line_item(quantity=7)],
        "payment_method_types": ["gcash", "card"],
        "success_url": "http://shop.test/success?rental_id=r-1",
        "cancel_url": "http://shop.test/failed?rental_id=r-1",
        "metadata": {"rental_id": "r-1"},
        "reference_number": "R-1",
        **changes,
    }
    given = {name: value for name, value in attributes.items() if value is not None}
    return {"data": {"attributes": given}}


def data_of(response: httpx.Response) -> Json:
    assert response.status_code == 200, response.text
    data: Json = response.json()["data"]
    return data


def codes(response: httpx.Response) -> list[str]:
    return [problem["code"] for problem in response.json()["errors"]]


def pointers(response: httpx.Response) -> list[str]:
    return [problem["source"]["pointer"] for problem in response.json()["errors"]]


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


async def create_raw(sandbox: Sandbox, **changes: Any) -> httpx.Response:
    return await sandbox.http.post("/v1/checkout_sessions", json=session_body(**changes))


@asynccontextmanager
async def running_sandbox(shop: Shop, **changes: Any) -> AsyncIterator[Sandbox]:
    defaults: Json = {
        "secret_key": TEST_KEY,
        "live_secret_key": LIVE_KEY,
        "public_url": "http://sandbox.test",
        "refund_seconds": 0.01,
        "webhook_retry_seconds": 0.03,
        "webhook_transport": httpx.MockTransport(shop.handle),
    }
    app = create_app(Settings(**{**defaults, **changes}))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=transport, base_url="http://sandbox.test", auth=(TEST_KEY, "")
        ) as http,
    ):
        yield Sandbox(http, shop)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox(Shop()) as running:
        yield running


# Checkout sessions


async def test_new_session_is_active_and_unpaid_with_its_intent(sandbox: Sandbox) -> None:
    session = await sandbox.create()
    attributes = session["attributes"]
    intent = attributes["payment_intent"]
    assert session["id"].startswith("cs_")
    assert attributes["status"] == "active"
    assert attributes["payments"] == []
    assert attributes["livemode"] is False
    assert "paid_at" not in attributes
    assert intent["id"].startswith("pi_")
    assert intent["attributes"]["status"] == "awaiting_payment_method"
    assert intent["attributes"]["amount"] == 700_000
    assert intent["attributes"]["metadata"] == {"rental_id": "r-1"}
    url, _, fragment = attributes["checkout_url"].partition("#")
    assert url == f"http://sandbox.test/checkout/{session['id']}"
    assert len(fragment) > 40
    assert await sandbox.session(session) == session
    read = await sandbox.read(f"payment_intents/{intent['id']}")
    assert read == intent


def item(**changes: Any) -> Json:
    return {"line_items": [line_item(**changes)]}


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"line_items": None}, "parameter_required", "line_items"),
        ({"line_items": []}, "parameter_required", "line_items"),
        ({"line_items": "x"}, "parameter_data_type_invalid", "line_items"),
        ({"line_items": ["x"]}, "parameter_data_type_invalid", "line_items[0]"),
        (item(amount="5000"), "parameter_data_type_invalid", "line_items[0].amount"),
        (item(amount=5000.5), "parameter_data_type_invalid", "line_items[0].amount"),
        (item(amount=True), "parameter_data_type_invalid", "line_items[0].amount"),
        (item(amount=1999), "parameter_below_minimum", "line_items"),
        (item(quantity=0), "parameter_below_minimum", "line_items[0].quantity"),
        (item(quantity=10_000), "parameter_above_maximum", "line_items"),
        (item(currency="USD"), "parameter_invalid", "line_items[0].currency"),
        (item(name=""), "parameter_required", "line_items[0].name"),
        ({"payment_method_types": None}, "parameter_required", "payment_method_types"),
        ({"payment_method_types": ["card", "x"]}, "parameter_invalid", "payment_method_types[1]"),
        ({"metadata": {"n": 1}}, "parameter_data_type_invalid", "metadata.n"),
        ({"metadata": {"n": {"m": "x"}}}, "parameter_data_type_invalid", "metadata.n"),
        ({"success_url": "shop/success"}, "parameter_format_invalid", "success_url"),
        ({"cancel_url": "javascript:alert(1)"}, "parameter_format_invalid", "cancel_url"),
        ({"show_description": True}, "parameter_required", "description"),
        ({"billing": {"email": "nobody"}}, "parameter_format_invalid", "billing.email"),
        ({"billing": {"address": []}}, "parameter_data_type_invalid", "billing.address"),
        ({"send_email_receipt": "yes"}, "parameter_data_type_invalid", "send_email_receipt"),
    ],
)
async def test_invalid_session_is_refused_naming_the_attribute(
    sandbox: Sandbox, changes: Json, code: str, pointer: str
) -> None:
    response = await create_raw(sandbox, **changes)
    assert response.status_code == 400
    assert (codes(response), pointers(response)) == ([code], [pointer])
    assert await sandbox.ledger() == {}


async def test_total_of_exactly_the_minimum_is_accepted(sandbox: Sandbox) -> None:
    session = await sandbox.create(line_items=[line_item(amount=1000, quantity=2)])
    assert session["attributes"]["payment_intent"]["attributes"]["amount"] == 2000


async def test_all_problems_of_a_session_are_reported_at_once(sandbox: Sandbox) -> None:
    response = await create_raw(
        sandbox, **item(amount=-1, quantity=0), payment_method_types=["cash"], success_url="nowhere"
    )
    assert pointers(response) == [
        "line_items[0].amount",
        "line_items[0].quantity",
        "payment_method_types[0]",
        "success_url",
    ]
    assert response.json()["errors"][0]["source"]["attribute"] == "amount"


async def test_inactive_payment_method_is_refused() -> None:
    async with running_sandbox(Shop(), inactive_payment_methods=frozenset({"gcash"})) as sandbox:
        response = await create_raw(sandbox)
    assert response.status_code == 400
    assert pointers(response) == ["payment_method_types[0]"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", "parameter_format_invalid"),
        (b"\xff", "parameter_format_invalid"),
        (b"", "parameter_required"),
        (b"[]", "parameter_required"),
        (b'{"data":{}}', "parameter_required"),
        (b'{"line_items":[]}', "parameter_required"),
    ],
)
async def test_body_that_is_not_data_attributes_is_refused(
    sandbox: Sandbox, content: bytes, code: str
) -> None:
    response = await sandbox.http.post("/v1/checkout_sessions", content=content)
    assert response.status_code == 400
    assert codes(response) == [code]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/checkout_sessions/cs_unknown", 404),
        ("POST", "/v1/checkout_sessions/cs_unknown/expire", 404),
        ("GET", "/v1/payments/pay_unknown", 404),
        ("GET", "/v1/payment_intents/pi_unknown", 404),
        ("GET", "/v1/refunds/ref_unknown", 404),
        ("GET", "/v1/webhooks/hook_unknown", 404),
        ("GET", "/v1/nothing", 404),
        ("DELETE", "/v1/checkout_sessions", 405),
    ],
)
async def test_unknown_things_and_wrong_verbs_answer_in_errors_form(
    sandbox: Sandbox, method: str, path: str, status: int
) -> None:
    response = await sandbox.http.request(method, path)
    assert response.status_code == status
    assert codes(response) == ["resource_not_found" if status == 404 else "method_not_allowed"]


async def test_answers_are_compact_json(sandbox: Sandbox) -> None:
    response = await create_raw(sandbox)
    compact = json.dumps(response.json(), separators=(",", ":"), ensure_ascii=False)
    assert response.text == compact


async def test_idempotency_key_is_not_honoured(sandbox: Sandbox) -> None:
    headers = {"Idempotency-Key": "same"}
    answers = [
        await sandbox.http.post("/v1/checkout_sessions", json=session_body(), headers=headers)
        for _ in range(2)
    ]
    assert data_of(answers[0])["id"] != data_of(answers[1])["id"]


# Authentication


@pytest.mark.parametrize("credentials", [f"{TEST_KEY}:", TEST_KEY])
async def test_key_is_accepted_with_and_without_the_colon(
    sandbox: Sandbox, credentials: str
) -> None:
    session = await sandbox.create()
    request = sandbox.http.build_request("GET", f"/v1/checkout_sessions/{session['id']}")
    request.headers.update(basic(credentials))
    assert (await sandbox.http.send(request, auth=None)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("sk_test_other:"),
        basic(f":{TEST_KEY}"),
        {"Authorization": f"Bearer {TEST_KEY}"},
        {"Authorization": "Basic %%%"},
        {"Authorization": f"Basic {TEST_KEY}"},
    ],
)
async def test_missing_or_wrong_key_is_401_and_does_nothing(
    sandbox: Sandbox, headers: dict[str, str]
) -> None:
    response = await sandbox.http.send(
        httpx.Request(
            "POST",
            "http://sandbox.test/v1/checkout_sessions",
            json=session_body(),
            headers=headers,
        ),
        auth=None,
    )
    assert response.status_code == 401
    assert codes(response)[0].startswith("api_key_")
    assert await sandbox.ledger() == {}


async def test_keys_see_only_their_own_mode(sandbox: Sandbox) -> None:
    created = data_of(
        await sandbox.http.post("/v1/checkout_sessions", json=session_body(), auth=(LIVE_KEY, ""))
    )
    path = f"/v1/checkout_sessions/{created['id']}"
    assert created["attributes"]["livemode"] is True
    assert (await sandbox.http.get(path)).status_code == 404
    assert (await sandbox.http.get(path, auth=(LIVE_KEY, ""))).status_code == 200


# The hosted page


async def test_page_shows_items_total_and_methods_and_escapes_the_shops_text(
    sandbox: Sandbox,
) -> None:
    hostile = "<script>alert('x')</script>"
    session = await sandbox.create(
        line_items=[line_item(name=hostile, amount=123_450, quantity=10)]
    )
    page = await sandbox.http.get(session["attributes"]["checkout_url"])
    assert page.status_code == 200
    assert hostile not in page.text
    assert "&lt;script&gt;" in page.text
    assert "₱12,345.00" in page.text
    assert "GCash" in page.text
    assert "Test mode" in page.text
    assert page.text.count('name="outcome"') == 3


async def test_paying_redirects_to_success_and_marks_payment_and_intent(sandbox: Sandbox) -> None:
    session = await sandbox.create(billing={"name": "Maria", "email": "maria@shop.test"})
    answer = await sandbox.play(session, "paid", payment_method="card")
    assert answer.status_code == 303
    assert answer.headers["location"] == "http://shop.test/success?rental_id=r-1"
    attributes = await sandbox.attributes(session)
    (payment,) = attributes["payments"]
    assert attributes["status"] == "active"
    assert attributes["paid_at"] == payment["attributes"]["paid_at"]
    assert attributes["payment_method_used"] == "card"
    assert attributes["payment_intent"]["attributes"]["status"] == "succeeded"
    assert attributes["payment_intent"]["attributes"]["payments"] == [payment]
    paid = payment["attributes"]
    assert (paid["status"], paid["amount"], paid["currency"]) == ("paid", 700_000, "PHP")
    assert paid["net_amount"] == paid["amount"] - paid["fee"]
    assert paid["metadata"] == {"rental_id": "r-1"}
    assert paid["billing"]["name"] == "Maria"
    assert paid["source"]["type"] == "card"
    assert paid["payment_intent_id"] == attributes["payment_intent"]["id"]
    assert await sandbox.read(f"payments/{payment['id']}") == payment


async def test_declined_attempt_stays_on_the_page_and_can_be_tried_again(sandbox: Sandbox) -> None:
    session = await sandbox.create()
    declined = await sandbox.play(session, "failed")
    assert declined.status_code == 200
    assert "declined" in declined.text
    attributes = await sandbox.attributes(session)
    (payment,) = attributes["payments"]
    assert payment["attributes"]["status"] == "failed"
    assert payment["attributes"]["failed_code"] == "generic_decline"
    assert attributes["payment_intent"]["attributes"]["last_payment_error"] is not None
    assert (await sandbox.play(session, "paid")).status_code == 303
    assert await sandbox.statuses(session) == ["failed", "paid"]
    attributes = await sandbox.attributes(session)
    assert attributes["payment_intent"]["attributes"]["last_payment_error"] is None


async def test_cancelling_redirects_and_leaves_the_session_payable(sandbox: Sandbox) -> None:
    session = await sandbox.create()
    answer = await sandbox.play(session, "cancelled")
    assert answer.headers["location"] == "http://shop.test/failed?rental_id=r-1"
    assert await sandbox.session(session) == session
    assert (await sandbox.play(session, "paid")).status_code == 303


async def test_paid_session_cannot_be_paid_or_declined_again(sandbox: Sandbox) -> None:
    session = await sandbox.create()
    await sandbox.play(session, "paid")
    assert (await sandbox.play(session, "paid")).status_code == 303
    assert (await sandbox.play(session, "failed")).status_code == 409
    page = await sandbox.http.get(session["attributes"]["checkout_url"])
    assert "paid already" in page.text
    assert len((await sandbox.attributes(session))["payments"]) == 1


async def test_expired_session_cannot_be_paid(sandbox: Sandbox) -> None:
    session = await sandbox.create()
    await sandbox.expire(session)
    assert (await sandbox.play(session, "paid")).status_code == 410
    page = await sandbox.http.get(session["attributes"]["checkout_url"])
    assert "expired" in page.text
    assert (await sandbox.attributes(session))["payments"] == []


@pytest.mark.parametrize(
    "fields", [{"outcome": "maybe"}, {"outcome": "paid", "payment_method": "x"}]
)
async def test_nonsense_on_the_page_is_400_and_changes_nothing(
    sandbox: Sandbox, fields: dict[str, str]
) -> None:
    session = await sandbox.create()
    assert (await sandbox.play(session, **fields)).status_code == 400
    assert await sandbox.session(session) == session


async def test_unknown_checkout_page_is_404(sandbox: Sandbox) -> None:
    assert (await sandbox.http.get("/checkout/cs_unknown")).status_code == 404
    assert (await sandbox.http.post("/checkout/cs_unknown")).status_code == 404


# Expiring


async def test_expiring_an_unpaid_session_cancels_its_intent(sandbox: Sandbox) -> None:
    session = await sandbox.create()
    attributes = data_of(await sandbox.expire(session))["attributes"]
    assert attributes["status"] == "expired"
    assert attributes["payment_intent"]["attributes"]["status"] == "cancelled"
    assert await sandbox.attributes(session) == attributes


async def test_expire_is_refused_when_expired_paid_or_in_progress(sandbox: Sandbox) -> None:
    expired, paid, busy = [await sandbox.create() for _ in range(3)]
    await sandbox.expire(expired)
    await sandbox.pay(paid)
    await sandbox.control(f"checkout_sessions/{busy['id']}/start")
    for session in (expired, paid, busy):
        assert (await sandbox.expire(session)).status_code == 400
    assert (await sandbox.session(paid))["attributes"]["status"] == "active"
    assert (await sandbox.session(busy))["attributes"]["status"] == "active"


async def test_payment_in_progress_can_be_finished_either_way(sandbox: Sandbox) -> None:
    await sandbox.register()
    for outcome in ("paid", "failed"):
        session = await sandbox.create()
        await sandbox.control(f"checkout_sessions/{session['id']}/start")
        attributes = await sandbox.attributes(session)
        assert await sandbox.statuses(session) == ["pending"]
        assert attributes["payment_intent"]["attributes"]["status"] == "processing"
        await sandbox.control(f"checkout_sessions/{session['id']}/finish", outcome=outcome)
        assert await sandbox.statuses(session) == [outcome]
    await sandbox.settle_down()
    assert sorted(sandbox.shop.types) == [
        "checkout_session.payment.paid",
        "payment.failed",
        "payment.paid",
    ]


async def test_payment_can_settle_after_the_session_was_expired(sandbox: Sandbox) -> None:
    await sandbox.register()
    session = await sandbox.create()
    await sandbox.expire(session)
    await sandbox.control(f"checkout_sessions/{session['id']}/settle")
    await sandbox.settle_down()
    attributes = await sandbox.attributes(session)
    assert attributes["status"] == "expired"
    assert attributes["payments"][0]["attributes"]["status"] == "paid"
    assert sorted(sandbox.shop.types) == ["checkout_session.payment.paid", "payment.paid"]


async def test_settling_with_another_amount_and_currency(sandbox: Sandbox) -> None:
    session = await sandbox.create()
    path = f"checkout_sessions/{session['id']}/settle"
    await sandbox.control(path, amount=5_000, currency="USD")
    payment = (await sandbox.attributes(session))["payments"][0]["attributes"]
    assert (payment["amount"], payment["currency"]) == (5_000, "USD")


async def test_settling_twice_needs_to_be_asked_for(sandbox: Sandbox) -> None:
    session = await sandbox.create()
    path = f"checkout_sessions/{session['id']}/settle"
    await sandbox.control(path)
    assert (await sandbox.http.post(f"/_sandbox/{path}")).status_code == 409
    await sandbox.control(path, again=True)
    assert len((await sandbox.attributes(session))["payments"]) == 2


# Webhooks


async def test_one_success_sends_both_paid_events(sandbox: Sandbox) -> None:
    await sandbox.register()
    session = await sandbox.create()
    payment = await sandbox.pay(session)
    events = {event["attributes"]["type"]: event for event in sandbox.shop.events}
    assert sorted(events) == ["checkout_session.payment.paid", "payment.paid"]
    of_session = events["checkout_session.payment.paid"]
    of_payment = events["payment.paid"]
    assert of_session["id"] != of_payment["id"]
    assert of_session["id"].startswith("evt_")
    assert of_session["attributes"]["data"] == await sandbox.session(session)
    assert of_payment["attributes"]["data"] == payment
    assert session["id"] not in json.dumps(of_payment)
    assert of_payment["attributes"]["livemode"] is False


async def test_decline_sends_payment_failed_with_the_metadata(sandbox: Sandbox) -> None:
    await sandbox.register()
    await sandbox.play(await sandbox.create(), "failed")
    await sandbox.settle_down()
    assert sandbox.shop.types == ["payment.failed"]
    payment = sandbox.shop.events[0]["attributes"]["data"]["attributes"]
    assert payment["status"] == "failed"
    assert payment["metadata"] == {"rental_id": "r-1"}


async def test_only_subscribed_enabled_endpoints_of_the_mode_are_told(sandbox: Sandbox) -> None:
    await sandbox.register(["payment.failed"])
    await sandbox.register(key=LIVE_KEY)
    disabled = await sandbox.register()
    await sandbox.http.post(f"/v1/webhooks/{disabled['id']}/disable")
    await sandbox.pay()
    assert sandbox.shop.requests == []


@pytest.mark.parametrize(
    ("key", "filled", "empty"), [(TEST_KEY, "te", "li"), (LIVE_KEY, "li", "te")]
)
async def test_signature_is_over_the_raw_body_in_the_part_of_the_mode(
    sandbox: Sandbox, key: str, filled: str, empty: str
) -> None:
    secret = (await sandbox.register(["payment.paid"], key))["attributes"]["secret_key"]
    sandbox.http.auth = httpx.BasicAuth(key, "")
    await sandbox.pay(await sandbox.create(metadata={"rental_id": "ñandú"}))
    (request,) = sandbox.shop.requests
    header = request.headers["Paymongo-Signature"]
    parts = dict(part.split("=", 1) for part in header.split(","))
    message = parts["t"].encode() + b"." + request.content
    assert list(parts) == ["t", "te", "li"]
    assert parts[filled] == hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    assert parts[empty] == ""
    assert abs(int(parts["t"]) - time.time()) < 5
    compact = json.dumps(json.loads(request.content), separators=(",", ":"), ensure_ascii=False)
    assert request.content == compact.encode()


async def test_failed_delivery_is_retried_with_the_same_event_until_accepted(
    sandbox: Sandbox,
) -> None:
    await sandbox.register(["payment.paid"])
    answers = iter(
        [
            httpx.Response(500, json={}),
            httpx.Response(302, headers={"location": "http://elsewhere.test"}),
            httpx.Response(200, text="OK"),
        ]
    )

    async def answer(_: httpx.Request) -> httpx.Response:
        return next(answers, httpx.Response(204, content=b"{}"))

    sandbox.shop.answer = answer
    await sandbox.pay()
    assert len({request.content for request in sandbox.shop.requests}) == 1
    event = await sandbox.paid_event()
    (delivery,) = event["deliveries"]
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 302, 200, 204]
    assert delivery["state"] == "delivered"


async def test_unreachable_endpoint_gets_every_retry_and_each_delay_doubles() -> None:
    async def unreachable(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    shop = Shop()
    shop.answer = unreachable
    async with running_sandbox(shop, webhook_retry_seconds=0.6) as sandbox:
        await sandbox.register(["payment.paid"])
        await sandbox.pay()
        event = await sandbox.paid_event()
    (delivery,) = event["deliveries"]
    times = [attempt["at"] for attempt in delivery["attempts"]]
    assert delivery["state"] == "exhausted"
    assert len(times) == 13
    # Doubling twelve times, the last delay is half of all, the one before a quarter.
    assert times[-1] - times[-2] > 0.29
    assert times[-2] - times[-3] > 0.14


async def test_three_exhausted_events_in_a_row_disable_the_endpoint(sandbox: Sandbox) -> None:
    webhook = await sandbox.register(["payment.paid"])

    async def status() -> str:
        return str((await sandbox.read(f"webhooks/{webhook['id']}"))["attributes"]["status"])

    for answer in ("refuse", "refuse", "accept", "refuse", "refuse"):
        sandbox.shop.answer = getattr(sandbox.shop, answer)
        await sandbox.pay()
    assert await status() == "enabled"
    await sandbox.pay()
    assert await status() == "disabled"
    sandbox.shop.requests.clear()
    sandbox.shop.answer = sandbox.shop.accept
    await sandbox.pay()
    await sandbox.http.post(f"/v1/webhooks/{webhook['id']}/enable")
    await sandbox.settle_down()
    assert sandbox.shop.requests == []
    await sandbox.pay()
    assert len(sandbox.shop.requests) == 1


async def test_enabling_an_endpoint_forgives_what_it_missed(sandbox: Sandbox) -> None:
    webhook = await sandbox.register(["payment.paid"])
    sandbox.shop.answer = sandbox.shop.refuse
    for _ in range(3):
        await sandbox.pay()
    path = f"/v1/webhooks/{webhook['id']}"
    assert data_of(await sandbox.http.post(f"{path}/enable"))["attributes"]["status"] == "enabled"
    await sandbox.pay()
    assert data_of(await sandbox.http.get(path))["attributes"]["status"] == "enabled"


async def test_disabling_an_endpoint_ends_the_retries_under_way(sandbox: Sandbox) -> None:
    webhook = await sandbox.register(["payment.paid"])

    async def disable_then_refuse(_: httpx.Request) -> httpx.Response:
        await sandbox.http.post(f"/v1/webhooks/{webhook['id']}/disable")
        return httpx.Response(503, json={})

    sandbox.shop.answer = disable_then_refuse
    await sandbox.pay()
    assert len(sandbox.shop.requests) == 1


async def test_slow_endpoint_does_not_hold_up_the_customer(sandbox: Sandbox) -> None:
    await sandbox.register()
    release = asyncio.Event()

    async def wait(_: httpx.Request) -> httpx.Response:
        await release.wait()
        return httpx.Response(200, json={})

    sandbox.shop.answer = wait
    answer = await asyncio.wait_for(sandbox.play(await sandbox.create(), "paid"), 2)
    assert answer.status_code == 303
    release.set()
    await sandbox.settle_down()
    assert len(sandbox.shop.requests) == 2


async def test_webhook_secret_is_shown_only_at_creation(sandbox: Sandbox) -> None:
    created = await sandbox.register()
    assert created["attributes"]["secret_key"].startswith("whsk_")
    read = await sandbox.read(f"webhooks/{created['id']}")
    listed = (await sandbox.http.get("/v1/webhooks")).json()["data"]
    assert "secret_key" not in read["attributes"]
    assert listed == [read]


async def test_webhook_update_moves_deliveries_and_checks_its_input(sandbox: Sandbox) -> None:
    webhook = await sandbox.register()
    path = f"/v1/webhooks/{webhook['id']}"
    body = {"data": {"attributes": {"url": "http://moved.test/", "events": ["payment.paid"]}}}
    assert data_of(await sandbox.http.put(path, json=body))["attributes"]["url"] == (
        "http://moved.test/"
    )
    await sandbox.pay()
    assert [str(request.url) for request in sandbox.shop.requests] == ["http://moved.test/"]
    bad = {"data": {"attributes": {"events": ["checkout_session.expired"]}}}
    assert codes(await sandbox.http.put(path, json=bad)) == ["parameter_invalid"]


# Webhook delivery on demand


async def test_dropped_event_is_not_sent_but_can_be_resent_with_its_id(sandbox: Sandbox) -> None:
    await sandbox.register(["payment.paid"])
    await sandbox.control("webhook_rules", mode="drop", event_type="payment.paid")
    await sandbox.pay()
    assert sandbox.shop.requests == []
    event = await sandbox.paid_event()
    await sandbox.control(f"events/{event['id']}/resend")
    assert [sent["id"] for sent in sandbox.shop.events] == [event["id"]]


async def test_duplicated_event_arrives_several_times_with_one_id(sandbox: Sandbox) -> None:
    await sandbox.register()
    await sandbox.control("webhook_rules", mode="duplicate", copies=3, event_type="payment.paid")
    await sandbox.pay()
    assert sandbox.shop.types.count("payment.paid") == 3
    assert sandbox.shop.types.count("checkout_session.payment.paid") == 1
    assert len({event["id"] for event in sandbox.shop.events}) == 2


async def test_reordered_events_arrive_last_first(sandbox: Sandbox) -> None:
    await sandbox.register()
    await sandbox.control("webhook_rules", mode="reorder", times=3)
    session = await sandbox.create()
    await sandbox.play(session, "failed")
    await sandbox.settle_down()
    assert sandbox.shop.requests == []
    await sandbox.play(session, "paid")
    await sandbox.settle_down()
    assert sandbox.shop.types == [
        "payment.paid",
        "checkout_session.payment.paid",
        "payment.failed",
    ]


@pytest.mark.parametrize(
    ("order", "first"), [("original", "payment.failed"), ("reversed", "payment.paid")]
)
async def test_held_events_wait_for_their_release(sandbox: Sandbox, order: str, first: str) -> None:
    await sandbox.register()
    await sandbox.control("webhook_rules", mode="hold", times=None)
    session = await sandbox.create()
    await sandbox.play(session, "failed")
    await sandbox.play(session, "paid")
    await sandbox.settle_down()
    assert sandbox.shop.requests == []
    assert await sandbox.control("webhooks/release", order=order) == {"released": 3}
    await sandbox.settle_down()
    assert len(sandbox.shop.types) == 3
    assert sandbox.shop.types[0] == first


async def test_delayed_event_arrives_later(sandbox: Sandbox) -> None:
    await sandbox.register(["payment.paid"])
    await sandbox.control("webhook_rules", mode="delay", seconds=0.2, event_type="payment.*")
    started = time.monotonic()
    await sandbox.pay()
    assert time.monotonic() - started >= 0.2
    assert sandbox.shop.types == ["payment.paid"]


async def test_event_can_be_handed_to_any_url_with_any_secret_and_time(sandbox: Sandbox) -> None:
    await sandbox.pay()
    event = await sandbox.paid_event()
    await sandbox.control(
        f"events/{event['id']}/send", url="http://other.test/", secret_key="k", timestamp=1
    )
    (request,) = sandbox.shop.requests
    digest = hmac.new(b"k", b"1." + request.content, hashlib.sha256).hexdigest()
    assert str(request.url) == "http://other.test/"
    assert request.headers["Paymongo-Signature"] == f"t=1,te={digest},li="


# Refunds


async def test_refund_is_pending_first_then_succeeds_and_tells_the_webhooks(
    sandbox: Sandbox,
) -> None:
    await sandbox.register(["payment.refunded", "payment.refund.updated"])
    payment = await sandbox.paid_payment()
    first = data_of(await sandbox.refund(payment, 500_000, metadata={"rental_id": "r-1"}))
    assert first["attributes"]["status"] == "pending"
    await sandbox.settle_down()
    refund = await sandbox.read(f"refunds/{first['id']}")
    assert refund["attributes"]["status"] == "succeeded"
    assert refund["attributes"]["refunded_at"] is not None
    read = await sandbox.read(f"payments/{payment['id']}")
    assert read["attributes"]["refunds"] == [refund]
    assert read["attributes"]["status"] == "paid"
    events = {e["attributes"]["type"]: e["attributes"]["data"] for e in sandbox.shop.events}
    assert events == {"payment.refunded": read, "payment.refund.updated": refund}


async def test_refund_can_be_made_to_fail_and_asked_for_again(sandbox: Sandbox) -> None:
    await sandbox.register(["payment.refunded", "payment.refund.updated"])
    await sandbox.control("refund_rules", outcome="fail")
    payment = await sandbox.paid_payment()
    refund = data_of(await sandbox.refund(payment, 500_000))
    await sandbox.settle_down()
    read = await sandbox.read(f"refunds/{refund['id']}")
    assert read["attributes"]["status"] == "failed"
    assert sandbox.shop.types == ["payment.refund.updated"]
    assert (await sandbox.refund(payment, 500_000)).status_code == 200


@pytest.mark.parametrize("status", ["pending", "processing"])
async def test_held_refund_stays_pending_and_blocks_another_until_settled(
    sandbox: Sandbox, status: str
) -> None:
    await sandbox.control("refund_rules", outcome="hold", status=status)
    payment = await sandbox.paid_payment()
    refund = data_of(await sandbox.refund(payment, 1_000))
    await sandbox.settle_down()
    read = await sandbox.read(f"refunds/{refund['id']}")
    assert read["attributes"]["status"] == status
    second = await sandbox.refund(payment, 1_000)
    assert (second.status_code, codes(second)) == (400, [f"resource_{status}_state"])
    await sandbox.control(f"refunds/{refund['id']}/settle", outcome="succeed")
    assert (await sandbox.refund(payment, 1_000)).status_code == 200


async def test_refunds_never_exceed_the_payment(sandbox: Sandbox) -> None:
    payment = await sandbox.paid_payment(amount=10_000)
    assert codes(await sandbox.refund(payment, 10_001)) == ["parameter_above_maximum"]
    assert (await sandbox.refund(payment, 6_000)).status_code == 200
    await sandbox.settle_down()
    assert codes(await sandbox.refund(payment, 4_001)) == ["parameter_above_maximum"]
    assert (await sandbox.refund(payment, 4_000)).status_code == 200


async def test_refund_refusals(sandbox: Sandbox) -> None:
    session = await sandbox.create()
    await sandbox.play(session, "failed")
    failed = (await sandbox.attributes(session))["payments"][0]
    paid = await sandbox.paid_payment()
    assert codes(await sandbox.refund(failed, 1_000)) == ["resource_failed_state"]
    assert codes(await sandbox.refund({"id": "pay_unknown"}, 1_000)) == ["resource_not_found"]
    assert codes(await sandbox.refund(paid, 99)) == ["parameter_below_minimum"]
    assert codes(await sandbox.refund(paid, 1_000, reason="bored")) == ["parameter_invalid"]
    assert codes(await sandbox.refund(paid, 1_000, notes="x" * 256)) == ["parameter_above_maximum"]
    missing = await sandbox.http.post("/v1/refunds", json={"data": {"attributes": {}}})
    assert pointers(missing) == ["amount", "payment_id", "reason"]
    assert (await sandbox.http.get("/v1/refunds")).json() == {"data": [], "has_more": False}


async def test_refunds_are_listed_by_payment_in_pages(sandbox: Sandbox) -> None:
    payment, other = await sandbox.paid_payment(), await sandbox.paid_payment()
    made = []
    for _ in range(3):
        made.append(data_of(await sandbox.refund(payment, 1_000))["id"])
        await sandbox.settle_down()
    await sandbox.refund(other, 1_000)
    path = f"/v1/refunds?payment_id={payment['id']}"
    first = (await sandbox.http.get(f"{path}&limit=2")).json()
    assert [refund["id"] for refund in first["data"]] == [made[2], made[1]]
    assert first["has_more"] is True
    rest = (await sandbox.http.get(f"{path}&limit=2&after={made[1]}")).json()
    assert [refund["id"] for refund in rest["data"]] == [made[0]]
    assert rest["has_more"] is False


@pytest.mark.parametrize(
    ("method", "days"),
    [("card", 60), ("gcash", 180), ("grab_pay", 90), ("paymaya", 365), ("dob", 30), ("qrph", 30)],
)
async def test_payment_is_refunded_within_its_methods_days_only(
    sandbox: Sandbox, method: str, days: int
) -> None:
    payment = await sandbox.pay(await sandbox.create(payment_method_types=[method]))
    await sandbox.control("clock", days=days, seconds=-60)
    refund = data_of(await sandbox.refund(payment, 1_000))
    await sandbox.settle_down()
    assert refund["attributes"]["created_at"] > payment["attributes"]["paid_at"] + 29 * 86_400
    await sandbox.control("clock", seconds=120)
    late = await sandbox.refund(payment, 1_000)
    assert (late.status_code, codes(late)) == (400, ["allowed_date_exceeded"])


async def test_unionbank_gives_nothing_back(sandbox: Sandbox) -> None:
    payment = await sandbox.pay(await sandbox.create(payment_method_types=["dob_ubp"]))
    assert codes(await sandbox.refund(payment, 700_000)) == ["payment_method_not_allowed"]


async def test_account_may_refund_a_method_only_as_a_whole(sandbox: Sandbox) -> None:
    await sandbox.control("account", whole_refunds_only=["grab_pay"])
    payment = await sandbox.pay(await sandbox.create(payment_method_types=["grab_pay"]))
    assert codes(await sandbox.refund(payment, 1_000)) == ["parameter_above_maximum"]
    assert (await sandbox.refund(payment, 700_000)).status_code == 200


async def test_equal_part_refunds_are_told_apart_by_metadata(sandbox: Sandbox) -> None:
    payment, orders = await sandbox.paid_payment(), [{"order": "a"}, {"order": "b"}]
    for order in orders:
        data_of(await sandbox.refund(payment, 1_000, metadata=order, notes="Sorry"))
        await sandbox.settle_down()
    read = await sandbox.read(f"payments/{payment['id']}")
    shown = [each["attributes"] for each in read["attributes"]["refunds"]]
    assert [(each["metadata"], each["notes"]) for each in shown] == [
        (order, "Sorry") for order in orders
    ]
    (entry,) = (await sandbox.ledger())["r-1"]["payments"]
    assert entry["refunded_amount"] == 2_000
    assert [each["metadata"] for each in entry["refunds"]] == orders


@pytest.mark.parametrize(
    ("silently", "types"),
    [(False, ["payment.refund.updated", "payment.refunded"]), (True, [])],
)
async def test_money_is_given_back_on_the_dashboard_without_metadata(
    sandbox: Sandbox, silently: bool, types: list[str]
) -> None:
    await sandbox.register(["payment.refunded", "payment.refund.updated"])
    payment = await sandbox.paid_payment()
    path = f"payments/{payment['id']}/refund"
    part = (await sandbox.control(path, amount=1_000, silently=silently))["refund"]
    assert part["attributes"]["metadata"] is None
    await sandbox.settle_down()
    assert sorted(sandbox.shop.types) == types
    rest = (await sandbox.control(path, silently=silently))["refund"]
    assert rest["attributes"]["amount"] == 499_000
    await sandbox.settle_down()
    refused = await sandbox.http.post(f"/_sandbox/{path}", json={"amount": 100})
    assert (refused.status_code, codes(refused)) == (400, ["parameter_above_maximum"])


# Disputes


@pytest.mark.parametrize(
    ("outcome", "taken_back", "codes_after"),
    [("won", 0, []), ("lost", 500_000, ["resource_disputed_state"])],
)
async def test_disputed_payment_is_not_refunded_until_the_shop_has_won(
    sandbox: Sandbox, outcome: str, taken_back: int, codes_after: list[str]
) -> None:
    await sandbox.register(["dispute.created", "dispute.resolved"])
    payment = await sandbox.paid_payment()
    path = f"payments/{payment['id']}"
    await sandbox.control(f"{path}/dispute")
    assert (await sandbox.read(path))["attributes"]["disputed"] is True
    assert codes(await sandbox.refund(payment, 1_000)) == ["resource_disputed_state"]
    await sandbox.control(f"{path}/resolve_dispute", outcome=outcome)
    again = await sandbox.refund(payment, 1_000)
    assert (codes(again) if again.is_error else []) == codes_after
    await sandbox.settle_down()
    told = {e["attributes"]["type"]: e["attributes"]["data"] for e in sandbox.shop.events}
    assert told["dispute.created"]["attributes"]["payment_id"] == payment["id"]
    assert told["dispute.resolved"]["attributes"]["status"] == outcome
    (entry,) = (await sandbox.ledger())["r-1"]["payments"]
    assert (entry["dispute"]["status"], entry["taken_back_amount"]) == (outcome, taken_back)


async def test_nothing_but_an_open_dispute_is_resolved(sandbox: Sandbox) -> None:
    path = f"/_sandbox/payments/{(await sandbox.paid_payment(amount=2_000))['id']}"
    assert (await sandbox.http.post(f"{path}/resolve_dispute")).status_code == 409
    assert (await sandbox.http.post(f"{path}/dispute", json={"amount": 2_001})).status_code == 400
    assert (await sandbox.http.post(f"{path}/dispute", json={"silently": True})).status_code == 200
    assert (await sandbox.http.post(f"{path}/dispute")).status_code == 409


# The account


async def test_capabilities_are_the_methods_that_sessions_take(sandbox: Sandbox) -> None:
    path = "/v1/merchants/capabilities/payment_methods"
    assert {"card", "gcash"} <= set((await sandbox.http.get(path)).json())
    await sandbox.control("account", inactive_payment_methods=["gcash"])
    assert "gcash" not in (await sandbox.http.get(path)).json()
    assert codes(await create_raw(sandbox)) == ["payment_method_not_configured"]
    assert (await create_raw(sandbox, payment_method_types=["card"])).status_code == 200
    await sandbox.control("reset")
    assert (await create_raw(sandbox)).status_code == 200


async def test_in_this_process_time_is_what_it_is_told() -> None:
    async with running_sandbox(Shop(), time=lambda: 1_000_000.0) as sandbox:
        session = await sandbox.create()
        payment = await sandbox.pay(session)
    assert session["attributes"]["created_at"] == 1_000_000
    assert payment["attributes"]["paid_at"] == 1_000_000


# Faults


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ({"kind": "error_500"}, 500, "errors"),
        ({"kind": "rate_limited_429"}, 429, "Too Many Requests"),
        ({"kind": "error_400", "code": "available_balance_insufficient"}, 400, "insufficient"),
    ],
)
async def test_refusing_fault_applies_once_and_has_no_effect(
    sandbox: Sandbox, fault: Json, status: int, text: str
) -> None:
    await sandbox.control("faults", operation="create_checkout_session", **fault)
    response = await create_raw(sandbox)
    assert response.status_code == status
    assert text in response.text
    assert response.headers["content-type"].startswith(
        "text/plain" if status == 429 else "application/json"
    )
    assert await sandbox.ledger() == {}
    assert (await create_raw(sandbox)).status_code == 200


async def test_lost_answer_was_committed(sandbox: Sandbox) -> None:
    await sandbox.control("faults", kind="lose_answer", method="POST")
    with pytest.raises(httpx.RemoteProtocolError):
        await create_raw(sandbox)
    sessions = (await sandbox.ledger())["r-1"]["sessions"]
    assert len(sessions) == 1
    (call,) = (await sandbox.look("calls"))["calls"]
    assert (call["status"], call["fault"]) == (None, "lose_answer")


@pytest.mark.parametrize(
    "fault", [{"kind": "drop_before"}, {"kind": "hang", "delay_seconds": 0.05}]
)
async def test_dropped_call_was_not_processed(sandbox: Sandbox, fault: Json) -> None:
    await sandbox.control("faults", **fault)
    with pytest.raises(httpx.RemoteProtocolError):
        await create_raw(sandbox)
    assert await sandbox.ledger() == {}


async def test_slow_call_is_processed_after_the_delay(sandbox: Sandbox) -> None:
    await sandbox.control("faults", kind="slow", delay_seconds=0.2)
    started = time.monotonic()
    assert (await create_raw(sandbox)).status_code == 200
    assert time.monotonic() - started >= 0.2


async def test_fault_hits_only_the_calls_it_names(sandbox: Sandbox) -> None:
    session = await sandbox.create()
    await sandbox.control("faults", kind="error_500", method="put")
    await sandbox.control("faults", kind="error_500", operation="retrieve_refund")
    await sandbox.control(
        "faults", kind="error_500", path="/v1/checkout_sessions/*/expire", times=None
    )
    assert (await sandbox.session(session))["id"] == session["id"]
    assert [(await sandbox.expire(session)).status_code for _ in range(3)] == [500] * 3
    await sandbox.http.delete("/_sandbox/faults")
    assert (await sandbox.expire(session)).status_code == 200


async def test_fault_can_skip_calls_before_it_applies(sandbox: Sandbox) -> None:
    await sandbox.control("faults", kind="error_500", skip=1, times=2)
    assert [(await create_raw(sandbox)).status_code for _ in range(4)] == [200, 500, 500, 200]


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("faults", {"kind": "explode"}),
        ("faults", {"kind": "slow", "seconds": 1}),
        ("webhook_rules", {"mode": "duplicate", "copies": 0}),
        ("refund_rules", {"outcome": "perhaps"}),
    ],
)
async def test_mistyped_control_request_is_refused(
    sandbox: Sandbox, path: str, options: Json
) -> None:
    response = await sandbox.http.post(f"/_sandbox/{path}", json=options)
    assert response.status_code == 400
    assert (await sandbox.look(path))["rules"] == []


# What tests look at


async def test_calls_are_counted_by_operation(sandbox: Sandbox) -> None:
    session = await sandbox.create()
    await sandbox.session(session)
    await sandbox.session(session)
    await sandbox.http.get("/v1/nothing")
    assert (await sandbox.look("calls"))["counts"] == {
        "create_checkout_session": 1,
        "retrieve_checkout_session": 2,
        "unknown": 1,
    }
    reads = (await sandbox.look("calls?operation=retrieve_checkout_session"))["calls"]
    assert [call["status"] for call in reads] == [200, 200]


async def test_ledger_groups_money_by_rental(sandbox: Sandbox) -> None:
    payment = await sandbox.pay(await sandbox.create(metadata={"rental_id": "a"}))
    await sandbox.create(metadata={"rental_id": "b"})
    await sandbox.create(metadata=None)
    await sandbox.control("refund_rules", outcome="fail")
    await sandbox.refund(payment, 1_000)
    await sandbox.settle_down()
    await sandbox.refund(payment, 2_000)
    rentals = await sandbox.ledger()
    assert sorted(rentals) == ["", "a", "b"]
    (entry,) = rentals["a"]["payments"]
    assert entry["id"] == payment["id"]
    assert (entry["amount"], entry["status"]) == (700_000, "paid")
    assert entry["refunded_amount"] == 2_000
    assert [refund["amount"] for refund in entry["refunds"]] == [1_000, 2_000]
    assert rentals["a"]["refunds"] == entry["refunds"]
    assert rentals["b"]["payments"] == []
    assert list((await sandbox.look("ledger?rental_id=b"))["rentals"]) == ["b"]


async def test_reset_forgets_everything_but_webhooks_unless_told(sandbox: Sandbox) -> None:
    await sandbox.register()
    await sandbox.control("faults", kind="error_500", skip=99)
    await sandbox.pay()
    await sandbox.control("reset")
    assert await sandbox.ledger() == {}
    assert (await sandbox.look("events"))["events"] == []
    assert (await sandbox.look("calls"))["calls"] == []
    assert (await sandbox.look("faults"))["rules"] == []
    assert len((await sandbox.look("webhooks"))["webhooks"]) == 1
    await sandbox.control("reset", keep_webhooks=False)
    assert (await sandbox.look("webhooks"))["webhooks"] == []


async def test_many_customers_pay_at_once(sandbox: Sandbox) -> None:
    await sandbox.register()

    async def customer(number: int) -> int:
        session = await sandbox.create(metadata={"rental_id": f"r-{number}"})
        return (await sandbox.play(session, "paid")).status_code

    assert await asyncio.gather(*(customer(n) for n in range(200))) == [303] * 200
    await sandbox.settle_down()
    assert len({event["id"] for event in sandbox.shop.events}) == 400
    rentals = await sandbox.ledger()
    assert [len(rental["payments"]) for rental in rentals.values()] == [1] * 200


# The process


async def test_acknowledged_changes_survive_an_abrupt_end(tmp_path: Path) -> None:
    state_file = tmp_path / "paymongo.sqlite"
    shop = Shop()
    async with running_sandbox(Shop(), state_file=state_file, refund_seconds=30) as before:
        webhook = await before.register()
        paid, open_ = await before.create(), await before.create()
        payment = await before.pay(paid)
        refund = data_of(await before.refund(payment, 1_000))
        paid = await before.session(paid)
        # The first process is still open: nothing was written on the way out.
        async with running_sandbox(shop, state_file=state_file) as after:
            assert await after.session(paid) == paid
            assert await after.session(open_) == open_
            assert data_of(await after.http.get(f"/v1/refunds/{refund['id']}")) == refund
            hooks = (await after.look("webhooks"))["webhooks"]
            assert [hook["attributes"] for hook in hooks] == [webhook["attributes"]]


async def test_interrupted_deliveries_and_refunds_go_on_after_a_restart(tmp_path: Path) -> None:
    state_file = tmp_path / "paymongo.sqlite"
    down, up = Shop(), Shop()
    down.answer = down.refuse
    settings = {"state_file": state_file, "refund_seconds": 0.2}
    async with running_sandbox(down, **settings, webhook_retry_seconds=1000) as before:
        await before.register(["payment.paid", "payment.refund.updated"])
        session = await before.create()
        await before.play(session, "paid")
        (payment,) = (await before.attributes(session))["payments"]
        refund = data_of(await before.refund(payment, 1_000))
        while not down.requests:
            await asyncio.sleep(0.01)
    async with running_sandbox(up, **settings) as after:
        await after.settle_down()
        read = data_of(await after.http.get(f"/v1/refunds/{refund['id']}"))
        assert read["attributes"]["status"] == "succeeded"
    assert sorted(up.types) == ["payment.paid", "payment.refund.updated"]
    assert up.events[up.types.index("payment.paid")]["id"] == down.events[0]["id"]


@pytest.mark.parametrize(
    "command",
    [
        "socket.create_server(('127.0.0.1', 0)).getsockname()[1]",
        "0, '--state-file', __file__",
    ],
)
def test_start_that_cannot_work_ends_with_a_sentence(tmp_path: Path, command: str) -> None:
    script = tmp_path / "start.py"
    script.write_text(
        textwrap.dedent(f"""
        import socket, sys
        from tools.paymongo_sandbox.__main__ import main
        # Referenced, so that the port stays taken.
        servers, create = [], socket.create_server
        def keep(*arguments, **options):
            servers.append(create(*arguments, **options))
            return servers[-1]
        socket.create_server = keep
        sys.argv[1:] = map(str, ["--port", {command}])
        main()
        """)
    )
    ended = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("paymongo sandbox: ")
    assert "Traceback" not in ended.stderr


# The dashboard


async def page_of(sandbox: Sandbox, path: str) -> str:
    answer = await sandbox.http.get(f"/dashboard/{path}")
    assert answer.status_code == 200, answer.text
    return answer.text


async def press(sandbox: Sandbox, path: str, button: str, **typed: str) -> httpx.Response:
    """Sends the form of a page that has this button, as a browser would."""
    page = await page_of(sandbox, path)
    forms = re.findall(r"<form.*?</form>", page, re.DOTALL)
    (form, *_) = [each for each in forms if f">{button}<" in each]
    fields = dict(re.findall(r'<input[^>]* name="(\w+)"(?:[^>]* value="([^"]*)")?', form))
    fields |= dict(re.findall(r'<select name="(\w+)">\s*<option value="([^"]*)"', form))
    pressed = re.search(rf'<button(?: name="(\w+)" value="([^"]*)")?>{button}<', form)
    assert pressed is not None
    own = {pressed[1]: pressed[2]} if pressed[1] else {}
    headers = {"Origin": "http://sandbox.test"}
    return await sandbox.http.post(f"/dashboard/{path}", data=fields | own | typed, headers=headers)


async def test_address_of_the_sandbox_opens_a_dashboard_in_pesos_and_manilas_time() -> None:
    async with running_sandbox(Shop(), time=lambda: 1_800_000_000.5) as sandbox:
        billing = {"name": "<b>Ana", "email": "ana@example.com"}
        session = await sandbox.create(billing=billing)
        await sandbox.play(session, "paid", payment_method="card")
        (payment,) = (await sandbox.attributes(session))["payments"]
        home = await sandbox.http.get("/", follow_redirects=True)

    assert str(home.url) == "http://sandbox.test/dashboard/payments"
    row = home.text.partition("<tbody>")[2]
    for shown in (payment["id"], "₱7,000.00", "Credit or debit card", "R-1", "&lt;b&gt;Ana"):
        assert shown in row
    assert "15 Jan 2027, 16:00:00" in row
    # 3.5 % and 15 pesos are PayMongo's.
    assert re.findall("<dd>(.*?)</dd>", home.text) == ["₱0.00", "₱6,740.00"]
    assert "frame-ancestors 'none'" in home.headers["Content-Security-Policy"]


async def test_dashboard_pays_fails_and_keeps_a_session_in_progress(sandbox: Sandbox) -> None:
    session = await sandbox.create()
    path = f"sessions/{session['id']}"

    assert (await press(sandbox, path, "Fail")).status_code == 303
    await press(sandbox, path, "Begin a payment, and leave it in progress")
    assert codes(await sandbox.expire(session)) == ["resource_processing_state"]
    await press(sandbox, path, "It fails")
    await press(sandbox, path, "Pay", pesos="7000.00")
    await press(sandbox, path, "Pay once more", pesos="12.34")

    assert await sandbox.statuses(session) == ["failed", "failed", "paid", "paid"]
    entries = (await sandbox.ledger())["r-1"]["payments"]
    assert [each["amount"] for each in entries[2:]] == [700_000, 1_234]
    assert "None has “nobody” in it" in await page_of(sandbox, "sessions?q=nobody")
    assert session["id"] in await page_of(sandbox, "sessions?q=r-1")


async def test_dashboard_refunds_a_part_and_says_what_paymongo_refuses(sandbox: Sandbox) -> None:
    payment = await sandbox.paid_payment()
    path = f"payments/{payment['id']}"

    await press(sandbox, "refunds", "Have the next one wait")
    assert (await press(sandbox, path, "Refund", pesos="50.5", notes="Box")).status_code == 303
    refused = await press(sandbox, path, "Refund", pesos="1")
    assert refused.status_code == 400
    assert 'role="alert">An earlier refund of the payment is pending.' in refused.text
    await press(sandbox, path, "Succeed")
    await sandbox.settle_down()
    no_number = await press(sandbox, path, "Refund", pesos="a lot")
    assert "valid integer" in no_number.text

    (entry,) = (await sandbox.ledger())["r-1"]["payments"]
    assert [(each["amount"], each["status"]) for each in entry["refunds"]] == [(5_050, "succeeded")]
    assert "₱50.50" in await page_of(sandbox, "refunds")


@pytest.mark.parametrize(("button", "taken"), [("The shop loses", 20_000), ("The shop wins", 0)])
async def test_dashboard_plays_the_bank_of_a_dispute(
    sandbox: Sandbox, button: str, taken: int
) -> None:
    payment = await sandbox.paid_payment()
    path = f"payments/{payment['id']}"

    await press(sandbox, path, "Dispute", pesos="200")
    await press(sandbox, path, button)

    (entry,) = (await sandbox.ledger())["r-1"]["payments"]
    assert entry["taken_back_amount"] == taken
    assert "the dispute." in await page_of(sandbox, path)


async def test_dashboard_holds_releases_and_resends_events_and_stops_an_endpoint(
    sandbox: Sandbox,
) -> None:
    await sandbox.register(["payment.paid"])
    await press(sandbox, "webhooks", "Hold new events")
    await sandbox.pay()
    assert sandbox.shop.requests == []
    assert "1 held." in await page_of(sandbox, "webhooks")

    await press(sandbox, "webhooks", "Deliver new events")
    await press(sandbox, "webhooks", "Deliver what is held")
    await sandbox.settle_down()
    event = await sandbox.paid_event()
    await press(sandbox, f"events/{event['id']}", "Resend")
    assert [each["id"] for each in sandbox.shop.events] == [event["id"]] * 2
    assert "payment.paid" in await page_of(sandbox, "events")

    await press(sandbox, "webhooks", "Disable")
    await sandbox.pay()
    assert len(sandbox.shop.requests) == 2
    await press(sandbox, "webhooks", "Enable")
    assert "stamp-enabled" in await page_of(sandbox, "webhooks")


async def test_dashboard_takes_no_orders_from_other_pages(sandbox: Sandbox) -> None:
    payment = await sandbox.paid_payment()
    form = {"do": "POST /payments/{id}/refund", "id": payment["id"]}

    for origin in ("http://evil.example", "null"):
        headers = {"Origin": origin}
        url = f"/dashboard/payments/{payment['id']}"
        answer = await sandbox.http.post(url, data=form, headers=headers)
        assert answer.status_code == 403
    assert (await sandbox.http.post(url, data={"do": "DELETE /payments"})).status_code == 400
    assert (await sandbox.ledger())["r-1"]["refunds"] == []
    assert (await sandbox.http.get("/dashboard/payments/pay_none")).status_code == 404
