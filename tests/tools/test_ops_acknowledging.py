"""What can be acknowledged, and which notes are kept."""

from typing import Any

import pytest

from tests.support.rows import row
from tools.cli.rental import acknowledge_question
from tools.ops import acknowledging, settling
from tools.ops.acknowledging import LONGEST_NOTE, Acknowledgement, checked_note
from tools.ops.errors import CommandError

Json = dict[str, Any]

NEEDS_ATTENTION = {"attention": "RefundFailed", "paymentStatus": "refunded", "paymentId": "pay_1"}


def payment(payment_id: str, amount: int = 600_000, **refunds: int) -> Json:
    """As PayMongo shows it, with refunds by status."""
    return {
        "id": payment_id,
        "attributes": {
            "amount": amount,
            "currency": "PHP",
            "status": "paid",
            "refunds": [
                {"id": f"ref_{status}", "attributes": {"status": status, "amount": given}}
                for status, given in refunds.items()
            ],
        },
    }


@pytest.mark.parametrize(
    "note",
    [
        "paid back by bank transfer, ref 2026112500123",
        "InstaPay 2026-11-25, ref BPI-20261125-009182, PHP 6,000.00",
        "cash at the Makati store, receipt 004512",
        "x" * LONGEST_NOTE,
    ],
)
def test_a_note_that_says_what_was_done_is_kept(note: str) -> None:
    assert checked_note(f"  {note}\n") == note


@pytest.mark.parametrize(
    ("note", "says"),
    [
        ("paid to ana@example.com", "e-mail"),
        ("gcash 0917 123 4567", "phone"),
        ("gcash 09171234567", "phone"),
        ("gcash +63 917 123 4567", "phone"),
        ("gcash 639171234567", "phone"),
        ("called (02) 8123-4567", "phone"),
        ("sent to 917-123-4567", "phone"),
        ("x" * (LONGEST_NOTE + 1), "201 characters"),
        (" \n", "empty"),
    ],
)
def test_a_note_with_personal_data_or_none_or_too_much_in_it_is_refused(
    note: str, says: str
) -> None:
    with pytest.raises(CommandError, match=says):
        checked_note(note)


@pytest.mark.parametrize(
    ("item", "says"),
    [
        (row(paymentStatus="completed"), "needs no attention"),
        (row(attention="PaymentSessionOpen"), "has not ended"),
        (row(paymentStatus="refunded", refundStatus="pending"), "refund .* is under way"),
    ],
)
def test_what_needs_nobody_or_has_not_ended_cannot_be_acknowledged(item: Json, says: str) -> None:
    with pytest.raises(CommandError, match=says):
        acknowledging.require_attention(item)


@pytest.mark.parametrize(
    ("changes", "settled"),
    [
        ({}, {"pay_1": 600_000}),
        ({"surplusPaymentIds": ["pay_2"]}, {"pay_1": 600_000, "pay_2": 500_000}),
        ({"paymentStatus": "completed", "surplusPaymentIds": ["pay_2"]}, {"pay_2": 500_000}),
        ({"paymentStatus": "completed", "refundRequestedAt": "x"}, {"pay_1": 600_000}),
        ({"paymentId": "pay_3"}, {"pay_3": 400_000}),
        ({"paymentId": "pay_4", "refundStatus": "succeeded"}, {}),
        ({"surplusPaymentIds": ["pay_4"]}, {"pay_1": 600_000}),
    ],
)
def test_what_paymongo_keeps_of_what_buys_nothing_is_settled(changes: Json, settled: Json) -> None:
    known = [
        payment("pay_1", failed=600_000),
        payment("pay_2", 500_000),
        payment("pay_3", succeeded=200_000),
        payment("pay_4", succeeded=600_000),
    ]

    assert acknowledging.to_settle(row(**NEEDS_ATTENTION | changes), known) == settled


def test_what_paymongo_has_given_back_by_now_is_not_acknowledged() -> None:
    with pytest.raises(CommandError, match="has refunded pay_1"):
        acknowledging.to_settle(row(**NEEDS_ATTENTION), [payment("pay_1", succeeded=600_000)])


@pytest.mark.parametrize("status", ["pending", "processing"])
def test_nothing_is_acknowledged_while_paymongo_gives_it_back(status: str) -> None:
    with pytest.raises(CommandError, match="under way"):
        acknowledging.to_settle(row(**NEEDS_ATTENTION), [payment("pay_1", **{status: 600_000})])


def test_the_question_says_what_money_and_what_becomes_of_the_unit() -> None:
    kept = row(**NEEDS_ATTENTION | {"unitId": "unit-1", "paymentStatus": "pending"})
    said = Acknowledgement("user/ops", "by bank", "RefundFailed", {"pay_1": 600_000})

    question = acknowledge_question(kept, said)
    assert "PHP 6,000.00 (pay_1)" in question
    assert "unit-1 goes back on the shelf" in question
    assert "shelf" not in acknowledge_question(row(**NEEDS_ATTENTION), said)
    second = Acknowledgement("user/ops", "by bank", "RefundFailed", {"pay_2": 600_000})
    assert "shelf" not in acknowledge_question(kept, second)
    assert "shelf" not in acknowledge_question(kept | {"paymentStatus": "completed"}, said)


def test_what_was_settled_outside_is_not_refunded_as_well() -> None:
    told = {"at": "2026-11-25T10:00:00.000Z", "note": "by bank", "payments": {"pay_1": 600_000}}

    with pytest.raises(CommandError, match=r"settled outside PayMongo .*by bank"):
        settling.must_request_refund(row(**NEEDS_ATTENTION, acknowledgements=[told]))
