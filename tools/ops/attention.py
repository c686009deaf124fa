"""What an operator should look at now."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rentals.errors import PaymentProviderRejected, PaymentProviderUnavailable
from rentals.models import FollowUp, PaymentStatus
from tools.ops import account, rows, webhook
from tools.ops.errors import CommandError
from tools.ops.promise import GRACE
from tools.ops.target import Target

Json = dict[str, Any]

# The reconciler comes every minute; what has been due for longer than this was not looked at.
RECONCILER_PATIENCE = timedelta(minutes=10)
# PayMongo gives cards back within about ten banking days.
REFUND_PATIENCE = timedelta(days=14)

QUEUES = ("NeedsAttentionQueue", "SettlementDeadLetterQueue")


@dataclass(frozen=True)
class Finding:
    """Something to look at; `subject` is a rental id or a part of the stack, `since` as stored."""

    subject: str
    status: str
    problem: str
    since: str
    advice: str


def of_rentals(
    found: Iterable[Mapping[str, Any]], hold: timedelta, now: datetime
) -> Iterator[Finding]:
    """Rentals that need attention or wait too long, among those that are still followed up."""
    for row in found:
        finding = _of_rental(row, hold, now)
        if finding is not None:
            yield finding


def _of_rental(row: Mapping[str, Any], hold: timedelta, now: datetime) -> Finding | None:
    rental_id, status = row["id"], row["paymentStatus"]

    def finding(problem: str, since: str, advice: str) -> Finding:
        return Finding(rental_id, status, problem, since, advice)

    if "attention" in row:
        return finding(row["attention"], row["updatedAt"], f'runbook, "{row["attention"]}"')
    is_pending = status == PaymentStatus.PENDING
    deadline = rows.moment(row.get("holdExpiresAt") or row["createdAt"])
    if row.get("holdExpiresAt") is None:
        deadline += hold
    if is_pending and now > deadline + GRACE:
        problem = "paid, not completed" if "paymentId" in row else "pending past its hold"
        return finding(problem, row["createdAt"], f"./rentals settle {rental_id}")
    if _is_overdue(row, now):
        return finding("not looked at by the reconciler", row["followUpAt"], "see Reconcile below")
    if row.get("followUp") == FollowUp.REFUND and "refundRequestedAt" in row:
        asked_at = row["refundRequestedAt"]
        if now - rows.moment(asked_at) > REFUND_PATIENCE:
            return finding("refund under way for weeks", asked_at, "ask PayMongo's support")
    return None


def _is_overdue(row: Mapping[str, Any], now: datetime) -> bool:
    return "followUpAt" in row and now - rows.moment(row["followUpAt"]) > RECONCILER_PATIENCE


def of_stack(target: Target, found: Iterable[Mapping[str, Any]], now: datetime) -> list[Finding]:
    """What is wrong with the machinery: queues, alarms, reconciler, webhook."""
    return [
        *_reconciler(found, now),
        *_queues(target),
        *_alarms(target),
        *_webhook(target),
    ]


def _reconciler(found: Iterable[Mapping[str, Any]], now: datetime) -> Iterator[Finding]:
    overdue = sorted(row["followUpAt"] for row in found if _is_overdue(row, now))
    if overdue:
        yield Finding(
            "Reconcile", "late", f"{len(overdue)} rentals overdue", overdue[0],
            "see that its schedule is enabled and it does not fail",
        )  # fmt: skip


def _queues(target: Target) -> Iterator[Finding]:
    for logical_id in QUEUES:
        attributes = target.client("sqs").get_queue_attributes(
            QueueUrl=target.stack.physical_id(logical_id),
            AttributeNames=["ApproximateNumberOfMessages"],
        )["Attributes"]
        if waiting := int(attributes["ApproximateNumberOfMessages"]):
            yield Finding(logical_id, "", f"{waiting} messages", "", "./rentals redrive")


def _alarms(target: Target) -> Iterator[Finding]:
    names = list(target.stack.of_type("AWS::CloudWatch::Alarm").values())
    if not names:
        return
    pages = (
        target.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNames=names[:100], StateValue="ALARM")
    )
    for page in pages:
        for each in page["MetricAlarms"]:
            since = each.get("StateUpdatedTimestamp")
            yield Finding(
                each["AlarmName"], "ALARM", each.get("AlarmDescription", ""),
                since.isoformat() if since else "", "runbook",
            )  # fmt: skip


def _webhook(target: Target) -> Iterator[Finding]:
    try:
        problems = webhook.check(
            account.account_of(target), account.keys_of(target), target.stack.webhook_url
        ).problems
    except (PaymentProviderUnavailable, PaymentProviderRejected) as error:
        yield Finding("PayMongo", "", str(error), "", "look at PayMongo's status page")
    except CommandError as error:
        yield Finding("PayMongo's keys", "", str(error), "", error.hint or "")
    else:
        for problem in problems:
            yield Finding("Webhook", "", problem, "", "./rentals webhook register")


def look(target: Target, now: datetime | None = None) -> list[Finding]:
    """Everything that somebody should look at: rentals, longest waiting first, then the stack."""
    now = now or datetime.now(UTC)
    found = rows.followed_up(target)
    hold = timedelta(seconds=target.stack.hold_seconds)
    rentals = sorted(of_rentals(found, hold, now), key=lambda each: each.since)
    return [*rentals, *of_stack(target, found, now)]


def to_json(findings: Iterable[Finding]) -> list[Json]:
    """For scripts."""
    return [asdict(each) for each in findings]


# --- the queues ---


@dataclass(frozen=True)
class Message:
    """A message of one of the queues; `rental_id` is None when it names none."""

    queue: str
    receipt: str
    rental_id: str | None
    body: str


def messages(target: Target, queue: str) -> Iterator[Message]:
    """Every message of a queue that is visible now; each is hidden from others for a minute."""
    client, url = target.client("sqs"), target.stack.physical_id(queue)
    seen: set[str] = set()
    while True:
        batch = client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=60, WaitTimeSeconds=0
        ).get("Messages", [])
        new = [each for each in batch if each["MessageId"] not in seen]
        if not new:
            return
        for each in new:
            seen.add(each["MessageId"])
            yield Message(queue, each["ReceiptHandle"], rental_of(each["Body"]), each["Body"])


def delete(target: Target, message: Message) -> None:
    """Take a message out of its queue."""
    target.client("sqs").delete_message(
        QueueUrl=target.stack.physical_id(message.queue), ReceiptHandle=message.receipt
    )


def rental_of(body: str) -> str | None:
    """The rental that a message is about: an event of a rental's execution, which has its id for
    a name, or of a settlement's, which was given it, or what a settlement was to be given.
    """
    try:
        value = json.loads(body)
        detail = value.get("detail", value)
        given = json.loads(detail["input"]) if isinstance(detail.get("input"), str) else detail
        found = given.get("rental_id") or detail.get("name")
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None
