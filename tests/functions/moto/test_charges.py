"""Money after the checkout: what is charged when a rental closes, and what goes back."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from infra import clock
from paymongo.resources import Payment, Refund
from rentals import (
    cancelling,
    charge_payments,
    charges,
    desk,
    endings,
    extensions,
    fulfillment_clock,
    given_back,
    money_desk,
    payments,
    refund_records,
    refunds,
    repository,
    statement,
    unseen_refunds,
)
from rentals.charges import Charge, ChargeKind, ChargeStatus
from rentals.desk import Action, Actor, Condition
from rentals.errors import (
    NotAllowed,
    NotPossibleNow,
    PaymentProviderUnavailable,
    RefundChanged,
    RefundFailed,
)
from rentals.given_back import Purpose
from rentals.models import ClosedReason, FollowUp, Rental, Size
from rentals.payments import Outcome
from rentals.pricing import price_rental
from rentals.statement import Statement
from tests.support.rentals import TOTAL, paid, reserved
from tests.support.tables import Shop

MANAGER = Actor("mia", is_manager=True)
DEPOSIT, DAY_RATE = 500_000, 100_000


@dataclass
class Gateway:
    """PayMongo's refunds; the answers to `lost` of them are lost."""

    refunds: list[Refund] = field(default_factory=list)
    lost: int = 0
    status: str = "succeeded"

    def list_refunds(self, payment_id: str) -> list[Refund]:
        return [each for each in self.refunds if each.payment_id == payment_id]

    def retrieve_payment(self, payment_id: str) -> Payment:
        return Payment(payment_id, TOTAL, "PHP", "paid")

    def create_refund(self, payment_id: str, amount: int, **how: Any) -> Refund:
        made = self.add(payment_id, amount, how["metadata"])
        if self.lost:
            self.lost -= 1
            raise PaymentProviderUnavailable("create refund: ReadTimeout")
        return made

    def add(self, payment_id: str, amount: int, metadata: dict[str, str] | None = None) -> Refund:
        """Without metadata: made at the dashboard."""
        at = int(clock.now().timestamp())
        number = len(self.refunds)
        made = Refund(f"ref_{number}", payment_id, amount, self.status, at, metadata or {})
        self.refunds.append(made)
        return made

    @property
    def sums(self) -> list[int]:
        return [each.amount for each in self.refunds]


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Gateway:
    provider = Gateway()
    for module in (refunds, unseen_refunds):
        monkeypatch.setattr(module, "paymongo", lambda: provider)
    monkeypatch.setattr(payments, "start_settlement", lambda *_: None)
    return provider


def rented(shop: Shop, *actions: Action, deposit: int = DEPOSIT, **terms: int) -> Rental:
    """Paid with a deposit, after what the desk has done."""
    rental = reserved(shop)
    money = {"deposit": deposit, "baseDailyRate": DAY_RATE, **terms}
    repository.set_price(rental, price_rental(Size.SMALL, 3), terms=money)
    rental = endings.confirm_rental(paid(repository.get(rental.id), amount=TOTAL + deposit))
    for each in actions:
        rental = desk.act(rental, each, MANAGER).rental
    return rental


def with_customer(shop: Shop, days_late: float = 0, **terms: int) -> Rental:
    rental = rented(shop, Action.ARRIVED, Action.PICKED_UP, **terms)
    due_at = clock.timestamp(clock.now() - timedelta(days=days_late))
    if days_late:
        shop.put("Rentals", shop.row("Rentals", rental.id) | {"dueAt": due_at})
    return repository.get(rental.id)


def inspected(shop: Shop, rental: Rental, pesos: int = 0) -> Statement:
    """Back, looked at, and what is to go back was sent."""
    condition = Condition.DAMAGED if pesos else Condition.FINE
    rental = desk.act(rental, Action.RETURNED, MANAGER).rental
    desk.act(rental, Action.INSPECTED, MANAGER, condition=condition, centavos=pesos * 100)
    settled = refunds.refund_unused_payments(repository.get(rental.id))
    return statement.of(repository.get(settled.id))


def kinds(shop: Shop) -> list[str]:
    return [row["kind"] for row in shop.rows("Notices")]


@pytest.mark.parametrize(
    ("days_late", "damage", "value", "late", "back", "owed"),
    [
        (0, 0, None, 0, 500_000, 0),
        (0.05, 0, None, 0, 500_000, 0),  # within the grace
        (1.5, 0, None, 200_000, 300_000, 0),
        (0, 1_500, None, 0, 350_000, 0),
        (1.5, 4_000, None, 200_000, 0, 100_000),
        (30, 0, None, 1_400_000, 0, 900_000),  # at most 14 days
        (5.5, 4_000, 700_000, 300_000, 0, 200_000),  # late is cut first
    ],
)
def test_the_deposit_pays_what_is_owed_and_its_exact_rest_goes_back(  # noqa: PLR0917
    shop: Shop,
    gateway: Gateway,
    days_late: float,
    damage: int,
    value: int | None,
    late: int,
    back: int,
    owed: int,
) -> None:
    terms = {} if value is None else {"replacementValue": value}

    found = inspected(shop, with_customer(shop, days_late, **terms), damage)

    charged = {each.kind: each.centavos for each in found.charges}
    assert charged.get(ChargeKind.LATE, 0) == late
    assert gateway.sums == ([back] if back else [])
    assert (found.given_back, found.outstanding, found.deposit_held) == (back, owed, 0)
    assert found.deposit_kept + back == DEPOSIT
    assert (kinds(shop).count("charge") > 0) is (owed > 0)
    assert found.rental.follow_up is None


def test_a_deposit_goes_back_once_though_its_answer_is_lost(shop: Shop, gateway: Gateway) -> None:
    gateway.lost = 1
    with pytest.raises(PaymentProviderUnavailable):
        inspected(shop, with_customer(shop))

    rental = repository.get("rental-1")
    for _ in range(2):
        rental = refunds.refund_unused_payments(repository.get(rental.id))

    assert gateway.sums == [DEPOSIT]
    assert kinds(shop).count("part_refunded") == 1


def test_two_equal_parts_are_two_and_the_same_key_is_one(shop: Shop, gateway: Gateway) -> None:
    rental = with_customer(shop)
    for key in ("a", "b", "a"):
        rental = repository.get(rental.id)
        money_desk.give_back(rental, 100_000, "sorry", MANAGER, key)

    found = statement.of(refunds.refund_unused_payments(repository.get(rental.id)))

    assert gateway.sums == [100_000, 100_000]
    assert [each.purpose for each in found.going_back] == [Purpose.GOODWILL] * 2
    assert found.kept == {"pay_1": TOTAL + DEPOSIT - 200_000}


def test_a_part_that_fails_is_told_and_sent_again_once_somebody_knows(
    shop: Shop, gateway: Gateway
) -> None:
    gateway.status = "failed"
    rental = with_customer(shop)
    money_desk.give_back(rental, 100_000, "sorry", MANAGER, "a")
    refunds.refund_unused_payments(repository.get(rental.id))
    with pytest.raises(RefundFailed):
        refunds.refund_unused_payments(repository.get(rental.id))

    gateway.status = "succeeded"
    shop.put("Rentals", shop.row("Rentals", rental.id) | {"attention": "RefundFailed"})
    refunds.refund_unused_payments(repository.get(rental.id))

    assert [each.status for each in gateway.refunds] == ["failed", "succeeded"]


@pytest.mark.parametrize("centavos", [99, TOTAL + DEPOSIT + 1])
def test_no_more_than_is_left_can_be_given_back(shop: Shop, centavos: int) -> None:
    with pytest.raises(NotPossibleNow):
        money_desk.give_back(with_customer(shop), centavos, "sorry", MANAGER, "a")


def test_what_a_methods_window_no_longer_allows_is_said_beforehand(shop: Shop) -> None:
    rental = with_customer(shop)
    long_ago = {"paidAt": clock.timestamp(clock.now() - timedelta(days=181)), "paidWith": "gcash"}
    shop.put("Rentals", shop.row("Rentals", rental.id) | long_ago)

    with pytest.raises(NotPossibleNow, match="180 days"):
        money_desk.give_back(repository.get(rental.id), 100_000, "sorry", MANAGER, "a")


def test_a_part_given_back_at_the_dashboard_is_told_and_changes_nothing_else(
    shop: Shop, gateway: Gateway
) -> None:
    """F02, and F09: the customer reads the sum that went back."""
    rental = with_customer(shop)
    gateway.status = "succeeded"

    after = refund_records.record_refund(rental, gateway.add("pay_1", 100_000))
    after = refund_records.record_refund(after, gateway.refunds[0])

    assert (after.fulfillment_status, after.closed_reason) == (rental.fulfillment_status, None)
    assert statement.of(after).given_back == 100_000
    assert kinds(shop).count("part_refunded") == 1


def test_a_refund_whose_event_was_lost_is_found_by_asking(shop: Shop, gateway: Gateway) -> None:
    """F03: the daily balance asks, the reconciler looks."""
    rental = rented(shop)
    gateway.add("pay_1", TOTAL + DEPOSIT)
    asked = unseen_refunds.asked_about(rental)
    assert asked is not None

    assert unseen_refunds.look([asked], lambda: True) == 1
    found = repository.get(rental.id)
    assert found.follow_up is FollowUp.REFUND
    refunds.look(found)

    assert repository.get(rental.id).closed_reason is ClosedReason.CANCELLED


def test_so_many_payments_are_asked_about_in_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    every = [unseen_refunds.Asked(f"rental-{n}", f"pay_{n}") for n in range(1_300)]
    seen: set[str] = set()
    start = clock.now()
    for day in range(3):
        monkeypatch.setattr(clock, "now", lambda day=day: start + timedelta(days=day))
        today = unseen_refunds.todays(every)
        assert len(today) < 1.2 * unseen_refunds.MOST_ASKED
        seen |= {each.rental_id for each in today}

    assert len(seen) == len(every)


@pytest.mark.parametrize(
    ("actions", "kept"), [((), 0), ((Action.ARRIVED,), 300_000)], ids=["on its way", "ready"]
)
def test_a_customer_cancels_for_what_the_page_has_shown(
    shop: Shop, gateway: Gateway, actions: tuple[Action, ...], kept: int
) -> None:
    rental = rented(shop, *actions)
    back = TOTAL + DEPOSIT - kept
    with pytest.raises(RefundChanged):
        cancelling.cancel(rental, back - 100)

    cancelling.cancel(rental, back)
    cancelling.cancel(repository.get(rental.id), back)  # the answer was lost
    refunds.refund_unused_payments(repository.get(rental.id))

    after = repository.get(rental.id)
    assert (after.closed_reason, after.unit_id) == (ClosedReason.CANCELLED, None)
    assert gateway.sums == [back]


def test_what_was_handed_over_cannot_be_cancelled(shop: Shop) -> None:
    with pytest.raises(NotPossibleNow):
        cancelling.cancel(with_customer(shop), TOTAL)


def test_what_the_shop_cancels_goes_back_whole(shop: Shop, gateway: Gateway) -> None:
    desk.act(rented(shop, Action.ARRIVED), Action.CANCELLED, MANAGER, note="it broke")

    found = statement.of(refunds.refund_unused_payments(repository.get("rental-1")))

    assert gateway.sums == [TOTAL + DEPOSIT]
    assert [each.purpose for each in found.going_back] == [Purpose.SHOP_FAULT]


def test_what_is_not_collected_keeps_what_a_late_cancellation_does(
    shop: Shop, gateway: Gateway
) -> None:
    rental = rented(shop, Action.ARRIVED)
    arrived = {"arrivedAt": clock.timestamp(clock.now() - timedelta(days=8))}
    shop.put("Rentals", shop.row("Rentals", rental.id) | arrived)

    fulfillment_clock.meet_deadlines(repository.get(rental.id))
    refunds.refund_unused_payments(repository.get(rental.id))

    assert gateway.sums == [TOTAL + DEPOSIT - 300_000]


def test_a_loss_goes_back_when_it_is_found_less_the_late_fee(shop: Shop, gateway: Gateway) -> None:
    rental = with_customer(shop, replacementValue=DEPOSIT)
    desk.act(rental, Action.LOST, MANAGER)
    late = {"dueAt": clock.timestamp(clock.now() - timedelta(days=1.5))}
    shop.put("Rentals", shop.row("Rentals", rental.id) | late)

    desk.act(repository.get(rental.id), Action.FOUND, MANAGER)
    found = statement.of(refunds.refund_unused_payments(repository.get(rental.id)))

    assert gateway.sums == [DEPOSIT - 2 * DAY_RATE]
    assert (found.deposit_kept, found.deposit_held, found.outstanding) == (2 * DAY_RATE, 0, 0)


def test_a_deposit_at_the_counter_needs_its_receipt(shop: Shop, gateway: Gateway) -> None:
    rental = rented(shop, Action.ARRIVED, deposit=0, counterDeposit=DEPOSIT)
    with pytest.raises(NotPossibleNow, match="deposit"):
        desk.act(rental, Action.PICKED_UP, MANAGER)

    desk.act(rental, Action.PICKED_UP, MANAGER, receipt="OR-7")
    found = inspected(shop, repository.get(rental.id), 1_000)

    [back] = found.going_back
    assert (back.centavos, back.status) == (DEPOSIT - 100_000, "at_counter_soon")
    money_desk.given_at_counter(found.rental, back.key, "OR-8", MANAGER)
    assert statement.of(repository.get(rental.id)).given_back == DEPOSIT - 100_000
    assert gateway.sums == []


# --- paying charges ---


def owed(shop: Shop) -> tuple[Rental, Charge]:
    charge = money_desk.raise_charge(
        with_customer(shop), ChargeKind.DAMAGE, 150_000, "a dent", MANAGER, key="1"
    )
    return repository.get(charge.rental_id), charge


def payment(centavos: int, payment_id: str = "pay_2") -> Payment:
    return Payment(payment_id, centavos, "PHP", "paid", paid_at=int(clock.now().timestamp()))


def test_a_charge_is_paid_once_and_what_pays_for_nothing_goes_back(
    shop: Shop, gateway: Gateway
) -> None:
    rental, charge = owed(shop)

    outcomes = [
        charge_payments.received(repository.get(rental.id), each, charge.id)
        for each in (payment(150_000), payment(150_000), payment(150_000, "pay_3"))
    ]

    assert outcomes == [Outcome.RECORDED, Outcome.DUPLICATE, Outcome.SETTLING]
    assert charges.get(charge.id).payment_id == "pay_2"
    assert repository.get(rental.id).surplus_payment_ids == {"pay_3"}


@pytest.mark.parametrize("how", ["another sum", "waived", "paid at the counter"])
def test_money_that_a_charge_does_not_wait_for_goes_back(
    shop: Shop, gateway: Gateway, how: str
) -> None:
    rental, charge = owed(shop)
    match how:
        case "waived":
            with pytest.raises(NotAllowed):
                money_desk.waive(rental, charge, "goodwill", Actor("ben"))
            money_desk.waive(rental, charge, "goodwill", MANAGER)
        case "paid at the counter":
            money_desk.paid_at_counter(rental, charge, "OR-9", Actor("ben"))
    came = payment(149_999 if how == "another sum" else 150_000)

    assert charge_payments.received(rental, came, charge.id) is Outcome.SETTLING
    assert repository.get(rental.id).surplus_payment_ids == {"pay_2"}


def test_charges_together_stay_within_the_value(shop: Shop) -> None:
    rental = with_customer(shop, replacementValue=200_000)
    money_desk.raise_charge(rental, ChargeKind.DAMAGE, 150_000, "a dent", MANAGER, key="1")

    with pytest.raises(NotPossibleNow, match="500 pesos more"):
        money_desk.raise_charge(
            repository.get(rental.id), ChargeKind.LOSS, 100_000, "gone", MANAGER, key="2"
        )


# --- keeping it longer ---


def test_an_extension_moves_the_due_date_when_it_is_paid(shop: Shop, gateway: Gateway) -> None:
    rental = with_customer(shop)
    charge = extensions.start(rental, 4)
    assert charge.centavos == 4 * DAY_RATE  # a week in all: the base rate
    assert extensions.start(repository.get(rental.id), 4).id == charge.id
    with pytest.raises(NotPossibleNow, match="waits for its payment"):
        extensions.start(repository.get(rental.id), 2)

    charge_payments.received(repository.get(rental.id), payment(charge.centavos), charge.id)

    after = repository.get(rental.id)
    assert after.duration == rental.duration + 4
    assert str(after.due_at) > str(rental.due_at)
    assert (charges.get(charge.id).status, kinds(shop).count("extended")) == (
        ChargeStatus.PAID,
        1,
    )


@pytest.mark.parametrize(("minutes_late", "counts"), [(-5, True), (5, False)])
def test_an_extension_counts_if_it_was_paid_by_the_due_second_whenever_we_hear_of_it(
    shop: Shop, gateway: Gateway, minutes_late: int, counts: bool
) -> None:
    rental = with_customer(shop)
    charge = extensions.start(rental, 2)
    due = clock.now() - timedelta(minutes=30)
    shop.put("Rentals", shop.row("Rentals", rental.id) | {"dueAt": clock.timestamp(due)})
    paid_at = int((due + timedelta(minutes=minutes_late)).timestamp())

    told = replace(payment(charge.centavos), paid_at=paid_at)
    outcome = charge_payments.received(repository.get(rental.id), told, charge.id)

    assert outcome is (Outcome.RECORDED if counts else Outcome.SETTLING)
    assert repository.get(rental.id).duration == rental.duration + (2 if counts else 0)


@pytest.mark.parametrize("days", [0, 363])
def test_a_rental_is_not_extended_beyond_a_year(shop: Shop, days: int) -> None:
    with pytest.raises(NotPossibleNow):
        extensions.quote(with_customer(shop), days)


def test_what_is_overdue_or_not_picked_up_is_not_extended(shop: Shop) -> None:
    with pytest.raises(NotPossibleNow, match="overdue"):
        extensions.quote(with_customer(shop, 0.5), 2)
    with pytest.raises(NotPossibleNow, match="while you have"):
        extensions.quote(replace(with_customer_of(shop), fulfillment_status=None), 2)


def with_customer_of(shop: Shop) -> Rental:
    return repository.get("rental-1")


def test_an_order_is_void_once_everything_is_back(shop: Shop, gateway: Gateway) -> None:
    rental = with_customer(shop)
    money_desk.give_back(rental, 100_000, "sorry", MANAGER, "a")
    gateway.add("pay_1", TOTAL + DEPOSIT)

    after = refunds.look(repository.get(rental.id))

    assert given_back.open_orders(repository.get(after.id)) == []
    assert gateway.sums == [TOTAL + DEPOSIT]
