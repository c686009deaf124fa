"""A rental's money, as operators read it and move it: the domain's own statement, and what staff do
at the desk.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rentals import charges, money_desk, repository, statement
from rentals.charges import Charge, ChargeKind
from rentals.desk import Actor
from rentals.errors import ChargeNotFound
from rentals.given_back import Order
from rentals.models import PaymentStatus, Rental
from rentals.rows import from_row
from rentals.statement import Statement
from tools.ops import rows
from tools.ops.acknowledging import checked_note
from tools.ops.domain import domain_of
from tools.ops.target import Target

Json = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One sum of a rental's money, in centavos; `id` names it in commands."""

    what: str
    centavos: int
    status: str
    at: str = ""
    by: str = ""
    why: str = ""
    id: str = ""


def statement_of(target: Target, row: Mapping[str, Any]) -> Statement:
    """A rental's statement, from its row and those of its charges."""
    ids, client = sorted(row.get("chargeIds", ())), target.dynamodb.meta.client
    found = rows.get_many(client, target.table("Charges").name, ids) if ids else []
    made = sorted((from_row(Charge, each) for each in found), key=lambda each: each.created_at)
    return Statement(Rental.from_row(row), made)


def to_json(found: Statement) -> Json:
    """For scripts: sums in centavos."""
    return {
        "deposit_held": found.deposit_held,
        "deposit_kept": found.deposit_kept,
        "outstanding": found.outstanding,
        "given_back": found.given_back,
        "taken_back_by_dispute": found.taken_back,
        "entries": list(map(asdict, entries(found))),
    }


def entries(found: Statement) -> list[Entry]:
    """What was paid, charged and given back of a paid rental, in this order; who, when and why."""
    rental = found.rental
    if rental.payment_status is not PaymentStatus.COMPLETED:
        return []
    paid_at, deposit = rental.paid_at or "", rental.deposit_centavos or 0
    paid = [Entry("rent", (rental.amount_paid or 0) - deposit, "paid", paid_at)]
    if deposit:
        paid.append(Entry("deposit", deposit, "paid", paid_at))
    if rental.counter_deposit_centavos:
        receipt = rental.counter_deposit_receipt
        status = f"paid, receipt {receipt}" if receipt else "not taken yet"
        paid.append(Entry("deposit at the counter", rental.counter_deposit_centavos, status))
    taken = (
        [Entry("taken back by a dispute", -found.taken_back, "lost")] if found.taken_back else []
    )
    return [*paid, *map(_of_charge, found.charges), *_going_back(found), *taken]


def _of_charge(charge: Charge) -> Entry:
    status = charge.status + (f", receipt {charge.receipt}" if charge.receipt else "")
    if charge.from_deposit:
        status += f", {charge.from_deposit / 100:,.2f} by the deposit"
    why = "; waived: ".join(filter(None, (charge.reason, charge.waived_reason)))
    at = charge.paid_at or charge.created_at
    return Entry(charge.kind, charge.centavos, status, at, charge.by or "", why, charge.id)


def _going_back(found: Statement) -> Sequence[Entry]:
    return [
        Entry(
            f"back: {(each.purpose or 'at the dashboard').replace('_', ' ')}",
            -each.centavos,
            each.status.replace("_", " "),
            each.at,
            each.by,
            each.reason,
            each.key,
        )
        for each in found.going_back
    ]


# --- what moves it ---


def charge(  # noqa: PLR0913 - what a charge is made of
    target: Target, words: str, kind: ChargeKind, centavos: int, reason: str, *, key: str
) -> Statement:
    """Charge a customer for damage or loss. Raises CommandError, and what money_desk raises."""
    why = checked_note(reason)
    return _act(
        target,
        words,
        lambda rental, actor: money_desk.raise_charge(rental, kind, centavos, why, actor, key=key),
    )


def pay(target: Target, words: str, charge_id: str, receipt: str) -> Statement:
    """A charge was paid at the counter. Raises as `charge` does."""
    return _act(
        target,
        words,
        lambda rental, actor: money_desk.paid_at_counter(
            rental, _charge_of(rental, charge_id), receipt, actor
        ),
    )


def waive(target: Target, words: str, charge_id: str, reason: str) -> Statement:
    """A charge need not be paid. Raises as `charge` does."""
    why = checked_note(reason)
    return _act(
        target,
        words,
        lambda rental, actor: money_desk.waive(rental, _charge_of(rental, charge_id), why, actor),
    )


def give_back(target: Target, words: str, centavos: int, reason: str, key: str) -> Statement:
    """Order a part of a payment back; a settlement carries it out. Raises as `charge` does."""
    why = checked_note(reason)
    return _act(
        target,
        words,
        lambda rental, actor: money_desk.give_back(rental, centavos, why, actor, key),
    )


def given(target: Target, words: str, key: str, receipt: str) -> Statement:
    """What was ordered back was handed out at the counter. Raises as `charge` does."""
    return _act(
        target,
        words,
        lambda rental, actor: money_desk.given_at_counter(rental, key, receipt, actor),
    )


def _act(target: Target, words: str, do: Callable[[Rental, Actor], Charge | Order]) -> Statement:
    rental = Rental.from_row(rows.rental(target, words))
    with domain_of(target):
        do(rental, Actor(target.caller, is_manager=True))
        return statement.of(repository.get(rental.id))


def _charge_of(rental: Rental, charge_id: str) -> Charge:
    if charge_id not in rental.charge_ids:
        raise ChargeNotFound(charge_id)
    return charges.get(charge_id)
