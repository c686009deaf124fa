"""What the API shows of a rental."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from api.catalogue_views import quote_view
from api.money_views import money_view
from api.views import pesos, rental_view
from infra import clock
from rentals import dates
from rentals.catalogue import Offer
from rentals.models import (
    CENTAVOS_PER_PESO,
    ClosedReason,
    Collectible,
    FulfillmentStatus,
    PaymentStatus,
    Size,
)
from rentals.pricing import price_rental
from rentals.statement import Statement
from tests.support.samples import CUSTOMER, TERMS, pending_rental

PAYABLE = pending_rental(
    unit_id="unit-1",
    daily_rate_centavos=200_000,
    total_fee_centavos=600_000,
    eta=2,
    checkout_session_id="cs_1",
    payment_intent_id="pi_1",
    checkout_url="https://checkout.example/cs_1#fragment",
    payment_url="https://checkout.example/cs_1#fragment",
    hold_expires_at="2026-01-31T10:15:00.000Z",
    task_token="task-token",
    declined_event_ids=frozenset({"evt_1", "evt_2"}),
)
NOW = datetime(2026, 2, 4, 12, tzinfo=UTC)
# What is paid now is ready, and due, at the end of these days in Manila.
READY_BY, DUE_AT = "2026-02-06T15:59:59.000Z", "2026-02-09T15:59:59.000Z"
PICKED_UP = pending_rental(
    payment_status=PaymentStatus.COMPLETED,
    unit_id="unit-1",
    eta=2,
    completed_at="2026-01-31T10:01:00.000Z",
    fulfillment_status=FulfillmentStatus.PICKED_UP,
    ready_by="2026-02-02T15:59:59.000Z",
    arrived_at="2026-02-02T02:00:00.000Z",
    picked_up_at="2026-02-03T03:00:00.000Z",
    due_at="2026-02-06T15:59:59.000Z",
)


@pytest.fixture(autouse=True)
def settings(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("MAX_PAYMENT_ATTEMPTS", "3")
    environment.setenv("DAY_SECONDS", "86400")
    environment.setenv("COLLECTION_DAYS", "7")
    for name, value in TERMS.items():
        environment.setenv(name, value)
    environment.setenv("DEPOSITS", "500,2000,5000")
    environment.setenv("PAYMENT_METHODS", "card,gcash,qrph")
    environment.setattr(clock, "now", lambda: NOW)


def test_a_payable_rental_shows_where_to_pay() -> None:
    view = rental_view(PAYABLE, may_pay=True)

    assert view["payment_url"] == PAYABLE.payment_url
    assert view["hold_expires_at"] == PAYABLE.hold_expires_at
    assert (view["daily_rate"], view["total_fee"]) == (2_000, 6_000)
    assert (view["declined_attempts"], view["max_payment_attempts"]) == (2, 3)


def test_a_decline_that_comes_after_the_last_one_is_not_shown() -> None:
    declined = pending_rental(declined_event_ids=frozenset({"evt_1", "evt_2", "evt_3", "evt_4"}))

    assert rental_view(declined, may_pay=True)["declined_attempts"] == 3


def test_who_has_only_the_id_is_told_the_same_but_where_to_pay() -> None:
    owners, others = (rental_view(PAYABLE, may_pay=may_pay) for may_pay in (True, False))

    assert others == owners | {"payment_url": None}


@pytest.mark.parametrize("status", [each for each in PaymentStatus if each != "pending"])
def test_an_ended_rental_cannot_be_paid(status: PaymentStatus) -> None:
    view = rental_view(
        pending_rental(payment_url="https://checkout.example", payment_status=status), may_pay=True
    )

    assert view["status"] == status
    assert view["payment_url"] is view["hold_expires_at"] is None


def test_a_rental_that_is_being_prepared_has_nothing_to_pay_yet() -> None:
    # checkout_url is on the row before there is a task token that a payment could resume.
    view = rental_view(pending_rental(checkout_url="https://checkout.example"), may_pay=True)

    assert view["payment_url"] is view["total_fee"] is None


def test_nothing_personal_and_nothing_secret_is_shown() -> None:
    shown = str(rental_view(PAYABLE, may_pay=True))

    hidden = [*asdict(CUSTOMER).values(), "task-token", "evt_1", "unit-1", PAYABLE.request_hash]
    assert [text for text in hidden if text in shown.replace(PAYABLE.id, "")] == []


def test_until_it_is_paid_the_days_to_expect_are_shown() -> None:
    view = rental_view(PAYABLE, may_pay=False)

    assert (view["ready_by"], view["due_at"]) == (READY_BY, DUE_AT)
    assert view["fulfillment_status"] is view["completed_at"] is None


def test_what_is_not_reserved_or_never_was_paid_has_no_days() -> None:
    for rental in (pending_rental(), replace(PAYABLE, payment_status=PaymentStatus.EXPIRED)):
        view = rental_view(rental, may_pay=True)
        assert view["ready_by"] is view["due_at"] is None


def test_a_rental_that_is_picked_up_shows_what_happened_and_when_it_is_due() -> None:
    view = rental_view(PICKED_UP, may_pay=False)

    for name in ("fulfillment_status", "ready_by", "arrived_at", "picked_up_at", "due_at"):
        assert view[name] == getattr(PICKED_UP, name)
    assert view["number"] == PICKED_UP.number
    assert view["is_overdue"] is False


def test_it_is_overdue_once_the_due_date_has_passed_and_until_it_is_back() -> None:
    late = replace(PICKED_UP, due_at="2026-02-03T15:59:59.000Z")
    back = replace(late, fulfillment_status=FulfillmentStatus.RETURNED)

    assert rental_view(late, may_pay=False)["is_overdue"] is True
    assert rental_view(back, may_pay=False)["is_overdue"] is False


def test_until_when_it_waits_at_the_store_is_shown_only_while_it_waits() -> None:
    waiting = replace(PICKED_UP, fulfillment_status=FulfillmentStatus.READY_FOR_PICKUP)

    assert rental_view(waiting, may_pay=False)["collect_by"] == "2026-02-09T02:00:00.000Z"
    assert rental_view(PICKED_UP, may_pay=False)["collect_by"] is None
    carried_over = replace(waiting, is_carried_over=True)
    assert rental_view(carried_over, may_pay=False)["collect_by"] is None


def test_a_paid_rental_whose_money_was_given_back_stays_completed_and_says_so() -> None:
    cancelled = replace(
        PICKED_UP,
        picked_up_at=None,
        fulfillment_status=FulfillmentStatus.CLOSED,
        closed_reason=ClosedReason.CANCELLED,
        closed_at="2026-02-02T05:00:00.000Z",
        refund_status="succeeded",
    )

    view = rental_view(cancelled, may_pay=True)

    assert (view["status"], view["fulfillment_status"]) == ("completed", "closed")
    assert (view["closed_reason"], view["refund_status"]) == ("cancelled", "succeeded")


def test_a_quote_says_the_days_or_when_the_next_one_is_expected() -> None:
    robot = Collectible("col-001", "Tin Robot No. 7", Size.SMALL)
    price, back = price_rental(Size.SMALL, 3), "2026-02-06T15:59:59.000Z"

    offered = quote_view(Offer(robot, 1, 2), price, 3)
    sold_out = quote_view(Offer(robot, 0, None, back), price, 3)

    assert (offered["ready_by"], offered["due_at"]) == (READY_BY, DUE_AT)
    assert sold_out["ready_by"] is sold_out["due_at"] is offered["next_expected"] is None
    assert sold_out["next_expected"] == back
    assert offered["due_rule"] == sold_out["due_rule"] == dates.rule(3)


def test_a_quote_says_with_what_its_deposit_is_paid_online() -> None:
    """Where PayMongo still gives a part back after the rental, its late days and inspection."""
    robot = Collectible("col-001", "Tin Robot No. 7", Size.SMALL)

    short = quote_view(Offer(robot, 1, 2), price_rental(Size.SMALL, 3), 3)
    long = quote_view(Offer(robot, 1, 2), price_rental(Size.SMALL, 60), 60)

    assert (short["deposit"], short["deposit_online_with"]) == (500, ["card", "gcash"])
    assert (long["deposit"], long["deposit_online_with"]) == (500, ["gcash"])


def test_what_went_back_of_a_payment_that_bought_nothing_is_told_as_that() -> None:
    paid = replace(
        PICKED_UP,
        payment_id="pay_1",
        amount_paid=600_000,
        refunds_seen=frozenset(
            {
                "pay_1#ref_1#10050#succeeded#2026-02-03T03:00:00.000Z#",
                "pay_2#ref_2#600000#succeeded#2026-02-03T04:00:00.000Z#",
            }
        ),
    )

    first, second = money_view(Statement(paid), may_pay=False)["refunds"]

    assert (first["amount"], first["purpose"]) == (100.5, None)
    assert (second["amount"], second["purpose"]) == (6000, "second_payment")


@pytest.mark.parametrize(("centavos", "expected"), [(None, None), (0, 0), (200_000, 2_000)])
def test_money_is_shown_in_pesos(centavos: Any, expected: Any) -> None:
    assert pesos(centavos) == expected
    assert CENTAVOS_PER_PESO == 100
