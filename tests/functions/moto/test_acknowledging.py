"""What an operator acknowledged is left alone from then on, and new trouble is told as ever."""

from typing import Any

import pytest

from infra import dynamo
from paymongo.resources import Payment, Refund
from rentals import (
    desk,
    endings,
    follow_ups,
    fulfillment,
    fulfillment_clock,
    lookups,
    payments,
    refund_records,
    repository,
    units,
)
from rentals.desk import Action, Actor
from rentals.errors import RefundFailed, RentalEnded
from rentals.models import FollowUp, PaymentStatus, Rental
from rentals.payments import Outcome
from tests.support.rentals import TOTAL, Refunding, completed, give_back, late
from tests.support.tables import Shop
from tools.ops import acknowledging, rows
from tools.ops.acknowledging import Acknowledgement
from tools.ops.errors import CommandError
from tools.ops.upgrading import CARRIED_OVER


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The settlements that are started."""
    found: list[str] = []
    monkeypatch.setattr(payments, "start_settlement", lambda rental_id, *_: found.append(rental_id))
    return found


def in_trouble(rental: Rental, paymongo: Refunding) -> Rental:
    """Its refund is refused for good, and somebody was told."""
    paymongo.trouble.append(lambda: paymongo.refuse("allowed_date_exceeded"))
    with pytest.raises(RefundFailed):
        give_back(rental)
    follow_ups.need_attention(repository.get(rental.id), "RefundFailed")
    return repository.get(rental.id)


def read(shop: Shop, rental: Rental) -> dict[str, Any]:
    return rows.plain(shop.row("Rentals", rental.id))


def acknowledge(row: dict[str, Any], *payment_ids: str) -> Rental:
    said = Acknowledgement(
        "user/ops", "by bank", row["attention"], dict.fromkeys(payment_ids, TOTAL)
    )
    written = acknowledging.changes(
        row, said, rentals="MongoCollectibles-Rentals", units="MongoCollectibles-Units"
    )
    dynamo.transact(written)
    return repository.get(row["id"])


def test_an_acknowledged_refund_is_never_asked_for_again(shop: Shop, paymongo: Refunding) -> None:
    rental = in_trouble(late(shop), paymongo)

    after = acknowledge(read(shop, rental), "pay_1")

    assert (after.attention, after.attention_count) == (None, 0)
    assert (after.follow_up, after.follow_up_at) == (None, None)
    assert after.settled_outside == {"pay_1": TOTAL}
    asked = list(paymongo.asked)
    give_back(after)
    assert paymongo.asked == asked
    (told,) = read(shop, rental)["acknowledgements"]
    assert (told["by"], told["note"], told["problem"]) == ("user/ops", "by bank", "RefundFailed")


def test_a_completed_rental_whose_refund_was_refused_stays_completed_with_its_unit(
    shop: Shop, paymongo: Refunding
) -> None:
    rental = completed(shop)
    refund_records.request_refund(rental)

    after = acknowledge(read(shop, in_trouble(rental, paymongo)), "pay_1")

    assert (after.payment_status, after.unit_id) == (PaymentStatus.COMPLETED, rental.unit_id)
    assert after.is_settled_outside


@pytest.mark.parametrize("has_unit", [False, True])
def test_money_that_was_given_back_before_it_bought_anything_never_buys_anything(
    shop: Shop, has_unit: bool
) -> None:
    rental = late(shop)
    if has_unit:
        rental = units.reserve_unit(rental)
    follow_ups.need_attention(rental, "WriteContended")

    after = acknowledge(read(shop, rental), "pay_1")

    assert (after.payment_status, after.unit_id) == (PaymentStatus.REFUNDED, None)
    for buy in (units.reserve_unit, endings.confirm_rental):
        with pytest.raises(RentalEnded):
            buy(after)
    assert len(shop.on_shelf()) == 1


def test_a_second_payment_that_paymongo_gave_back_is_forgotten_with_the_other(
    shop: Shop, paymongo: Refunding
) -> None:
    rental = completed(shop)
    for payment_id in ("pay_2", "pay_3"):
        repository.record_payment(rental.id, Payment(payment_id, TOTAL, "PHP", "paid"))

    after = acknowledge(read(shop, in_trouble(rental, paymongo)), "pay_2")

    assert after.surplus_payment_ids == frozenset()
    assert after.settled_outside == {"pay_2": TOTAL}


def test_a_second_payment_of_a_completed_rental_is_settled_and_the_rental_goes_on(
    shop: Shop, paymongo: Refunding, started: list[str]
) -> None:
    rental = completed(shop)
    repository.record_payment(rental.id, Payment("pay_2", TOTAL, "PHP", "paid"))

    after = acknowledge(read(shop, in_trouble(rental, paymongo)), "pay_2")

    assert (after.payment_status, after.unit_id) == (PaymentStatus.COMPLETED, rental.unit_id)
    assert after.surplus_payment_ids == frozenset()
    # PayMongo tells of it once more: nothing is new.
    again = Payment("pay_2", TOTAL, "PHP", "paid")
    assert payments.payment_received(repository.get(rental.id), again) is Outcome.DUPLICATE
    stale = repository.record_payment(rental.id, Payment("pay_2", TOTAL, "PHP", "paid"))
    assert (stale.surplus_payment_ids, stale.follow_up) == (frozenset(), None)
    assert started == []


def test_a_new_payment_brings_it_back_and_only_the_new_one_is_refunded(
    shop: Shop, paymongo: Refunding, started: list[str]
) -> None:
    rental = acknowledge(read(shop, in_trouble(late(shop), paymongo)), "pay_1")

    payment = Payment("pay_2", TOTAL, "PHP", "paid")
    assert payments.payment_received(rental, payment) is Outcome.SETTLING

    assert started == [rental.id]
    assert repository.get(rental.id).follow_up is FollowUp.PAYMENT
    asked = len(paymongo.asked)
    again = in_trouble(rental, paymongo)
    assert paymongo.asked[asked:] == ["pay_2"]
    assert (again.attention, again.follow_up) == ("RefundFailed", FollowUp.ATTENTION)
    twice = acknowledge(read(shop, again), "pay_2")
    assert twice.settled_outside == {"pay_1": TOTAL, "pay_2": TOTAL}


def test_news_of_an_acknowledged_refund_starts_nothing_unless_paymongo_gave_it_back(
    shop: Shop, paymongo: Refunding
) -> None:
    rental = acknowledge(read(shop, in_trouble(late(shop), paymongo)), "pay_1")

    noted = refund_records.record_refund(rental, Refund("r", "pay_1", TOTAL, "failed"))
    assert (noted.attention, noted.follow_up) == (rental.attention, rental.follow_up)
    given = refund_records.record_refund(rental, Refund("r", "pay_1", TOTAL, "succeeded"))
    assert given.refund_status == "succeeded"  # which the daily check of the money tells


def surplus(rental_id: str, due: str) -> None:
    repository.record_payment(rental_id, Payment("pay_9", TOTAL, "PHP", "paid"))


def reconciled(rental_id: str, due: str) -> None:
    follow_ups.claim(rental_id, due, 60)


def told_again(rental_id: str, due: str) -> None:
    follow_ups.need_attention(repository.get(rental_id), "PaymentSessionOpen")


@pytest.mark.parametrize("meanwhile", [surplus, reconciled, told_again])
def test_a_rental_that_changed_meanwhile_is_left_as_it_is(
    shop: Shop, paymongo: Refunding, meanwhile: Any
) -> None:
    rental = in_trouble(late(shop), paymongo)
    seen = read(shop, rental)
    meanwhile(rental.id, seen["followUpAt"])
    before = read(shop, rental)

    with pytest.raises(dynamo.ConditionFailed):
        acknowledge(seen, "pay_1")

    assert read(shop, rental) == before


def test_it_is_written_once(shop: Shop, paymongo: Refunding) -> None:
    seen = read(shop, in_trouble(late(shop), paymongo))
    acknowledge(seen, "pay_1")

    with pytest.raises(dynamo.ConditionFailed):
        acknowledge(seen, "pay_1")


# --- the second half ---


def deal_with(row: dict[str, Any]) -> Rental:
    said = Acknowledgement("user/ops", "told by phone", row["fulfillmentAttention"], {})
    acknowledging.deal_with(row, said)
    return repository.get(row["id"])


@pytest.mark.parametrize("problem", ["mail_bounced", "ExecutionFailed"])
def test_what_was_dealt_with_needs_nobody_any_more(shop: Shop, problem: str) -> None:
    rental = completed(shop)
    fulfillment.flag(rental.id, problem)

    after = deal_with(read(shop, rental))

    assert (after.fulfillment_attention, lookups.list_attention()) == (None, [])
    (told,) = read(shop, rental)["acknowledgements"]
    assert (told["note"], told["problem"], told["payments"]) == ("told by phone", problem, {})


def test_a_deadline_that_lasts_is_left_to_look_at_and_is_not_talked_away(shop: Shop) -> None:
    rental = completed(shop)
    row = shop.row("Rentals", rental.id)
    shop.put("Rentals", row | {"readyBy": "2026-01-01T00:00:00.000Z"})
    fulfillment_clock.meet_deadlines(repository.get(rental.id))
    fulfillment.flag(rental.id, "mail_bounced")

    after = deal_with(read(shop, rental))

    assert after.fulfillment_attention == "DeliveryLate"
    assert [each.id for each in lookups.list_attention()] == [rental.id]
    with pytest.raises(CommandError, match="until the desk acts"):
        deal_with(read(shop, rental))


def test_where_a_unit_is_stays_to_be_said_whatever_else_was_dealt_with(shop: Shop) -> None:
    rental = desk.act(completed(shop), Action.ARRIVED, Actor("ana")).rental
    shop.put("Rentals", shop.row("Rentals", rental.id) | {"isCarriedOver": True})
    fulfillment.flag(rental.id, "mail_bounced")

    assert deal_with(read(shop, rental)).fulfillment_attention == CARRIED_OVER
    with pytest.raises(CommandError, match="until the desk acts"):
        deal_with(read(shop, rental))


def test_what_changes_meanwhile_is_not_dealt_with(shop: Shop) -> None:
    rental = completed(shop)
    fulfillment.flag(rental.id, "mail_bounced")
    seen = read(shop, rental)
    desk.act(repository.get(rental.id), Action.ARRIVED, Actor("ana"))

    with pytest.raises(CommandError, match="changed meanwhile"):
        deal_with(seen)
