"""The promise (tools/ops/promise.py), checked over a live stack's tables and PayMongo."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from infra.settings import integer_setting
from rentals.errors import PaymentProviderRejected
from tools.ops import rows
from tools.ops.account import Account, ledger_of
from tools.ops.domain import domain_of
from tools.ops.promise import LedgerPayment, SettledOutside, Violation, settled_outside, violations
from tools.ops.target import Target

Json = dict[str, Any]

# Well under PayMongo's 100 requests a second, with the functions working beside us.
_PARALLEL = 6


@dataclass(frozen=True)
class Audit:
    """How much was checked, what was violated at both checks, and what agrees only because an
    operator says that it was settled outside.
    """

    rentals: int
    units: int
    payments: int
    violations: list[Violation]
    settled_outside: list[SettledOutside]


def audit(
    target: Target,
    account: Account,
    *,
    on_start: Callable[[int], None] = lambda _: None,
    on_progress: Callable[[], None] = lambda: None,
    second_look_after: float,
) -> Audit:
    """Every violation that two checks find, `second_look_after` seconds apart: between two
    reads a rental may be in the middle of something.

    `on_start` is told how many rentals PayMongo is asked about, `on_progress` when one is done.
    PayMongo cannot list payments by rental, so money for a rental that has no row is not found.
    """
    first = _look(target, account, on_start, on_progress)
    if not first.violations:
        return first
    time.sleep(second_look_after)
    second = _look(target, account, on_start, on_progress)
    known = {(each.rule, each.subject) for each in first.violations}
    lasting = [each for each in second.violations if (each.rule, each.subject) in known]
    return replace(second, violations=lasting)


def _look(
    target: Target,
    account: Account,
    on_start: Callable[[int], None],
    on_progress: Callable[[], None],
) -> Audit:
    units = list(rows.scan(target, "Units"))
    rentals = list(rows.scan(target, "Rentals"))
    customers = list(rows.scan(target, "Customers"))
    notices = list(rows.scan(target, "Notices"))
    charges = list(rows.scan(target, "Charges"))
    ledger, missing = _ledger(account, [*rentals, *charges], on_start, on_progress)
    with domain_of(target):  # how long a day is, and what limits there are
        longest = timedelta(seconds=integer_setting("LONGEST_HOLD_SECONDS"))
        found = violations(
            rentals,
            units,
            customers,
            ledger,
            notices=notices,
            charges=charges,
            longest_hold=longest,
        )
    return Audit(
        len(rentals), len(units), len(ledger), [*found, *missing], settled_outside(rentals)
    )


def _ledger(
    account: Account,
    rentals: Sequence[Json],
    on_start: Callable[[int], None],
    on_progress: Callable[[], None],
) -> tuple[list[LedgerPayment], list[Violation]]:
    with_money = [
        row
        for row in rentals
        if ("checkoutSessionId" in row or "paymentId" in row) and "importedAt" not in row
    ]
    on_start(len(with_money))

    def ask(row: Json) -> list[LedgerPayment] | Violation:
        try:
            of_rental = str(row.get("rentalId", row["id"]))
            return list(ledger_of(of_rental, account.payments_of(row)))
        except PaymentProviderRejected as error:
            if error.status != 404:
                raise
            return Violation("known at PayMongo", row["id"], str(error))
        finally:
            on_progress()

    with ThreadPoolExecutor(_PARALLEL) as pool:
        answers = list(pool.map(ask, with_money))
    # A payment may stand on a rental and on one of its charges.
    payments = {e.id: e for answer in answers if isinstance(answer, list) for e in answer}
    return list(payments.values()), [answer for answer in answers if isinstance(answer, Violation)]
