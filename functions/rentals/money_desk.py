"""What staff do with money: raise a charge, take it at the counter, waive it, give back a part."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from infra import clock, dynamo
from infra.dynamo import present
from rentals import charge_payments, charges, follow_ups, given_back, repository, terms
from rentals.charges import Charge, ChargeKind, ChargeStatus
from rentals.desk import Actor
from rentals.errors import IdempotencyKeyReused, NotAllowed, NotPossibleNow, WriteContended
from rentals.given_back import Order, Purpose
from rentals.models import CENTAVOS_PER_PESO, PaymentStatus, Rental
from rentals.notices import NoticeKind, new_notice

# PayMongo gives back no less (docs/paymongo.md).
LEAST_CENTAVOS = 100
_TRIES = 5
Known = TypeVar("Known", Charge, Order)


def raise_charge(  # noqa: PLR0913 - what is said of it
    rental: Rental, kind: ChargeKind, centavos: int, reason: str, actor: Actor, *, key: str
) -> Charge:
    """Charge a paid rental's customer for damage or loss, whenever it is found; the same `key`
    charges it once.

    Raises NotPossibleNow, IdempotencyKeyReused, WriteContended.
    """
    for _ in range(_TRIES):
        charge = charges.new(rental, kind, centavos, reason=reason, by=actor.name, key=key)
        if charge.id in rental.charge_ids:
            return _same(charges.get(charge.id), centavos)
        if rental.payment_status is not PaymentStatus.COMPLETED:
            raise NotPossibleNow("only a paid rental can be charged")
        if kind not in (ChargeKind.DAMAGE, ChargeKind.LOSS):
            raise NotPossibleNow("extensions and late fees are charged by themselves")
        _require_within_value(rental, centavos)
        named = repository.change(rental.id, {}, present("id"), add={"chargeIds": {charge.id}})
        notice = new_notice(rental, NoticeKind.CHARGE, charge.id)
        try:
            dynamo.transact([named, charges.row_of(charge), notice])
        except dynamo.ConditionFailed:
            rental = repository.get(rental.id)
        else:
            return charge
    raise WriteContended(f"rental {rental.id} keeps changing")


def _same(known: Known, centavos: int) -> Known:
    if known.centavos != centavos:
        raise IdempotencyKeyReused
    return known


def _require_within_value(rental: Rental, centavos: int) -> None:
    value = rental.replacement_value_centavos
    counted = (ChargeKind.LATE, ChargeKind.DAMAGE, ChargeKind.LOSS)
    charged = sum(
        each.centavos
        for each in charges.of(rental)
        if each.kind in counted and each.status is not ChargeStatus.WAIVED
    )
    if value is not None and charged + centavos > value:
        left = max(0, value - charged) // CENTAVOS_PER_PESO
        raise NotPossibleNow(f"late, damage and loss together cost {left} pesos more at most")


def paid_at_counter(rental: Rental, charge: Charge, receipt: str, actor: Actor) -> Charge:
    """A charge was paid at the counter. Raises NotPossibleNow, WriteContended."""
    attributes = {
        "status": ChargeStatus.PAID,
        "receipt": receipt,
        "by": actor.name,
        "paidAt": clock.now_timestamp(),
    }
    notice = new_notice(rental, NoticeKind.CHARGE_PAID, charge.id)
    return _settle(rental, charge, attributes, lambda now: now.receipt == receipt, [notice])


def waive(rental: Rental, charge: Charge, reason: str, actor: Actor) -> Charge:
    """What is outstanding of a charge need not be paid. Raises NotAllowed, NotPossibleNow,
    WriteContended.
    """
    if not actor.is_manager:
        raise NotAllowed("waive a charge")
    attributes = {"status": ChargeStatus.WAIVED, "waivedReason": reason, "by": actor.name}
    return _settle(rental, charge, attributes, lambda now: now.status is ChargeStatus.WAIVED, [])


def _settle(
    rental: Rental,
    charge: Charge,
    attributes: Mapping[str, object],
    is_done: Callable[[Charge], bool],
    notices: Sequence[dynamo.Write],
) -> Charge:
    """An open session of the charge goes on: what is paid on it now comes back as a surplus."""
    for _ in range(_TRIES):
        if is_done(charge):
            return charge
        if not charge.is_payable or charge.kind is ChargeKind.EXTENSION:
            raise NotPossibleNow(f"this charge is {charge.status}")
        settled = charges.change(charge, {**attributes, **charges.no_longer_payable(charge)})
        try:
            dynamo.transact([settled, *notices, *charge_payments.no_attention(rental)])
        except dynamo.ConditionFailed:
            rental, charge = repository.get(rental.id), charges.get(charge.id)
        else:
            return charge.after(settled)
    raise WriteContended(f"charge {charge.id} keeps changing")


def give_back(rental: Rental, centavos: int, reason: str, actor: Actor, key: str) -> Order:
    """Order a part of the rental's payment back; the same `key` orders it once.

    Raises NotAllowed, NotPossibleNow, IdempotencyKeyReused, WriteContended.
    """
    if not actor.is_manager:
        raise NotAllowed("give money back")
    for _ in range(_TRIES):
        known = next((e for e in given_back.orders(rental) if e.key == key), None)
        if known is not None:
            return _same(known, centavos)
        _require_can_give(rental, centavos)
        ordered = replace(
            given_back.order(
                rental,
                Purpose.GOODWILL,
                centavos,
                by=actor.name,
                payment_id=rental.payment_id,
                reason=reason,
            ),
            key=key,
        )
        attributes = given_back.with_orders(rental, [ordered])
        wanted = repository.change(rental.id, attributes, given_back.as_read(rental))
        try:
            repository.update(wanted)
        except dynamo.ConditionFailed:
            rental = repository.get(rental.id)
        else:
            return ordered
    raise WriteContended(f"rental {rental.id} keeps changing")


def _require_can_give(rental: Rental, centavos: int) -> None:
    if rental.payment_status is not PaymentStatus.COMPLETED:
        raise NotPossibleNow("only what was paid for a completed rental can be given back in part")
    left = given_back.left_of_own(rental)
    if not LEAST_CENTAVOS <= centavos <= left:
        raise NotPossibleNow(f"between 1 and {left / CENTAVOS_PER_PESO:,.2f} pesos can go back")
    if why := why_not_refundable(rental):
        raise NotPossibleNow(why)


def why_not_refundable(rental: Rental) -> str | None:
    """Why PayMongo will refuse to give the rental's payment back, None when it should not."""
    method = terms.paid_method(rental)
    if not method.refund_days:
        return f"PayMongo gives nothing back that was paid with {method}: do it at the counter"
    since = clock.parse(rental.paid_at or rental.created_at)
    if clock.now() > since + timedelta(days=method.refund_days):
        return (
            f"PayMongo gives back what was paid with {method} for {method.refund_days} days only:"
            " do it at the counter"
        )
    return None


def given_at_counter(rental: Rental, key: str, receipt: str, actor: Actor) -> Order:
    """An ordered refund was handed out at the counter instead. Raises NotPossibleNow,
    WriteContended.
    """
    for _ in range(_TRIES):
        known = given_back.orders(rental)
        ordered = next((each for each in known if each.key == key), None)
        if ordered is None:
            raise NotPossibleNow(f"this rental has no refund {key!r}")
        if ordered.receipt is not None:
            return ordered
        if ordered not in given_back.open_orders(rental):
            raise NotPossibleNow("PayMongo has given this back, or is about to")
        done = replace(ordered, receipt=receipt, by=actor.name)
        entries = [(done if each is ordered else each).entry() for each in known]
        is_followed = any(e.payment_id for e in given_back.open_orders(rental) if e is not ordered)
        over = {} if is_followed else follow_ups.NONE_LEFT
        wanted = repository.change(
            rental.id,
            {"refundOrders": entries, **over},
            dynamo.equal("updatedAt", rental.updated_at),
        )
        try:
            repository.update(wanted)
        except dynamo.ConditionFailed:
            rental = repository.get(rental.id)
        else:
            return done
    raise WriteContended(f"rental {rental.id} keeps changing")
