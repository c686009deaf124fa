"""Sample events, filled in for a running stack and sent to what they are for.

An event's folder under events/ is the logical id of its function or rule in template.yaml. As they
are, all events tell of one rental, the one that events/PostCheckoutFunction/gcash.json makes; here
they are told of any. `./rentals replay` (make replay) is the command.
"""

import base64
import difflib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from rentals.checkout import rental_id_for
from rentals.links import redirect_path
from rentals.models import PaymentStatus
from tools.ops import account, rows
from tools.ops.errors import CannotReach, CommandError
from tools.ops.target import Target
from tools.paymongo_sandbox.webhooks import signature_header
from tools.sources import ROOT

Json = dict[str, Any]

EVENTS = ROOT / "events"

# What the samples are about; tests/functions/moto/test_events.py holds events/ to it.
SAMPLE_RENTAL_ID = rental_id_for("ana.cruz@example.com", "sample-event")
SAMPLE_SESSION_ID = "cs_sample000000000000000000"
SAMPLE_INTENT_ID = "pi_sample000000000000000000"
SAMPLE_PAYMENT_ID = "pay_sample00000000000000000"
SAMPLE_REFUND_ID = "ref_sample00000000000000000"
SAMPLE_TOTAL = 600_000
TO_BE_SIGNED = "SIGNED_BY_REPLAY"

WEBHOOK = "PostPayMongoWebhookFunction"
ENDED_RULE = "RentalExecutionEndedRule"
ATTENTION_RULE = "NeedsAttentionRule"
_SUGGESTIONS = 5
_SENT_AT_ONCE = 50


@dataclass(frozen=True)
class Sample:
    """An event of events/; `function` is the logical id of what it is for."""

    path: Path
    function: str
    event: Json

    @property
    def name(self) -> str:
        """As one writes it: `PostCheckoutFunction/gcash`."""
        return f"{self.function}/{self.path.stem}"

    @property
    def is_http(self) -> bool:
        """Whether it is a request that came through API Gateway."""
        return "httpMethod" in self.event

    @property
    def webhook_type(self) -> str | None:
        """What PayMongo tells with it: `payment.paid`, ...; None when it is no webhook event."""
        if self.function != WEBHOOK:
            return None
        try:
            return str(json.loads(self.event["body"])["data"]["attributes"]["type"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    @property
    def is_about_a_rental(self) -> bool:
        """Whether it names the sample rental."""
        return SAMPLE_RENTAL_ID in json.dumps(self.event)


@dataclass(frozen=True)
class Facts:
    """What a sample is filled in with; `total` is centavos."""

    rental_id: str = SAMPLE_RENTAL_ID
    session_id: str = SAMPLE_SESSION_ID
    intent_id: str = SAMPLE_INTENT_ID
    payment_id: str = SAMPLE_PAYMENT_ID
    refund_id: str = SAMPLE_REFUND_ID
    total: int = SAMPLE_TOTAL


def load(name: str) -> Sample:
    """A sample by its path or its name. Raises CommandError that lists what is near."""
    candidates = (Path(name), EVENTS / name, EVENTS / f"{name}.json")
    path = next((each for each in candidates if each.is_file()), None)
    if path is None:
        known = samples()
        near = [each for each in known if name and name.lower() in each.lower()]
        near = near or difflib.get_close_matches(name, known, _SUGGESTIONS, 0.3) or known
        problem = f"there is no event {name!r}" if name else "which event?"
        raise CommandError(problem, "\n  ".join(["there is", *near]))
    try:
        event = json.loads(path.read_text())
    except ValueError as error:
        raise CommandError(f"{path} is not JSON: {error}") from None
    if not isinstance(event, dict):
        raise CommandError(f"{path} is not a JSON object: Lambda events are")
    return Sample(path, path.resolve().parent.name, event)


def samples() -> list[str]:
    """The names of all samples."""
    return sorted(f"{path.parent.name}/{path.stem}" for path in EVENTS.glob("*/*.json"))


# --- filling in: pure ---


def fill_in(sample: Sample, facts: Facts) -> Sample:
    """The sample told of another rental, payment and amount; signatures are not made yet."""
    text = json.dumps(sample.event)
    for old, new in (
        (SAMPLE_RENTAL_ID, facts.rental_id),
        (SAMPLE_SESSION_ID, facts.session_id),
        (SAMPLE_INTENT_ID, facts.intent_id),
        (SAMPLE_PAYMENT_ID, facts.payment_id),
        (SAMPLE_REFUND_ID, facts.refund_id),
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
    signed = signature_header(secret, event["body"].encode(), int(now), livemode=livemode)
    _set_header(event, "Paymongo-Signature", signed)
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


def compact(body: Any) -> str:
    """JSON as PayMongo sends it."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)


def _set_header(event: Json, name: str, value: str) -> None:
    event["headers"][name] = value
    if event.get("multiValueHeaders"):
        event["multiValueHeaders"][name] = [value]


def transformed(event: Mapping[str, Any], transformer: Mapping[str, Any] | None) -> str:
    """What EventBridge's InputTransformer makes of an event, for templates that are JSON; without
    one the event as it is.
    """
    if transformer is None:
        return json.dumps(event)
    text: str = transformer["InputTemplate"]
    for name, path in transformer["InputPathsMap"].items():
        value: Any = event
        for part in path.removeprefix("$.").split("."):
            value = value[part]
        text = text.replace(f"<{name}>", json.dumps(value))
    return text


# --- which rental, and what is true of it ---


def choose_rental(target: Target, sample: Sample) -> Json:
    """The newest rental that the event could be about. Raises CommandError when there is none.

    For payments and redirects that is one that waits for its payment; for refunds one that is paid.
    """
    if "refund" in (sample.webhook_type or "") or sample.function == "RefundPaymentFunction":
        if not target.is_local:
            raise CommandError("which rental?", "name it: replay EVENT RENTAL")
        wanted, what = [row for row in rows.scan(target, "Rentals") if "paymentId" in row], "paid"
    else:
        wanted = [
            row
            for row in rows.followed_up(target)
            if row["paymentStatus"] == PaymentStatus.PENDING and "taskToken" in row
        ]
        what = "waiting for payment"
    if not wanted:
        raise CommandError(
            f"no rental is {what}",
            "rent something first (./rentals replay PostCheckoutFunction/gcash), or name a rental",
        )
    return rows.plain(max(wanted, key=lambda row: row["createdAt"]))


class SandboxControl:
    """The PayMongo sandbox beside a local stack, which can be told what customers do."""

    def __init__(self, base_url: str) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=30)

    @property
    def is_there(self) -> bool:
        """Whether the stack's PayMongo is the sandbox."""
        try:
            return self._http.get("/_sandbox/health").is_success
        except httpx.HTTPError:
            return False

    def act(self, session_id: str, action: str) -> str | None:
        """A payment happens, telling nobody; its id, or None when it cannot happen any more."""
        answer = self._http.post(
            f"/_sandbox/checkout_sessions/{session_id}/{action}", json={"silently": True}
        )
        if answer.status_code == 409:
            return None
        payment_id: str = answer.raise_for_status().json()["payment"]["id"]
        return payment_id


def facts_of(target: Target, sample: Sample, row: Mapping[str, Any]) -> tuple[Facts, list[str]]:
    """What to fill a sample in with, and what there is to say about it.

    Beside the sandbox what a webhook tells is made true first: the customer pays, or is declined,
    silently. Elsewhere the payment is made up, never in live mode. Raises CommandError.
    """
    kind = sample.webhook_type
    facts = Facts(
        rental_id=row["id"],
        session_id=row.get("checkoutSessionId", SAMPLE_SESSION_ID),
        intent_id=row.get("paymentIntentId", SAMPLE_INTENT_ID),
        payment_id=row.get("paymentId") or f"pay_replay{secrets.token_hex(9)}",
        refund_id=row.get("refundId") or f"ref_replay{secrets.token_hex(9)}",
        total=rows.total(row) or SAMPLE_TOTAL,
    )
    if kind is None or TO_BE_SIGNED not in json.dumps(sample.event):
        return facts, []
    if account.keys_of(target).read()["secretKey"].startswith("sk_live_"):
        raise CommandError("this stack takes real money: webhooks are not made up for it")
    sandbox = SandboxControl(target.stack.parameters["PayMongoApiUrl"])
    if not sandbox.is_there:
        return facts, [
            "PayMongo knows nothing of this payment, so ./rentals audit will find it missing."
        ]
    if kind in ("payment.paid", "checkout_session.payment.paid"):
        return _paid(target, sandbox, row, facts)
    if kind == "payment.failed" and "checkoutSessionId" in row:
        declined = sandbox.act(row["checkoutSessionId"], "decline")
        if declined is not None:
            return replace(facts, payment_id=declined), ["Declined at the sandbox first."]
    if "refund" in kind:
        return _refunded(target, row, facts)
    return facts, []


def _paid(
    target: Target, sandbox: SandboxControl, row: Mapping[str, Any], facts: Facts
) -> tuple[Facts, list[str]]:
    if "checkoutSessionId" not in row:
        raise CommandError(f"rental {row['id']} has no checkout session that could be paid")
    paid = sandbox.act(row["checkoutSessionId"], "settle")
    if paid is not None:
        return replace(facts, payment_id=paid), ["Paid at the sandbox first, silently."]
    payments = account.account_of(target).payments_of(row)
    known = next(each["id"] for each in payments if each["attributes"]["status"] == "paid")
    return replace(facts, payment_id=known), ["It was paid before: this is its payment again."]


def _refunded(target: Target, row: Mapping[str, Any], facts: Facts) -> tuple[Facts, list[str]]:
    for payment in account.account_of(target).payments_of(row):
        for refund in payment["attributes"].get("refunds") or ():
            known = replace(facts, payment_id=payment["id"], refund_id=refund["id"])
            return known, []
    raise CommandError(
        f"nothing of rental {row['id']} was refunded at PayMongo",
        f"refund it first: ./rentals refund {row['id']}",
    )


# --- sending ---


@dataclass(frozen=True)
class Answer:
    """What came back; `status` is an HTTP status, or `ok`, or the name of an error."""

    status: str
    body: str
    seconds: float


Send = Callable[[Sample], Answer]


def ready(target: Target, sample: Sample) -> Sample:
    """The sample with the stack's own signatures."""
    if sample.function == WEBHOOK:
        keys = account.keys_of(target).read()
        return sign_webhook(
            sample,
            keys.get("webhookSecret", ""),
            livemode=keys["secretKey"].startswith("sk_live_"),
            now=time.time(),
        )
    if TO_BE_SIGNED in json.dumps(sample.event):
        secret = target.client("secretsmanager").get_secret_value(
            SecretId=target.stack.physical_id("UrlSigningSecret")
        )["SecretString"]
        return sign_redirect(sample, secret.encode())
    return sample


def sender(target: Target, sample: Sample, *, over_http: bool) -> Send:
    """How an event like this is sent. Raises CommandError when it cannot be."""
    if over_http:
        if not sample.is_http:
            raise CommandError(f"{sample.name} is not an HTTP request", "leave out --http")
        site = httpx.Client(base_url=target.stack.site_url, timeout=60)
        return lambda each: send_over_http(site, each)
    if sample.function in (ENDED_RULE, ATTENTION_RULE):
        (rule,) = target.client("events").list_targets_by_rule(
            Rule=target.stack.physical_id(sample.function)
        )["Targets"]
        return lambda each: _send_to_rule(target, each, rule)
    if sample.function not in target.stack.functions:
        raise CommandError(
            f"the stack has no {sample.function}",
            "an event's folder is the name of its function in template.yaml",
        )
    return lambda each: _invoke(target, each)


def send_over_http(site: httpx.Client, sample: Sample) -> Answer:
    """As a browser or PayMongo sends it."""
    event = sample.event
    headers = {
        name: value
        for name, value in (event.get("headers") or {}).items()
        if name != "Host" and not name.startswith("X-Forwarded")
    }
    body = (event.get("body") or "").encode()
    started = time.monotonic()
    try:
        answer = site.request(
            event["httpMethod"],
            event["path"],
            params=event.get("queryStringParameters"),
            headers=headers,
            content=base64.b64decode(body) if event.get("isBase64Encoded") else body,
        )
    except httpx.HTTPError as error:
        raise CannotReach(
            f"nothing answers at {site.base_url} ({type(error).__name__})", "is it running?"
        ) from None
    where = answer.headers.get("Location", "")
    return Answer(str(answer.status_code), answer.text or where, time.monotonic() - started)


def _invoke(target: Target, sample: Sample) -> Answer:
    started = time.monotonic()
    answer = target.client("lambda").invoke(
        FunctionName=target.stack.live(sample.function), Payload=json.dumps(sample.event).encode()
    )
    payload = json.loads(answer["Payload"].read() or b"null")
    seconds = time.monotonic() - started
    if "FunctionError" in answer:
        return Answer(payload.get("errorType", "error"), payload.get("errorMessage", ""), seconds)
    if sample.is_http:
        where = payload.get("headers", {}).get("Location", "")
        return Answer(str(payload["statusCode"]), payload.get("body") or where, seconds)
    return Answer("ok", compact(payload), seconds)


def _send_to_rule(target: Target, sample: Sample, rule: Mapping[str, Any]) -> Answer:
    """Do what EventBridge would: nobody but AWS may send events of aws.states."""
    started = time.monotonic()
    message = transformed(sample.event, rule.get("InputTransformer"))
    if ":sqs:" in rule["Arn"]:
        url = target.stack.physical_id("NeedsAttentionQueue")
        target.client("sqs").send_message(QueueUrl=url, MessageBody=message)
        return Answer("ok", f"sent to the queue: {message}", time.monotonic() - started)
    execution = target.client("stepfunctions").start_execution(
        stateMachineArn=rule["Arn"], input=message
    )
    return Answer("ok", execution["executionArn"], time.monotonic() - started)


def send_all(sample: Sample, send: Send, *, times: int, at_once: int) -> list[Answer]:
    """Send it `times` times one after the other, or `at_once` times together."""
    if at_once > 1:
        with ThreadPoolExecutor(min(at_once, _SENT_AT_ONCE)) as pool:
            return list(pool.map(send, [sample] * at_once))
    return [send(sample) for _ in range(times)]
