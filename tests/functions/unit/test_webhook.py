"""The webhook: who may speak, and what becomes of what is said. Payments are tested in adapters."""

import base64
import copy
import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api import paymongo_events
from api import post_paymongo_webhook as webhook
from api.requests import MAX_BODY_BYTES
from api.responses import Response
from infra import dynamo
from infra.telemetry import logger
from paymongo.keys import PayMongoKeys
from paymongo.resources import Payment, Refund
from rentals import payments, refund_records, repository
from rentals.errors import InfrastructureUnavailable, RefundFailed, WriteContended
from rentals.models import Rental
from rentals.payments import Outcome
from tests.support.samples import pending_rental
from tools.replay.filling import Facts, fill_in
from tools.replay.samples import load

Json = dict[str, Any]

SECRET = "whsk_unit"
RENTAL = pending_rental(payment_intent_id="pi_1", payment_id="pay_1")
EXECUTION_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass
class Domain:
    """Stands for the rentals behind the webhook: knows one, remembers what it is told."""

    news: list[tuple[Any, ...]] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)
    trouble: Exception | None = None

    def find(self, rental_id: str) -> Rental | None:
        return self._lookup(rental_id, RENTAL.id)

    def find_by_payment_intent(self, payment_intent_id: str) -> Rental | None:
        return self._lookup(payment_intent_id, "pi_1")

    def find_by_payment(self, payment_id: str) -> Rental | None:
        return self._lookup(payment_id, "pay_1")

    def _lookup(self, key: str, known: str) -> Rental | None:
        assert isinstance(key, str)  # DynamoDB refuses any other key
        assert key.isascii() or key.encode()
        return RENTAL if key == known else None

    def payment_received(self, rental: Rental, payment: Payment) -> Outcome:
        # What a row can hold, and the name of an execution.
        assert dynamo.to_attributes({"amount": payment.amount, "currency": payment.currency})
        assert payment.currency.encode() is not None
        assert EXECUTION_NAME.fullmatch(payment.id)
        return self._told("received", rental.id, payment)

    def payment_declined(self, rental: Rental, event_id: str) -> Outcome:
        return self._told("declined", rental.id, event_id)

    def record_refund(self, rental: Rental, refund: Refund, refunded: int | None = None) -> Rental:
        self._told("refund", rental.id, refund, refunded)
        return rental

    def start_settlement(self, rental_id: str, suffix: str) -> None:
        assert EXECUTION_NAME.fullmatch(suffix)
        self.news.append(("settlement", rental_id, suffix))

    def _told(self, *news: Any) -> Outcome:
        self.news.append(news)
        if self.trouble is not None:
            raise self.trouble
        return Outcome.DELIVERED


@pytest.fixture
def domain(environment: pytest.MonkeyPatch) -> Domain:
    domain = Domain()
    environment.setenv("WEBHOOK_TOLERANCE_SECONDS", "604800")
    environment.setattr(
        paymongo_events, "paymongo_keys", lambda: PayMongoKeys("sk_test_unit", SECRET)
    )
    environment.setattr(paymongo_events, "other_webhook_secrets", lambda: ())
    environment.setattr(webhook, "count", domain.counted.append)
    environment.setattr(paymongo_events, "count", domain.counted.append)
    for name in ("find", "find_by_payment_intent", "find_by_payment"):
        environment.setattr(repository, name, getattr(domain, name))
    for name in ("payment_received", "payment_declined", "start_settlement"):
        environment.setattr(payments, name, getattr(domain, name))
    environment.setattr(refund_records, "record_refund", domain.record_refund)
    return domain


def signature(body: bytes, sent_at: int | None = None, secret: str = SECRET) -> str:
    moment = int(time.time()) if sent_at is None else sent_at
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},te={digest},li="


def deliver(
    body: Json | bytes, header: str | None = None, name: str = "Paymongo-Signature"
) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
    return webhook.handler(
        {
            "resource": "/api/webhooks/paymongo",
            "headers": {name: signature(raw) if header is None else header},
            "body": base64.b64encode(raw).decode(),
            "isBase64Encoded": True,
        },
        None,  # type: ignore[arg-type]
    )


def event(kind: str, resource: Any, *, event_id: str = "evt_1", livemode: bool = False) -> Json:
    return {
        "data": {
            "id": event_id,
            "type": "event",
            "attributes": {
                "type": kind,
                "livemode": livemode,
                "data": resource,
                "previous_data": {},
                "pending_webhooks": 1,
            },
        }
    }


def payment(status: str = "paid", **attributes: Any) -> Json:
    return {
        "id": "pay_1",
        "type": "payment",
        "attributes": {
            "amount": 600_000,
            "currency": "PHP",
            "status": status,
            "payment_intent_id": "pi_1",
            "metadata": {"rental_id": RENTAL.id},
            "refunds": [],
            **attributes,
        },
    }


def session(**attributes: Any) -> Json:
    return {
        "id": "cs_1",
        "type": "checkout_session",
        "attributes": {
            "status": "active",
            "checkout_url": "https://checkout.example/cs_1",
            "payments": [payment()],
            "payment_intent": {"id": "pi_1", "attributes": {"status": "succeeded"}},
            "metadata": {"rental_id": RENTAL.id},
            **attributes,
        },
    }


def anonymous_session(intent: Json) -> Json:
    """Paid, and nothing but the intent may say whose it is."""
    nobodys = payment(metadata=None, payment_intent_id=None)
    return session(metadata=None, payment_intent=intent, payments=[nobodys])


def refund(status: str = "succeeded", **attributes: Any) -> Json:
    return {
        "id": "ref_1",
        "type": "refund",
        "attributes": {"amount": 600_000, "payment_id": "pay_1", "status": status, **attributes},
    }


PAID = Payment("pay_1", 600_000, "PHP", "paid", "pi_1")
RECEIVED = ("received", RENTAL.id, PAID)


def result(response: Response) -> str:
    assert response["statusCode"] == 200
    outcome: str = json.loads(response["body"])["data"]["result"]
    return outcome


# --- who may speak ---


def test_a_signed_event_is_handled_whatever_the_case_of_the_header(domain: Domain) -> None:
    for name in ("Paymongo-Signature", "paymongo-signature", "PAYMONGO-SIGNATURE"):
        assert result(deliver(event("payment.paid", payment()), name=name)) == "delivered"

    assert domain.news == [RECEIVED] * 3


BODY = json.dumps(event("payment.paid", payment()), separators=(",", ":")).encode()
SENT_AT = int(time.time())
VALID = signature(BODY, SENT_AT)


FOREIGN: dict[str, tuple[bytes, str]] = {
    "unsigned": (BODY, ""),
    "forged": (BODY, signature(BODY, SENT_AT, "whsk_forged")),
    "other mode": (BODY, VALID.replace(",te=", ",te=,li=").removesuffix(",li=")),
    "cut": (BODY, VALID[:-10]),
    "truncated": (BODY[:-1], VALID),
    "re-serialised": (json.dumps(json.loads(BODY)).encode(), VALID),
    "old": (BODY, signature(BODY, SENT_AT - 604_900)),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_anybody_else_is_refused_and_nothing_happens(domain: Domain, name: str) -> None:
    response = deliver(*FOREIGN[name])

    assert response["statusCode"] == 401
    assert json.loads(response["body"])["code"] == "INVALID_SIGNATURE"
    assert domain.news == []


def test_an_event_of_the_other_mode_is_refused_though_it_is_signed(domain: Domain) -> None:
    response = deliver(event("payment.paid", payment(), livemode=True))

    assert response["statusCode"] == 401
    assert domain.news == []


@pytest.mark.parametrize("header", ["", "garbage", signature(b"{", secret="whsk_forged")])
def test_what_is_not_signed_is_never_read(
    domain: Domain, environment: pytest.MonkeyPatch, header: str
) -> None:
    environment.setattr(paymongo_events, "read_event", lambda _: pytest.fail("it was read"))

    assert deliver(b"{", header)["statusCode"] == 401
    assert domain.counted == ["WebhookRejected"]


# --- whose it is, and what it says ---


PAYMENTS: dict[str, Json] = {
    "both": payment(),
    "no metadata": payment(metadata=None),
    "empty metadata": payment(metadata={}),
    "other metadata": payment(metadata={"rental_id": "of-another-shop"}),
    "metadata no text": payment(metadata={"rental_id": 5}),
    "no intent": payment(payment_intent_id=None),
    "refunds null": payment(refunds=None),
}
SESSIONS: dict[str, Json] = {
    "both": session(),
    "no metadata": session(metadata=None),
    "no intent": session(payment_intent=None),
    "declined before": session(payments=[payment("failed") | {"id": "pay_0"}, payment()]),
}


@pytest.mark.parametrize("name", PAYMENTS)
def test_a_payment_finds_its_rental_by_metadata_then_by_intent(domain: Domain, name: str) -> None:
    assert result(deliver(event("payment.paid", PAYMENTS[name]))) == "delivered"

    assert [(kind, rental_id) for kind, rental_id, _ in domain.news] == [("received", RENTAL.id)]


@pytest.mark.parametrize("name", SESSIONS)
def test_a_paid_session_hands_on_its_paid_payment(domain: Domain, name: str) -> None:
    assert result(deliver(event("checkout_session.payment.paid", SESSIONS[name]))) == "delivered"

    assert domain.news == [RECEIVED]


def test_every_paid_payment_of_a_session_is_handed_on(domain: Domain) -> None:
    twice = session(payments=[payment(), payment() | {"id": "pay_2"}])

    deliver(event("checkout_session.payment.paid", twice))

    assert [each.id for _, _, each in domain.news] == ["pay_1", "pay_2"]


def test_a_declined_attempt_is_counted_by_its_event(domain: Domain) -> None:
    assert (
        result(deliver(event("payment.failed", payment("failed"), event_id="evt_9"))) == "delivered"
    )

    assert domain.news == [("declined", RENTAL.id, "evt_9")]


def test_a_refund_made_at_paymongo_is_recorded(domain: Domain) -> None:
    told = ("refund", RENTAL.id, Refund("ref_1", "pay_1", 600_000, "succeeded"))

    deliver(event("payment.refund.updated", refund()))
    deliver(event("payment.refunded", payment(refunds=[refund()])))

    assert domain.news == [(*told, None), (*told, 600_000)]


def test_refunds_of_parts_of_a_payment_are_added_up(domain: Domain) -> None:
    parts = [refund(amount=200_000), refund(amount=400_000), refund("failed", amount=100)]

    deliver(event("payment.refunded", payment(refunds=parts)))

    assert [refunded for *_, refunded in domain.news] == [600_000] * 3


def test_a_refund_that_failed_is_settled_and_accepted(domain: Domain) -> None:
    domain.trouble = RefundFailed(RENTAL.id, "declined")

    assert result(deliver(event("payment.refund.updated", refund("failed")))) == "settling"

    assert domain.news[-1] == ("settlement", RENTAL.id, "ref_1")


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        ("payment.paid", payment(metadata=None, payment_intent_id="pi_2")),
        ("payment.paid", payment(metadata=None, payment_intent_id="")),
        ("payment.paid", payment(metadata={"rental_id": ""}, payment_intent_id=None)),
        ("payment.paid", payment("pending")),
        ("payment.paid", {}),
        ("payment.paid", {"id": "pay_1"}),
        ("payment.paid", {"id": None, "attributes": None}),
        ("payment.paid", payment(amount="a lot")),
        ("payment.failed", payment("failed", metadata="none", payment_intent_id=7)),
        ("checkout_session.payment.paid", {}),
        ("checkout_session.payment.paid", {"attributes": []}),
        ("checkout_session.payment.paid", session(payments=[])),
        ("checkout_session.payment.paid", session(payments=None)),
        ("checkout_session.payment.paid", session(payments=[payment("failed")])),
        ("checkout_session.payment.paid", anonymous_session({"id": 7})),
        ("checkout_session.payment.paid", anonymous_session({"id": ["pi_1"]})),
        ("checkout_session.payment.paid", anonymous_session({})),
        ("payment.refunded", payment(refunds=None)),
        ("payment.refunded", payment(refunds=[])),
        ("payment.refund.updated", refund(payment_id="pay_2")),
        ("payment.refund.updated", refund(payment_id="")),
        ("payment.refund.updated", {}),
        ("payment.paid", payment(metadata={"rental_id": "x" * 3_000}, payment_intent_id=None)),
        ("payment.paid", payment(metadata=None, payment_intent_id="x" * 3_000)),
        ("source.chargeable", {"id": "src_1"}),
        ("link.payment.paid", payment()),
        ("qrph.expired", {}),
        ("something.of.tomorrow", {}),
        ("", {}),
    ],
)
def test_what_concerns_nothing_of_ours_is_accepted_and_ignored(
    domain: Domain, kind: str, resource: Json
) -> None:
    assert result(deliver(event(kind, resource))) == "ignored"

    assert domain.news == []


@pytest.mark.parametrize(
    "trouble", [WriteContended("x"), InfrastructureUnavailable("x"), OSError("x")]
)
def test_only_what_a_retry_can_cure_is_a_5xx(domain: Domain, trouble: Exception) -> None:
    domain.trouble = trouble

    assert deliver(event("payment.paid", payment()))["statusCode"] >= 500


# --- what cannot be read ---


def unreadable(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says could not be read."""
    return [each for record in caplog.records for each in getattr(record, "unreadable", ())]


NO_EVENTS = {
    b"": "body: not JSON",
    b"\xff\xfe\x00binary": "body: not JSON",
    b"[" * 60_000: "body: not JSON",
    b"1" * 5_000: "body: not JSON",
    b"[]": "body: model_type",
    b"{}": "body.data: missing",
    b'{"data":null}': "body.data: model_type",
    b'{"data":{"id":"evt_1","type":"event"}}': "body.data.attributes: missing",
    json.dumps(event("payment.paid", [])).encode(): "body.data.attributes.data: dict_type",
    json.dumps(event("payment.paid\ud800", {})).encode(): (
        "body.data.attributes.type: string_unicode"
    ),
    json.dumps(event("x" * 100_000, {})).encode(): (
        "body.data.attributes.type: string_pattern_mismatch"
    ),
    json.dumps(event("payment.paid", {}, livemode=None)).encode(): (  # type: ignore[arg-type]
        "body.data.attributes.livemode: bool_type"
    ),
}


@pytest.mark.parametrize("body", NO_EVENTS, ids=NO_EVENTS.values())
def test_a_signed_body_that_is_no_event_is_accepted_and_told_to_operators(
    domain: Domain, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    assert result(deliver(body)) == "ignored"

    assert domain.news == []
    assert domain.counted == ["WebhookUnreadable"]
    assert unreadable(caplog) == [NO_EVENTS[body]]
    assert caplog.records[0].levelname == "WARNING"


@pytest.mark.parametrize(
    ("kind", "resource", "says"),
    [
        ("payment.paid", {}, ["id: missing"]),
        ("payment.paid", payment(amount="a lot"), ["attributes.amount: not an amount"]),
        ("payment.paid", payment(amount=-1), ["attributes.amount: not an amount"]),
        ("payment.paid", payment(amount=10**40), ["attributes.amount: not an amount"]),
        ("payment.paid", payment(currency="\ud800"), ["attributes.currency: not text"]),
        (
            "payment.paid",
            payment(metadata={"rental_id": "\ud800"}, payment_intent_id=None),
            ["attributes.metadata: not text"],
        ),
        ("payment.failed", payment() | {"id": "pay 1"}, ["id: not an id"]),
        ("checkout_session.payment.paid", {"attributes": []}, ["attributes: not an object"]),
        ("payment.refunded", {"id": "pay_1"}, ["attributes: missing"]),
        ("payment.refund.updated", refund(payment_id=None), ["attributes.payment_id: not an id"]),
    ],
)
def test_a_resource_that_cannot_be_read_is_ignored_and_told_to_operators(
    domain: Domain, caplog: pytest.LogCaptureFixture, kind: str, resource: Json, says: list[str]
) -> None:
    assert result(deliver(event(kind, resource))) == "ignored"

    assert domain.news == []
    assert domain.counted == ["WebhookUnreadable"]
    assert unreadable(caplog) == [f"body.data.attributes.data.{each}" for each in says]
    (warning,) = (record for record in caplog.records if record.levelname == "WARNING")
    assert (warning.event_id, warning.event_type) == ("evt_1", kind)  # type: ignore[attr-defined]


def test_events_that_can_be_read_or_are_none_of_ours_are_not_told(domain: Domain) -> None:
    for kind, resource in (
        ("payment.paid", payment(metadata=None)),
        ("payment.refunded", payment(refunds=None)),
        ("checkout_session.payment.paid", session(payment_intent=None)),
        ("source.chargeable", {"id": 7}),
    ):
        deliver(event(kind, resource))

    assert domain.counted == []


@pytest.mark.parametrize(
    "payments",
    [
        [{}, payment()],
        [payment(), None],
        [payment(amount="a lot") | {"id": "pay_0"}, payment(), payment(currency=None)],
    ],
)
def test_an_unreadable_payment_of_a_session_does_not_hide_another(
    domain: Domain, payments: list[Any]
) -> None:
    resource = session(payments=payments)

    assert result(deliver(event("checkout_session.payment.paid", resource))) == "delivered"

    assert domain.news == [RECEIVED]
    assert domain.counted == ["WebhookUnreadable"]


def test_a_payment_that_only_the_sessions_intent_tells_of_is_found(domain: Domain) -> None:
    intent = {"id": "pi_1", "attributes": {"payments": [payment()]}}

    for of_session in ("none", [payment(amount=None)], [], [payment()]):
        resource = session(payments=of_session, payment_intent=intent)
        assert result(deliver(event("checkout_session.payment.paid", resource))) == "delivered"

    assert domain.news == [RECEIVED] * 4


@pytest.mark.parametrize("intent", [None, {}, 7, {"id": 7}])
def test_a_session_is_found_by_what_its_payment_says(domain: Domain, intent: Any) -> None:
    for paid in (payment(metadata=None), payment(payment_intent_id=None)):
        resource = session(metadata=[], payment_intent=intent, payments=[paid])
        assert result(deliver(event("checkout_session.payment.paid", resource))) == "delivered"

    assert [rental_id for _, rental_id, _ in domain.news] == [RENTAL.id] * 2


@pytest.mark.parametrize("payment_id", [None, "", 7, "missing"])
def test_a_nested_refund_that_names_no_payment_is_of_the_one_around_it(
    domain: Domain, payment_id: Any
) -> None:
    nested = refund(payment_id=payment_id)
    if payment_id == "missing":
        del nested["attributes"]["payment_id"]

    deliver(event("payment.refunded", payment(refunds=[nested])))

    assert domain.news == [
        ("refund", RENTAL.id, Refund("ref_1", "pay_1", 600_000, "succeeded"), 600_000)
    ]


def test_a_nested_refund_is_of_the_payment_that_it_names(domain: Domain) -> None:
    refunds = [refund(), refund(payment_id=None)]
    around = payment(refunds=refunds, metadata=None) | {"id": "pay_2"}

    assert result(deliver(event("payment.refunded", around))) == "ignored"  # the second's

    assert [told.payment_id for _, _, told, _ in domain.news] == ["pay_1"]


def test_a_refund_of_the_dashboard_is_found_by_what_its_payment_names(
    domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "find_by_payment", lambda payment_id: None)  # not indexed yet

    for metadata in (None, {"note": "refunded by Ana"}):
        around = payment(refunds=[refund(metadata=metadata)])
        assert result(deliver(event("payment.refunded", around))) == "recorded"

    assert [rental_id for _, rental_id, *_ in domain.news] == [RENTAL.id] * 2


def test_an_unreadable_refund_or_payment_does_not_hide_another_refund(domain: Domain) -> None:
    refunds = [{}, refund(amount=400_000), refund() | {"id": 7}, refund(amount=200_000), "odd"]

    for around in (payment(refunds=refunds), {"attributes": {"refunds": refunds}}):
        domain.news.clear()
        assert result(deliver(event("payment.refunded", around))) == "recorded"
        assert [told.amount for _, _, told, _ in domain.news] == [400_000, 200_000]
        assert {refunded for *_, refunded in domain.news} == {600_000}

    assert domain.counted == ["WebhookUnreadable"] * 2


def test_a_decline_whose_event_has_no_id_is_counted_by_its_payment(domain: Domain) -> None:
    told = event("payment.failed", payment("failed"))
    told["data"]["id"] = None

    assert result(deliver(told)) == "delivered"

    assert domain.news == [("declined", RENTAL.id, "pay_1")]
    assert domain.counted == ["WebhookUnreadable"]


def test_text_that_is_no_text_hides_nothing(domain: Domain) -> None:
    paid = json.dumps(event("payment.paid", payment(billing={"name": "Peña"})))

    for name in (b"Pe\xf1a", b"\\ud83d", b"Pe\\u0000a"):
        assert result(deliver(paid.encode().replace(b"Pe\\u00f1a", name))) == "delivered"

    assert domain.news == [RECEIVED] * 3
    assert domain.counted == []


def test_the_log_holds_none_of_what_could_not_be_read(
    domain: Domain, caplog: pytest.LogCaptureFixture
) -> None:
    private = "Ana Cruz"
    junk = [private, {private: private}, [private]]
    for each in junk:
        names = ("payments", "payment_intent", "metadata", "amount", "refunds")
        odd: Json = dict.fromkeys(names, each)
        deliver(event("payment.paid", payment(**odd) | {"id": each}))
        deliver(event("checkout_session.payment.paid", session(**odd)))
        deliver(event("payment.refunded", payment(**odd)))
        deliver(json.dumps({"data": each}).encode())
        deliver(event("payment.paid", each))
        deliver(private.encode())

    assert domain.counted == ["WebhookUnreadable"] * 6 * len(junk)
    assert unreadable(caplog)
    assert private not in " ".join(map(logger.registered_handler.format, caplog.records))


def test_the_log_stays_short_however_much_cannot_be_read(
    domain: Domain, caplog: pytest.LogCaptureFixture
) -> None:
    deliver(event("checkout_session.payment.paid", session(payments=[None] * 5_000)))

    (warning,) = (record for record in caplog.records if record.levelname == "WARNING")
    assert warning.unreadable_count == 5_000  # type: ignore[attr-defined]
    assert len(logger.registered_handler.format(warning)) < 4_000
    assert domain.counted == ["WebhookUnreadable"]


# --- any shape ---

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**50), 10**50)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(["\ud800", "", "pay 1/\u2603", "x" * 3_000]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=4,
)
Path = tuple[str | int, ...]
FACTS = Facts(RENTAL.id, "cs_1", "pi_1", "pay_1", "ref_1")
# As PayMongo sends them, with everything that it tells.
WHOLE_EVENTS = {
    name: json.loads(fill_in(load(f"PostPayMongoWebhookFunction/{name}"), FACTS).event["body"])
    for name in (
        "payment-paid",
        "checkout-session-payment-paid",
        "payment-failed",
        "payment-refunded",
        "payment-refund-updated",
    )
}
TO_RESOURCE: Path = ("data", "attributes", "data")
LIVEMODE: Path = ("data", "attributes", "livemode")
ENVELOPE = {TO_RESOURCE[:1], TO_RESOURCE[:2], TO_RESOURCE, LIVEMODE, ("data", "attributes", "type")}
RESOURCE = ENVELOPE | {(*TO_RESOURCE, "attributes")}
# All that finding the payment takes. A session tells of it twice, so it is not even in there.
ESSENTIAL: dict[str, set[Path]] = {
    "checkout-session-payment-paid": RESOURCE,
    "payment-paid": RESOURCE
    | {(*TO_RESOURCE, "id")}
    | {(*TO_RESOURCE, "attributes", each) for each in ("amount", "currency", "status")},
}


def parts(value: Any, path: Path = ()) -> Iterator[Path]:
    """The path of everything in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in inner:
        yield (*path, key)
        if isinstance(each, dict | list):
            yield from parts(each, (*path, key))


def part(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def changed(body: Json, path: Path, how: str, junk: Any) -> Json:
    """The body with a part replaced, taken away, or with junk put into it or before it."""
    body = copy.deepcopy(body)
    around, here = part(body, path[:-1]), part(body, path)
    if how == "remove":
        del around[path[-1]]
    elif how == "add" and isinstance(here, dict):
        here.setdefault("something_new", junk)
    elif how == "add" and isinstance(here, list):
        here.insert(0, junk)
    else:
        around[path[-1]] = junk
    return body


CHANGES = st.sampled_from(["replace", "remove", "add"])


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
@pytest.mark.parametrize("name", ESSENTIAL)
def test_a_readable_payment_is_found_whatever_becomes_of_one_other_part(
    domain: Domain, name: str, data: st.DataObject
) -> None:
    whole = WHOLE_EVENTS[name]
    path = data.draw(
        st.sampled_from([each for each in parts(whole) if each not in ESSENTIAL[name]])
    )
    body = changed(whole, path, data.draw(CHANGES), data.draw(json_values))
    domain.news.clear()

    assert result(deliver(body)) == "delivered"

    found = [(kind, rental_id, each.id) for kind, rental_id, each in domain.news]
    assert ("received", RENTAL.id, "pay_1") in found


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_signed_event_of_any_shape_gets_a_2xx(domain: Domain, data: st.DataObject) -> None:
    body = WHOLE_EVENTS[data.draw(st.sampled_from(sorted(WHOLE_EVENTS)))]
    for _ in range(data.draw(st.integers(1, 4))):
        # Being of the other mode is no question of shape.
        paths = [path for path in parts(body) if path != LIVEMODE]
        if paths:
            change = (data.draw(st.sampled_from(paths)), data.draw(CHANGES), data.draw(json_values))
            body = changed(body, *change)

    assert result(deliver(body))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(json_values | st.binary(max_size=50))
def test_any_signed_body_gets_a_2xx(domain: Domain, body: Any) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    assert result(deliver(raw)) == "ignored"
    assert domain.news == []


def test_an_event_with_many_payments_is_read_whole(domain: Domain) -> None:
    """A customer's limit would refuse it for ever, and PayMongo turn off the endpoint."""
    many = [payment() | {"id": f"pay_{number}"} for number in range(1_000)]
    told = event("checkout_session.payment.paid", session(payments=many))
    assert len(json.dumps(told)) > MAX_BODY_BYTES

    deliver(told)

    assert len(domain.news) == 1_000


def test_what_is_larger_than_any_event_is_refused_unread(domain: Domain) -> None:
    response = deliver(
        event("payment.paid", payment(description="x" * paymongo_events.MAX_EVENT_BYTES))
    )

    assert response["statusCode"] == 413
    assert domain.news == []
