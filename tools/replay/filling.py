"""Sample events for another rental, and signed as PayMongo and we sign. Asks nobody."""

import json
import secrets
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from api.requests import ACCESS_KEY_HEADER, header
from paymongo.signatures import signature_of
from rentals.access_keys import access_key_of
from rentals.links import redirect_path
from tools.replay.samples import (
    SAMPLE_INTENT_ID,
    SAMPLE_MESSAGE_ID,
    SAMPLE_PAYMENT_ID,
    SAMPLE_REFUND_ID,
    SAMPLE_RENTAL_ID,
    SAMPLE_SESSION_ID,
    SAMPLE_TOTAL,
    TO_BE_SIGNED,
    Json,
    Sample,
)


@dataclass(frozen=True)
class Facts:
    """What a sample is filled in with; `total` is centavos."""

    rental_id: str = SAMPLE_RENTAL_ID
    session_id: str = SAMPLE_SESSION_ID
    intent_id: str = SAMPLE_INTENT_ID
    payment_id: str = SAMPLE_PAYMENT_ID
    refund_id: str = SAMPLE_REFUND_ID
    message_id: str = SAMPLE_MESSAGE_ID
    total: int = SAMPLE_TOTAL


def fill_in(sample: Sample, facts: Facts) -> Sample:
    """The sample with another rental, payment and amount; not signed yet."""
    text = json.dumps(sample.event)
    for old, new in (
        (SAMPLE_RENTAL_ID, facts.rental_id),
        (SAMPLE_SESSION_ID, facts.session_id),
        (SAMPLE_INTENT_ID, facts.intent_id),
        (SAMPLE_PAYMENT_ID, facts.payment_id),
        (SAMPLE_REFUND_ID, facts.refund_id),
        (SAMPLE_MESSAGE_ID, facts.message_id),
    ):
        text = text.replace(old, new)
    event = json.loads(text)
    if sample.webhook_type is not None:
        body = _with_amounts(json.loads(event["body"]), facts.total)
        event["body"] = compact(body)
    return replace(sample, event=event)


def _with_amounts(value: Any, total: int) -> Any:
    if isinstance(value, list):
        return [_with_amounts(each, total) for each in value]
    if not isinstance(value, dict):
        return value
    changed = {name: _with_amounts(each, total) for name, each in value.items()}
    for name in ("amount", "original_amount"):
        if changed.get(name) == SAMPLE_TOTAL:
            changed[name] = total
    if isinstance(changed.get("fee"), int) and "net_amount" in changed:
        changed["net_amount"] = changed["amount"] - changed["fee"]
    return changed


def with_new_event_id(sample: Sample) -> Sample:
    """A webhook event that was not sent before, or a checkout with a new Idempotency-Key."""
    event = json.loads(json.dumps(sample.event))
    if sample.webhook_type is not None:
        body = json.loads(event["body"])
        body["data"]["id"] = f"evt_replay{secrets.token_hex(9)}"
        event["body"] = compact(body)
    elif "Idempotency-Key" in (event.get("headers") or {}):
        _set_header(event, "Idempotency-Key", f"replay-{secrets.token_hex(9)}")
    return replace(sample, event=event)


def sign_webhook(sample: Sample, secret: str, *, livemode: bool, now: float) -> Sample:
    """The sample as PayMongo would send it now, if it was to be signed at all."""
    header = (sample.event.get("headers") or {}).get("Paymongo-Signature") or ""
    if TO_BE_SIGNED not in header:
        return sample
    event = json.loads(json.dumps(sample.event))
    if sample.webhook_type is not None:
        body = json.loads(event["body"])
        body["data"]["attributes"]["livemode"] = livemode
        event["body"] = compact(body)
    signature = signature_of(event["body"].encode(), secret, str(int(now)))
    test, live = ("", signature) if livemode else (signature, "")
    _set_header(event, "Paymongo-Signature", f"t={int(now)},te={test},li={live}")
    return replace(sample, event=event)


def sign_redirect(sample: Sample, key: bytes) -> Sample:
    """The sample with the signature that our own redirect URLs carry, if it was to be signed."""
    query = sample.event.get("queryStringParameters") or {}
    if query.get("signature") != TO_BE_SIGNED:
        return sample
    outcome = sample.event["path"].rpartition("/")[2]
    signed = {
        name: values[0]
        for name, values in parse_qs(
            urlsplit(redirect_path(outcome, query["rental_id"], key)).query
        ).items()
    }
    event = sample.event | {
        "queryStringParameters": signed,
        "multiValueQueryStringParameters": {name: [value] for name, value in signed.items()},
    }
    return replace(sample, event=event)


def with_access_key(sample: Sample, secret: bytes) -> Sample:
    """The sample with its rental's access key, if it was to have it."""
    if header(sample.event, ACCESS_KEY_HEADER) != TO_BE_SIGNED:
        return sample
    event = json.loads(json.dumps(sample.event))
    rental_id = event["pathParameters"]["rental_id"]
    _set_header(event, ACCESS_KEY_HEADER, access_key_of(rental_id, secret))
    return replace(sample, event=event)


def compact(body: Any) -> str:
    """JSON as PayMongo sends it."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)


def _set_header(event: Json, name: str, value: str) -> None:
    event["headers"][name] = value
    if event.get("multiValueHeaders"):
        event["multiValueHeaders"][name] = [value]
