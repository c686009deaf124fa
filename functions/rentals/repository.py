"""The Rentals table: every write that concerns a rental alone.

Writes that concern a unit as well are in `inventory.py`. Each write is conditional and may be
repeated; an ending is written once, and only together with giving the unit back.
"""

import hashlib
from typing import TYPE_CHECKING, Any

from infra import clock, dynamo
from infra.aws import dynamodb
from infra.settings import integer_setting, setting
from rentals.errors import RentalEnded, RentalNotFound, TooManyHolds
from rentals.models import CENTAVOS_PER_PESO, Customer, FollowUp, PaymentStatus, Rental
from rentals.pricing import Price

if TYPE_CHECKING:
    from paymongo.client import CheckoutSession

PAYMENT_INTENT_INDEX = "paymentIntentId-index"
PAYMENT_INDEX = "paymentId-index"
FOLLOW_UP_INDEX = "follow-up-index"
# The reconciler looks at a rental that is still open after this long: an abandoned session sends no
# event (docs/paymongo.md), and webhooks get lost.
FOLLOW_UP_AFTER_SECONDS = 120
# What could not be settled is tried again after this long, when the cause may have gone; refunds
# after twice as long each time, so that trouble that lasts for days is not told every few minutes.
ATTENTION_AFTER_SECONDS = 900
LONGEST_ATTENTION_SECONDS = 6 * 3600
# PayMongo delivers an event for 136 minutes at most (docs/paymongo.md): money that arrived after a
# rental ended, and that nobody told us of by then, is found by asking once more.
LAST_LOOK_AFTER_SECONDS = 3 * 3600
# What a write removes when trouble is over, and when nothing at all is left to see through. The
# last settlement stays: it may still be at it.
NO_TROUBLE_LEFT = "attention, attentionCount"
NOTHING_LEFT_TO_DO = f"followUp, followUpAt, {NO_TROUBLE_LEFT}"


def customer_key(email: str) -> str:
    """Key of a customer's row: says nothing about who it is."""
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()


def get(rental_id: str) -> Rental:
    """The rental as it is now. Raises RentalNotFound."""
    rental = find(rental_id)
    if rental is None:
        raise RentalNotFound(rental_id)
    return rental


def find(rental_id: str) -> Rental | None:
    """The rental as it is now, or None."""
    item = dynamo.get(setting("RENTALS_TABLE"), rental_id)
    return Rental.from_item(item) if item else None


def find_by_payment_intent(payment_intent_id: str) -> Rental | None:
    """The rental whose checkout session has this payment intent, or None."""
    return _find_by(PAYMENT_INTENT_INDEX, "paymentIntentId", payment_intent_id)


def find_by_payment(payment_id: str) -> Rental | None:
    """The rental that this payment paid, or None."""
    return _find_by(PAYMENT_INDEX, "paymentId", payment_id)


def _find_by(index: str, attribute: str, value: str) -> Rental | None:
    if not dynamo.can_be_key(value):
        return None
    answer = dynamodb().query(
        TableName=setting("RENTALS_TABLE"),
        IndexName=index,
        KeyConditionExpression=f"{attribute} = :value",
        ExpressionAttributeValues=dynamo.to_attributes({":value": value}),
        Limit=1,
    )
    items = [dynamo.from_attributes(item) for item in answer["Items"]]
    return find(items[0]["id"]) if items else None


def create(rental: Rental) -> Rental:
    """Write a new pending rental and count it among the customer's holds, in one transaction.

    Returns the rental on record, which is an earlier one when the id is taken. Raises
    TooManyHolds when the customer has MAX_OPEN_RENTALS pending ones, WriteContended.
    """
    put: dynamo.Item = {
        "TableName": setting("RENTALS_TABLE"),
        "Item": dynamo.to_attributes(_new_item(rental)),
        "ConditionExpression": "attribute_not_exists(id)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    limit = integer_setting("MAX_OPEN_RENTALS")
    count_hold = dynamo.expression(
        setting("CUSTOMERS_TABLE"),
        customer_key(rental.customer.email),
        update="ADD openRentals :rental",
        condition="attribute_not_exists(openRentals) OR size(openRentals) < :limit",
        values={"rental": {rental.id}, "limit": limit},
    )
    try:
        dynamo.transact([put, count_hold])
    except dynamo.ConditionFailed:
        # Read rather than trust the answer: a transaction reports a failed condition for either.
        existing = find(rental.id)
        if existing is None:
            raise TooManyHolds(limit) from None
        return existing
    return rental


def end_hold(customer: Customer, rental_id: str) -> dynamo.Item:
    """The operation that stops counting a rental among the customer's holds."""
    return dynamo.expression(
        setting("CUSTOMERS_TABLE"),
        customer_key(customer.email),
        update="DELETE openRentals :rental",
        values={"rental": {rental_id}},
    )


def set_price(rental: Rental, price: Price) -> None:
    """Write what the rental costs. Raises RentalEnded."""
    _update_pending(
        rental.id,
        "SET dailyRate = :rate, totalFee = :total, updatedAt = :now",
        {
            "rate": price.daily_rate // CENTAVOS_PER_PESO,
            "total": price.total_fee // CENTAVOS_PER_PESO,
        },
    )


def set_checkout_session(rental: Rental, session: "CheckoutSession") -> Rental:
    """Record the checkout session, once; `paymentUrl` is published later, with the task token.

    Returns the rental on record: its session is an earlier one when there was one already.
    Raises RentalEnded.
    """
    try:
        return Rental.from_item(
            dynamo.update(
                dynamo.expression(
                    setting("RENTALS_TABLE"),
                    rental.id,
                    update="SET checkoutSessionId = :session, paymentIntentId = :intent,"
                    " checkoutUrl = :url, updatedAt = :now",
                    condition="paymentStatus = :pending"
                    " AND attribute_not_exists(checkoutSessionId)",
                    values={
                        "session": session.id,
                        "intent": session.payment_intent_id,
                        "url": session.checkout_url,
                        "now": clock.now_timestamp(),
                        "pending": PaymentStatus.PENDING,
                    },
                )
            )
        )
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
    now = clock.now_timestamp()
    return Rental.from_item(
        dynamo.update(
            dynamo.expression(
                setting("RENTALS_TABLE"),
                rental.id,
                update="SET sessionClosedAt = :now, updatedAt = :now",
                condition="checkoutSessionId = :session",
                values={"now": now, "session": rental.checkout_session_id},
            )
        )
    )


def record_payment(rental_id: str, payment_id: str, amount: int, currency: str) -> Rental:
    """Record that money was received (`amount` centavos), whatever state the rental is in.

    The first payment is the rental's; any other one is a surplus, to be refunded. From here on the
    reconciler watches the rental until the money has bought something or gone back. Returns the
    rental as it is now. Raises RentalNotFound.
    """
    now = clock.now_timestamp()
    try:
        item = dynamo.update(
            dynamo.expression(
                setting("RENTALS_TABLE"),
                rental_id,
                update="SET paymentId = :payment, amountPaid = :amount,"
                " paymentCurrency = :currency, paidAt = :now, updatedAt = :now,"
                " followUp = :followUp, followUpAt = :followUpAt",
                condition="attribute_exists(id) AND attribute_not_exists(paymentId)",
                values={
                    "payment": payment_id,
                    "amount": amount,
                    "currency": currency,
                    "now": now,
                    "followUp": FollowUp.PAYMENT,
                    "followUpAt": clock.timestamp_in(FOLLOW_UP_AFTER_SECONDS),
                },
            )
        )
    except dynamo.ConditionFailed as failure:
        existing = _existing(rental_id, failure)
        known = {existing.payment_id, *existing.surplus_payment_ids, *existing.settled_outside}
        if payment_id in known:
            return existing
        item = dynamo.update(
            dynamo.expression(
                setting("RENTALS_TABLE"),
                rental_id,
                update="ADD surplusPaymentIds :payment SET updatedAt = :now,"
                " followUp = :followUp, followUpAt = :followUpAt",
                condition="attribute_exists(id)",
                values={
                    "payment": {payment_id},
                    "now": now,
                    "followUp": FollowUp.PAYMENT,
                    "followUpAt": clock.timestamp_in(FOLLOW_UP_AFTER_SECONDS),
                },
            )
        )
    return Rental.from_item(item)


def record_decline(rental_id: str, event_id: str) -> Rental:
    """Count a declined attempt once per event. Returns the rental as it is now.

    Raises RentalEnded when it is not pending, RentalNotFound.
    """
    return _update_pending(
        rental_id,
        "ADD declinedEventIds :event SET updatedAt = :now",
        {"event": {event_id}},
    )


def flag_for_attention(rental: Rental, problem: str) -> None:
    """Mark a rental that could not be settled; the reconciler tries it again later.

    One that has not ended may hold a unit, or wait with money for one: it is never put off longer.
    """
    wait = ATTENTION_AFTER_SECONDS
    if rental.payment_status in (PaymentStatus.COMPLETED, PaymentStatus.REFUNDED):
        wait = min(wait * 2**rental.attention_count, LONGEST_ATTENTION_SECONDS)
    dynamo.update(
        dynamo.expression(
            setting("RENTALS_TABLE"),
            rental.id,
            update="SET attention = :problem, attentionCount = :count, followUp = :followUp,"
            " followUpAt = :followUpAt, updatedAt = :now",
            condition="attribute_exists(id)",
            values={
                "problem": problem,
                "count": rental.attention_count + 1,
                "followUp": FollowUp.ATTENTION,
                "followUpAt": clock.timestamp_in(wait),
                "now": clock.now_timestamp(),
            },
        )
    )


def record_settlement(rental: Rental, execution_name: str) -> bool:
    """Remember which settlement the reconciler starts, so that it starts no other beside it.

    Returns False when another run has recorded one since the rental was read.
    """
    seen = rental.settlement
    try:
        dynamo.update(
            dynamo.expression(
                setting("RENTALS_TABLE"),
                rental.id,
                update="SET settlement = :name",
                condition="attribute_exists(id) AND "
                + ("settlement = :seen" if seen else "attribute_not_exists(settlement)"),
                values={"name": execution_name} | ({"seen": seen} if seen else {}),
            )
        )
    except dynamo.ConditionFailed as failure:
        return _existing(rental.id, failure).settlement == execution_name
    return True


def due_follow_ups(kind: FollowUp, limit: int) -> list[tuple[str, str]]:
    """Rentals that are due for another look, longest waiting first: (id, when it was due)."""
    answer = dynamodb().query(
        TableName=setting("RENTALS_TABLE"),
        IndexName=FOLLOW_UP_INDEX,
        KeyConditionExpression="followUp = :kind AND followUpAt <= :now",
        ExpressionAttributeValues=dynamo.to_attributes(
            {":kind": kind, ":now": clock.now_timestamp()}
        ),
        Limit=limit,
    )
    items = map(dynamo.from_attributes, answer["Items"])
    return [(item["id"], item["followUpAt"]) for item in items]


def claim_follow_up(rental_id: str, due_at: str, next_in_seconds: int) -> Rental | None:
    """Put off the next look at a rental, and so take this one.

    Returns None when another run took it, or when there is nothing to look at any more.
    """
    try:
        return Rental.from_item(
            dynamo.update(
                dynamo.expression(
                    setting("RENTALS_TABLE"),
                    rental_id,
                    update="SET followUpAt = :next",
                    condition="followUpAt = :due",
                    values={"due": due_at, "next": clock.timestamp_in(next_in_seconds)},
                )
            )
        )
    except dynamo.ConditionFailed:
        return None


def end_follow_up(rental: Rental) -> Rental:
    """Nothing is left to see through for a rental, unless there is news since it was read.

    Returns the rental as it is now, or as it was read.
    """
    if rental.follow_up is None or rental.surplus_payment_ids:
        return rental
    try:
        return Rental.from_item(
            dynamo.update(
                dynamo.expression(
                    setting("RENTALS_TABLE"),
                    rental.id,
                    update=f"REMOVE {NOTHING_LEFT_TO_DO}",
                    condition="followUpAt = :seen AND attribute_not_exists(surplusPaymentIds)",
                    values={"seen": rental.follow_up_at},
                )
            )
        )
    except dynamo.ConditionFailed:
        return rental


def _update_pending(rental_id: str, update: str, values: dict[str, Any]) -> Rental:
    try:
        return Rental.from_item(
            dynamo.update(
                dynamo.expression(
                    setting("RENTALS_TABLE"),
                    rental_id,
                    update=update,
                    condition="paymentStatus = :pending",
                    values={
                        **values,
                        "now": clock.now_timestamp(),
                        "pending": PaymentStatus.PENDING,
                    },
                )
            )
        )
    except dynamo.ConditionFailed as failure:
        existing = _existing(rental_id, failure)
        raise RentalEnded(rental_id, existing.payment_status) from None


def _existing(rental_id: str, failure: dynamo.ConditionFailed) -> Rental:
    item = failure.existing[0]
    if item is None:
        raise RentalNotFound(rental_id) from None
    return Rental.from_item(item)


def _new_item(rental: Rental) -> dynamo.Item:
    customer = rental.customer
    return {
        "id": rental.id,
        "collectibleId": rental.collectible_id,
        "collectibleName": rental.collectible_name,
        "storeId": rental.store_id,
        "customer": {
            "name": customer.name,
            "email": customer.email,
            "phone": customer.phone,
            "address": customer.address,
            "city": customer.city,
            "postalCode": customer.postal_code,
        },
        "duration": rental.duration,
        "paymentMethod": rental.payment_method,
        "paymentStatus": rental.payment_status,
        "requestHash": rental.request_hash,
        "createdAt": rental.created_at,
        "updatedAt": rental.updated_at,
        "followUp": FollowUp.PAYMENT,
        "followUpAt": clock.timestamp_in(FOLLOW_UP_AFTER_SECONDS),
    }
