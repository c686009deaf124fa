"""What payments do to rentals: received, declined, cancelled, wherever the news comes from.

Money is written on the rental first, then told to its execution: what is on the row survives a
lost token, and whoever ends the rental must look at it.
"""

import json
from enum import StrEnum

from botocore.exceptions import ClientError

from rentals import repository
from rentals.aws import stepfunctions
from rentals.errors import PaymentCancelled, PaymentFailed, RentalEnded
from rentals.models import EndReason, Payment, PaymentStatus, Rental
from rentals.settings import integer_setting, setting
from rentals.telemetry import count, logger

_GONE = {"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}


class Outcome(StrEnum):
    """What news about a payment led to."""

    DELIVERED = "delivered"
    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    SETTLING = "settling"
    IGNORED = "ignored"


def payment_received(rental: Rental, payment: Payment) -> Outcome:
    """Money arrived. Durable before this returns; the execution or the settlement does the rest."""
    already = rental.payment_id == payment.id or payment.id in rental.surplus_payment_ids
    rental = repository.record_payment(rental.id, payment.id, payment.amount, payment.currency)
    if rental.payment_id != payment.id:
        count("SurplusPayment")
        return _settle(rental, payment.id)
    if rental.payment_status in (PaymentStatus.COMPLETED, PaymentStatus.REFUNDED):
        return Outcome.DUPLICATE
    if rental.is_pending:
        if rental.task_token is None:
            # Its execution is between states, and will find the payment on the row.
            return Outcome.DUPLICATE if already else Outcome.RECORDED
        if _succeed(rental.task_token, payment.id):
            return Outcome.DELIVERED
        rental = repository.get(rental.id)
        if rental.is_pending or rental.payment_status is PaymentStatus.COMPLETED:
            return Outcome.RECORDED
    count("LatePayment")
    return _settle(rental, payment.id)


def payment_declined(rental: Rental, event_id: str) -> Outcome:
    """An attempt was declined. The last one allowed ends the wait for a payment."""
    try:
        rental = repository.record_decline(rental.id, event_id)
    except RentalEnded:
        return Outcome.IGNORED
    if rental.declined_attempts < integer_setting("MAX_PAYMENT_ATTEMPTS"):
        return Outcome.RECORDED
    return _fail(rental, PaymentFailed.__name__, f"{rental.declined_attempts} attempts declined")


def payment_cancelled(rental: Rental) -> Outcome:
    """The customer gave up. The workflow closes the session before it releases anything."""
    return _fail(rental, PaymentCancelled.__name__, "cancelled by the customer")


def start_settlement(
    rental_id: str, execution_suffix: str, reason: EndReason | None = None
) -> None:
    """Start the settlement of a rental; the same suffix starts it once.

    `reason` is why the rental ends, if nobody has paid for it.
    """
    name = f"{rental_id}-{execution_suffix}"[:80]
    try:
        stepfunctions().start_execution(
            stateMachineArn=setting("SETTLEMENT_STATE_MACHINE_ARN"),
            name=name,
            input=json.dumps({"rental_id": rental_id} | ({"reason": reason} if reason else {})),
        )
    except stepfunctions().exceptions.ExecutionAlreadyExists:
        logger.info("settlement was started before", extra={"execution": name})


def _settle(rental: Rental, payment_id: str) -> Outcome:
    start_settlement(rental.id, payment_id)
    return Outcome.SETTLING


def _succeed(task_token: str, payment_id: str) -> bool:
    try:
        stepfunctions().send_task_success(
            taskToken=task_token, output=json.dumps({"payment_id": payment_id})
        )
    except ClientError as error:
        _raise_unless_gone(error)
        return False
    return True


def _fail(rental: Rental, error_name: str, cause: str) -> Outcome:
    if not rental.is_pending or rental.task_token is None:
        return Outcome.IGNORED
    try:
        stepfunctions().send_task_failure(
            taskToken=rental.task_token, error=error_name, cause=cause
        )
    except ClientError as error:
        _raise_unless_gone(error)
        return Outcome.IGNORED
    return Outcome.DELIVERED


def _raise_unless_gone(error: ClientError) -> None:
    if error.response["Error"]["Code"] not in _GONE:
        raise error
