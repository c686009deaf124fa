"""Which rental a sample event is filled in with, and the facts that it reports."""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx

from rentals.models import FulfillmentStatus, PaymentStatus
from rentals.notices import NoticeKind, id_of
from tools.ops import account, rows
from tools.ops.errors import CommandError
from tools.ops.target import Target
from tools.replay.filling import (
    Facts,
    fill_in,
    sign_redirect,
    sign_webhook,
    with_access_key,
    with_new_event_id,
)
from tools.replay.samples import (
    SAMPLE_INTENT_ID,
    SAMPLE_MESSAGE_ID,
    SAMPLE_SESSION_ID,
    SAMPLE_TOTAL,
    TO_BE_SIGNED,
    WEBHOOK,
    Json,
    Sample,
)

_OF_FULFILLMENT = (
    "MeetDeadlinesFunction",
    "ResumeFulfillmentFunction",
    "FulfillmentExecutionEndedRule",
    "GetDeskRentalFunction",
    "GetDeskRentalsFunction",
    "PostDeskActionFunction",
    "PostDeskMoneyFunction",
    "PostDeskPhotographFunction",
)
_ABOUT_PAID_RENTALS = ("RefundPaymentFunction", "SendNoticesFunction", "MailFeedbackFunction")
# What there is to say to the person who replays.
Notes = list[str]


def choose_rental(target: Target, sample: Sample) -> Json:
    """The newest rental that the event could be about. Raises CommandError when there is none.

    For payments and redirects that is one that waits for its payment; for refunds and mails one
    that is paid; for fulfillment one that is paid and not closed.
    """
    is_about_paid = (
        any(each in (sample.webhook_type or "") for each in ("refund", "dispute"))
        or sample.function in _ABOUT_PAID_RENTALS
    )
    is_about_fulfillment = sample.function in _OF_FULFILLMENT
    if is_about_paid or is_about_fulfillment:
        if not target.is_local:
            raise CommandError("which rental?", "name it: replay EVENT RENTAL")
        is_wanted, what = (
            (_is_out, "paid and not closed") if is_about_fulfillment else (_is_paid, "paid")
        )
        wanted = list(filter(is_wanted, rows.scan(target, "Rentals")))
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


def _is_paid(row: Mapping[str, Any]) -> bool:
    return "paymentId" in row


def _is_out(row: Mapping[str, Any]) -> bool:
    return row.get("fulfillmentStatus") not in (None, FulfillmentStatus.CLOSED)


class SandboxControl:
    """The PayMongo sandbox beside a local stack, which plays customers on demand."""

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
        """A payment without its webhook; its id, or None when it cannot happen any more."""
        answer = self._http.post(
            f"/_sandbox/checkout_sessions/{session_id}/{action}", json={"silently": True}
        )
        if answer.status_code == 409:
            return None
        payment_id: str = answer.raise_for_status().json()["payment"]["id"]
        return payment_id


def facts_of(target: Target, sample: Sample, row: Mapping[str, Any]) -> tuple[Facts, Notes]:
    """What to fill a sample in with, and what there is to say about it.

    Beside the sandbox what a webhook reports happens first: the customer pays, or is declined,
    without a webhook. Elsewhere the payment does not exist; refused in live mode. Raises
    CommandError.
    """
    kind = sample.webhook_type
    facts = Facts(
        rental_id=row["id"],
        session_id=row.get("checkoutSessionId", SAMPLE_SESSION_ID),
        intent_id=row.get("paymentIntentId", SAMPLE_INTENT_ID),
        payment_id=row.get("paymentId") or f"pay_replay{secrets.token_hex(9)}",
        refund_id=row.get("refundId") or f"ref_replay{secrets.token_hex(9)}",
        message_id=_message_of(target, row["id"]),
        total=rows.total(row) or SAMPLE_TOTAL,
    )
    if kind is None or TO_BE_SIGNED not in json.dumps(sample.event):
        return facts, []
    if account.keys_of(target).read()["secretKey"].startswith("sk_live_"):
        raise CommandError("this stack is in live mode: no webhooks are simulated for it")
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


def _message_of(target: Target, rental_id: str) -> str:
    """The mail that told that the rental is confirmed, which the samples are about."""
    key = {"id": id_of(rental_id, NoticeKind.CONFIRMED, "1")}
    notice = target.table("Notices").get_item(Key=key).get("Item", {})
    return str(notice.get("messageId", SAMPLE_MESSAGE_ID))


def _paid(
    target: Target, sandbox: SandboxControl, row: Mapping[str, Any], facts: Facts
) -> tuple[Facts, Notes]:
    if "checkoutSessionId" not in row:
        raise CommandError(f"rental {row['id']} has no checkout session that could be paid")
    paid = sandbox.act(row["checkoutSessionId"], "settle")
    if paid is not None:
        return replace(facts, payment_id=paid), ["Paid at the sandbox first, without its webhook."]
    payments = account.account_of(target).payments_of(row)
    known = next(each["id"] for each in payments if each["attributes"]["status"] == "paid")
    return replace(facts, payment_id=known), [
        "It was paid already: this webhook reports the same payment."
    ]


def _refunded(target: Target, row: Mapping[str, Any], facts: Facts) -> tuple[Facts, Notes]:
    for payment in account.account_of(target).payments_of(row):
        for refund in payment["attributes"].get("refunds") or ():
            known = replace(facts, payment_id=payment["id"], refund_id=refund["id"])
            return known, []
    raise CommandError(
        f"nothing of rental {row['id']} was refunded at PayMongo",
        f"refund it first: ./rentals refund {row['id']}",
    )


def prepare(target: Target, sample: Sample, row: Mapping[str, Any] | None) -> tuple[Sample, Notes]:
    """The sample as a new event, for this rental, signed with the stack's own secrets.

    Raises CommandError.
    """
    notes: Notes = []
    if row is not None:
        facts, notes = facts_of(target, sample, row)
        sample = fill_in(sample, facts)
    return _signed(target, with_new_event_id(sample)), notes


def _signed(target: Target, sample: Sample) -> Sample:
    if sample.function == WEBHOOK:
        keys = account.keys_of(target).read()
        return sign_webhook(
            sample,
            keys.get("webhookSecret", ""),
            livemode=keys["secretKey"].startswith("sk_live_"),
            now=time.time(),
        )
    if TO_BE_SIGNED in json.dumps(sample.event):
        signing, access = (
            target.client("secretsmanager")
            .get_secret_value(SecretId=target.stack.physical_id(logical_id))["SecretString"]
            .encode()
            for logical_id in ("UrlSigningSecret", "AccessSecret")
        )
        return with_access_key(sign_redirect(sample, signing), access)
    return sample
