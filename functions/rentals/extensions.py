"""Longer rentals: more days while the customer has the unit, paid by a charge of their own."""

from dataclasses import dataclass
from datetime import timedelta

from infra import clock, dynamo
from infra.dynamo import Change
from infra.settings import integer_setting
from rentals import (
    catalogue,
    charges,
    dates,
    fulfillment,
    fulfillment_executions,
    repository,
    terms,
)
from rentals.charges import Charge, ChargeKind
from rentals.errors import NotPossibleNow
from rentals.models import FulfillmentStatus, Rental
from rentals.pricing import MAX_DURATION_DAYS, added_days

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Quote:
    """What `days` more cost, in centavos, and when the rental is due then, as stored."""

    days: int
    centavos: int
    due_at: str


def quote(rental: Rental, days: int) -> Quote:
    """What a rental that is `days` longer costs. Raises NotPossibleNow, StoreNotFound."""
    _require_extendable(rental)
    if days < 1 or rental.duration + days > MAX_DURATION_DAYS:
        most = MAX_DURATION_DAYS - rental.duration
        raise NotPossibleNow(f"a rental lasts {MAX_DURATION_DAYS} days at most: {most} more")
    due_at = _due_at(rental, days)
    if rental.deposit_centavos and not _deposit_can_wait(rental, due_at):
        raise NotPossibleNow(
            "so long after your payment its deposit could not be given back the way you paid it;"
            " ask the store"
        )
    centavos = added_days(terms.base_daily_rate(rental), rental.duration, days)
    return Quote(days, centavos, due_at)


def _require_extendable(rental: Rental) -> None:
    if rental.fulfillment_status is not FulfillmentStatus.PICKED_UP:
        raise NotPossibleNow("a rental can be extended while you have the unit")
    if rental.is_overdue(clock.now_timestamp()):
        raise NotPossibleNow("this rental is overdue: bring the unit back")


def _due_at(rental: Rental, days: int) -> str:
    days_off = catalogue.store(rental.store_id).days_off
    picked_up = clock.parse(str(rental.picked_up_at))
    return clock.timestamp(dates.due(picked_up, rental.duration + days, days_off))


def _deposit_can_wait(rental: Rental, due_at: str) -> bool:
    method = terms.paid_method(rental)
    until = clock.parse(str(rental.paid_at)) + timedelta(days=method.refund_days)
    last = clock.parse(due_at) + dates.days(integer_setting("LATE_FEE_DAYS") + 7)
    return method.gives_parts_back and last <= until


def start(rental: Rental, days: int) -> Charge:
    """The charge of an extension, to be paid: the one of as many days that waits already, or a new
    one. Raises NotPossibleNow, WriteContended.
    """
    for _ in range(_TRIES):
        wanted = quote(rental, days)
        waiting = [e for e in charges.of(rental) if e.is_payable and e.kind is ChargeKind.EXTENSION]
        for each in waiting:
            if each.days == days:
                return each
            raise NotPossibleNow(
                f"an extension by {dates.number_of_days(each.days)} waits for its payment; pay it,"
                " or try again in an hour"
            )
        charge = charges.new(
            rental,
            ChargeKind.EXTENSION,
            wanted.centavos,
            reason=f"{dates.number_of_days(days)} more",
            by="customer",
            days=days,
        )
        named = repository.change(
            rental.id,
            {},
            dynamo.equal("fulfillmentStatus", rental.fulfillment_status),
            dynamo.equal("dueAt", rental.due_at),
            add={"chargeIds": {charge.id}},
        )
        try:
            dynamo.transact([named, charges.row_of(charge)])
        except dynamo.ConditionFailed:
            rental = repository.get(rental.id)
        else:
            return charge
    raise NotPossibleNow("the rental keeps changing; try again")


def apply(rental: Rental, charge: Charge, paid: Change, paid_at: int | None) -> None:
    """Move the due date that is on the row, in the transaction of `paid`, if the customer has the
    unit and PayMongo says that it was paid by the due second (`paid_at`, Unix seconds).

    Raises NotPossibleNow when it came too late, dynamo.ConditionFailed, WriteContended.
    """
    is_with_customer = rental.fulfillment_status is FulfillmentStatus.PICKED_UP
    when = clock.now_timestamp() if paid_at is None else clock.timestamp_of(paid_at)
    if not is_with_customer or when > str(rental.due_at):
        raise NotPossibleNow("the extension was paid too late")
    if rental.duration + charge.days > MAX_DURATION_DAYS:
        raise NotPossibleNow(f"a rental lasts {MAX_DURATION_DAYS} days at most")
    after = fulfillment.extend(rental, _due_at(rental, charge.days), charge.days, [paid])
    fulfillment_executions.tell(rental, after)
