"""The promise (docs/architecture.md): each rule notices a violation, and only a violation."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from infra.clock import timestamp
from rentals import deadlines, repository
from rentals.models import PaymentStatus, Rental, UnitStatus
from tests.support.samples import TERMS, pending_rental
from tools.importing.seed import new_unit
from tools.ops.promise import LedgerPayment, settled_outside, violations

Row = dict[str, Any]

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
TOTAL = 600_000


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "DAY_SECONDS": "86400",
        "COLLECTION_DAYS": "7",
        "OVERDUE_LIMIT_DAYS": "3",
        **TERMS,
        "UNPAID_RETENTION_DAYS": "30",
        "CLOSED_RETENTION_DAYS": "730",
    }.items():
        monkeypatch.setenv(name, value)


@dataclass
class World:
    """Whole tables and PayMongo's payments."""

    rentals: dict[str, Row] = field(default_factory=dict)
    units: dict[str, Row] = field(default_factory=dict)
    open_rentals: set[str] = field(default_factory=set)
    ledger: list[LedgerPayment] = field(default_factory=list)
    notices: list[Row] = field(default_factory=list)

    def add_unit(
        self, unit_id: str, held_by: str | None = None, status: UnitStatus | None = None
    ) -> None:
        unit = new_unit(unit_id, "col-001", "wh-001")
        if held_by is not None or status is not None:
            unit |= {"isAvailable": "false", "status": status or UnitStatus.RESERVED}
            del unit["availableCollectibleId"]
        if held_by is not None:
            unit["reservedBy"] = held_by
        self.units[unit_id] = unit

    def send_out(self, rental_id: str, days_ago: float = 0, **changes: Any) -> None:
        """A completed rental that its customer has had for so many days, for three days."""
        picked_up = NOW - timedelta(days=days_ago)
        self.rentals[rental_id] |= {
            "fulfillmentStatus": "picked_up",
            "pickedUpAt": timestamp(picked_up),
            "dueAt": timestamp(picked_up + timedelta(days=3)),
            "fulfillmentExecution": rental_id,
            "fulfillmentDueAt": timestamp(NOW + timedelta(days=1)),
            **changes,
        }

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
            self.open_rentals.add(f"then#{rental_id}")

    def add_notice(self, status: str = "pending", age: float = 3600) -> None:
        """About the paid rental, written so many seconds ago."""
        self.notices.append(
            {
                "id": "paid#confirmed#1",
                "rentalId": "paid",
                "status": status,
                "createdAt": timestamp(NOW - timedelta(seconds=age)),
            }
        )

    def pay(self, payment_id: str, rental_id: str, **changes: Any) -> None:
        payment = LedgerPayment(payment_id, rental_id, TOTAL, "PHP", is_paid=True, refunded=0)
        self.ledger.append(replace(payment, **changes))
        row = self.rentals.get(rental_id, {})
        if row.get("paymentStatus") == PaymentStatus.COMPLETED and "paymentId" not in row:
            row |= {"paymentId": payment_id, "amountPaid": Decimal(TOTAL), "paymentCurrency": "PHP"}

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
                [{"id": "source", "openRentals": self.open_rentals}, {"id": "quiet source"}],
                self.ledger,
                notices=self.notices,
                now=NOW,
            )
        }


def quiet_world() -> World:
    """One rental of every kind, all as promised."""
    world = World()
    world.add_unit("on-shelf")
    world.add_unit("of-paid", held_by="paid", status=UnitStatus.WITH_CUSTOMER)
    world.add_unit("of-waiting", held_by="waiting")
    world.add_rental("paid", PaymentStatus.COMPLETED, "of-paid", age=10**6)
    world.send_out("paid")
    world.pay("pay-paid", "paid")
    world.add_rental("closed", PaymentStatus.COMPLETED, age=10**6)
    world.rentals["closed"] |= {"fulfillmentStatus": "closed", "closedReason": "cancelled"}
    world.rentals["closed"]["refundRequestedAt"] = timestamp(NOW)
    world.pay("pay-closed", "closed", refunded=TOTAL)
    world.add_unit("on-its-way", status=UnitStatus.TO_WAREHOUSE)
    world.units["on-its-way"]["shelveAt"] = timestamp(NOW + timedelta(days=1))
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


def acknowledge(world: World, rental_id: str, payment_id: str, amount: int = TOTAL) -> None:
    said = {"at": "2026-01-31T11:00:00.000Z", "by": "user/ops", "note": "by bank, ref 7"}
    world.rentals[rental_id]["acknowledgements"] = [
        said | {"problem": "RefundFailed", "payments": {payment_id: Decimal(amount)}}
    ]


def completed_without_a_unit(world: World) -> None:
    del world.rentals["paid"]["unitId"]
    world.add_unit("of-paid")


def ended_and_still_holding(world: World) -> None:
    world.add_unit("kept", held_by="expired")
    world.rentals["expired"]["unitId"] = "kept"


def closed_and_still_holding(world: World) -> None:
    world.add_unit("kept", held_by="closed")
    world.rentals["closed"]["unitId"] = "kept"


def met_deadlines(world: World, days_ago: float = 7) -> set[str]:
    """What the row has when every deadline of such a rental was met."""
    world.send_out("paid", days_ago)
    return {due.key for due in deadlines.of(Rental.from_row(world.rentals["paid"]))}


PAID_ONCE = "completed is paid once"
KEEPS_NO_MONEY = "ended keeps no money"
VIOLATIONS: dict[str, tuple[Callable[[World], object], set[str]]] = {
    "two rentals, one unit": (
        lambda it: it.add_rental("other", PaymentStatus.PENDING, "of-waiting"),
        {"one rental a unit", "rental agrees"},
    ),
    "unit of an unknown rental": (lambda it: it.add_unit("lost", "nobody"), {"unit agrees"}),
    "unit that its rental does not know": (
        lambda it: it.add_unit("second", "waiting"),
        {"unit agrees"},
    ),
    "unit on the shelf": (lambda it: it.add_unit("of-waiting"), {"rental agrees"}),
    "unit that does not exist": (lambda it: it.units.pop("of-waiting"), {"rental agrees"}),
    "held and offered": (
        lambda it: it.units["of-waiting"].update(availableCollectibleId="col-001"),
        {"shelf"},
    ),
    "held and marked free": (
        lambda it: it.units["of-waiting"].update(isAvailable="true"),
        {"shelf"},
    ),
    "free and not offered": (
        lambda it: it.units["on-shelf"].pop("availableCollectibleId"),
        {"shelf"},
    ),
    "free and marked taken": (
        lambda it: it.units["on-shelf"].update(isAvailable="false"),
        {"shelf"},
    ),
    "offered as something else": (
        lambda it: it.units["on-shelf"].update(availableCollectibleId="col-002"),
        {"shelf"},
    ),
    "sold and counted as held unpaid": (
        lambda it: it.units["of-paid"].update(availableCollectibleId="col-001#held"),
        {"shelf"},
    ),
    "one payment of two rentals": (
        lambda it: (
            it.rentals["refunded"].update(paymentId="pay-both", surplusPaymentIds={"pay-both"})
            or it.rentals["failed"].update(surplusPaymentIds={"pay-both"})
        ),
        {"one rental a payment"},
    ),
    "completed and never paid": (lambda it: it.ledger.clear(), {PAID_ONCE}),
    "completed and paid twice": (lambda it: it.pay("pay-again", "paid"), {PAID_ONCE}),
    "paid too little": (lambda it: it.change_payment("pay-paid", amount=TOTAL - 1), {PAID_ONCE}),
    "partly refunded": (lambda it: it.change_payment("pay-paid", refunded=1), {PAID_ONCE}),
    "another currency": (lambda it: it.change_payment("pay-paid", currency="USD"), {PAID_ONCE}),
    "declined payment": (lambda it: it.change_payment("pay-paid", is_paid=False), {PAID_ONCE}),
    "settled outside and still completed": (
        lambda it: acknowledge(it, "paid", "pay-paid"),
        {PAID_ONCE},
    ),
    "settled outside and refunded": (
        lambda it: acknowledge(it, "refunded", "pay-refunded"),
        {"given back once"},
    ),
    "closed and still holding": (
        closed_and_still_holding,
        {"completed holds a unit", "unit status"},
    ),
    "with the customer, and reserved": (
        lambda it: it.units["of-paid"].update(status=UnitStatus.RESERVED),
        {"unit status"},
    ),
    "gone without a rental": (
        lambda it: it.add_unit("gone", status=UnitStatus.WITH_CUSTOMER),
        {"unit status"},
    ),
    "on its way for ever": (
        lambda it: it.units["on-its-way"].update(shelveAt=timestamp(NOW - timedelta(hours=1))),
        {"unit shelved"},
    ),
    "on its way to nowhere": (lambda it: it.units["on-its-way"].pop("shelveAt"), {"unit status"}),
    "nobody looks at its deadlines": (
        lambda it: it.rentals["paid"].pop("fulfillmentDueAt"),
        {"on the clock"},
    ),
    "due, and nobody was told": (lambda it: it.send_out("paid", 2.5), {"deadline kept"}),
    "long overdue, and nobody looks": (
        lambda it: it.send_out("paid", 7, deadlinesMet=met_deadlines(it)),
        {"deadline kept"},
    ),
    "a notice that nobody was told": (World.add_notice, {"notice told"}),
    "completed without a unit": (
        completed_without_a_unit,
        {"completed holds a unit"},
    ),
    "ended and still holding": (
        ended_and_still_holding,
        {"ended holds no unit"},
    ),
    "ended and paid": (lambda it: it.pay("pay-late", "expired"), {KEEPS_NO_MONEY}),
    "refunded in part": (
        lambda it: it.change_payment("pay-refunded", refunded=TOTAL - 1),
        {KEEPS_NO_MONEY},
    ),
    "paid for no rental": (lambda it: it.pay("pay-lost", "no-such-rental"), {KEEPS_NO_MONEY}),
    "pending past the longest hold": (
        lambda it: it.add_rental("waiting", PaymentStatus.PENDING, "of-waiting", 3901, hold=60),
        {"nothing hangs"},
    ),
    "pending and not counted": (
        lambda it: it.open_rentals.remove("then#waiting"),
        {"holds are counted"},
    ),
    "ended and still counted": (
        lambda it: it.open_rentals.add("then#expired"),
        {"holds are counted"},
    ),
    "unknown and counted": (lambda it: it.open_rentals.add("then#nobody"), {"holds are counted"}),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_violation_is_noticed_under_its_rule(name: str) -> None:
    break_it, rules = VIOLATIONS[name]
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


def test_the_longest_hold_and_a_few_minutes_are_not_too_long() -> None:
    world = quiet_world()
    world.add_rental("waiting", PaymentStatus.PENDING, "of-waiting", age=3899, hold=60)

    assert world.broken_rules() == set()


def test_a_notice_that_is_on_its_way_or_needs_somebody_is_as_promised() -> None:
    world = quiet_world()
    for status in ("sent", "not_sent", "bounced"):
        world.add_notice(status)
    world.add_notice(age=600)
    assert world.broken_rules() == set()

    world.add_notice()
    world.rentals["paid"]["fulfillmentAttention"] = "mail_not_sent"
    assert world.broken_rules() == set()


def test_a_rental_that_is_long_overdue_is_as_promised_once_somebody_looks() -> None:
    world = quiet_world()
    met = met_deadlines(world)
    world.send_out("paid", 7, deadlinesMet=met, fulfillmentAttention="Overdue")

    assert world.broken_rules() == set()


def test_looking_changes_nothing() -> None:
    world = quiet_world()
    before = deepcopy(world)

    world.broken_rules()

    assert world == before


def test_a_violation_reads_as_a_sentence() -> None:
    world = quiet_world()
    world.pay("pay-late", "expired")
    found = violations(world.rentals.values(), [], [], world.ledger, now=NOW)

    assert "ended keeps no money: expired: expired with [600000] centavos kept" in map(str, found)
