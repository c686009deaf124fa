"""What needs attention now."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from boto3.dynamodb.conditions import Key

from infra.clock import timestamp
from infra.due_index import DueIndex
from rentals import retention
from rentals.charge_payments import UNPAID
from rentals.deadlines import Deadline
from rentals.disputes import DISPUTED
from rentals.errors import PaymentProviderRejected, PaymentProviderUnavailable
from rentals.fulfillment import FULFILLMENT_INDEX, clock_keys
from rentals.models import FollowUp, PaymentStatus
from rentals.retention import RETENTION
from tools.ops import queues, rows, webhook
from tools.ops.errors import CommandError
from tools.ops.target import Target
from tools.ops.upgrading import CARRIED_OVER
from tools.ops.words import counted

# The reconciler comes every minute; a follow-up due for longer than this is overdue.
RECONCILER_PATIENCE = timedelta(minutes=10)
# A hold that is over is ended within minutes, unless its payment is under way.
HOLD_PATIENCE = timedelta(minutes=5)
# PayMongo gives cards back within about ten banking days.
REFUND_PATIENCE = timedelta(days=14)
# It looks again after ten minutes at a rental whose execution takes its time.
CLOCK_PATIENCE = timedelta(minutes=15)
# It comes every day, and Lambda tries a run again that failed.
ERASURE_PATIENCE = timedelta(days=2)

# A problem of a paid rental's second half in words, the attribute with its time, and its section in
# the runbook.
_FULFILLMENT = {
    Deadline.DELIVERY_LATE: ("not at its store in time", "readyBy", "A delivery is late"),
    Deadline.OVERDUE: ("not brought back", "dueAt", "Overdue for too long"),
    Deadline.NOT_INSPECTED: ("not inspected", "returnedAt", "A unit was not inspected"),
    "ExecutionFailed": ("its execution failed", "updatedAt", "Fulfillment stands still"),
    "mail_bounced": ("a mail came back", "updatedAt", "Mails are not sent"),
    "mail_not_sent": ("a mail was not sent", "updatedAt", "Mails are not sent"),
    DISPUTED: ("a payment is disputed", "updatedAt", "A payment is disputed"),
    UNPAID: ("a charge is not paid", "updatedAt", "A charge is not paid"),
    CARRIED_OVER: ("where is it?", "arrivedAt", "Rentals from before the desk"),
}


@dataclass(frozen=True)
class Finding:
    """What needs attention; `subject` is a rental id or a part of the stack, `since` as stored."""

    subject: str
    status: str
    problem: str
    since: str
    advice: str


def of_rentals(found: Iterable[Mapping[str, Any]], now: datetime) -> Iterator[Finding]:
    """Rentals that need attention or wait too long, among those that are still followed up."""
    for row in found:
        finding = _of_rental(row, now)
        if finding is not None:
            yield finding


def _of_rental(row: Mapping[str, Any], now: datetime) -> Finding | None:
    rental_id, status = row["id"], row["paymentStatus"]

    def finding(problem: str, since: str, advice: str) -> Finding:
        return Finding(rental_id, status, problem, since, advice)

    if "attention" in row:
        return finding(row["attention"], row["updatedAt"], f'runbook, "{row["attention"]}"')
    if status == PaymentStatus.PENDING and _is_past_its_hold(row, now):
        problem = "paid, not completed" if "paymentId" in row else "pending past its hold"
        return finding(problem, row["createdAt"], f"./rentals settle {rental_id}")
    if status != PaymentStatus.PENDING and _may_still_be_paid(row):
        section = "A session is left open"
        return finding("ended, can still be paid", row["endedAt"], f'runbook, "{section}"')
    if _is_overdue(row, now):
        return finding("follow-up overdue", row["followUpAt"], "see Reconcile below")
    if row.get("followUp", "").startswith(FollowUp.REFUND) and "refundRequestedAt" in row:
        asked_at = row["refundRequestedAt"]
        if now - rows.moment(asked_at) > REFUND_PATIENCE:
            return finding("refund pending for weeks", asked_at, "ask PayMongo's support")
    return None


def _is_past_its_hold(row: Mapping[str, Any], now: datetime) -> bool:
    """Whether a pending rental should have ended by now: it has minutes from the end of its own
    hold, or from its creation, to begin one.
    """
    return now > rows.moment(row.get("holdExpiresAt", row["createdAt"])) + HOLD_PATIENCE


def _may_still_be_paid(row: Mapping[str, Any]) -> bool:
    is_open = "checkoutSessionId" in row and "sessionClosedAt" not in row
    return is_open and "paymentId" not in row


def _is_overdue(row: Mapping[str, Any], now: datetime) -> bool:
    return "followUpAt" in row and now - rows.moment(row["followUpAt"]) > RECONCILER_PATIENCE


def of_fulfillment(found: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    """Paid rentals, among these, whose second half needs somebody."""
    for row in found:
        problem = row.get("fulfillmentAttention")
        if problem is not None:
            words, since, section = _FULFILLMENT.get(problem, (problem, "updatedAt", problem))
            yield Finding(
                row["id"],
                row.get("fulfillmentStatus", row["paymentStatus"]),
                words,
                row[since],
                f'runbook, "{section}"',
            )


def of_stack(target: Target, found: Iterable[Mapping[str, Any]], now: datetime) -> list[Finding]:
    """What is wrong with the machinery: queues, alarms, reconciler, webhook."""
    return [
        *_reconciler(found, now),
        *_clock(target, now),
        *_erasures(target, now),
        *_queues(target),
        *_alarms(target),
        *_webhook(target),
    ]


def _reconciler(found: Iterable[Mapping[str, Any]], now: datetime) -> Iterator[Finding]:
    overdue = sorted(row["followUpAt"] for row in found if _is_overdue(row, now))
    if overdue:
        yield Finding(
            "Reconcile", "late", f"{counted(len(overdue), 'follow-up')} overdue", overdue[0],
            "check that its schedule is enabled and that it does not fail",
        )  # fmt: skip


def _clock(target: Target, now: datetime) -> Iterator[Finding]:
    overdue = _due_before(
        target, "Rentals", FULFILLMENT_INDEX, clock_keys(), timestamp(now - CLOCK_PATIENCE)
    )
    if overdue:
        yield Finding(
            "FollowFulfillment", "late", "deadlines that nobody looks at", min(overdue),
            'runbook, "The clock is silent"',
        )  # fmt: skip


def _erasures(target: Target, now: datetime) -> Iterator[Finding]:
    overdue = _due_before(
        target, "Lookups", RETENTION, retention.look_keys(), timestamp(now - ERASURE_PATIENCE)
    )
    if overdue:
        yield Finding(
            "ErasePersonalData", "late", "personal data that nobody erases",
            min(overdue).partition("#")[0], 'runbook, "Personal data is kept too long"',
        )  # fmt: skip


def _due_before(
    target: Target, table: str, index: DueIndex, keys: Iterable[str], before: str
) -> list[str]:
    """When the first of each key was due, of those that were due before a time as stored."""
    client: Any = target.dynamodb.meta.client
    named = {"IndexName": index.name} if index.name else {}
    return [
        row[index.due_at]
        for key in keys
        for row in client.query(
            TableName=target.table(table).name,
            KeyConditionExpression=Key(index.key).eq(key) & Key(index.due_at).lt(before),
            Limit=1,
            **named,
        )["Items"]
    ]


def _queues(target: Target) -> Iterator[Finding]:
    for queue in queues.QUEUES:
        if waiting := queues.waiting(target, queue):
            yield Finding(queue, "", counted(waiting, "message"), "", "./rentals redrive")


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
        problems = webhook.check(*webhook.of_stack(target)).problems
    except (PaymentProviderUnavailable, PaymentProviderRejected) as error:
        yield Finding("PayMongo", "", str(error), "", "see PayMongo's status page")
    except CommandError as error:
        yield Finding("PayMongo's keys", "", str(error), "", error.hint or "")
    else:
        for problem in problems:
            yield Finding("Webhook", "", problem, "", "./rentals webhook register")


def look(target: Target, now: datetime | None = None) -> list[Finding]:
    """Everything that needs attention: rentals, longest waiting first, then the stack."""
    now = now or datetime.now(UTC)
    found = rows.followed_up(target)
    return [*_all_rentals(target, found, now), *of_stack(target, found, now)]


def of_every_rental(target: Target) -> list[Finding]:
    """The rentals among them."""
    return _all_rentals(target, rows.followed_up(target), datetime.now(UTC))


def _all_rentals(
    target: Target, found: Iterable[Mapping[str, Any]], now: datetime
) -> list[Finding]:
    rentals = sorted(of_rentals(found, now), key=lambda each: each.since)
    waiting = sorted(of_fulfillment(rows.in_attention(target)), key=lambda each: each.since)
    return [*rentals, *waiting]
