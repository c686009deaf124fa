"""The queues of what needs somebody: reading them, and doing what their messages ask for."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from tools.ops import executions, notices, rows
from tools.ops.errors import CommandError
from tools.ops.target import Target

DEAD_LETTERS = "SettlementDeadLetterQueue"
NOTICES = "NoticesDeadLetterQueue"
QUEUES = ("NeedsAttentionQueue", DEAD_LETTERS, NOTICES)


@dataclass(frozen=True)
class Message:
    """A message of one of the queues; `rental_id` is None when it names none."""

    queue: str
    receipt: str
    rental_id: str | None
    body: str


@dataclass(frozen=True)
class Redriven:
    """What was done about a message; `is_left` says that it is still in its queue."""

    message: Message
    outcome: str
    is_left: bool = False


def waiting(target: Target, queue: str) -> int:
    """How many messages are visible, approximately."""
    attributes = target.client("sqs").get_queue_attributes(
        QueueUrl=target.stack.physical_id(queue), AttributeNames=["ApproximateNumberOfMessages"]
    )["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"])


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
            body = each["Body"]
            yield Message(queue, each["ReceiptHandle"], rental_of(body), body)


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


def redrive(target: Target, *, wait_seconds: float) -> Iterator[Redriven]:
    """Do what each message asks for, and delete it when that is done.

    A dead letter starts the settlement that EventBridge could not start, which is watched for
    `wait_seconds` at most, or has told what was not told. A message about a rental that still needs
    attention stays.
    """
    for queue in QUEUES:
        for message in messages(target, queue):
            yield _redrive(target, message, wait_seconds)


def _redrive(target: Target, message: Message, wait_seconds: float) -> Redriven:
    if message.queue == NOTICES:
        return _deleted(target, message, _retell(target, message.body))
    if message.rental_id is None:
        return Redriven(message, "left: it names no rental; read it in the SQS console", True)
    try:
        row = rows.rental(target, message.rental_id)
    except CommandError:
        return _deleted(target, message, "deleted: there is no such rental")
    if message.queue == DEAD_LETTERS:
        arn = executions.start_settlement(target, message.rental_id)
        execution = executions.follow(target, arn, seconds=wait_seconds) if wait_seconds else None
        # Started is enough: a settlement that fails flags its rental for attention itself.
        status = execution.status.lower() if execution else "started"
        return _deleted(target, message, f"settlement {status}")
    if "attention" in row:
        return Redriven(message, f"left: needs attention ({row['attention']})", True)
    return _deleted(target, message, f"deleted: the rental is {row['paymentStatus']}")


def _retell(target: Target, body: str) -> str:
    """Do what a dead letter of the notices says that was not done: which batch, or a mail's event
    of SES.
    """
    if "DDBStreamBatchInfo" in body:
        return f"{len(list(notices.resend(target, None)))} notices told again"
    target.client("lambda").invoke(
        FunctionName=target.stack.live("MailFeedbackFunction"), Payload=body.encode()
    )
    return "a mail's fate recorded"


def _deleted(target: Target, message: Message, outcome: str) -> Redriven:
    target.client("sqs").delete_message(
        QueueUrl=target.stack.physical_id(message.queue), ReceiptHandle=message.receipt
    )
    return Redriven(message, outcome)
