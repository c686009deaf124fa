"""What payments do to rentals: received, declined, cancelled, wherever the news comes from.

A payment is written on the rental's row first, then sent to its execution: the row survives a lost
token, and whatever ends the rental must look at the row.
"""

import hashlib
import json
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infra.aws import stepfunctions
from infra.settings import integer_setting, setting
from infra.telemetry import count, logger
from rentals import executions, repository
from rentals.errors import HoldExpired, PaymentCancelled, PaymentFailed, RentalEnded
from rentals.models import EndReason, PaymentStatus, Rental

if TYPE_CHECKING:  # the desk takes money as well, and hears nothing of PayMongo
    from paymongo.resources import Payment

_LONGEST_NAME = 80
_GONE = {"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}


class Outcome(StrEnum):
    """What news about a payment led to."""

    DELIVERED = "delivered"
    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    SETTLING = "settling"
    IGNORED = "ignored"


def payment_received(rental: Rental, payment: "Payment", *, is_read: bool = False) -> Outcome:
    """Money arrived. Durable before this returns; the execution or the settlement does the rest.

    `is_read` is whether PayMongo was asked; an event is believed once it was (payment_check).
    """
    is_known = rental.payment_id == payment.id
    already = is_known or payment.id in rental.surplus_payment_ids
    if not is_known:
        rental = repository.record_payment(rental.id, payment, is_read=is_read)
    if rental.payment_id != payment.id:
        return _surplus_received(rental, payment.id)
    if rental.payment_status in (PaymentStatus.COMPLETED, PaymentStatus.REFUNDED):
        return Outcome.DUPLICATE
    if rental.is_pending:
        if rental.task_token is None:
            # Its execution is between states, and will find the payment on the row.
            return Outcome.DUPLICATE if already else Outcome.RECORDED
        is_delivered, rental = _deliver(rental, lambda token: _succeed(token, payment.id))
        if is_delivered:
            return Outcome.DELIVERED
        if rental.is_pending or rental.payment_status is PaymentStatus.COMPLETED:
            return Outcome.RECORDED
    count("LatePayment")
    return _settle(rental, payment.id)


def _surplus_received(rental: Rental, payment_id: str) -> Outcome:
    if payment_id in rental.settled_outside:
        return Outcome.DUPLICATE
    count("SurplusPayment")
    return _settle(rental, payment_id)


def payment_declined(rental: Rental, event_id: str) -> Outcome:
    """An attempt was declined. The last one allowed ends the wait for a payment.

    A repeated event counts once; the last decline is delivered again, in case it never was.
    """
    is_known = event_id in rental.declined_event_ids
    nothing_new = Outcome.DUPLICATE if is_known else Outcome.IGNORED
    try:
        rental = repository.record_decline(rental.id, event_id)
    except RentalEnded:
        return nothing_new
    if rental.declined_attempts < integer_setting("MAX_PAYMENT_ATTEMPTS"):
        return Outcome.DUPLICATE if is_known else Outcome.RECORDED
    cause = f"{rental.declined_attempts} attempts declined"
    outcome = _fail(rental, PaymentFailed.__name__, cause)
    return nothing_new if outcome is Outcome.IGNORED else outcome


def payment_cancelled(rental: Rental) -> Outcome:
    """The customer gave up. The workflow closes the session before it releases anything."""
    return _fail(rental, PaymentCancelled.__name__, "cancelled by the customer")


def hold_expired(rental: Rental) -> Outcome:
    """A hold that was shorter than usual ran out: no state's time limit knows of it."""
    return _fail(rental, HoldExpired.__name__, "the hold ran out")


def settlement_name(rental_id: str, suffix: str) -> str:
    """The name of a settlement execution: no longer than Step Functions takes, and no other's."""
    name = f"{rental_id}-{suffix}"
    if len(name) > _LONGEST_NAME:
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        name = f"{name[: _LONGEST_NAME - len(digest) - 1]}-{digest}"
    return name


def start_settlement(
    rental_id: str, execution_suffix: str, reason: EndReason | None = None
) -> None:
    """Start the settlement of a rental; the same suffix starts it once.

    `reason` is why the rental ends, if nobody has paid for it.
    """
    name = settlement_name(rental_id, execution_suffix)
    given = {"rental_id": rental_id} | ({"reason": reason} if reason else {})
    if not executions.start(setting("SETTLEMENT_STATE_MACHINE_ARN"), name, given):
        logger.info("settlement was started before", extra={"execution": name})


def _settle(rental: Rental, payment_id: str) -> Outcome:
    start_settlement(rental.id, payment_id)
    return Outcome.SETTLING


def _succeed(task_token: str, payment_id: str) -> None:
    stepfunctions().send_task_success(
        taskToken=task_token, output=json.dumps({"payment_id": payment_id})
    )


def _fail(rental: Rental, error_name: str, cause: str) -> Outcome:
    is_delivered, _ = _deliver(
        rental,
        lambda token: stepfunctions().send_task_failure(
            taskToken=token, error=error_name, cause=cause
        ),
    )
    return Outcome.DELIVERED if is_delivered else Outcome.IGNORED


def _deliver(rental: Rental, send: Callable[[str], object]) -> tuple[bool, Rental]:
    """Send to the execution that waits; whether it got it, and the rental as it is then.

    A wait whose first write was answered too late is tried again with another token, so a token
    that is gone is looked up anew for as long as it changes.
    """
    while rental.is_pending and rental.task_token is not None:
        token = rental.task_token
        try:
            send(token)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
        else:
            return True, rental
        rental = repository.get(rental.id)
        if rental.task_token == token:
            break
    return False, rental
