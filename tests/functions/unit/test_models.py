"""A rental as it is stored and read again, and time as it is stored."""

from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import dynamo
from infra.clock import timestamp
from rentals import repository
from rentals.models import Customer, EndReason, FollowUp, PaymentMethod, PaymentStatus, Rental
from tests.support.samples import CUSTOMER, OTHER_CUSTOMERS, PENDING_RENTAL, pending_rental

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def stored_and_read(rental: Rental) -> Rental:
    return Rental.from_row(dynamo.from_attributes(dynamo.to_attributes(repository.new_row(rental))))


@pytest.mark.parametrize(("name", "customer"), OTHER_CUSTOMERS.items())
def test_every_field_of_the_customer_is_stored(name: str, customer: Customer) -> None:
    read = stored_and_read(pending_rental(customer=customer)).customer

    assert getattr(read, name) == getattr(customer, name) != getattr(CUSTOMER, name)


@given(
    st.builds(Customer, **dict.fromkeys((each.name for each in fields(Customer)), texts)),
    st.integers(1, 365),
    st.sampled_from(PaymentMethod),
    texts,
)
def test_a_new_rental_reads_as_it_was_written(
    customer: Customer, duration: int, method: PaymentMethod, name: str
) -> None:
    rental = pending_rental(
        customer=customer, duration=duration, payment_method=method, collectible_name=name
    )

    read = stored_and_read(rental)

    assert replace(read, follow_up=None, follow_up_at=None) == rental


def test_a_new_rental_is_due_for_the_reconciler() -> None:
    read = stored_and_read(PENDING_RENTAL)

    assert read.follow_up is FollowUp.PAYMENT
    assert read.follow_up_at is not None
    assert read.follow_up_at > timestamp(datetime.now(UTC))


FULL_ROW = {
    **repository.new_row(PENDING_RENTAL),
    "unitId": "unit-1",
    "warehouseId": "wh-001",
    "dailyRate": Decimal(2_000),
    "totalFee": Decimal(6_000),
    "eta": Decimal(2),
    "checkoutSessionId": "cs_1",
    "paymentIntentId": "pi_1",
    "checkoutUrl": "https://checkout.example/1",
    "sessionClosedAt": "2026-01-31T10:16:00.000Z",
    "paymentReadAt": "2026-01-31T10:15:30.000Z",
    "paymentUrl": "https://checkout.example/1",
    "holdExpiresAt": "2026-01-31T10:15:00.000Z",
    "taskToken": "token",
    "paymentId": "pay_1",
    "amountPaid": Decimal(600_000),
    "paymentCurrency": "PHP",
    "paidAt": "2026-01-31T10:09:00.000Z",
    "paidWith": "gcash",
    "baseDailyRate": Decimal(1_000),
    "deposit": Decimal(0),
    "counterDeposit": Decimal(2_000),
    "counterDepositReceipt": "OR-1",
    "replacementValue": Decimal(8_000),
    "chargeIds": {"rental-late-1"},
    "refundOrders": [{"key": "goodwill-1"}],
    "refundsSeen": {"pay_1#ref_1#100000#pending##goodwill-1"},
    "surplusPaymentIds": {"pay_2"},
    "disputesSeen": {"pay_1#dsp_1#600000#under_review"},
    "declinedEventIds": {"evt_1", "evt_2"},
    "endReason": "declined",
    "refundRequestedAt": "2026-01-31T10:20:00.000Z",
    "refundId": "ref_1",
    "refundStatus": "pending",
    "attention": "RefundFailed",
    "attentionCount": Decimal(1),
    "settlement": "3f1f4c1e-9a57-5b0e-8f0a-000000000001-reconciler-20260131T102000",
    "customerKey": "0ddba11",
    "sourceKey": "50c3",
    "openBefore": Decimal(1),
    "followUp": "refund#7",
    "followUpAt": "2026-01-31T10:30:00.000Z",
    "acknowledgements": [{"payments": {"pay_3": Decimal(600_000)}}],
    "phoneKey": "cafe",
    "completedAt": "2026-01-31T10:10:00.000Z",
    "fulfillmentStatus": "picked_up",
    "closedReason": "returned",
    "readyBy": "2026-02-02T15:59:59.000Z",
    "dueAt": "2026-02-05T15:59:59.000Z",
    "arrivedAt": "2026-02-01T10:00:00.000Z",
    "pickedUpAt": "2026-02-02T10:00:00.000Z",
    "returnedAt": "2026-02-04T10:00:00.000Z",
    "returnedStoreId": "store-b",
    "closedAt": "2026-02-04T11:00:00.000Z",
    "foundAt": "2026-02-09T10:00:00.000Z",
    "lastUnitId": "unit-1",
    "deskLog": [{"action": "arrived", "by": "ana", "at": "2026-02-01T10:00:00.000Z"}],
    "deadlinesMet": {"DueSoon@2026-02-04T15:59:59.000Z"},
    "isCarriedOver": True,
    "fulfillmentAttention": "Overdue",
    "fulfillmentExecution": "rental-2",
    "fulfillmentStartedAt": "2026-01-31T10:10:00.000Z",
    "fulfillmentToken": "token",
    "awaitedStatus": "picked_up",
    "nextDeadlineAt": "2026-02-05T15:59:59.000Z",
    "fulfillmentClock": "fulfillment#3",
    "fulfillmentDueAt": "2026-02-05T15:59:59.000Z",
    "erasureRequestedAt": "2026-03-01T10:00:00.000Z",
    "erasedAt": "2026-03-01T10:00:00.000Z",
}


def test_every_attribute_of_a_row_is_read() -> None:
    rental = Rental.from_row(FULL_ROW)

    empty = [each.name for each in fields(rental) if not getattr(rental, each.name)]
    assert empty == ["deposit_centavos"]  # nobody pays one deposit twice
    assert (rental.daily_rate_centavos, rental.total_fee_centavos) == (200_000, 600_000)
    assert (rental.eta, rental.amount_paid) == (2, 600_000)
    assert rental.declined_attempts == 2
    assert rental.end_reason is EndReason.DECLINED
    assert rental.is_paid_in_full


def test_amounts_are_integers_so_that_they_can_be_compared_and_sent() -> None:
    rental = Rental.from_row(FULL_ROW)

    for amount in (
        rental.daily_rate_centavos,
        rental.total_fee_centavos,
        rental.amount_paid,
        rental.eta,
    ):
        assert type(amount) is int


@pytest.mark.parametrize(
    ("changes", "is_paid"),
    [
        ({}, True),
        ({"payment_id": None}, False),
        ({"amount_paid": 599_999}, False),
        ({"amount_paid": 600_001}, False),
        ({"payment_currency": "USD"}, False),
        ({"payment_id": None, "amount_paid": None, "total_fee_centavos": None}, False),
    ],
)
def test_paid_in_full_is_the_total_in_pesos_exactly(
    changes: dict[str, object], is_paid: bool
) -> None:
    rental = replace(Rental.from_row(FULL_ROW), **changes)  # type: ignore[arg-type]

    assert rental.is_paid_in_full is is_paid


def test_every_reason_to_end_leads_to_an_ending_without_money() -> None:
    for reason in EndReason:
        assert reason.status not in (
            PaymentStatus.PENDING,
            PaymentStatus.COMPLETED,
            PaymentStatus.REFUNDED,
        )


def test_personal_data_has_one_place() -> None:
    row = repository.new_row(PENDING_RENTAL)
    personal = row.pop("customer")

    assert set(personal.values()) == set(asdict(CUSTOMER).values())
    assert not [value for value in personal.values() if str(value) in str(row).replace("1200", "")]


moments = st.integers(0, 4_000_000_000_000).map(
    lambda milliseconds: datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
)


@given(moments, moments)
def test_stored_times_sort_as_text(one: datetime, other: datetime) -> None:
    assert (timestamp(one) < timestamp(other)) is (one < other)


def test_a_stored_time_is_utc_with_milliseconds() -> None:
    manila = timezone(timedelta(hours=8))

    assert timestamp(datetime(2026, 1, 31, 18, 0, tzinfo=manila)) == "2026-01-31T10:00:00.000Z"
