"""The webhook: who may speak, and what becomes of what is said. Payments are tested in adapters."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api import post_paymongo_webhook as webhook
from api.http import Response
from rentals import inventory, payments, repository
from rentals.errors import InfrastructureUnavailable, RefundFailed, WriteContended
from rentals.models import Payment, Refund, Rental
from rentals.payments import Outcome
from rentals.secret_values import PayMongoKeys
from tests.samples import pending_rental

Json = dict[str, Any]

SECRET = "whsk_unit"
RENTAL = pending_rental(payment_intent_id="pi_1", payment_id="pay_1")


@dataclass
class Domain:
    """Stands for the rentals behind the webhook: knows one, remembers what it is told."""

    news: list[tuple[Any, ...]] = field(default_factory=list)
    trouble: Exception | None = None

    def find(self, rental_id: str) -> Rental | None:
        return self._lookup(rental_id, RENTAL.id)

    def find_by_payment_intent(self, payment_intent_id: str) -> Rental | None:
        return self._lookup(payment_intent_id, "pi_1")

    def find_by_payment(self, payment_id: str) -> Rental | None:
        return self._lookup(payment_id, "pay_1")

    def _lookup(self, key: str, known: str) -> Rental | None:
        assert isinstance(key, str)  # DynamoDB refuses any other key
        return RENTAL if key == known else None

    def payment_received(self, rental: Rental, payment: Payment) -> Outcome:
        return self._told("received", rental.id, payment)

    def payment_declined(self, rental: Rental, event_id: str) -> Outcome:
        return self._told("declined", rental.id, event_id)

    def record_refund(self, rental: Rental, refund: Refund, refunded: int | None = None) -> Rental:
        self._told("refund", rental.id, refund, refunded)
        return rental

    def start_settlement(self, rental_id: str, suffix: str) -> None:
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
    environment.setattr(webhook, "paymongo_keys", lambda: PayMongoKeys("sk_test_unit", SECRET))
    environment.setattr(webhook, "other_webhook_secrets", lambda: ())
    for name in ("find", "find_by_payment_intent", "find_by_payment"):
        environment.setattr(repository, name, getattr(domain, name))
    for name in ("payment_received", "payment_declined", "start_settlement"):
        environment.setattr(payments, name, getattr(domain, name))
    environment.setattr(inventory, "record_refund", domain.record_refund)
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
            "payments": [payment()],
            "payment_intent": {"id": "pi_1", "attributes": {"status": "succeeded"}},
            "metadata": {"rental_id": RENTAL.id},
            **attributes,
        },
    }


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


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (BODY, ""),
        (BODY, signature(BODY, SENT_AT, "whsk_forged")),
        (BODY, VALID.replace(",te=", ",te=,li=").removesuffix(",li=")),
        (BODY, VALID[:-10]),
        (BODY[:-1], VALID),
        (json.dumps(json.loads(BODY)).encode(), VALID),
        (BODY, signature(BODY, SENT_AT - 604_900)),
    ],
    ids=["unsigned", "forged", "other mode", "cut", "truncated", "re-serialised", "old"],
)
def test_anybody_else_is_refused_and_nothing_happens(
    domain: Domain, body: bytes, header: str
) -> None:
    response = deliver(body, header)

    assert response["statusCode"] == 401
    assert json.loads(response["body"])["code"] == "INVALID_SIGNATURE"
    assert domain.news == []


def test_an_event_of_the_other_mode_is_refused_though_it_is_signed(domain: Domain) -> None:
    response = deliver(event("payment.paid", payment(), livemode=True))

    assert response["statusCode"] == 401
    assert domain.news == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"data":null}',
        b'{"data":{"id":"","type":"event","attributes":{}}}',
        json.dumps(
            {"data": event("payment.paid", payment())["data"] | {"type": "payment"}}
        ).encode(),
    ],
)
def test_a_signed_body_that_is_no_event_is_a_bad_request(domain: Domain, body: bytes) -> None:
    response = deliver(body)

    assert response["statusCode"] == 400
    assert json.loads(response["body"])["code"] == "MALFORMED_EVENT"


# --- whose it is, and what it says ---


@pytest.mark.parametrize(
    "resource",
    [
        payment(),
        payment(metadata=None),
        payment(metadata={}),
        payment(metadata={"rental_id": "of-another-shop"}),
        payment(metadata={"rental_id": 5}),
        payment(payment_intent_id=None),
        payment(refunds=None),
    ],
    ids=[
        "both",
        "no metadata",
        "empty metadata",
        "other metadata",
        "metadata no text",
        "no intent",
        "refunds null",
    ],
)
def test_a_payment_finds_its_rental_by_metadata_then_by_intent(
    domain: Domain, resource: Json
) -> None:
    assert result(deliver(event("payment.paid", resource))) == "delivered"

    assert [(kind, rental_id) for kind, rental_id, _ in domain.news] == [("received", RENTAL.id)]


@pytest.mark.parametrize(
    "resource",
    [
        session(),
        session(metadata=None),
        session(payment_intent=None),
        session(payments=[payment("failed") | {"id": "pay_0"}, payment()]),
    ],
    ids=["both", "no metadata", "no intent", "declined before"],
)
def test_a_paid_session_hands_on_its_paid_payment(domain: Domain, resource: Json) -> None:
    assert result(deliver(event("checkout_session.payment.paid", resource))) == "delivered"

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
        ("checkout_session.payment.paid", session(metadata=None, payment_intent={"id": 7})),
        ("checkout_session.payment.paid", session(metadata=None, payment_intent={"id": ["pi_1"]})),
        ("checkout_session.payment.paid", session(metadata=None, payment_intent={})),
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


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(
        [
            "payment.paid",
            "payment.failed",
            "payment.refunded",
            "payment.refund.updated",
            "checkout_session.payment.paid",
        ]
    ),
    st.dictionaries(
        st.sampled_from(
            ["payments", "payment_intent", "metadata", "status", "amount", "refunds", "payment_id"]
        ),
        json_values,
        max_size=4,
    ),
)
def test_a_known_event_of_any_shape_gets_a_2xx(domain: Domain, kind: str, odd: Json) -> None:
    for resource in (payment(**odd), session(**odd), refund(**odd)):
        assert deliver(event(kind, resource))["statusCode"] == 200


@pytest.mark.parametrize(
    "trouble", [WriteContended("x"), InfrastructureUnavailable("x"), OSError("x")]
)
def test_only_what_a_retry_can_cure_is_a_5xx(domain: Domain, trouble: Exception) -> None:
    domain.trouble = trouble

    assert deliver(event("payment.paid", payment()))["statusCode"] >= 500
