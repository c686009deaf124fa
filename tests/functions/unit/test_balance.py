"""Every peso is a completed rental's, refunded, or being settled; else somebody is told."""

from decimal import Decimal
from typing import Any

import pytest

from rentals.balance import balance
from rentals.charges import Charge, ChargeKind, ChargeStatus
from rentals.models import Rental
from rentals.rows import to_row
from rentals.statement import Statement
from tests.support.samples import PENDING_RENTAL

SETTLING_SINCE = "2026-01-31T10:00:00.000Z"
LONG_AGO, JUST_NOW = "2026-01-30T10:00:00.000Z", "2026-01-31T10:30:00.000Z"


def row(**changes: Any) -> Statement:
    """A completed rental of 6,000 pesos."""
    values = {
        **to_row(PENDING_RENTAL),
        "id": "rental",
        "paymentStatus": "completed",
        "paymentId": "pay_1",
        "amountPaid": Decimal(600000),
        "totalFee": Decimal(6000),
        "paymentCurrency": "PHP",
        "updatedAt": LONG_AGO,
    }
    charges = changes.pop("charges", ())
    return Statement(Rental.from_row(values | changes), charges)


def test_a_completed_rental_is_worth_what_was_paid() -> None:
    total = balance([row(), row(paymentId="pay_2")], SETTLING_SINCE)

    assert (total.received, total.completed, total.difference) == (1200000, 1200000, 0)
    assert total.unaccounted == []


@pytest.mark.parametrize("refund_status", ["pending", "succeeded"])
def test_a_refund_that_is_made_or_under_way_accounts_for_its_payment(refund_status: str) -> None:
    total = balance([row(paymentStatus="refunded", refundStatus=refund_status)], SETTLING_SINCE)

    assert (total.refunded, total.difference, total.unaccounted) == (600000, 0, [])


@pytest.mark.parametrize(
    "changes",
    [
        {"paymentStatus": "pending"},
        {"paymentStatus": "expired"},
        {"paymentStatus": "refunded", "refundStatus": "failed"},
        {"paymentStatus": "refunded"},  # the refund is intended and was never made
        {"amountPaid": Decimal(500000)},
    ],
    ids=str,
)
def test_money_that_bought_nothing_is_settling_for_an_hour_and_then_missing(
    changes: dict[str, Any],
) -> None:
    fresh = balance([row(updatedAt=JUST_NOW, **changes)], SETTLING_SINCE)
    stale = balance([row(**changes)], SETTLING_SINCE)

    assert (fresh.settling, fresh.difference, fresh.unaccounted) == (fresh.received, 0, [])
    assert (stale.difference, stale.unaccounted) == (stale.received, ["rental"])


def acknowledged(*payments: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"payments": {payment: Decimal(amount)}} for payment, amount in payments]


def test_what_was_given_back_outside_paymongo_is_a_sum_of_its_own() -> None:
    refused = {"paymentStatus": "refunded", "refundStatus": "failed"}

    total = balance([row(**refused, acknowledgements=acknowledged(("pay_1", 600000)))], "3")
    assert (total.settled_outside, total.refunded, total.completed) == (600000, 0, 0)
    assert (total.difference, total.unaccounted) == (0, [])

    partly = balance([row(**refused, acknowledgements=acknowledged(("pay_1", 400000)))], "3")
    assert (partly.settled_outside, partly.refunded, partly.difference) == (400000, 200000, 0)

    second = balance([row(acknowledgements=acknowledged(("pay_2", 500000)))], "3")
    assert (second.received, second.completed, second.settled_outside) == (1100000, 600000, 500000)
    assert (second.difference, second.unaccounted) == (0, [])


def test_what_was_given_back_outside_and_by_paymongo_too_is_told() -> None:
    twice = row(
        paymentStatus="refunded",
        refundStatus="succeeded",
        acknowledgements=acknowledged(("pay_1", 600000)),
    )

    total = balance([twice], SETTLING_SINCE)

    assert (total.difference, total.unaccounted) == (-600000, ["rental"])


def test_a_second_payment_that_nobody_gave_back_is_missing() -> None:
    surplus = {"surplusPaymentIds": {"pay_2"}}

    assert balance([row(updatedAt=JUST_NOW, **surplus)], SETTLING_SINCE).unaccounted == []
    assert balance([row(**surplus)], SETTLING_SINCE).unaccounted == ["rental"]


def test_one_payment_of_two_rentals_is_noticed() -> None:
    total = balance([row(), row(id="another")], SETTLING_SINCE)

    assert total.unaccounted == ["another"]


def test_parts_that_went_back_and_charges_that_were_paid_count_once_each() -> None:
    late = Charge(
        "rental-late-1",
        "rental",
        ChargeKind.LATE,
        200_000,
        ChargeStatus.PAID,
        LONG_AGO,
        LONG_AGO,
        payment_id="pay_2",
        amount_paid=200_000,
    )
    refunds = {"pay_1#ref_1#100000#succeeded##", "pay_1#ref_1#100000#pending##"}

    total = balance([row(charges=[late], refundsSeen=refunds)], SETTLING_SINCE)

    assert (total.received, total.completed, total.refunded) == (800_000, 700_000, 100_000)
    assert (total.difference, total.unaccounted) == (0, [])
