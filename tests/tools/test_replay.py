"""Filling in and signing sample events, without any stack."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from paymongo.signatures import verify_webhook
from rentals.links import verify_redirect
from tools.ops.errors import CannotReach, CommandError
from tools.replay import filling, samples, sending
from tools.replay.filling import Facts
from tools.replay.samples import Sample, load
from tools.replay.sending import Answer

FACTS = Facts("rental-1", "cs_1", "pi_1", "pay_1", "ref_1", "mail_1", 1_400_000)


def body_of(sample: Sample) -> Any:
    return json.loads(sample.event["body"])


def test_a_webhook_is_told_of_another_rental_payment_and_amount() -> None:
    sample = load("PostPayMongoWebhookFunction/checkout-session-payment-paid")

    filled = filling.fill_in(sample, FACTS)

    session = body_of(filled)["data"]["attributes"]["data"]
    assert session["id"] == "cs_1"
    assert session["attributes"]["metadata"] == {"rental_id": "rental-1"}
    assert session["attributes"]["payment_intent"]["id"] == "pi_1"
    (payment,) = session["attributes"]["payments"]
    assert (payment["id"], payment["attributes"]["amount"]) == ("pay_1", 1_400_000)
    assert payment["attributes"]["net_amount"] == 1_400_000 - payment["attributes"]["fee"]
    assert "sample" not in json.dumps(session["attributes"]["payments"][0]["id"])
    assert body_of(sample)["data"]["attributes"]["data"]["id"] == samples.SAMPLE_SESSION_ID


@pytest.mark.parametrize("livemode", [True, False])
def test_a_webhook_is_signed_over_the_bytes_that_are_sent(livemode: bool) -> None:
    sample = filling.fill_in(load("PostPayMongoWebhookFunction/payment-paid"), FACTS)

    signed = filling.sign_webhook(sample, "whsk_unit", livemode=livemode, now=1_700_000_000)

    header = signed.event["headers"]["Paymongo-Signature"]
    assert signed.event["multiValueHeaders"]["Paymongo-Signature"] == [header]
    verify_webhook(
        header, signed.event["body"].encode(), "whsk_unit",
        is_live=livemode, now=1_700_000_000, tolerance=1,
    )  # fmt: skip
    assert body_of(signed)["data"]["attributes"]["livemode"] is livemode


@pytest.mark.parametrize("name", ["forged", "unsigned", "unreadable"])
def test_what_is_to_be_refused_or_unreadable_stays_so(name: str) -> None:
    sample = load(f"PostPayMongoWebhookFunction/{name}")
    before = (sample.event["headers"].get("Paymongo-Signature"), sample.event["body"])

    signed = filling.sign_webhook(sample, "whsk_unit", livemode=False, now=1_700_000_000)

    if name == "unreadable":
        assert signed.event["body"] == before[1]
    else:
        assert (signed.event["headers"].get("Paymongo-Signature"), signed.event["body"]) == before


@pytest.mark.parametrize("outcome", ["success", "failed"])
def test_a_redirect_is_signed_for_its_rental_and_outcome(outcome: str) -> None:
    sample = load(f"GetPayment{outcome.title()}Function/signed")

    signed = filling.sign_redirect(filling.fill_in(sample, FACTS), b"key")

    query = signed.event["queryStringParameters"]
    verify_redirect(outcome, "rental-1", query["signature"], b"key")
    assert signed.event["multiValueQueryStringParameters"]["rental_id"] == ["rental-1"]


def test_a_body_that_nobody_can_read_is_sent_as_it_is() -> None:
    sample = load("PostPayMongoWebhookFunction/unreadable")
    deep = replace(sample, event=sample.event | {"body": "[" * 5_000 + "]" * 5_000})

    assert deep.webhook_type is None


def test_replays_are_new_events_and_new_checkouts() -> None:
    webhook = load("PostPayMongoWebhookFunction/payment-failed")
    checkout = load("PostCheckoutFunction/gcash")

    ids = {body_of(filling.with_new_event_id(webhook))["data"]["id"] for _ in range(3)}
    keys = {
        filling.with_new_event_id(checkout).event["headers"]["Idempotency-Key"] for _ in range(3)
    }

    assert len(ids) == len(keys) == 3
    assert checkout.event["headers"]["Idempotency-Key"] == "sample-event"


@pytest.mark.parametrize(
    "name",
    [
        "PostCheckoutFunction/gcash",
        "events/PostCheckoutFunction/gcash.json",
        str(samples.EVENTS / "PostCheckoutFunction" / "gcash.json"),
    ],
)
def test_an_event_is_found_by_its_name_or_path(name: str) -> None:
    assert load(name).function == "PostCheckoutFunction"


def test_an_unknown_event_names_what_is_near() -> None:
    with pytest.raises(CommandError) as unknown:
        load("payment-payed")

    assert "PostPayMongoWebhookFunction/payment-paid" in (unknown.value.hint or "")


@pytest.mark.parametrize(("text", "says"), [("{", "not JSON"), ("[]", "not a JSON object")])
def test_a_malformed_file_is_explained(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "event.json"
    path.write_text(text)

    with pytest.raises(CommandError, match=says):
        load(str(path))


def sent_over_http(name: str) -> httpx.Request:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"ok": True})

    site = httpx.Client(base_url="https://site.example", transport=httpx.MockTransport(answer))
    assert sending.send_over_http(site, load(name)).status == "200"
    return seen[0]


def test_a_request_over_http_is_the_one_in_the_event() -> None:
    quote = sent_over_http("PostQuoteFunction/week")
    assert (quote.method, str(quote.url)) == ("POST", "https://site.example/api/rentals/quote")
    assert json.loads(quote.content)["duration"] == 7
    assert quote.headers["content-type"] == "application/json"

    listed = sent_over_http("GetCollectiblesFunction/for-a-store")
    assert listed.url.query == b"store_id=store-a"

    event = load("PostCheckoutFunction/base64-card").event
    sent = sent_over_http("PostCheckoutFunction/base64-card").content
    assert sent == base64.b64decode(event["body"])


def test_nobody_listening_is_explained() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    site = httpx.Client(base_url="https://site.example", transport=httpx.MockTransport(refuse))

    with pytest.raises(CannotReach, match=r"nothing answers at https://site\.example"):
        sending.send_over_http(site, load("GetStoresFunction/every-store"))


@pytest.mark.parametrize(("times", "at_once", "count"), [(3, 1, 3), (1, 4, 4), (1, 1, 1)])
def test_an_event_is_sent_as_often_as_asked(times: int, at_once: int, count: int) -> None:
    sent: list[Sample] = []

    def send(sample: Sample) -> Answer:
        sent.append(sample)
        return Answer("200", "", 0)

    sample = load("GetStoresFunction/every-store")
    assert len(sending.send_all(sample, send, times=times, at_once=at_once)) == count
    assert sent == [sample] * count


def test_an_input_transformer_fills_its_template() -> None:
    transformer = {
        "InputPathsMap": {"rental_id": "$.detail.name", "input": "$.detail.input"},
        "InputTemplate": '{"rental_id": <rental_id>, "input": <input>}',
    }
    event = {"detail": {"name": "rental-1", "input": '{"a": "b"}'}}

    assert json.loads(sending.transformed(event, transformer)) == {
        "rental_id": "rental-1",
        "input": '{"a": "b"}',
    }
