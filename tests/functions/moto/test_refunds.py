"""Giving money back once, whatever PayMongo's answers do."""

from collections.abc import Callable

import pytest

from paymongo.resources import Payment, Refund
from rentals import endings, follow_ups, refund_records, repository, units
from rentals.errors import PaymentProviderUnavailable, RefundFailed
from rentals.models import ClosedReason, EndReason, FollowUp, PaymentStatus, Rental
from tests.support.rentals import TOTAL, Refunding, completed, give_back, late, paid, reserved
from tests.support.tables import Shop


def test_money_that_bought_nothing_goes_back(shop: Shop, paymongo: Refunding) -> None:
    after = give_back(late(shop))

    assert (after.payment_status, after.refund_id, after.refund_status) == (
        PaymentStatus.REFUNDED,
        "ref_0",
        "pending",
    )
    assert after.follow_up is FollowUp.REFUND
    assert paymongo.refunds == [Refund("ref_0", "pay_1", TOTAL, "pending")]


def test_the_intent_is_on_record_before_anything_is_asked_for(
    shop: Shop, paymongo: Refunding
) -> None:
    rental = late(shop)

    def look() -> None:
        assert repository.get(rental.id).refund_requested_at is not None

    paymongo.trouble.append(look)
    give_back(rental)
    assert paymongo.trouble == []


def test_asking_twice_refunds_once(shop: Shop, paymongo: Refunding) -> None:
    rental = late(shop)

    for _ in range(3):
        give_back(rental)

    assert paymongo.asked == ["pay_1"]


def test_a_refund_whose_answer_was_lost_is_found(shop: Shop, paymongo: Refunding) -> None:
    rental = late(shop)
    paymongo.trouble.append(paymongo.answer_gets_lost)
    with pytest.raises(PaymentProviderUnavailable):
        give_back(rental)

    assert give_back(rental).refund_id == "ref_0"
    assert paymongo.asked == ["pay_1"]


def test_what_somebody_gave_back_before_is_not_given_back_again(
    shop: Shop, paymongo: Refunding
) -> None:
    rental = late(shop)
    paymongo.status = "succeeded"
    part = paymongo.add("pay_1", TOTAL // 3)
    paymongo.status = "pending"

    for _ in range(2):
        give_back(rental)
    after = refund_records.record_refund(repository.get(rental.id), part)  # its event comes late

    assert [each.amount for each in paymongo.refunds] == [TOTAL // 3, TOTAL - TOTAL // 3]
    assert (after.refund_id, after.refund_status) == ("ref_1", "pending")
    assert after.follow_up is FollowUp.REFUND


def test_a_refund_that_was_refused_because_it_exists_is_found(
    shop: Shop, paymongo: Refunding
) -> None:
    def exists_since_a_moment() -> None:
        paymongo.add("pay_1")
        paymongo.refuse("parameter_above_maximum")

    paymongo.trouble.append(exists_since_a_moment)

    assert give_back(late(shop)).refund_id == "ref_0"


@pytest.mark.parametrize("code", ["resource_processing_state", "resource_pending_state"])
def test_a_refund_under_way_that_is_not_listed_yet_is_asked_for_later(
    shop: Shop, paymongo: Refunding, code: str
) -> None:
    paymongo.trouble.append(lambda: paymongo.refuse(f"{code}:payment_id"))

    with pytest.raises(PaymentProviderUnavailable):
        give_back(late(shop))


@pytest.mark.parametrize("code", ["allowed_date_exceeded", "available_balance_insufficient"])
def test_a_refund_that_is_refused_is_for_people(shop: Shop, paymongo: Refunding, code: str) -> None:
    rental = late(shop)
    paymongo.trouble.append(lambda: paymongo.refuse(code))

    with pytest.raises(RefundFailed, match=code):
        give_back(rental)

    # The reconciler still watches it, nobody gets a unit for this money, and the customer knows.
    after = repository.get(rental.id)
    assert after.follow_up is FollowUp.REFUND
    assert after.payment_status is PaymentStatus.REFUNDED
    assert after.refund_status == "failed"


def test_a_failed_refund_is_asked_for_again_once_somebody_was_told(
    shop: Shop, paymongo: Refunding
) -> None:
    rental = late(shop)
    paymongo.status = "failed"
    with pytest.raises(RefundFailed):
        give_back(rental)
    paymongo.status = "succeeded"
    for _ in range(2):
        with pytest.raises(RefundFailed):
            give_back(rental)
    assert paymongo.asked == ["pay_1"]
    follow_ups.need_attention(repository.get(rental.id), "RefundFailed")

    after = give_back(rental)

    assert (after.refund_id, after.refund_status) == ("ref_1", "succeeded")
    assert (after.follow_up, after.attention) == (None, None)


def test_a_refund_that_is_refused_keeps_no_other_waiting(shop: Shop, paymongo: Refunding) -> None:
    rental = late(shop)
    for payment_id in ("pay_2", "pay_3"):
        repository.record_payment(rental.id, Payment(payment_id, TOTAL, "PHP", "paid"))
    paymongo.trouble.append(lambda: paymongo.refuse("available_balance_insufficient"))

    with pytest.raises(RefundFailed, match="available_balance_insufficient"):
        give_back(rental)

    assert [each.payment_id for each in paymongo.refunds] == ["pay_3", "pay_1"]


def test_money_of_the_wrong_amount_goes_back_and_frees_the_unit(
    shop: Shop, paymongo: Refunding
) -> None:
    give_back(paid(reserved(shop), amount=TOTAL - 1))

    assert len(shop.on_shelf()) == 1
    assert paymongo.asked == ["pay_1"]


def test_only_the_surplus_of_a_completed_rental_goes_back(shop: Shop, paymongo: Refunding) -> None:
    paymongo.status = "succeeded"
    rental = endings.confirm_rental(paid(reserved(shop)))
    repository.record_payment(rental.id, Payment("pay_3", TOTAL, "PHP", "paid"))
    repository.record_payment(rental.id, Payment("pay_2", TOTAL, "PHP", "paid"))

    after = give_back(rental)

    assert paymongo.asked == ["pay_2", "pay_3"]
    assert after.payment_status is PaymentStatus.COMPLETED
    assert (after.surplus_payment_ids, after.follow_up) == (frozenset(), None)


def test_a_surplus_that_paymongo_does_not_have_is_forgotten(
    shop: Shop, paymongo: Refunding
) -> None:
    rental = completed(shop)
    repository.record_surplus(rental.id, "pay_2")
    paymongo.forged.append("pay_2")

    after = give_back(rental)

    assert (after.surplus_payment_ids, paymongo.asked) == (frozenset(), [])
    assert after.attention is None


def test_a_surplus_whose_refund_is_under_way_stays_watched_and_is_asked_for_once(
    shop: Shop, paymongo: Refunding
) -> None:
    rental = endings.confirm_rental(paid(reserved(shop)))
    repository.record_payment(rental.id, Payment("pay_2", TOTAL, "PHP", "paid"))

    for _ in range(2):
        after = give_back(rental)
        assert after.surplus_payment_ids == {"pay_2"}
        assert after.follow_up is FollowUp.REFUND

    assert after.payment_status is PaymentStatus.COMPLETED
    assert paymongo.asked == ["pay_2"]


def test_a_surplus_whose_refund_was_not_answered_is_refunded_once(
    shop: Shop, paymongo: Refunding
) -> None:
    paymongo.status = "succeeded"
    rental = endings.confirm_rental(paid(reserved(shop)))
    repository.record_payment(rental.id, Payment("pay_2", TOTAL, "PHP", "paid"))
    paymongo.trouble.append(paymongo.answer_gets_lost)
    with pytest.raises(PaymentProviderUnavailable):
        give_back(rental)

    assert give_back(rental).surplus_payment_ids == frozenset()
    assert paymongo.asked == ["pay_2"]


def test_nothing_is_refunded_for_a_rental_that_nobody_paid_for(
    shop: Shop, paymongo: Refunding
) -> None:
    rental = endings.end_unpaid(reserved(shop), EndReason.HOLD_EXPIRED)

    assert give_back(rental) == rental
    assert paymongo.asked == []


def test_money_that_bought_something_meanwhile_is_kept(shop: Shop, paymongo: Refunding) -> None:
    rental = units.reserve_unit(late(shop))

    assert give_back(rental).refund_requested_at is None

    assert paymongo.asked == []
    endings.confirm_rental(repository.get(rental.id))


# --- an operator wants a completed rental's payment back ---


def test_a_completed_rental_keeps_its_money_unless_somebody_asks(
    shop: Shop, paymongo: Refunding
) -> None:
    rental = completed(shop)

    assert give_back(rental).payment_status is PaymentStatus.COMPLETED
    assert paymongo.asked == []

    refund_records.request_refund(rental)
    after = give_back(rental)
    assert (after.payment_status, after.refund_status) == (PaymentStatus.COMPLETED, "pending")
    assert (after.closed_reason, after.unit_id) == (ClosedReason.CANCELLED, None)


def test_asking_for_it_twice_refunds_once(shop: Shop, paymongo: Refunding) -> None:
    rental = completed(shop)

    for _ in range(2):
        refund_records.request_refund(rental)
        give_back(rental)
        rental = refund_records.request_refund(repository.get(rental.id))

    assert paymongo.asked == ["pay_1"]


def test_a_request_that_was_interrupted_is_seen_through_by_the_reconciler(
    shop: Shop, paymongo: Refunding
) -> None:
    requested = refund_records.request_refund(completed(shop))

    assert requested.follow_up is FollowUp.REFUND
    assert requested.payment_status is PaymentStatus.COMPLETED
    assert requested.unit_id is not None


def test_a_refused_request_leaves_the_rental_and_its_unit_as_they_were(
    shop: Shop, paymongo: Refunding
) -> None:
    rental = completed(shop)
    refund_records.request_refund(rental)
    paymongo.trouble.append(lambda: paymongo.refuse("available_balance_insufficient"))

    with pytest.raises(RefundFailed):
        give_back(rental)

    after = repository.get(rental.id)
    assert after.payment_status is PaymentStatus.COMPLETED
    assert after.unit_id == rental.unit_id


@pytest.mark.parametrize("make", [reserved, late])
def test_only_completed_rentals_wait_for_an_operator_to_ask(
    shop: Shop, paymongo: Refunding, make: Callable[[Shop], Rental]
) -> None:
    rental = make(shop)

    assert refund_records.request_refund(rental) == rental
    assert repository.get(rental.id).refund_requested_at is None
