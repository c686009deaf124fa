"""The PayMongo client against the answers of docs/paymongo.md, and against none."""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from json import dumps
from typing import Any

import httpx
import pytest

from infra import clock
from paymongo.client import LineItem, PayMongo, SessionRequest
from paymongo.resources import Payment, Refund
from rentals import payment_sessions
from rentals.errors import (
    PaymentProviderRejected,
    PaymentProviderThrottled,
    PaymentProviderUnavailable,
)
from rentals.models import Customer, PaymentMethod
from rentals.payment_sessions import billing
from tests.support.samples import CUSTOMER, OTHER_CUSTOMERS, TERMS, pending_rental
from tools.paymongo_sandbox.validation import PAYMENT_METHODS
from tools.sources.site import STATIC

Json = dict[str, Any]

RENTAL_ID = "3f1f4c1e-9a57-5b0e-8f0a-000000000001"
RENTAL = pending_rental(
    id=RENTAL_ID, daily_rate_centavos=200_000, total_fee_centavos=600_000, eta=2, customer=CUSTOMER
)
REQUEST = SessionRequest(
    reference=RENTAL.number,
    idempotency_key=RENTAL_ID,
    description="Rental of Tin Robot No. 7",
    line_items=[LineItem("Tin Robot No. 7", "Rental for 3 days", 200_000, 3)],
    payment_method_types=["gcash"],
    billing=billing(CUSTOMER),
    metadata={"rental_id": RENTAL_ID},
    success_url="https://site.example/payment/success?rental_id=1&signature=a",
    cancel_url="https://site.example/payment/failed?rental_id=1&signature=b",
)
PAYMENT = Payment("pay_1", 600_000, "PHP", "paid", "pi_1")


def payment(payment_id: str, status: str) -> Json:
    return {
        "id": payment_id,
        "type": "payment",
        "attributes": {
            "amount": 600_000,
            "currency": "PHP",
            "status": status,
            "payment_intent_id": "pi_1",
            "metadata": {"rental_id": RENTAL_ID},
        },
    }


def session(status: str = "active", **attributes: Any) -> Json:
    return {
        "id": "cs_1",
        "type": "checkout_session",
        "attributes": {
            "status": status,
            "checkout_url": "https://checkout.example/cs_1#fragment",
            "payment_intent": {"id": "pi_1", "attributes": {"payments": []}},
            "payments": [],
            **attributes,
        },
    }


REFUND = {
    "id": "ref_1",
    "type": "refund",
    "attributes": {"payment_id": "pay_1", "amount": 600_000, "status": "pending"},
}


class Api:
    """PayMongo's side: remembers requests, answers in turn, the last answer for ever."""

    def __init__(self, *answers: "Answer | Exception | Json | list[Json]") -> None:
        self.answers = [
            Answer(200, json={"data": each}) if isinstance(each, dict | list) else each
            for each in answers
        ]
        self.requests: list[httpx.Request] = []

    def client(self) -> PayMongo:
        transport = httpx.MockTransport(self.answer)
        return PayMongo("https://api.paymongo.example/", "sk_test_unit", transport=transport)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status, content=answer.body)

    @property
    def calls(self) -> list[tuple[str, str]]:
        assert all(each.url.host == "api.paymongo.example" for each in self.requests)
        return [(each.method, each.url.raw_path.decode()) for each in self.requests]

    def sent(self) -> Json:
        assert self.requests[0].headers["Content-Type"] == "application/json"
        attributes: Json = json.loads(self.requests[0].content)["data"]["attributes"]
        return attributes


class Answer:
    """What PayMongo, or something on the way to it, answers."""

    def __init__(
        self, status: int, *, text: str = "", json: Any = None, content: bytes | None = None
    ) -> None:
        self.status = status
        self.body = content if content is not None else text.encode()
        if json is not None:
            self.body = dumps(json).encode()

    def __repr__(self) -> str:
        return f"{self.status} {self.body!r}"


def errors(status: int, *entries: Json) -> Answer:
    return Answer(status, json={"errors": list(entries)})


def refund(client: PayMongo) -> Refund:
    metadata = {"rental_id": "rental-1"}
    return client.create_refund(
        "pay_1", 600_000, notes="Not provided", metadata=metadata, idempotency_key="rental-1-1"
    )


CALLS: dict[str, Callable[[PayMongo], object]] = {
    "create checkout session": lambda client: client.create_checkout_session(REQUEST),
    "retrieve checkout session": lambda client: client.retrieve_checkout_session("cs_1"),
    "expire checkout session": lambda client: client.close_checkout_session("cs_1"),
    "create refund": refund,
    "list refunds": lambda client: client.list_refunds("pay_1"),
    "retrieve payment": lambda client: client.retrieve_payment("pay_1"),
    "list webhooks": lambda client: client.list_webhooks(),
}
every_call = pytest.mark.parametrize("operation", CALLS)


# --- what is sent ---


def test_a_session_is_asked_for_as_paymongo_documents() -> None:
    api = Api(session())

    api.client().create_checkout_session(REQUEST)

    assert api.calls == [("POST", "/v1/checkout_sessions")]
    sent = api.sent()
    assert sent["line_items"] == [
        {
            "name": "Tin Robot No. 7",
            "description": sent["line_items"][0]["description"],
            "amount": 200_000,
            "currency": "PHP",
            "quantity": 3,
        }
    ]
    assert sent["payment_method_types"] == ["gcash"]
    assert sent["reference_number"] == RENTAL.number
    assert sent["metadata"] == {"rental_id": RENTAL_ID}
    assert sent["success_url"] == REQUEST.success_url
    assert sent["cancel_url"] == REQUEST.cancel_url
    assert sent["billing"] == {
        "name": "Ana Cruz",
        "email": "ana.cruz@example.com",
        "phone": "+63 917 000 0000",
        "address": {
            "line1": "1 Rizal Street",
            "city": "Makati",
            "postal_code": "1200",
            "country": "PH",
        },
    }
    # docs/paymongo.md: a description is needed with show_description.
    assert sent["description"]
    assert api.requests[0].headers["Idempotency-Key"] == RENTAL_ID


# Fields of the customer that PayMongo does not get, each with the reason.
NOT_SENT: dict[str, str] = {}


@pytest.mark.parametrize(("name", "customer"), OTHER_CUSTOMERS.items())
def test_every_field_of_the_customer_is_sent_or_kept_for_a_reason(
    name: str, customer: Customer
) -> None:
    api = Api(session())

    api.client().create_checkout_session(replace(REQUEST, billing=billing(customer)))

    sent = json.dumps(api.sent()["billing"], ensure_ascii=False)
    assert (f'"{getattr(customer, name)}"' in sent) is (name not in NOT_SENT)


def test_metadata_is_flat_and_text_only() -> None:
    for call in ("create checkout session", "create refund"):
        api = Api(session() if "session" in call else REFUND)
        CALLS[call](api.client())
        assert all(isinstance(value, str) for value in api.sent()["metadata"].values())


@pytest.mark.parametrize("method", PaymentMethod)
def test_a_payment_method_is_sent_by_paymongos_name(method: PaymentMethod) -> None:
    """docs/paymongo.md, Checkout sessions. Our page and PayMongo's show the same name."""
    ours = re.search(rf'id: "{method}", name: "([^"]+)"', (STATIC / "js/words.js").read_text())

    assert ours is not None
    assert method.paymongo_type in PAYMENT_METHODS, "add it to tools/paymongo_sandbox/validation.py"
    assert ours[1].lower() in PAYMENT_METHODS[method.paymongo_type].lower()


def test_a_rentals_session_asks_for_its_whole_total_from_its_customer(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("SITE_URL", "https://site.example/")
    environment.setenv("DAY_SECONDS", "86400")
    for name, value in TERMS.items():
        environment.setenv(name, value)
    environment.setattr(payment_sessions, "url_signing_key", lambda: b"key")
    environment.setattr(clock, "now", lambda: datetime(2026, 11, 26, 2, tzinfo=UTC))

    request = payment_sessions.session_request(RENTAL)

    # The customer pays by the number, and sees for which days.
    assert request.reference == RENTAL.number
    assert RENTAL.number in request.description
    assert request.idempotency_key == RENTAL_ID
    assert request.line_items[0].description == (
        "Rental for 3 days from pick-up. Ready by Sat 28 Nov; due back by the end of Tue 1 Dec"
        " if picked up that day"
    )

    assert sum(each.amount * each.quantity for each in request.line_items) == 600_000
    assert request.payment_method_types[0] == "gcash"
    assert request.metadata == {"rental_id": RENTAL_ID}
    assert request.success_url.startswith("https://site.example/payment/success?rental_id=")
    assert request.cancel_url.startswith("https://site.example/payment/failed?rental_id=")


def test_a_refund_is_asked_for_with_its_amount() -> None:
    api = Api(REFUND)

    asked_for = refund(api.client())

    assert asked_for == Refund("ref_1", "pay_1", 600_000, "pending")
    sent = api.sent()
    assert (sent["amount"], sent["payment_id"], sent["reason"]) == (600_000, "pay_1", "others")
    assert sent["metadata"] == {"rental_id": "rental-1"}
    assert len(sent["notes"]) <= 255


def test_refunds_of_one_payment_are_listed() -> None:
    api = Api([REFUND])

    assert api.client().list_refunds("pay_1") == [Refund("ref_1", "pay_1", 600_000, "pending")]
    assert api.calls == [("GET", "/v1/refunds?payment_id=pay_1")]


def test_webhooks_are_listed_with_their_status() -> None:
    api = Api([{"id": "hook_1", "attributes": {"url": "https://a.example", "status": "disabled"}}])

    assert api.client().list_webhooks() == [("https://a.example", "disabled")]


@every_call
def test_every_call_carries_the_secret_key_as_user_name(operation: str) -> None:
    api = Api(Answer(500))

    with pytest.raises(PaymentProviderUnavailable):
        CALLS[operation](api.client())

    scheme, _, credentials = api.requests[0].headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(credentials)) == ("Basic", b"sk_test_unit:")


@every_call
def test_every_call_has_a_limit_on_every_wait(operation: str) -> None:
    api = Api(Answer(500))

    with pytest.raises(PaymentProviderUnavailable):
        CALLS[operation](api.client())

    timeout = api.requests[0].extensions["timeout"]
    # Two calls fit into the 30 s of a function.
    assert 0 < timeout["connect"] <= timeout["read"] <= 12
    assert 0 < timeout["write"] <= 12
    # Asking again is the state machine's business, following a redirect nobody's.
    assert len(api.requests) == 1


# --- what comes back ---


def test_a_new_session_is_read() -> None:
    found = Api(session()).client().create_checkout_session(REQUEST)

    assert (found.id, found.status, found.payment_intent_id) == ("cs_1", "active", "pi_1")
    assert found.checkout_url == "https://checkout.example/cs_1#fragment"
    assert found.payments == ()
    assert found.paid_payment is None
    assert not found.is_expired


@pytest.mark.parametrize(
    ("attributes", "paid"),
    [
        ({"payments": [payment("pay_1", "paid")]}, "pay_1"),
        ({"payments": [payment("pay_0", "failed"), payment("pay_1", "paid")]}, "pay_1"),
        ({"payments": [payment("pay_0", "failed"), payment("pay_1", "pending")]}, None),
        ({"payments": [payment("pay_0", "failed")], "status": "expired"}, None),
        (
            {
                "payments": None,
                "payment_intent": {
                    "id": "pi_1",
                    "attributes": {
                        "status": "succeeded",
                        "payments": [payment("pay_0", "failed"), payment("pay_1", "paid")],
                    },
                },
            },
            "pay_1",
        ),
        ({"payment_intent": None}, None),
        # There is no such status (docs/paymongo.md, Checkout sessions).
        ({"status": "paid", "paid_at": 1_769_853_600}, None),
    ],
    ids=[
        "paid",
        "declined, then paid",
        "declined, then under way",
        "declined and expired",
        "payments inside the intent",
        "no intent",
        "says paid without a payment",
    ],
)
def test_a_session_is_paid_when_one_of_its_payments_is(attributes: Json, paid: str | None) -> None:
    found = Api(session(**attributes)).client().retrieve_checkout_session("cs_1")

    assert (found.paid_payment.id if found.paid_payment else None) == paid


@pytest.mark.parametrize(
    "expire",
    [
        session("expired"),
        errors(400, {"code": "resource_state_invalid", "detail": "already expired"}),
        errors(400),
        Answer(400, text="what?"),
    ],
)
def test_closing_believes_the_session_and_never_the_answer_to_expire(expire: Any) -> None:
    for status, is_expired in (("expired", True), ("active", False)):
        api = Api(expire, session(status, payments=[payment("pay_1", "paid")]))

        closed = api.client().close_checkout_session("cs_1")

        assert api.calls == [
            ("POST", "/v1/checkout_sessions/cs_1/expire"),
            ("GET", "/v1/checkout_sessions/cs_1"),
        ]
        assert closed.is_expired is is_expired
        assert closed.paid_payment == PAYMENT


def test_closing_asks_to_expire_once() -> None:
    api = Api(Answer(500))

    with pytest.raises(PaymentProviderUnavailable):
        api.client().close_checkout_session("cs_1")

    assert len(api.requests) == 1


# --- failures ---


@every_call
@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ConnectTimeout("to https://api.paymongo.example/cs_secret"),
        httpx.ReadTimeout("/cs_secret timed out"),
        httpx.ConnectError("to cs_secret"),
        httpx.RemoteProtocolError("disconnected at cs_secret"),
        httpx.TooManyRedirects("cs_secret"),
        Answer(429, text="Too many requests cs_secret"),
        Answer(500, json={"errors": [{"code": "internal", "detail": "cs_secret"}]}),
        Answer(503, text="<html>cs_secret</html>"),
        Answer(200, text="cs_secret"),
        Answer(200, content=b"\xff\xfe"),
        Answer(200, json=[]),
        Answer(200, json={"errors": []}),
        Answer(200, json={"data": "cs_secret"}),
        Answer(200, json={"data": 5}),
        Answer(200, json={"data": None}),
        Answer(302),
    ],
    ids=lambda trouble: repr(trouble)[:40],
)
def test_no_usable_answer_is_worth_asking_again(operation: str, trouble: Any) -> None:
    with pytest.raises(PaymentProviderUnavailable) as failure:
        CALLS[operation](Api(trouble).client())

    assert "cs_secret" not in str(failure.value)


@every_call
def test_who_asks_too_often_is_told_apart_from_who_gets_no_answer(operation: str) -> None:
    with pytest.raises(PaymentProviderThrottled):
        CALLS[operation](Api(Answer(429, text="Too many requests")).client())
    with pytest.raises(PaymentProviderUnavailable) as failure:
        CALLS[operation](Api(Answer(503)).client())
    assert not isinstance(failure.value, PaymentProviderThrottled)


@pytest.mark.parametrize("path", ["id", "attributes", "status", "checkout_url"])
@pytest.mark.parametrize("operation", ["create checkout session", "retrieve checkout session"])
def test_half_a_session_is_no_usable_answer(operation: str, path: str) -> None:
    half = session()
    half.pop(path, None)
    half.get("attributes", {}).pop(path, None)

    with pytest.raises(PaymentProviderUnavailable):
        CALLS[operation](Api(half).client())


@pytest.mark.parametrize(
    "attributes",
    [
        {"payment_intent": "pi_1"},
        {"payments": [None]},
        {"payments": [{"id": "pay_1"}]},
        {"payments": "pay_1"},
    ],
)
def test_a_session_of_another_shape_is_no_usable_answer(attributes: Json) -> None:
    with pytest.raises(PaymentProviderUnavailable):
        Api(session(**attributes)).client().retrieve_checkout_session("cs_1")


def test_an_odd_field_that_nothing_depends_on_does_not_stop_a_rental() -> None:
    odd = payment("pay_1", "paid")
    odd["attributes"] |= {"metadata": {"note": 7}, "payment_intent_id": 7}

    found = Api(session(payments=[odd], metadata=[])).client().retrieve_checkout_session("cs_1")

    assert found.paid_payment == Payment("pay_1", 600_000, "PHP", "paid")


@every_call
@pytest.mark.parametrize("status", [401, 403, 404, 422])
def test_a_refusal_is_not_worth_asking_again(operation: str, status: int) -> None:
    api = Api(errors(status, {"code": "resource_not_found", "detail": "cs_secret was not found"}))

    with pytest.raises(PaymentProviderRejected) as refusal:
        CALLS[operation](api.client())

    assert len(api.requests) == 1
    assert refusal.value.status == status
    assert refusal.value.codes == ("resource_not_found",)
    assert str(refusal.value) == f"{operation}: PayMongo answered {status} resource_not_found"


def test_a_refusal_names_codes_and_attributes_and_repeats_nothing_of_ours() -> None:
    api = Api(
        errors(
            400,
            {
                "code": "parameter_format_invalid",
                "detail": f"{CUSTOMER.email} is not an email",
                "source": {"pointer": "billing.email", "attribute": "email"},
            },
            {"code": "parameter_required", "detail": f"{CUSTOMER.phone}", "source": None},
        )
    )

    with pytest.raises(PaymentProviderRejected) as refusal:
        api.client().create_checkout_session(REQUEST)

    assert refusal.value.codes == ("parameter_format_invalid:email", "parameter_required")
    assert CUSTOMER.email not in str(refusal.value)
    assert CUSTOMER.phone not in str(refusal.value)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(400, text="Bad Request"),
        Answer(400, json={}),
        Answer(400, json=["x"]),
        Answer(400, json={"errors": ["x"]}),
        Answer(400, json={"errors": [{"code": None}]}),
        Answer(400, json={"errors": None}),
    ],
)
def test_a_refusal_without_readable_codes_is_still_a_refusal(answer: Answer) -> None:
    with pytest.raises(PaymentProviderRejected, match=r"create refund: PayMongo answered 400$"):
        refund(Api(answer).client())
