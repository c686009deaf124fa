"""What no event tells: payments whose webhook was lost, rentals whose execution is gone, refunds
that are still under way, rentals that could not be settled.

Each run takes what is due from the sparse follow-up index, a bounded number, longest waiting
first. Taking one puts it off, so runs that overlap share the work, and a run that dies halfway
leaves the rest due. A run may last for several of the schedule's minutes: the more is due, the more
runs work side by side.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import zip_longest

from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import BotoCoreError, ClientError

from infra import clock, dynamo
from infra.aws import describe
from infra.settings import setting
from infra.telemetry import count, logger, measure
from paymongo.client import paymongo
from paymongo.resources import CheckoutSession
from rentals import (
    charge_sessions,
    charges,
    executions,
    follow_ups,
    given_back,
    payments,
    refunds,
    repository,
)
from rentals.errors import ApplicationError, RefundFailed
from rentals.models import EndReason, FollowUp, Rental

# More than a run has time for (300 s; one takes up to 0.7 s, most of it PayMongo's): runs that
# overlap share one list, and a run with a short one would end while there is more to do. Five at
# once are far from PayMongo's 100 requests a second.
MAX_PER_KIND = 1_500


def reconcile(has_time: Callable[[], bool]) -> int:
    """Look at everything that is due, for as long as `has_time`; returns how many were looked at.

    What fails for one rental is logged, and due again later.
    """
    looked = 0
    for kind, rental_id, due_at in _due():
        if not has_time():
            break
        try:
            rental = follow_ups.claim(rental_id, due_at, follow_ups.SECONDS[kind])
            if rental is not None:
                looked += 1
                _FOLLOW_UPS[kind](rental)
        except (ApplicationError, ClientError, BotoCoreError) as error:
            logger.warning(
                "could not be reconciled", extra={"rental_id": rental_id, "error": describe(error)}
            )
    return looked


def follow_charges(has_time: Callable[[], bool]) -> int:
    """Look at every charge that is due, for as long as `has_time`; returns how many."""
    looked = 0
    for charge_id, due_at in charges.list_due(MAX_PER_KIND):
        if not has_time():
            break
        try:
            charge = charges.get(charge_id)
            if charge.follow_up_at == due_at:
                looked += 1
                charge_sessions.follow(repository.get(charge.rental_id), charge)
        except dynamo.ConditionFailed:
            logger.info("another run was faster", extra={"charge_id": charge_id})
        except (ApplicationError, ClientError, BotoCoreError) as error:
            logger.warning(
                "could not be reconciled", extra={"charge_id": charge_id, "error": describe(error)}
            )
    return looked


def _due() -> Iterator[tuple[FollowUp, str, str]]:
    """Kinds take turns, so that many of one, or PayMongo's silence, don't delay the others."""
    due = [[(kind, *each) for each in follow_ups.list_due(kind, MAX_PER_KIND)] for kind in FollowUp]
    for turn in zip_longest(*due):
        yield from filter(None, turn)


def is_webhook_enabled() -> bool:
    """Whether PayMongo still delivers to our endpoint: it turns off endpoints that keep failing."""
    ours = f"{setting('SITE_URL').rstrip('/')}/api/webhooks/paymongo"
    return any(url == ours and status == "enabled" for url, status in paymongo().list_webhooks())


def _follow_payment(rental: Rental) -> None:
    if rental.is_pending:
        _follow_hold(rental)
    elif rental.payment_id is not None:
        _settle(rental, None)
    elif rental.has_open_session:
        _close_left_session(rental)
    elif not _find_payment(rental):
        follow_ups.end(rental)


def _close_left_session(rental: Rental) -> None:
    """Of a rental that ended at the longest hold: one more look follows the one that closes it."""
    session = paymongo().close_checkout_session(str(rental.checkout_session_id))
    if session.is_expired:
        repository.record_session_closed(rental)
    _pass_on(rental, session)


def _follow_hold(rental: Rental) -> None:
    measure("OldestOverdueHoldSeconds", _overdue_seconds(rental), MetricUnit.Seconds)
    expires_at = rental.hold_expires_at
    is_over = expires_at is not None and expires_at < clock.now_timestamp()
    if not executions.is_running(setting("RENTAL_STATE_MACHINE_ARN"), rental.id):
        _settle(rental, EndReason.HOLD_EXPIRED if is_over else EndReason.ERROR)
    elif rental.task_token is not None and not _find_payment(rental) and is_over:
        payments.hold_expired(rental)


def _find_payment(rental: Rental) -> bool:
    """Ask PayMongo whether the rental was paid, and pass that on."""
    if rental.checkout_session_id is None:
        return False
    return _pass_on(rental, paymongo().retrieve_checkout_session(rental.checkout_session_id))


def _pass_on(rental: Rental, session: CheckoutSession) -> bool:
    payment = session.paid_payment
    if payment is not None:
        count("PaymentFoundByReconciler")
        payments.payment_received(rental, payment, is_read=True)
    return payment is not None


def _overdue_seconds(rental: Rental) -> float:
    """For how long a pending rental's hold has been over; one without a hold has been too long in
    the making when the reconciler sees it.
    """
    over_since = clock.parse(rental.hold_expires_at or rental.created_at)
    return max(0.0, (clock.now() - over_since).total_seconds())


def _follow_refund(rental: Rental) -> None:
    waits = any(each.payment_id for each in given_back.open_orders(rental))
    is_asked_for = rental.refund_requested_at is not None and rental.refund_id is None
    if not (waits or is_asked_for or rental.surplus_payment_ids):
        with suppress(RefundFailed):
            refunds.look(rental)
            return
    _settle(rental, None)


def _follow_attention(rental: Rental) -> None:
    _settle(rental, None)


_FOLLOW_UPS: dict[FollowUp, Callable[[Rental], None]] = {
    FollowUp.PAYMENT: _follow_payment,
    FollowUp.REFUND: _follow_refund,
    FollowUp.ATTENTION: _follow_attention,
}


def _settle(rental: Rental, reason: EndReason | None) -> None:
    """Start a settlement, unless the last one is still running, as it is while PayMongo is down."""
    state_machine = setting("SETTLEMENT_STATE_MACHINE_ARN")
    if rental.settlement is not None and executions.is_running(state_machine, rental.settlement):
        return
    suffix = f"reconciler-{clock.now():%Y%m%dT%H%M%S}"
    if not follow_ups.record_settlement(rental, payments.settlement_name(rental.id, suffix)):
        return  # a run that overlaps was faster
    logger.info("settling a stray", extra={"rental_id": rental.id, "end_reason": reason})
    payments.start_settlement(rental.id, suffix, reason)
