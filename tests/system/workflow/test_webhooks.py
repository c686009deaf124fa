"""What PayMongo sends, what others send in its name, and in which order."""

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable

import httpx
import pytest

from api.paymongo_events import MAX_EVENT_BYTES
from tests.support.sandbox import Json, event_body
from tests.support.shop import Shop, at_once
from tools.ops.webhook import EVENTS
from tools.replay.filling import compact


class WithheldPayment:
    """A rental that was paid, while PayMongo's webhooks about it never leave PayMongo."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.collectible = shop.add_collectible()
        self.rental_id: str = shop.checkout(self.collectible)["rental_id"]
        shop.paymongo.webhooks_are("drop")
        shop.paymongo.settle(shop.session_id(self.rental_id))
        self.row = shop.rental_row(self.rental_id)
        self.units = shop.units_of(self.collectible)

    def event(self, event_type: str = "payment.paid") -> bytes:
        """The genuine body of the event."""
        (event,) = self.shop.paymongo.events(self.rental_id, event_type)
        return str(event["body"]).encode()

    def expect_nothing_changed(self) -> None:
        """Neither the rental nor its unit noticed anything, and no settlement was started."""
        assert self.shop.rental_row(self.rental_id) == self.row
        assert self.shop.units_of(self.collectible) == self.units
        assert self.shop.settlements_of(self.rental_id) == []
        # What was not believed must not stand in the way of the truth.
        assert self.shop.post_signed_webhook(self.event()).status_code == 200
        self.shop.wait_for_status(self.rental_id, "completed")


@pytest.fixture
def withheld(shop: Shop) -> WithheldPayment:
    return WithheldPayment(shop)


# --- duplicates and order ---


def test_duplicate_webhooks_change_nothing_twice(shop: Shop) -> None:
    collectible, rental = shop.rent(units=2)
    shop.paymongo.webhooks_are("duplicate", copies=3)
    shop.pay_and_complete(rental)
    shop.wait_for_stage(rental["rental_id"], "awaiting_arrival")
    shop.paymongo.wait_until_idle()
    before = shop.rental_row(rental["rental_id"])

    for event in shop.paymongo.events(rental["rental_id"]):
        assert shop.paymongo.resend(event["id"]) == [200]

    assert shop.rental_row(rental["rental_id"]) == before
    assert shop.available(collectible) == 1
    assert shop.settlements_of(rental["rental_id"]) == []


@pytest.mark.parametrize(("declines", "order"), [(1, "original"), (1, "reversed"), (3, "reversed")])
def test_webhooks_in_any_order(shop: Shop, declines: int, order: str) -> None:
    """Declined, then paid: in PayMongo's order, and with the declines told last."""
    rental = shop.checkout(shop.add_collectible())
    shop.paymongo.webhooks_are("hold")
    for _ in range(declines):
        shop.on_hosted_page(rental, "failed")
    shop.pay(rental)

    shop.paymongo.release_webhooks(order)

    shop.wait_for_status(rental["rental_id"], "completed")
    assert shop.wait_for_execution(rental["rental_id"])["status"] == "SUCCEEDED"


def test_all_news_of_a_rental_at_once(shop: Shop) -> None:
    """Three declines and a payment, told by concurrent deliveries: the money wins."""
    rental = shop.checkout(shop.add_collectible())
    session_id = shop.session_id(rental["rental_id"])
    shop.paymongo.webhooks_are("drop")
    for _ in range(3):
        shop.paymongo.decline(session_id)
    shop.paymongo.settle(session_id)
    bodies = [str(event["body"]).encode() for event in shop.paymongo.events(rental["rental_id"])]

    answers = at_once(*[_posting(shop, body) for body in bodies * 2])

    assert {answer.status_code for answer in answers} == {200}
    shop.wait_for_status(rental["rental_id"], "completed")


def _posting(shop: Shop, body: bytes) -> Callable[[], httpx.Response]:
    return lambda: shop.post_signed_webhook(body)


# --- what is not PayMongo's ---


def test_genuine_event_is_accepted(withheld: WithheldPayment) -> None:
    """The counterpart of the tests below: what they change is what makes the difference."""
    withheld.expect_nothing_changed()


DAY = 24 * 60 * 60
# How what PayMongo sent is changed: (body, signature) from the genuine body and PayMongo's own way
# to sign.
Signature = Callable[..., str]
FORGERIES: dict[str, Callable[[bytes, Signature], tuple[bytes, str | None]]] = {
    "unsigned": lambda body, sign: (body, None),
    "another secret": lambda body, sign: (body, sign(body, secret="whsk_guessed")),
    "of another body": lambda body, sign: (body, sign(body + b" ")),
    "longer digest": lambda body, sign: (body, sign(body).replace("te=", "te=0")),
    "capitals": lambda body, sign: (
        body,
        sign(body).upper().replace("T=", "t=", 1).replace("TE=", "te=").replace("LI=", "li="),
    ),
    "empty digests": lambda body, sign: (body, f"t={int(time.time())},te=,li="),
    "another time": lambda body, sign: (body, sign(body).replace("t=", "t=1", 1)),
    "empty": lambda body, sign: (body, "t=,te=,li="),
    "no time": lambda body, sign: (body, "te=" + "0" * 64),
    "garbage": lambda body, sign: (body, "garbage"),
    "commas": lambda body, sign: (body, ",,,==="),
    # Ours is `te`; a valid `li` is somebody else's event.
    "live signature": lambda body, sign: (body, sign(body, livemode=True)),
    "last month": lambda body, sign: (body, sign(body, at=time.time() - 30 * DAY)),
    "next month": lambda body, sign: (body, sign(body, at=time.time() + 30 * DAY)),
    "1970": lambda body, sign: (body, sign(body, at=0)),
    "cut": lambda body, sign: (body[:-1], sign(body)),
    "half": lambda body, sign: (body[: len(body) // 2], sign(body)),
    "no body": lambda body, sign: (b"", sign(body)),
    "re-serialised": lambda body, sign: (json.dumps(json.loads(body)).encode(), sign(body)),
    "one centavo more": lambda body, sign: (
        body.replace(b'"amount":600000', b'"amount":600001', 1),
        sign(body),
    ),
}


def test_what_paymongo_did_not_send_is_refused(withheld: WithheldPayment) -> None:
    shop, body = withheld.shop, withheld.event()
    live = body.replace(b'"livemode":false', b'"livemode":true', 1)
    assert shop.post_signed_webhook(live).status_code == 401

    for name, forge in FORGERIES.items():
        answer = shop.post_webhook(*forge(body, shop.paymongo.signature))
        assert answer.status_code == 401, name
        assert answer.json()["code"] == "INVALID_SIGNATURE"
        assert answer.json()["success"] is False
    withheld.expect_nothing_changed()


def test_forged_event_for_an_unpaid_rental(shop: Shop) -> None:
    """Somebody who knows everything about an event but the secret."""
    rental = shop.checkout(shop.add_collectible())
    before = shop.rental_row(rental["rental_id"])
    body = event_body("payment.paid", _payment(before), event_id="evt_forged")

    for signature in (None, shop.paymongo.signature(body, secret="whsk_guessed")):
        assert shop.post_webhook(body, signature).status_code == 401

    assert shop.rental_row(rental["rental_id"]) == before


def test_signature_of_hours_ago_is_accepted(withheld: WithheldPayment) -> None:
    """Whether a retry is signed anew is unknown, and retries go on for hours (docs/paymongo.md)."""
    body, shop = withheld.event(), withheld.shop
    signature = shop.paymongo.signature(body, at=time.time() - 6 * 60 * 60)

    assert shop.post_webhook(body, signature).status_code == 200
    shop.wait_for_status(withheld.rental_id, "completed")


def test_garbage(withheld: WithheldPayment) -> None:
    """Unsigned it is refused; signed it is accepted, because PayMongo disables endpoints that keep
    refusing, and changes nothing.
    """
    shop = withheld.shop
    garbage = [b"\xff\xfe\x00binary", b"not json", b"[]", b"null", b"{}", b'{"data":{"id":7}}']

    for body in garbage:
        assert shop.post_webhook(body, "t=1,te=zz,li=").status_code == 401
        answer = shop.post_signed_webhook(body)
        # Bytes that are no text are not what was signed when API Gateway hands them on as text.
        is_text = body.isascii()
        assert answer.status_code == (200 if is_text else 401)
        assert not is_text or answer.json()["data"] == {"result": "ignored"}
    withheld.expect_nothing_changed()


def test_huge_body(withheld: WithheldPayment) -> None:
    body = b'{"data":"' + b"x" * MAX_EVENT_BYTES + b'"}'

    assert withheld.shop.post_signed_webhook(body).status_code == 413
    withheld.expect_nothing_changed()


# --- signed, and not about a payment of ours ---


NO_RESOURCES: list[Json] = [{}, {"id": "x", "attributes": None}, {"id": "x", "attributes": {}}]


@pytest.mark.parametrize(
    "event_type", ["source.chargeable", "qrph.expired", "invented.later", *EVENTS]
)
def test_unknown_types_and_unreadable_events_are_accepted(shop: Shop, event_type: str) -> None:
    """A retry would not make them readable."""
    for data in NO_RESOURCES:
        body = event_body(event_type, data, event_id="evt_unreadable")
        answer = shop.post_signed_webhook(body)
        assert answer.status_code == 200, data
        assert answer.json()["success"] is True


@pytest.mark.parametrize("event_type", ["payment.paid", "payment.failed"])
def test_events_about_no_rental_of_ours_are_accepted(shop: Shop, event_type: str) -> None:
    """Whatever else the account's owner sells has other metadata, or none."""
    unknown: list[Json | None] = [
        {"rental_id": str(uuid.uuid4())},
        {"rental_id": ""},
        {"rental_id": "x" * 3_000},
        {"rental_id": 7},
        {"rental_id": None},
        {},
        None,
    ]
    for metadata in unknown:
        for intent_id in (f"pi_{uuid.uuid4().hex}", "pi_" + "x" * 3_000, "", None):
            payment = _payment({"id": "", "paymentIntentId": intent_id})
            payment["attributes"]["metadata"] = metadata
            body = event_body(event_type, payment, event_id="evt_elsewhere")
            answer = shop.post_signed_webhook(body)
            assert answer.status_code == 200, (metadata, intent_id)


def test_paid_event_of_a_payment_that_is_not_paid_changes_nothing(shop: Shop) -> None:
    rental = shop.checkout(shop.add_collectible())
    before = shop.rental_row(rental["rental_id"])

    for status in ("pending", "failed"):
        body = event_body("payment.paid", _payment(before, status=status), event_id="evt_odd")
        assert shop.post_signed_webhook(body).status_code == 200

    assert shop.rental_row(rental["rental_id"]) == before


def test_a_paid_session_completes_its_rental_though_much_of_it_is_unreadable(
    withheld: WithheldPayment,
) -> None:
    """Its payment is told by the one entry that is left, and names its rental itself."""
    shop, event = withheld.shop, json.loads(withheld.event("checkout_session.payment.paid"))
    event["data"] |= {"id": None, "type": 7}
    session = event["data"]["attributes"]["data"]["attributes"]
    session |= {"metadata": [], "payment_intent": "pi_1", "billing": 7}
    session["payments"] = [None, {"id": "pay_1"}, *session["payments"]]

    answer = shop.post_signed_webhook(compact(event).encode())

    assert answer.status_code == 200
    shop.wait_for_status(withheld.rental_id, "completed")


def test_a_refund_that_names_no_payment_is_of_the_payment_around_it(shop: Shop) -> None:
    rental = shop.checkout(shop.add_collectible())
    rental_id = rental["rental_id"]
    shop.pay(rental)
    shop.wait_for_status(rental_id, "completed")
    shop.paymongo.wait_until_idle()
    (payment,) = shop.paymongo.payments(rental_id)
    shop.paymongo.webhooks_are("drop")
    shop.paymongo.refund(payment["id"], payment["amount"])
    shop.wait_for_refund(rental_id)
    event = json.loads(shop.paymongo.events(rental_id, "payment.refunded")[-1]["body"])
    refunds = event["data"]["attributes"]["data"]["attributes"]["refunds"]
    del refunds[0]["attributes"]["payment_id"]
    refunds[0]["attributes"]["metadata"] = None
    refunds.insert(0, None)

    answer = shop.post_signed_webhook(compact(event).encode())

    assert answer.json()["data"] == {"result": "recorded"}
    assert shop.rental_row(rental_id)["closedReason"] == "cancelled"


# --- finding the rental ---


@pytest.mark.parametrize("event_type", ["payment.paid", "checkout_session.payment.paid"])
def test_what_names_no_rental_is_found_by_its_intent(
    withheld: WithheldPayment, event_type: str
) -> None:
    shop, event = withheld.shop, json.loads(withheld.event(event_type))
    event["data"]["attributes"]["data"]["attributes"]["metadata"] = None

    answer = shop.post_signed_webhook(compact(event).encode())

    assert answer.status_code == 200
    shop.wait_for_status(withheld.rental_id, "completed")


def test_decline_without_metadata_is_found_by_its_intent(shop: Shop) -> None:
    rental = shop.checkout(shop.add_collectible())
    payment = _payment(shop.rental_row(rental["rental_id"]), status="failed")
    payment["attributes"]["metadata"] = None

    for event_id in ("evt_a", "evt_b", "evt_a"):
        body = event_body("payment.failed", payment, event_id=event_id)
        assert shop.post_signed_webhook(body).status_code == 200

    assert shop.rental(rental["rental_id"])["declined_attempts"] == 2


def test_header_names_in_any_case_and_order(withheld: WithheldPayment) -> None:
    shop, body = withheld.shop, withheld.event()
    sent_at = str(int(time.time()))
    message = sent_at.encode() + b"." + body
    digest = hmac.new(shop.paymongo.webhook_secret.encode(), message, hashlib.sha256).hexdigest()
    header = {"PAYMONGO-SIGNATURE": f"li=, te={digest}, t={sent_at}"}

    answer = shop.post_webhook(body, None, **header)

    assert answer.status_code == 200
    shop.wait_for_status(withheld.rental_id, "completed")


def _payment(row: Json, status: str = "paid") -> Json:
    """A payment of a rental's total as PayMongo would describe it."""
    return {
        "id": f"pay_{uuid.uuid4().hex}",
        "type": "payment",
        "attributes": {
            "amount": 600_000,
            "currency": "PHP",
            "status": status,
            "payment_intent_id": row["paymentIntentId"],
            "metadata": {"rental_id": row["id"]},
        },
    }
