"""What the API shows of a rental."""

from dataclasses import asdict
from typing import Any

import pytest

from api.views import pesos, rental_view
from rentals.models import CENTAVOS_PER_PESO, PaymentStatus
from tests.support.samples import CUSTOMER, pending_rental

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


@pytest.fixture(autouse=True)
def settings(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("MAX_PAYMENT_ATTEMPTS", "3")


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


@pytest.mark.parametrize(("centavos", "expected"), [(None, None), (0, 0), (200_000, 2_000)])
def test_money_is_shown_in_pesos(centavos: Any, expected: Any) -> None:
    assert pesos(centavos) == expected
    assert CENTAVOS_PER_PESO == 100
