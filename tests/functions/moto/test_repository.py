"""The Rentals table: each write is conditional, and may be repeated after its answer was lost."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ReadTimeoutError

from infra import aws, clock, dynamo
from paymongo.resources import CheckoutSession, Payment
from rentals import endings, follow_ups, repository
from rentals.errors import RentalEnded, RentalNotFound, TooManyOpenRentals
from rentals.models import EndReason, FollowUp, PaymentStatus, Rental, Size
from rentals.pricing import price_rental
from tests.support.rentals import completed, paid
from tests.support.samples import pending_rental
from tests.support.tables import Shop

SESSION = CheckoutSession("cs_1", "active", "https://checkout.example/cs_1#f", "pi_1", ())


def send_updates_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """As botocore does when the first answer is lost: the caller sees the second one."""
    update = aws.dynamodb().update_item

    def twice(**request: object) -> object:
        update(**request)  # type: ignore[arg-type]
        return update(**request)  # type: ignore[arg-type]

    monkeypatch.setattr(aws.dynamodb(), "update_item", twice)


# --- create ---


def test_a_new_rental_is_written_and_counted_as_one_hold(shop: Shop) -> None:
    rental = shop.add_rental()

    read = repository.get(rental.id)
    assert replace(read, follow_up=None, follow_up_at=None) == rental
    assert read.follow_up is FollowUp.PAYMENT
    assert shop.open_rentals(rental) == {rental.id}


def test_a_rental_is_created_once_and_the_first_one_counts(shop: Shop) -> None:
    first = shop.add_rental()

    again = repository.create(replace(first, duration=99))

    assert again.duration == first.duration
    assert shop.open_rentals(first) == {first.id}
    assert len(shop.rows("Rentals")) == 1


def test_a_rental_whose_creation_was_not_answered_is_found(shop: Shop) -> None:
    shop.lose_answer("TransactWriteItems")
    with pytest.raises(ReadTimeoutError):
        shop.add_rental()

    assert shop.add_rental().id == "rental-1"
    assert len(shop.rows("Rentals")) == 1


def test_a_source_has_a_limited_number_of_unpaid_rentals(shop: Shop) -> None:
    for number in range(3):
        shop.add_rental(number)

    with pytest.raises(TooManyOpenRentals):
        shop.add_rental(4)

    assert len(shop.rows("Rentals")) == 3
    assert len(shop.open_rentals(pending_rental())) == 3


def test_the_limit_is_per_source(shop: Shop) -> None:
    for number in range(3):
        shop.add_rental(number)

    shop.add_rental(4, source_key="another")
    with pytest.raises(TooManyOpenRentals):
        shop.add_rental(5)


def test_a_rental_knows_how_many_its_source_had(shop: Shop) -> None:
    assert [shop.add_rental(number).open_before for number in range(3)] == [0, 1, 2]


def test_what_was_left_counted_no_longer_counts_after_the_longest_hold(shop: Shop) -> None:
    old, older, _ = (
        shop.add_rental(number, created_at=clock.timestamp_in(seconds))
        for number, seconds in enumerate((-4_201, -5_000, -3_000))
    )

    assert [shop.add_rental(number).open_before for number in (4, 5)] == [1, 2]
    with pytest.raises(TooManyOpenRentals):
        shop.add_rental(6)
    for rental in (old, older):
        assert not endings.end_unpaid(rental, EndReason.HOLD_EXPIRED).is_pending


def test_where_somebody_has_just_paid_more_may_rent(shop: Shop) -> None:
    completed(shop)

    rentals = [shop.add_rental(number) for number in range(2, 17)]

    assert {each.open_before for each in rentals} == {0}
    with pytest.raises(TooManyOpenRentals):
        shop.add_rental(17)


def test_an_hour_after_a_payment_the_usual_limit_is_back(shop: Shop) -> None:
    key = str(completed(shop).source_key)
    shop.put("Customers", {"id": key, "paidAt": clock.timestamp_in(-3_601)})
    for number in range(2, 5):
        shop.add_rental(number)

    with pytest.raises(TooManyOpenRentals):
        shop.add_rental(5)


def test_checkouts_of_a_source_that_meet_are_all_counted(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    transact, others = dynamo.transact, iter(range(100, 102))

    def another_comes_first(writes: Sequence[dynamo.Change | dynamo.New]) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(dynamo, "transact", transact)
            for number in others:
                shop.add_rental(number)
                break
        transact(writes)

    monkeypatch.setattr(dynamo, "transact", another_comes_first)

    assert shop.add_rental(1).open_before == 2
    assert shop.open_rentals(pending_rental()) == {"rental-1", "rental-100", "rental-101"}


def test_a_rental_that_was_counted_for_its_e_mail_address_ends(shop: Shop) -> None:
    """As all were in version 0.1."""
    rental = shop.add_rental()
    shop.put("Rentals", {**shop.row("Rentals", rental.id), "sourceKey": None})

    ended = endings.end_unpaid(repository.get(rental.id), EndReason.HOLD_EXPIRED)

    assert not ended.is_pending
    shop.put("Customers", {"id": "50c3"})


def test_a_repeated_request_at_the_limit_finds_its_rental(shop: Shop) -> None:
    rentals = [shop.add_rental(number) for number in range(3)]

    assert repository.create(rentals[0]).id == rentals[0].id


def test_a_rental_that_ended_makes_room_for_another(shop: Shop) -> None:
    rentals = [shop.add_rental(number) for number in range(3)]
    endings.end_unpaid(rentals[0], EndReason.NO_UNIT)

    assert shop.add_rental(4).is_pending


def test_room_is_made_again_after_the_last_rental_ended(shop: Shop) -> None:
    # Removing the last element of a set removes the attribute.
    endings.end_unpaid(shop.add_rental(1), EndReason.NO_UNIT)

    assert shop.open_rentals(shop.add_rental(2)) == {"rental-2"}


# --- look-ups ---


def test_a_rental_is_found_by_its_payment_and_its_intent(shop: Shop) -> None:
    rental = repository.set_checkout_session(shop.add_rental(), SESSION)
    paid(rental, "pay_1", 600_000)

    by_payment = repository.find_by_payment("pay_1")
    assert by_payment is not None
    assert by_payment == repository.find_by_payment_intent("pi_1") == repository.get(rental.id)


def test_where_metadata_and_payment_intent_disagree_the_intent_is_believed(shop: Shop) -> None:
    one = repository.set_checkout_session(shop.add_rental(1), SESSION)
    other = repository.set_checkout_session(
        shop.add_rental(2), replace(SESSION, id="cs_2", payment_intent_id="pi_2")
    )

    found = repository.find_named([one.id], ["pi_2"])
    assert found is not None
    assert found.id == other.id
    # Nobody's intent: the session may be one whose answer was lost.
    for intents in (["pi_unknown"], [None], ["pi_1"], []):
        named = repository.find_named([one.id], intents)
        assert named is not None
        assert named.id == one.id


@pytest.mark.parametrize("key", ["unknown", "", "x" * 5_000])
def test_what_is_not_on_record_is_not_found(shop: Shop, key: str) -> None:
    assert repository.find(key) is None
    assert repository.find_by_payment(key) is None
    assert repository.find_by_payment_intent(key) is None
    with pytest.raises(RentalNotFound):
        repository.get(key)


# --- price and session ---


def test_a_short_hold_has_its_end_from_the_start_and_is_followed_then(shop: Shop) -> None:
    rental = shop.add_rental()

    repository.set_price(rental, price_rental(Size.SMALL, 3), 300)

    row = shop.row("Rentals", rental.id)
    assert clock.timestamp_in(290) < row["holdExpiresAt"] == row["followUpAt"]
    assert row["followUpAt"] < clock.timestamp_in(301)


def test_the_price_is_stored_in_pesos_and_read_in_centavos(shop: Shop) -> None:
    rental = shop.add_rental()

    repository.set_price(rental, price_rental(Size.SMALL, 3))

    row = shop.row("Rentals", rental.id)
    assert (row["dailyRate"], row["totalFee"]) == (2_000, 6_000)
    assert repository.get(rental.id).total_fee_centavos == 600_000


def test_the_first_session_counts_and_is_not_published_yet(shop: Shop) -> None:
    rental = shop.add_rental()

    first = repository.set_checkout_session(rental, SESSION)
    second = repository.set_checkout_session(rental, replace(SESSION, id="cs_2"))

    assert first.checkout_session_id == second.checkout_session_id == "cs_1"
    assert second.checkout_url == SESSION.checkout_url
    assert second.payment_url is None


def test_a_session_whose_write_was_sent_twice_is_ours(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    rental = shop.add_rental()
    send_updates_twice(monkeypatch)

    assert repository.set_checkout_session(rental, SESSION).checkout_session_id == "cs_1"


@pytest.mark.parametrize("reason", EndReason)
def test_an_ended_rental_gets_neither_price_nor_session_nor_decline(
    shop: Shop, reason: EndReason
) -> None:
    rental = shop.add_rental()
    endings.end_unpaid(rental, reason)
    ended = repository.get(rental.id)

    with pytest.raises(RentalEnded, match=reason.status):
        repository.set_price(rental, price_rental(Size.SMALL, 3))
    with pytest.raises(RentalEnded):
        repository.set_checkout_session(rental, SESSION)
    with pytest.raises(RentalEnded):
        repository.record_decline(rental.id, "evt_1")

    assert repository.get(rental.id) == ended


def test_a_rental_that_does_not_exist_gets_nothing(shop: Shop) -> None:
    ghost = pending_rental()

    for write in (
        lambda: repository.set_price(ghost, price_rental(Size.SMALL, 3)),
        lambda: repository.set_checkout_session(ghost, SESSION),
        lambda: repository.record_payment(ghost.id, Payment("pay_1", 1, "PHP", "paid")),
        lambda: repository.record_decline(ghost.id, "evt_1"),
    ):
        with pytest.raises(RentalNotFound):
            write()
    assert shop.rows("Rentals") == []


# --- payments ---


@pytest.mark.parametrize("reason", [None, *EndReason])
def test_a_payment_is_recorded_whatever_state_the_rental_is_in(
    shop: Shop, reason: EndReason | None
) -> None:
    rental = shop.add_rental()
    if reason is not None:
        rental = endings.end_unpaid(rental, reason)
        assert rental.follow_up is None

    after = repository.record_payment(rental.id, Payment("pay_1", 600_000, "PHP", "paid"))

    assert after.payment_status is rental.payment_status
    assert (after.payment_id, after.amount_paid, after.payment_currency) == (
        "pay_1",
        600_000,
        "PHP",
    )
    assert after.follow_up is FollowUp.PAYMENT


def test_a_payment_reported_twice_is_one_payment(shop: Shop) -> None:
    shop.add_rental()

    first = repository.record_payment("rental-1", Payment("pay_1", 600_000, "PHP", "paid"))
    second = repository.record_payment("rental-1", Payment("pay_1", 600_000, "PHP", "paid"))

    assert first == second
    assert second.surplus_payment_ids == frozenset()


def test_a_payment_whose_write_was_sent_twice_is_one_payment(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.add_rental()
    send_updates_twice(monkeypatch)

    rental = repository.record_payment("rental-1", Payment("pay_1", 600_000, "PHP", "paid"))

    assert (rental.payment_id, rental.surplus_payment_ids) == ("pay_1", frozenset())


def test_every_other_payment_is_a_surplus_and_changes_nothing_else(shop: Shop) -> None:
    shop.add_rental()
    repository.record_payment("rental-1", Payment("pay_1", 600_000, "PHP", "paid"))

    for payment_id in ("pay_2", "pay_3", "pay_2"):
        rental = repository.record_payment("rental-1", Payment(payment_id, 1, "USD", "paid"))

    assert rental.payment_id == "pay_1"
    assert (rental.amount_paid, rental.payment_currency) == (600_000, "PHP")
    assert rental.surplus_payment_ids == {"pay_2", "pay_3"}
    assert rental.follow_up is FollowUp.PAYMENT


def test_a_decline_is_counted_once_for_each_event(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.add_rental()
    send_updates_twice(monkeypatch)

    counts = [
        repository.record_decline("rental-1", event_id).declined_attempts
        for event_id in ("evt_1", "evt_1", "evt_2", "evt_1", "evt_3")
    ]

    assert counts == [1, 1, 2, 2, 3]


# --- follow-ups ---


def due_now(shop: Shop, rental: Rental, when: str = "2026-01-01T00:00:00.000Z") -> str:
    shop.put("Rentals", shop.row("Rentals", rental.id) | {"followUpAt": when})
    return when


def test_only_what_is_due_comes_up_longest_waiting_first(shop: Shop) -> None:
    first, second, _later = (shop.add_rental(number) for number in range(3))
    older = due_now(shop, second, "2026-01-01T00:00:00.000Z")
    newer = due_now(shop, first, "2026-01-02T00:00:00.000Z")

    due = follow_ups.list_due(FollowUp.PAYMENT, 10)

    assert due == [(second.id, older), (first.id, newer)]
    assert follow_ups.list_due(FollowUp.PAYMENT, 1) == [(second.id, older)]
    assert follow_ups.list_due(FollowUp.REFUND, 10) == []


def test_what_is_due_is_found_in_every_part_of_the_index(shop: Shop) -> None:
    rentals = [shop.add_rental(number, source_key=str(number)) for number in range(40)]
    whens = [f"2026-01-01T00:00:{number:02}.000Z" for number in range(40)]
    for rental, when in zip(rentals, whens, strict=True):
        due_now(shop, rental, when)
    assert len({row["followUp"] for row in shop.rows("Rentals")}) > 10

    due = follow_ups.list_due(FollowUp.PAYMENT, 30)

    assert due == list(zip([each.id for each in rentals], whens, strict=True))[:30]


def test_what_was_written_before_the_index_was_spread_is_found(shop: Shop) -> None:
    rental = shop.add_rental()
    when = due_now(shop, rental)
    shop.put("Rentals", shop.row("Rentals", rental.id) | {"followUp": "payment"})

    assert follow_ups.list_due(FollowUp.PAYMENT, 10) == [(rental.id, when)]
    claimed = follow_ups.claim(rental.id, when, 120)
    assert claimed is not None
    assert claimed.follow_up is FollowUp.PAYMENT


def test_what_is_due_is_taken_by_one_of_two_runs(shop: Shop) -> None:
    rental = shop.add_rental()
    due_at = due_now(shop, rental)

    taken = follow_ups.claim(rental.id, due_at, 120)
    again = follow_ups.claim(rental.id, due_at, 120)

    assert taken is not None
    assert taken.id == rental.id
    assert again is None
    assert follow_ups.list_due(FollowUp.PAYMENT, 10) == []


def test_a_rental_that_is_over_is_due_no_more(shop: Shop) -> None:
    rental = shop.add_rental()
    due_now(shop, rental)

    endings.end_unpaid(repository.get(rental.id), EndReason.NO_UNIT)

    assert follow_ups.list_due(FollowUp.PAYMENT, 10) == []


def test_trouble_is_marked_for_people_and_for_the_reconciler(shop: Shop) -> None:
    rental = shop.add_rental()

    follow_ups.need_attention(rental, "RefundFailed")

    flagged = repository.get(rental.id)
    assert (flagged.attention, flagged.follow_up) == ("RefundFailed", FollowUp.ATTENTION)


def waits_in_trouble(shop: Shop, status: PaymentStatus) -> list[int]:
    """Quarters of an hour until each next try."""
    rental = shop.add_rental()
    waits = []
    for _ in range(12):
        now = replace(repository.get(rental.id), payment_status=status)
        follow_ups.need_attention(now, "RefundFailed")
        due = datetime.fromisoformat(str(repository.get(rental.id).follow_up_at))
        waits.append(round((due - datetime.now(UTC)).total_seconds() / 900))
    return waits


@pytest.mark.parametrize("status", [PaymentStatus.PENDING, PaymentStatus.EXPIRED])
def test_rental_that_may_hold_a_unit_or_wait_for_one_is_tried_every_quarter(
    shop: Shop, status: PaymentStatus
) -> None:
    """A unit stayed held for six hours after PayMongo was back."""
    assert set(waits_in_trouble(shop, status)) == {1}


def test_refund_that_goes_on_failing_is_told_less_and_less_often(shop: Shop) -> None:
    waits = waits_in_trouble(shop, PaymentStatus.REFUNDED)

    assert waits[:6] == [1, 2, 4, 8, 16, 24]
    assert set(waits[6:]) == {24}, "every six hours from then on"


def test_the_first_payment_is_a_surplus_neither_before_nor_after(shop: Shop) -> None:
    """Closing a session reports its payments again: that is no news."""
    rental = shop.add_rental()
    for payment_id in ("pay_1", "pay_2"):
        repository.record_payment(rental.id, Payment(payment_id, 1, "PHP", "paid"))
    follow_ups.need_attention(repository.get(rental.id), "RefundFailed")

    for payment_id in ("pay_1", "pay_2"):
        again = repository.record_payment(rental.id, Payment(payment_id, 1, "PHP", "paid"))

    assert again.surplus_payment_ids == {"pay_2"}
    assert again.follow_up is FollowUp.ATTENTION


def test_a_session_is_closed_once(shop: Shop) -> None:
    rental = shop.add_rental()
    rental = repository.set_checkout_session(rental, SESSION)

    closed = repository.record_session_closed(rental)

    assert closed.session_closed_at is not None
    assert repository.record_session_closed(closed) == closed
