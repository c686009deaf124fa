"""The promise (docs/architecture.md): each rule notices a violation, and only a violation."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from infra.clock import timestamp
from rentals import repository
from rentals.models import PaymentStatus
from tests.support.samples import pending_rental
from tools.importing.seed import new_unit
from tools.ops.promise import LedgerPayment, settled_outside, violations

Row = dict[str, Any]

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
TOTAL = 600_000


@dataclass
class World:
    """Whole tables and PayMongo's payments."""

    rentals: dict[str, Row] = field(default_factory=dict)
    units: dict[str, Row] = field(default_factory=dict)
    open_rentals: set[str] = field(default_factory=set)
    ledger: list[LedgerPayment] = field(default_factory=list)

    def add_unit(self, unit_id: str, held_by: str | None = None) -> None:
        unit = new_unit(unit_id, "col-001", "wh-001")
        if held_by is not None:
            unit |= {"isAvailable": "false", "reservedBy": held_by}
            del unit["availableCollectibleId"]
        self.units[unit_id] = unit

    def add_rental(
        self,
        rental_id: str,
        status: PaymentStatus,
        unit_id: str | None = None,
        age: float = 60,
        hold: float | None = None,
    ) -> None:
        row = repository.new_row(
            pending_rental(
                id=rental_id,
                payment_status=status,
                created_at=timestamp(NOW - timedelta(seconds=age)),
            )
        )
        self.rentals[rental_id] = {
            **row,
            "totalFee": Decimal(TOTAL // 100),
            **({"unitId": unit_id} if unit_id else {}),
            **({"holdExpiresAt": timestamp(NOW - timedelta(seconds=age - hold))} if hold else {}),
        }
        if status is PaymentStatus.PENDING:
            self.open_rentals.add(rental_id)

    def pay(self, payment_id: str, rental_id: str, **changes: Any) -> None:
        payment = LedgerPayment(payment_id, rental_id, TOTAL, "PHP", is_paid=True, refunded=0)
        self.ledger.append(replace(payment, **changes))

    def change_payment(self, payment_id: str, **changes: Any) -> None:
        self.ledger = [
            replace(each, **changes) if each.id == payment_id else each for each in self.ledger
        ]

    def broken_rules(self) -> set[str]:
        return {
            each.rule
            for each in violations(
                self.rentals.values(),
                self.units.values(),
                [{"id": "customer", "openRentals": self.open_rentals}, {"id": "quiet customer"}],
                self.ledger,
                now=NOW,
            )
        }


def quiet_world() -> World:
    """One rental of every kind, all as promised."""
    world = World()
    world.add_unit("on-shelf")
    world.add_unit("of-paid", held_by="paid")
    world.add_unit("of-waiting", held_by="waiting")
    world.add_rental("paid", PaymentStatus.COMPLETED, "of-paid", age=10**6)
    world.pay("pay-paid", "paid")
    world.add_rental("waiting", PaymentStatus.PENDING, "of-waiting")
    world.add_rental("starting", PaymentStatus.PENDING)
    for status in ("failed", "cancelled", "expired", "rejected"):
        world.add_rental(status, PaymentStatus(status), age=10**6)
    world.pay("pay-declined", "failed", is_paid=False)
    world.add_rental("refunded", PaymentStatus.REFUNDED, age=10**6)
    world.pay("pay-refunded", "refunded", refunded=TOTAL)
    return world


def test_a_quiet_world_keeps_the_promise() -> None:
    assert quiet_world().broken_rules() == set()


def test_money_given_back_beside_the_one_payment_is_no_violation() -> None:
    world = quiet_world()
    world.pay("pay-surplus", "paid", refunded=TOTAL)
    world.pay("pay-elsewhere", "unknown", refunded=TOTAL)

    assert world.broken_rules() == set()


def test_money_of_a_rental_that_is_still_pending_is_on_its_way() -> None:
    world = quiet_world()
    world.pay("pay-waiting", "waiting")

    assert world.broken_rules() == set()


def two_rentals_one_unit(world: World) -> None:
    world.add_rental("other", PaymentStatus.PENDING, "of-waiting")


def unit_of_an_unknown_rental(world: World) -> None:
    world.add_unit("lost", held_by="nobody")


def unit_that_its_rental_does_not_know(world: World) -> None:
    world.add_unit("second", held_by="waiting")


def rental_whose_unit_is_on_the_shelf(world: World) -> None:
    world.add_unit("of-waiting")


def rental_whose_unit_does_not_exist(world: World) -> None:
    del world.units["of-waiting"]


def held_and_offered(world: World) -> None:
    world.units["of-waiting"]["availableCollectibleId"] = "col-001"


def free_and_not_offered(world: World) -> None:
    del world.units["on-shelf"]["availableCollectibleId"]


def free_and_marked_taken(world: World) -> None:
    world.units["on-shelf"]["isAvailable"] = "false"


def held_and_marked_free(world: World) -> None:
    world.units["of-waiting"]["isAvailable"] = "true"


def offered_as_something_else(world: World) -> None:
    world.units["on-shelf"]["availableCollectibleId"] = "col-002"


def completed_and_never_paid(world: World) -> None:
    world.ledger.clear()


def completed_and_paid_twice(world: World) -> None:
    world.pay("pay-again", "paid")


def completed_and_paid_too_little(world: World) -> None:
    world.change_payment("pay-paid", amount=TOTAL - 1)


def completed_and_partly_refunded(world: World) -> None:
    world.change_payment("pay-paid", refunded=1)


def completed_in_another_currency(world: World) -> None:
    world.change_payment("pay-paid", currency="USD")


def completed_by_a_declined_payment(world: World) -> None:
    world.change_payment("pay-paid", is_paid=False)


def completed_without_a_unit(world: World) -> None:
    del world.rentals["paid"]["unitId"]
    world.add_unit("of-paid")


def ended_and_still_holding(world: World) -> None:
    world.add_unit("kept", held_by="expired")
    world.rentals["expired"]["unitId"] = "kept"


def ended_and_paid(world: World) -> None:
    world.pay("pay-late", "expired")


def refunded_in_part(world: World) -> None:
    world.change_payment("pay-refunded", refunded=TOTAL - 1)


def paid_for_no_rental(world: World) -> None:
    world.pay("pay-lost", "no-such-rental")


def pending_past_its_own_hold(world: World) -> None:
    world.add_rental("waiting", PaymentStatus.PENDING, "of-waiting", age=361, hold=60)


def pending_without_a_hold(world: World) -> None:
    world.add_rental("waiting", PaymentStatus.PENDING, "of-waiting", age=301)


def pending_and_not_counted(world: World) -> None:
    world.open_rentals.remove("waiting")


def ended_and_still_counted(world: World) -> None:
    world.open_rentals.add("expired")


def unknown_and_counted(world: World) -> None:
    world.open_rentals.add("no-such-rental")


def acknowledge(world: World, rental_id: str, payment_id: str, amount: int = TOTAL) -> None:
    said = {"at": "2026-01-31T11:00:00.000Z", "by": "user/ops", "note": "by bank, ref 7"}
    world.rentals[rental_id]["acknowledgements"] = [
        said | {"problem": "RefundFailed", "payments": {payment_id: Decimal(amount)}}
    ]


def settled_outside_and_refunded(world: World) -> None:
    acknowledge(world, "refunded", "pay-refunded")


def settled_outside_and_still_completed(world: World) -> None:
    acknowledge(world, "paid", "pay-paid")


@pytest.mark.parametrize(
    ("break_it", "rules"),
    [
        (settled_outside_and_refunded, {"given back once"}),
        (settled_outside_and_still_completed, {"completed is paid once"}),
        (two_rentals_one_unit, {"one rental a unit", "rental agrees"}),
        (unit_of_an_unknown_rental, {"unit agrees"}),
        (unit_that_its_rental_does_not_know, {"unit agrees"}),
        (rental_whose_unit_is_on_the_shelf, {"rental agrees"}),
        (rental_whose_unit_does_not_exist, {"rental agrees"}),
        (held_and_offered, {"shelf"}),
        (free_and_not_offered, {"shelf"}),
        (free_and_marked_taken, {"shelf"}),
        (held_and_marked_free, {"shelf"}),
        (offered_as_something_else, {"shelf"}),
        (completed_and_never_paid, {"completed is paid once"}),
        (completed_and_paid_twice, {"completed is paid once"}),
        (completed_and_paid_too_little, {"completed is paid once"}),
        (completed_and_partly_refunded, {"completed is paid once"}),
        (completed_in_another_currency, {"completed is paid once"}),
        (completed_by_a_declined_payment, {"completed is paid once"}),
        (completed_without_a_unit, {"completed holds a unit"}),
        (ended_and_still_holding, {"ended holds no unit"}),
        (ended_and_paid, {"ended keeps no money"}),
        (refunded_in_part, {"ended keeps no money"}),
        (paid_for_no_rental, {"ended keeps no money"}),
        (pending_past_its_own_hold, {"nothing hangs"}),
        (pending_without_a_hold, {"nothing hangs"}),
        (pending_and_not_counted, {"holds are counted"}),
        (ended_and_still_counted, {"holds are counted"}),
        (unknown_and_counted, {"holds are counted"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_violation_is_noticed_under_its_rule(
    break_it: Callable[[World], None], rules: set[str]
) -> None:
    world = quiet_world()
    break_it(world)

    assert world.broken_rules() == rules


def test_what_operators_gave_back_in_another_way_is_no_violation_and_is_listed() -> None:
    world = quiet_world()
    world.change_payment("pay-refunded", refunded=200_000)
    assert world.broken_rules() == {"ended keeps no money"}
    acknowledge(world, "refunded", "pay-refunded", TOTAL - 200_000)

    assert world.broken_rules() == set()
    (listed,) = settled_outside(world.rentals.values())
    assert (listed.rental_id, listed.payment_id) == ("refunded", "pay-refunded")
    assert (listed.amount, listed.by, listed.note) == (400_000, "user/ops", "by bank, ref 7")


@pytest.mark.parametrize(("age", "hold"), [(0, None), (299, None), (0, 900), (3_899, 3_600)])
def test_its_own_hold_and_a_few_minutes_are_not_too_long(age: float, hold: float | None) -> None:
    world = quiet_world()
    world.add_rental("waiting", PaymentStatus.PENDING, "of-waiting", age=age, hold=hold)

    assert world.broken_rules() == set()


def test_looking_changes_nothing() -> None:
    world = quiet_world()
    before = deepcopy(world)

    world.broken_rules()

    assert world == before


def test_a_violation_reads_as_a_sentence() -> None:
    world = quiet_world()
    ended_and_paid(world)
    found = violations(world.rentals.values(), [], [], world.ledger, now=NOW)

    assert "ended keeps no money: expired: expired with [600000] centavos kept" in map(str, found)
