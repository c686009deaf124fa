"""The Rentals table: reading rentals, and every write that concerns a rental alone.

Writes that concern a unit as well are in `units.py` and `endings.py`. Each write is conditional and
may be repeated; an ending is written once, and only together with giving the unit back.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from infra import clock, dynamo
from infra.dynamo import Change, Condition, absent, equal, present
from infra.settings import setting
from infra.telemetry import count
from rentals import follow_ups, retention, sources
from rentals.errors import RentalEnded, RentalNotFound, WriteContended
from rentals.models import CENTAVOS_PER_PESO, FollowUp, PaymentStatus, Rental
from rentals.rows import to_row

if TYPE_CHECKING:  # most functions neither price a rental nor open a session
    from paymongo.resources import CheckoutSession, Payment
    from rentals.pricing import Price

PAYMENT_INTENT_INDEX = "paymentIntentId-index"
PAYMENT_INDEX = "paymentId-index"
_CREATION_TRIES = 8


def get(rental_id: str) -> Rental:
    """The rental as it is now. Raises RentalNotFound."""
    rental = find(rental_id)
    if rental is None:
        raise RentalNotFound(rental_id)
    return rental


def find(rental_id: str) -> Rental | None:
    """The rental as it is now, or None."""
    row = dynamo.get(setting("RENTALS_TABLE"), rental_id)
    return Rental.from_row(row) if row else None


def find_named(rental_ids: Iterable[str | None], intent_ids: Iterable[str | None]) -> Rental | None:
    """The first rental that has one of these ids, or else a session with one of these payment
    intents: PayMongo copies a session's metadata to its payments, documented for paid ones only
    (docs/paymongo.md). Where the two name different rentals, the one with the payment intent: that
    is PayMongo's own word, metadata is what somebody wrote.
    """
    intents = list(dict.fromkeys(filter(None, intent_ids)))
    named = next(filter(None, map(find, dict.fromkeys(filter(None, rental_ids)))), None)
    if named is not None and (not intents or named.payment_intent_id in (None, *intents)):
        return named
    return next(filter(None, map(find_by_payment_intent, intents)), named)


def find_by_payment_intent(payment_intent_id: str) -> Rental | None:
    """The rental whose checkout session has this payment intent, or None."""
    return _find_by(PAYMENT_INTENT_INDEX, "paymentIntentId", payment_intent_id)


def find_by_payment(payment_id: str) -> Rental | None:
    """The rental that this payment paid, or None."""
    return _find_by(PAYMENT_INDEX, "paymentId", payment_id)


def _find_by(index: str, attribute: str, value: str) -> Rental | None:
    if not dynamo.can_be_key(value):
        return None
    rows = dynamo.query(
        setting("RENTALS_TABLE"), index, f"{attribute} = :value", {"value": value}, limit=1
    )
    return find(rows[0]["id"]) if rows else None


def change(
    rental_id: str,
    attributes: Mapping[str, Any],
    *when: Condition,
    add: Mapping[str, set[str]] | None = None,
    delete: Mapping[str, set[str]] | None = None,
) -> Change:
    """A change of a rental's row, and of when it was updated."""
    touched = {**attributes, "updatedAt": clock.now_timestamp()}
    return Change(setting("RENTALS_TABLE"), rental_id, touched, when, add or {}, delete or {})


def update(wanted: Change) -> Rental:
    """Make a change of a rental's row; returns the rental as it is now. Raises ConditionFailed."""
    return Rental.from_row(dynamo.update(wanted))


def new_row(rental: Rental) -> dynamo.Item:
    """The row of a new rental, which the reconciler follows from the start."""
    return to_row(rental) | follow_ups.due(rental.id, FollowUp.PAYMENT)


def create(rental: Rental) -> Rental:
    """Write a new pending rental and count it among its source's open ones, in one transaction.

    Returns the rental on record, which is an earlier one when the id is taken. Raises
    TooManyOpenRentals, WriteContended.
    """
    row: dynamo.Item = {}  # most sources have nothing open: only if this fails, theirs is known
    for _ in range(_CREATION_TRIES):
        counted, source = sources.count_open(rental, row)
        try:
            new = dynamo.New(setting("RENTALS_TABLE"), new_row(counted))
            dynamo.transact([new, source, retention.first_look(counted)])
        except dynamo.ConditionFailed as failure:
            # Read rather than trust the answer: a transaction reports a failed condition for
            # either.
            if existing := find(rental.id):
                return existing
            row = failure.existing.get(1) or {}
        else:
            count("CheckoutStarted")
            return counted
    raise WriteContended("other checkouts of the same source came first")


def customer_key(rental: Rental) -> str:
    """The key of the row that the rental's customer has."""
    if rental.customer_key is not None:
        return rental.customer_key
    # Made before keys were made under a secret.
    return hashlib.sha256(rental.customer.email.strip().lower().encode()).hexdigest()


def set_price(
    rental: Rental,
    price: "Price",
    short_hold_seconds: int | None = None,
    *,
    terms: Mapping[str, int | None] | None = None,
) -> None:
    """Write what the rental costs, `terms` besides its rent (centavos by attribute), and when its
    hold ends if that is earlier than usual, when the reconciler ends it. Raises RentalEnded.
    """
    centavos = {
        "dailyRate": price.daily_rate_centavos,
        "totalFee": price.total_fee_centavos,
        **{name: value for name, value in (terms or {}).items() if value},
    }
    pesos: dict[str, Any] = {n: value // CENTAVOS_PER_PESO for n, value in centavos.items()}
    short: dict[str, Any] = {}
    if short_hold_seconds is not None:
        short = follow_ups.due(rental.id, FollowUp.PAYMENT, short_hold_seconds)
        short["holdExpiresAt"] = short["followUpAt"]
    _update_pending(change(rental.id, pesos | short, _IS_PENDING))


def set_checkout_session(rental: Rental, session: "CheckoutSession") -> Rental:
    """Record the checkout session, once; `paymentUrl` is published later, with the task token.

    Returns the rental on record: its session is an earlier one when there was one already.
    Raises RentalEnded.
    """
    opened = {
        "checkoutSessionId": session.id,
        "paymentIntentId": session.payment_intent_id,
        "checkoutUrl": session.checkout_url,
    }
    try:
        return update(change(rental.id, opened, _IS_PENDING, absent("checkoutSessionId")))
    except dynamo.ConditionFailed as failure:
        existing = _existing(rental.id, failure)
        if existing.checkout_session_id is None:
            raise RentalEnded(existing.id, existing.payment_status) from None
        return existing


def record_session_closed(rental: Rental) -> Rental:
    """Record that the checkout session can no longer be paid: only then may the unit be released.

    Returns the rental on record.
    """
    if rental.session_closed_at is not None:
        return rental
    closed = {"sessionClosedAt": clock.now_timestamp()}
    is_the_session = equal("checkoutSessionId", rental.checkout_session_id)
    return update(change(rental.id, closed, is_the_session))


def record_payment(rental_id: str, payment: "Payment", *, is_read: bool = False) -> Rental:
    """Record that money was received, whatever state the rental is in.

    The first payment is the rental's; any other one is a surplus, to be refunded. From here on the
    reconciler follows the rental until the money has bought something or gone back. `is_read` is
    whether PayMongo was asked, and not only heard. Returns the rental as it is now. Raises
    RentalNotFound.
    """
    follow_up = follow_ups.due(rental_id, FollowUp.PAYMENT)
    received = {
        "paymentId": payment.id,
        "amountPaid": payment.amount,
        "paymentCurrency": payment.currency,
        "paidAt": clock.now_timestamp(),
        **({"paidWith": payment.method} if payment.method else {}),
        **({"paymentReadAt": clock.now_timestamp()} if is_read else {}),
    }
    try:
        return update(
            change(
                rental_id,
                received | follow_up,
                present("id"),
                absent("paymentId"),
                # The first one was struck off: no surplus any more.
                delete={"surplusPaymentIds": {payment.id}},
            )
        )
    except dynamo.ConditionFailed as failure:
        existing = _existing(rental_id, failure)
        known = {existing.payment_id, *existing.surplus_payment_ids, *existing.settled_outside}
        if payment.id in known:
            return existing
        return record_surplus(rental_id, payment.id)


def record_surplus(rental_id: str, payment_id: str) -> Rental:
    """Record a payment that buys nothing, to be given back: the reconciler follows it. Returns the
    rental as it is now. Raises dynamo.ConditionFailed when there is no such rental.
    """
    follow_up = follow_ups.due(rental_id, FollowUp.PAYMENT)
    surplus = {"surplusPaymentIds": {payment_id}}
    return update(change(rental_id, follow_up, present("id"), add=surplus))


def strike_payment(rental: Rental) -> None:
    """Forget a payment that PayMongo does not have; the reconciler follows the rental still."""
    struck = dict.fromkeys(("paymentId", "amountPaid", "paymentCurrency", "paidAt"))
    is_as_read = (
        equal("paymentId", rental.payment_id),
        equal("paymentStatus", rental.payment_status),
        absent("refundRequestedAt"),
        absent("paymentReadAt"),
    )
    try:
        update(change(rental.id, struck, *is_as_read))
    except dynamo.ConditionFailed:
        raise WriteContended(f"rental {rental.id} changed while PayMongo was asked") from None


def record_decline(rental_id: str, event_id: str) -> Rental:
    """Count a declined attempt once per event. Returns the rental as it is now.

    Raises RentalEnded when it is not pending, RentalNotFound.
    """
    return _update_pending(change(rental_id, {}, _IS_PENDING, add={"declinedEventIds": {event_id}}))


_IS_PENDING = equal("paymentStatus", PaymentStatus.PENDING)


def _update_pending(wanted: Change) -> Rental:
    try:
        return update(wanted)
    except dynamo.ConditionFailed as failure:
        existing = _existing(wanted.id, failure)
        raise RentalEnded(wanted.id, existing.payment_status) from None


def _existing(rental_id: str, failure: dynamo.ConditionFailed) -> Rental:
    row = failure.existing[0]
    if row is None:
        raise RentalNotFound(rental_id) from None
    return Rental.from_row(row)
