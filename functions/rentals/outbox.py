"""Telling what the outbox has: the event, then the mail, then what became of it on the row.

A notice that was told is left as it is, so a record of the table's stream may come again. When a
run ends between two steps, the steps before come twice: an event carries its notice's id, so that
whoever takes events can tell.
"""

from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra import clock, dynamo, event_bus, mail
from infra.aws import is_transient
from infra.settings import setting
from infra.telemetry import count, logger
from rentals import catalogue, fulfillment, notices, repository, statement
from rentals.errors import TransientFailure
from rentals.links import page_with_key
from rentals.mails import mail_of
from rentals.models import Rental
from rentals.notices import ABOUT_MONEY, Notice, NoticeStatus

EVENT_SOURCE = "mongocollectibles.rentals"

MAILS_ARE_OFF, CUSTOMER_COMPLAINED, CUSTOMER_ERASED = (
    "MailsAreOff",
    "CustomerComplained",
    "CustomerErased",
)
# Why a mail is not sent although nothing is wrong.
ON_PURPOSE = {MAILS_ARE_OFF, CUSTOMER_COMPLAINED, CUSTOMER_ERASED}

Outcome = dict[str, Any]


def tell(notice_id: str) -> NoticeStatus | None:
    """Tell what a pending notice is about: what became of it, None when it was told before.

    Raises what a retry may cure: TransientFailure, ClientError, BotoCoreError.
    """
    notice = notices.find(notice_id)
    if notice is None or notice.status is not NoticeStatus.PENDING:
        return None
    logger.append_keys(rental_id=notice.rental_id)
    try:
        event_bus.put(EVENT_SOURCE, notice.kind.event, event_of(notice))
        outcome = _mail(notice)
    except Exception as error:  # a row that cannot be told must not hold up the others
        if _may_pass(error):
            raise
        outcome = _give_up(notice, error)
    notices.record_outcome(notice, outcome)
    return NoticeStatus(outcome["status"])


def event_of(notice: Notice) -> dict[str, str]:
    """The detail of a notice's event (events/schemas): ids and when it happened."""
    detail = {
        "notice_id": notice.id,
        "occurred_at": notice.created_at,
        "rental_id": notice.rental_id,
        "collectible_id": notice.collectible_id,
        "store_id": notice.store_id,
        "unit_id": notice.unit_id,
    }
    return {name: value for name, value in detail.items() if value is not None}


def _mail(notice: Notice) -> Outcome:
    if not notice.kind.is_mailed:
        return _sent()
    if not mail.is_on():
        return {"status": NoticeStatus.NOT_SENT, "problem": MAILS_ARE_OFF}
    rental = repository.get(notice.rental_id)
    if rental.erased_at is not None:
        return {"status": NoticeStatus.NOT_SENT, "problem": CUSTOMER_ERASED}
    if notice.kind not in ABOUT_MONEY and _has_complained(rental):
        return {"status": NoticeStatus.NOT_SENT, "problem": CUSTOMER_COMPLAINED}
    written = mail_of(
        notice.kind,
        statement.of(rental),
        catalogue.store(rental.store_id),
        _page_of(rental),
        notice.key,
    )
    message_id = mail.send(
        rental.customer.email,
        written.subject,
        written.text,
        tags={"notice": notice.id},
    )
    return _sent(message_id)


def _sent(message_id: str | None = None) -> Outcome:
    return {
        "status": NoticeStatus.SENT,
        "sentAt": clock.now_timestamp(),
        "messageId": message_id,
    }


def _page_of(rental: Rental) -> str:
    return setting("SITE_URL").rstrip("/") + page_with_key("rental", rental.id)


def _has_complained(rental: Rental) -> bool:
    customer = dynamo.get(setting("CUSTOMERS_TABLE"), repository.customer_key(rental))
    return customer is not None and "complainedAt" in customer


def _may_pass(error: Exception) -> bool:
    if isinstance(error, ClientError | BotoCoreError):
        return is_transient(error)
    return isinstance(error, TransientFailure)


def _give_up(notice: Notice, error: Exception) -> Outcome:
    """Have an operator look. The error's message stays out: SES names the address in it."""
    problem = type(error).__name__
    if isinstance(error, ClientError):
        problem = error.response["Error"]["Code"]
    logger.error("a notice was not sent", extra={"notice": notice.id, "problem": problem})
    count("NoticeNotSent")
    with suppress(dynamo.ConditionFailed):  # there is no such rental
        fulfillment.flag(notice.rental_id, "mail_not_sent")
    return {"status": NoticeStatus.NOT_SENT, "problem": problem}
