"""Units and the rentals that hold them change together, once, and may be asked to twice."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ReadTimeoutError

from infra import clock
from infra.dynamo import Change
from infra.settings import setting
from paymongo.resources import CheckoutSession, Payment, Refund
from rentals import endings, follow_ups, given_back, refund_records, repository, units
from rentals.errors import (
    NoUnitAvailable,
    PaymentMismatch,
    PaymentNotReceived,
    PaymentProviderError,
    PaymentProviderRejected,
    PaymentProviderUnavailable,
    PaymentReceived,
    PaymentSessionOpen,
    RefundFailed,
    RentalEnded,
    UnitNotHeld,
    WriteContended,
)
from rentals.models import (
    ClosedReason,
    EndReason,
    FollowUp,
    PaymentStatus,
    Rental,
    Size,
    UnitStatus,
)
from rentals.pricing import price_rental
from tests.support.rentals import TOTAL, late, paid, refund, reserved
from tests.support.tables import Shop
from workflow import close_payment_session


def after_lost_answer(
    shop: Shop, work: Callable[[], Rental], operation: str = "TransactWriteItems"
) -> Rental:
    """`work` done twice, as a state machine does when the first answer was lost."""
    shop.lose_answer(operation)
    with pytest.raises(ReadTimeoutError):
        work()
    return work()


# --- reserve ---


def test_a_reserved_unit_names_its_owner_and_leaves_the_shelf(shop: Shop) -> None:
    rental = reserved(shop)

    unit = shop.row("Units", "col-001-wh-near-000")
    assert (unit["reservedBy"], unit["isAvailable"]) == (rental.id, "false")
    assert unit["availableCollectibleId"] == "col-001#held"
    assert unit["reservedAt"]
    assert shop.on_shelf() == set()
    assert (rental.unit_id, rental.warehouse_id, rental.eta) == (unit["id"], "wh-near", 2)


def test_reserving_again_changes_nothing(shop: Shop) -> None:
    rental = reserved(shop)
    shop.add_units(1, "wh-far")
    before = shop.rows("Units"), shop.rows("Rentals")

    assert units.reserve_unit(rental) == rental
    assert (shop.rows("Units"), shop.rows("Rentals")) == before


def test_a_reservation_whose_answer_was_lost_is_found(shop: Shop) -> None:
    shop.add_units(5)
    stale = shop.add_rental()
    shop.lose_answer("TransactWriteItems")
    with pytest.raises(ReadTimeoutError):
        units.reserve_unit(stale)

    # Even when asked with the row as it was before.
    rental = units.reserve_unit(stale)

    assert len(shop.on_shelf()) == 4
    assert shop.row("Units", str(rental.unit_id))["reservedBy"] == rental.id


def test_the_nearest_warehouse_with_a_unit_delivers(shop: Shop) -> None:
    shop.add_units(1, "wh-far")
    shop.add_units(1, "wh-middle")
    rentals = [units.reserve_unit(shop.add_rental(number)) for number in range(2)]

    assert [(each.warehouse_id, each.eta) for each in rentals] == [("wh-middle", 3), ("wh-far", 6)]


def test_sold_out_is_said_and_nothing_is_written(shop: Shop) -> None:
    reserved(shop)
    other = shop.add_rental(2)
    before = shop.rows("Rentals")

    with pytest.raises(NoUnitAvailable):
        units.reserve_unit(other)

    assert shop.rows("Rentals") == before


def test_a_unit_that_the_index_still_shows_is_not_taken_from_its_owner(shop: Shop) -> None:
    # The index is eventually consistent: it may show what was taken a moment ago.
    owner = reserved(shop)
    unit_id = str(owner.unit_id)
    shop.put("Units", shop.row("Units", unit_id) | {"availableCollectibleId": "col-001"})
    other = shop.add_rental(2)
    writes = shop.calls.count("TransactWriteItems")

    with pytest.raises(NoUnitAvailable):
        units.reserve_unit(other)

    assert shop.row("Units", unit_id)["reservedBy"] == owner.id
    assert shop.calls.count("TransactWriteItems") - writes == 1
    row = shop.row("Units", unit_id)
    del row["availableCollectibleId"]
    shop.put("Units", row)


@pytest.mark.parametrize("reason", EndReason)
def test_an_ended_rental_gets_no_unit(shop: Shop, reason: EndReason) -> None:
    shop.add_units(1)
    stale = shop.add_rental()
    ended = endings.end_unpaid(stale, reason)

    for rental in (ended, stale):
        with pytest.raises(RentalEnded):
            units.reserve_unit(rental)
    assert len(shop.on_shelf()) == 1


def test_a_rental_that_was_paid_too_late_gets_a_unit_if_there_is_one(shop: Shop) -> None:
    rental = units.reserve_unit(late(shop))

    completed = endings.confirm_rental(rental)

    assert completed.payment_status is PaymentStatus.COMPLETED
    assert completed.end_reason is None
    assert shop.on_shelf() == set()


def test_a_rental_whose_money_is_on_the_way_back_gets_no_unit(shop: Shop) -> None:
    stale = late(shop)
    refunding = endings.release_for_refund(stale)

    for rental in (refunding, stale):
        with pytest.raises(RentalEnded):
            units.reserve_unit(rental)
    assert len(shop.on_shelf()) == 1


def test_a_pending_rental_whose_money_is_on_the_way_back_gets_no_unit(shop: Shop) -> None:
    stale = paid(reserved(shop), amount=TOTAL - 1)
    refunding = endings.release_for_refund(stale)
    assert stale.is_pending

    with pytest.raises(RentalEnded):
        units.reserve_unit(refunding)


# --- confirm ---


def test_a_paid_rental_that_holds_a_unit_is_completed(shop: Shop) -> None:
    rental = paid(reserved(shop))

    completed = endings.confirm_rental(rental)

    assert completed.payment_status is PaymentStatus.COMPLETED
    assert completed.unit_id == rental.unit_id
    assert completed.follow_up is completed.payment_url is completed.task_token is None
    assert shop.open_rentals(rental) == set()


def test_completing_again_changes_nothing(shop: Shop) -> None:
    stale = paid(reserved(shop))
    completed = after_lost_answer(shop, lambda: endings.confirm_rental(stale))
    before = shop.rows("Rentals")

    assert endings.confirm_rental(completed) == completed
    assert endings.confirm_rental(stale) == completed
    assert shop.rows("Rentals") == before


def test_nobody_paid_means_not_completed(shop: Shop) -> None:
    rental = reserved(shop)

    with pytest.raises(PaymentNotReceived):
        endings.confirm_rental(rental)

    assert repository.get(rental.id) == rental


@pytest.mark.parametrize(
    ("amount", "currency"), [(TOTAL - 1, "PHP"), (TOTAL + 1, "PHP"), (TOTAL, "USD"), (0, "PHP")]
)
def test_the_wrong_amount_means_not_completed(shop: Shop, amount: int, currency: str) -> None:
    held = reserved(shop)
    rental = repository.record_payment(held.id, Payment("pay_1", amount, currency, "paid"))

    with pytest.raises(PaymentMismatch, match=f"costs {TOTAL} centavos PHP, received {amount}"):
        endings.confirm_rental(rental)

    assert repository.get(rental.id).is_pending


def test_a_rental_without_a_price_is_not_completed(shop: Shop) -> None:
    shop.add_units(1)
    rental = paid(units.reserve_unit(shop.add_rental()), amount=0)

    with pytest.raises(PaymentMismatch):
        endings.confirm_rental(rental)


def test_without_a_unit_means_not_completed(shop: Shop) -> None:
    rental = late(shop)

    with pytest.raises(UnitNotHeld):
        endings.confirm_rental(rental)

    assert repository.get(rental.id).payment_status is PaymentStatus.EXPIRED


def test_money_on_the_way_back_completes_nothing(shop: Shop) -> None:
    stale = late(shop)
    refunding = endings.release_for_refund(stale)

    with pytest.raises(RentalEnded):
        endings.confirm_rental(refunding)


def test_a_rental_that_changed_meanwhile_is_asked_for_again(shop: Shop) -> None:
    stale = paid(reserved(shop))
    endings.release_for_refund(
        repository.record_payment(stale.id, Payment("pay_1", TOTAL, "PHP", "paid"))
    )
    shop.put("Rentals", shop.row("Rentals", stale.id) | {"unitId": "another"})

    with pytest.raises(WriteContended):
        endings.confirm_rental(stale)

    shop.put("Rentals", shop.row("Rentals", stale.id) | {"unitId": stale.unit_id})


# --- end unpaid ---


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (EndReason.NO_UNIT, PaymentStatus.REJECTED),
        (EndReason.DECLINED, PaymentStatus.FAILED),
        (EndReason.CANCELLED_BY_CUSTOMER, PaymentStatus.CANCELLED),
        (EndReason.HOLD_EXPIRED, PaymentStatus.EXPIRED),
        (EndReason.PAYMENT_SETUP_FAILED, PaymentStatus.FAILED),
        (EndReason.STOPPED, PaymentStatus.CANCELLED),
        (EndReason.ERROR, PaymentStatus.FAILED),
    ],
)
def test_ending_unpaid_puts_the_unit_back_and_says_why(
    shop: Shop, reason: EndReason, status: PaymentStatus
) -> None:
    rental = reserved(shop)

    ended = endings.end_unpaid(rental, reason)

    assert (ended.payment_status, ended.end_reason, ended.unit_id) == (status, reason, None)
    assert ended.follow_up is ended.payment_url is ended.task_token is None
    unit = shop.row("Units", str(rental.unit_id))
    assert unit["isAvailable"] == "true"
    assert not {"reservedBy", "reservedAt"} & set(unit)
    assert shop.on_shelf() == {rental.unit_id}
    assert shop.open_rentals(rental) == set()


def test_a_unit_that_was_put_back_can_be_reserved_again(shop: Shop) -> None:
    first = reserved(shop)
    endings.end_unpaid(first, EndReason.HOLD_EXPIRED)

    second = units.reserve_unit(shop.add_rental(2))

    assert second.unit_id == first.unit_id


def test_ending_again_changes_nothing_and_the_first_reason_stays(shop: Shop) -> None:
    stale = reserved(shop)
    ended = after_lost_answer(shop, lambda: endings.end_unpaid(stale, EndReason.DECLINED))
    before = shop.rows("Units"), shop.rows("Rentals")

    assert endings.end_unpaid(ended, EndReason.HOLD_EXPIRED) == ended
    assert endings.end_unpaid(stale, EndReason.HOLD_EXPIRED) == ended
    assert ended.end_reason is EndReason.DECLINED
    assert (shop.rows("Units"), shop.rows("Rentals")) == before


def test_a_unit_is_kept_while_its_session_can_be_paid(shop: Shop) -> None:
    seen = reserved(shop)
    session = CheckoutSession("cs_1", "active", "https://checkout.example/1", "pi_1", ())
    rental = repository.set_checkout_session(seen, session)

    for before_and_after in (seen, rental):
        with pytest.raises(PaymentSessionOpen, match="cs_1"):
            endings.end_unpaid(before_and_after, EndReason.HOLD_EXPIRED)
    assert shop.on_shelf() == set()

    closed = repository.record_session_closed(rental)
    assert not endings.end_unpaid(closed, EndReason.HOLD_EXPIRED).is_pending
    assert len(shop.on_shelf()) == 1


IN_PROGRESS = CheckoutSession("cs_1", "active", "https://checkout.example/1", "pi_1", ())


def paying(shop: Shop, since: float) -> Rental:
    """A rental of so many seconds ago whose customer is at the wallet."""
    begun = shop.add_rental(1, created_at=clock.timestamp_in(-since))
    shop.add_units(1)
    return repository.set_checkout_session(units.reserve_unit(begun), IN_PROGRESS)


LONGEST_HOLD = 3600


def test_the_longest_hold_ends_with_its_session_open_and_followed(shop: Shop) -> None:
    rental = paying(shop, since=LONGEST_HOLD + 1)

    ended = endings.end_unpaid(rental, EndReason.HOLD_EXPIRED)

    assert ended.payment_status is PaymentStatus.EXPIRED
    assert len(shop.on_shelf()) == 1
    assert ended.follow_up is FollowUp.PAYMENT
    assert str(ended.follow_up_at) < clock.timestamp_in(follow_ups.PAYMENT_SECONDS + 1)
    flagged = Change(setting("RENTALS_TABLE"), ended.id, {"attention": "Some"})
    assert endings.end_unpaid(repository.update(flagged), EndReason.ERROR).follow_up


@pytest.mark.parametrize(
    "answer",
    [
        IN_PROGRESS,
        PaymentProviderUnavailable("no answer"),
        PaymentProviderRejected("expire", 404, []),
    ],
    ids=["in progress", "down", "refused"],
)
def test_closing_a_session_is_tried_until_the_longest_hold_is_over(
    shop: Shop, environment: pytest.MonkeyPatch, answer: CheckoutSession | Exception
) -> None:
    rental = paying(shop, since=LONGEST_HOLD - 60)
    client = Mock(**{"close_checkout_session.side_effect": [answer] * 3})
    environment.setattr(close_payment_session, "paymongo", lambda: client)

    def close() -> dict[str, object]:
        return close_payment_session.handler({"rental_id": rental.id}, Mock())

    with pytest.raises(PaymentProviderError):
        close()
    begun = {"createdAt": clock.timestamp_in(-LONGEST_HOLD)}
    shop.put("Rentals", shop.row("Rentals", rental.id) | begun)
    assert close() == {"paid": False}

    # What is paid is paid: nothing is decided about its money before PayMongo has said.
    if isinstance(answer, Exception):
        repository.record_payment(rental.id, Payment("pay_1", 600_000, "PHP", "paid"))
        with pytest.raises(PaymentProviderError):
            close()


def test_a_rental_that_could_be_paid_is_looked_at_once_more_after_its_end(shop: Shop) -> None:
    session = CheckoutSession("cs_1", "active", "https://checkout.example/1", "pi_1", ())
    open_rental = repository.set_checkout_session(reserved(shop), session)
    closed = repository.record_session_closed(open_rental)

    ended = endings.end_unpaid(closed, EndReason.HOLD_EXPIRED)

    assert ended == repository.get(ended.id)
    assert ended.follow_up is FollowUp.PAYMENT
    # PayMongo tells for 136 minutes; settling once more in between changes nothing.
    assert str(ended.follow_up_at) > clock.timestamp_in(136 * 60)
    assert endings.end_unpaid(ended, EndReason.ERROR) == ended


def test_a_late_repetition_does_not_take_the_unit_from_its_next_owner(shop: Shop) -> None:
    stale = reserved(shop)
    endings.end_unpaid(stale, EndReason.HOLD_EXPIRED)
    owner = units.reserve_unit(shop.add_rental(2))

    endings.end_unpaid(stale, EndReason.HOLD_EXPIRED)

    assert shop.row("Units", str(owner.unit_id))["reservedBy"] == owner.id


def test_a_unit_is_put_back_by_its_owner_only(shop: Shop) -> None:
    shop.add_units(2)
    rental, owner = (units.reserve_unit(shop.add_rental(number)) for number in (1, 2))
    # No call of ours writes this: the two records disagree about whose unit it is.
    disagreeing = shop.row("Rentals", rental.id) | {"unitId": owner.unit_id}
    shop.put("Rentals", disagreeing)

    with pytest.raises(WriteContended):
        endings.end_unpaid(repository.get(rental.id), EndReason.HOLD_EXPIRED)

    assert shop.row("Units", str(owner.unit_id))["reservedBy"] == owner.id
    assert shop.row("Rentals", rental.id) == disagreeing
    shop.put("Rentals", disagreeing | {"unitId": rental.unit_id})


def test_a_rental_that_was_paid_is_never_ended_unpaid(shop: Shop) -> None:
    stale = reserved(shop)
    rental = paid(stale)

    for seen in (rental, stale):
        with pytest.raises(PaymentReceived):
            endings.end_unpaid(seen, EndReason.HOLD_EXPIRED)

    assert repository.get(rental.id) == rental
    assert shop.on_shelf() == set()


def test_a_completed_rental_stays_completed(shop: Shop) -> None:
    stale = reserved(shop)
    completed = endings.confirm_rental(paid(stale))

    for seen in (completed, stale):
        assert endings.end_unpaid(seen, EndReason.HOLD_EXPIRED) == completed


def test_a_rental_that_got_its_unit_meanwhile_is_ended_with_it_next_time(shop: Shop) -> None:
    shop.add_units(1)
    stale = shop.add_rental()
    held = units.reserve_unit(stale)

    with pytest.raises(WriteContended):
        endings.end_unpaid(stale, EndReason.ERROR)

    assert shop.on_shelf() == set()
    endings.end_unpaid(held, EndReason.ERROR)
    assert len(shop.on_shelf()) == 1


# --- refunds ---


def test_writing_the_refund_down_comes_first_and_happens_once(shop: Shop) -> None:
    stale = late(shop)

    refunding = after_lost_answer(shop, lambda: endings.release_for_refund(stale))

    assert refunding.refund_requested_at is not None
    assert endings.release_for_refund(stale) == refunding
    assert refunding.payment_status is PaymentStatus.REFUNDED
    assert refunding.follow_up is FollowUp.REFUND


def test_money_of_the_wrong_amount_gives_the_unit_back(shop: Shop) -> None:
    held = reserved(shop)
    rental = paid(held, amount=TOTAL - 1)

    refunding = endings.release_for_refund(rental)

    assert refunding.unit_id is None
    assert refunding.refund_requested_at is not None
    assert shop.on_shelf() == {held.unit_id}


def test_money_that_bought_something_is_not_given_back(shop: Shop) -> None:
    held = reserved(shop)
    in_full = paid(held)
    assert endings.release_for_refund(in_full).refund_requested_at is None

    completed = endings.confirm_rental(in_full)
    assert endings.release_for_refund(completed) == completed
    # Asked with the row as it was when nothing had been paid, or before it was completed.
    assert endings.release_for_refund(held) == held
    assert endings.release_for_refund(in_full).refund_requested_at is None


def test_a_rental_that_got_a_unit_just_now_keeps_it(shop: Shop) -> None:
    stale = late(shop)
    units.reserve_unit(stale)

    kept = endings.release_for_refund(stale)

    assert kept.unit_id is not None
    assert kept.refund_requested_at is None
    endings.confirm_rental(kept)


def refunding(shop: Shop) -> Rental:
    return endings.release_for_refund(late(shop))


@pytest.mark.parametrize("status", ["pending", "processing"])
def test_a_refund_under_way_ends_the_rental_and_stays_watched(shop: Shop, status: str) -> None:
    after = refund_records.record_refund(refunding(shop), refund(status))

    assert (after.payment_status, after.refund_id, after.refund_status) == (
        PaymentStatus.REFUNDED,
        "ref_1",
        status,
    )
    assert after.follow_up is FollowUp.REFUND


def test_a_refund_that_succeeded_leaves_nothing_to_do(shop: Shop) -> None:
    stale = refunding(shop)
    after = after_lost_answer(
        shop, lambda: refund_records.record_refund(stale, refund("succeeded")), "TransactWriteItems"
    )

    assert (after.refund_status, after.follow_up) == ("succeeded", None)
    assert "refunded" in [row["kind"] for row in shop.rows("Notices")]
    assert refund_records.record_refund(after, refund("succeeded")) == after


def test_a_refund_that_failed_is_recorded_and_raised(shop: Shop) -> None:
    rental = refunding(shop)

    with pytest.raises(RefundFailed):
        refund_records.record_refund(rental, refund("failed"))

    assert repository.get(rental.id).refund_status == "failed"


def test_a_refund_that_failed_and_is_reported_again_stays_with_the_people_it_was_told(
    shop: Shop,
) -> None:
    rental = refunding(shop)
    with pytest.raises(RefundFailed):
        refund_records.record_refund(rental, refund("failed"))
    follow_ups.need_attention(repository.get(rental.id), "RefundFailed")
    flagged = repository.get(rental.id)

    with pytest.raises(RefundFailed):
        refund_records.record_refund(flagged, refund("failed"))

    assert repository.get(rental.id) == flagged


def test_parts_that_add_up_to_the_whole_cancel_a_completed_rental(shop: Shop) -> None:
    completed = endings.confirm_rental(paid(reserved(shop)))
    part = refund("succeeded", amount=TOTAL // 2)

    noted = refund_records.record_refund(completed, part, TOTAL // 2)
    assert (noted.closed_reason, given_back.succeeded(noted, "pay_1")) == (None, TOTAL // 2)
    other = replace(part, id="ref_2")
    after = refund_records.record_refund(noted, other)
    assert after.closed_reason is ClosedReason.CANCELLED


def test_a_full_refund_made_at_paymongo_cancels_a_completed_rental(shop: Shop) -> None:
    completed = endings.confirm_rental(paid(reserved(shop)))

    after = refund_records.record_refund(completed, refund("succeeded"))

    assert after.payment_status is PaymentStatus.COMPLETED
    assert (after.closed_reason, after.unit_id) == (ClosedReason.CANCELLED, None)
    unit = shop.row("Units", str(completed.unit_id))
    assert (unit["status"], unit["lastRentalId"]) == (UnitStatus.TO_WAREHOUSE, completed.id)


def test_two_events_of_one_refund_may_come_at_once(shop: Shop) -> None:
    """PayMongo sends payment.refunded and payment.refund.updated; one got a 503."""
    completed = endings.confirm_rental(paid(reserved(shop)))
    refund_records.record_refund(completed, refund("succeeded"))

    after = refund_records.record_refund(
        completed, refund("succeeded")
    )  # read before the other wrote

    assert (after.closed_reason, after.refund_status) == (ClosedReason.CANCELLED, "succeeded")


@pytest.mark.parametrize(
    "other",
    [
        refund("succeeded", amount=TOTAL - 1),
        refund("pending"),
        refund("succeeded", payment_id="pay_2"),
    ],
    ids=["partial", "not done yet", "of another payment"],
)
def test_any_other_refund_leaves_a_completed_rental_alone(shop: Shop, other: Refund) -> None:
    completed = endings.confirm_rental(paid(reserved(shop)))

    after = refund_records.record_refund(completed, other)

    noted = replace(completed, refunds_seen=after.refunds_seen, updated_at=after.updated_at)
    assert after == repository.get(completed.id) == noted
    assert [each.id for each in given_back.refunds(after)] == [other.id]


def test_two_sources_do_not_share_their_holds(shop: Shop) -> None:
    shop.add_units(2)
    one = units.reserve_unit(shop.add_rental(1))
    other = units.reserve_unit(shop.add_rental(2, source_key="another"))

    endings.end_unpaid(one, EndReason.HOLD_EXPIRED)

    assert shop.open_rentals(other) == {other.id}
    assert repository.get(other.id).unit_id == other.unit_id


# --- how many units may be held unpaid ---


def held(shop: Shop, number: int, **changes: Any) -> Rental:
    """A rental, by default of a source of its own, that holds a unit."""
    changes = {"source_key": f"source-{number}"} | changes
    return units.reserve_unit(shop.add_rental(number, **changes))


@pytest.mark.parametrize(
    ("stock", "usual"), [(1, 1), (2, 1), (3, 1), (6, 1), (7, 2), (11, 3), (36, 11)]
)
def test_a_third_of_the_units_is_held_as_usual_and_the_others_for_a_shorter_time(
    shop: Shop, stock: int, usual: int
) -> None:
    shop.add_units(stock)

    holds = [units.short_hold_seconds(held(shop, number)) for number in range(stock)]

    assert holds == [None] * usual + [300] * (stock - usual)


def test_beyond_its_share_a_source_that_holds_a_unit_gets_no_other(shop: Shop) -> None:
    shop.add_units(4)
    first = held(shop, 1, source_key="one")
    second = held(shop, 2, source_key="one")

    assert units.short_hold_seconds(first) == 300
    with pytest.raises(NoUnitAvailable):
        units.short_hold_seconds(second)


def test_what_is_sold_or_free_again_is_not_held_unpaid(shop: Shop) -> None:
    shop.add_units(6)
    sold = held(shop, 1)
    repository.set_price(sold, price_rental(Size.SMALL, 3))
    endings.confirm_rental(paid(repository.get(sold.id)))
    endings.end_unpaid(held(shop, 2), EndReason.CANCELLED_BY_CUSTOMER)

    assert units.short_hold_seconds(held(shop, 3)) is None
    assert units.short_hold_seconds(held(shop, 4)) == 300


def test_a_unit_for_a_rental_that_was_paid_late_is_not_held_unpaid(shop: Shop) -> None:
    rental = units.reserve_unit(late(shop))

    assert "availableCollectibleId" not in shop.row("Units", str(rental.unit_id))
    endings.confirm_rental(rental)


def test_holds_are_never_short_where_all_may_be_held(
    shop: Shop, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("UNPAID_SHARE_PERCENT", "100")
    shop.add_units(3)

    assert [units.short_hold_seconds(held(shop, number)) for number in range(3)] == [None] * 3


def test_counting_holds_costs_a_query_or_two_however_many_units_there_are(shop: Shop) -> None:
    shop.add_units(150)
    rental = held(shop, 1)

    assert shop.calls_of(lambda: units.short_hold_seconds(rental)) == ["Query"]
    rental = held(shop, 2)
    assert shop.calls_of(lambda: units.short_hold_seconds(rental)) == ["Query"] * 2
