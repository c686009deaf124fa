"""News about payments, from the row to the execution that waits for it."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from infra import aws
from paymongo.resources import CheckoutSession, Payment
from rentals import endings, payment_check, payments, repository
from rentals.errors import PaymentProviderRejected, PaymentUnknown
from rentals.models import EndReason, PaymentStatus, Rental
from rentals.payments import (
    Outcome,
    payment_cancelled,
    payment_declined,
    payment_received,
    settlement_name,
)
from tests.support.rentals import TOTAL, reserved
from tests.support.tables import Shop
from workflow import confirm_rental

SETTLEMENT_ARN = "arn:aws:states:ap-southeast-1:123456789012:stateMachine:settlement"
PAYMENT = Payment("pay_1", TOTAL, "PHP", "paid", "pi_1")
GONE = ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"]


@pytest.fixture
def engine_calls(environment: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """Step Functions, which answers only what a test expects to be asked."""
    environment.setenv("SETTLEMENT_STATE_MACHINE_ARN", SETTLEMENT_ARN)
    with Stubber(aws.stepfunctions()) as stub:
        yield stub
        stub.assert_no_pending_responses()


def expect_success(stub: Stubber, token: str = "token") -> None:
    stub.add_response(
        "send_task_success", {}, {"taskToken": token, "output": '{"payment_id": "pay_1"}'}
    )


def expect_failure(stub: Stubber, error: str, cause: str, token: str = "token") -> None:
    stub.add_response("send_task_failure", {}, {"taskToken": token, "error": error, "cause": cause})


def expect_settlement(stub: Stubber, suffix: str) -> None:
    stub.add_response(
        "start_execution",
        {"executionArn": "arn:aws:states:x:1:execution:x:x", "startDate": 0},
        {
            "stateMachineArn": SETTLEMENT_ARN,
            "name": f"rental-1-{suffix}",
            "input": json.dumps({"rental_id": "rental-1"}),
        },
    )


def waiting(shop: Shop) -> Rental:
    """A rental whose execution waits for its payment."""
    rental = reserved(shop)
    shop.put("Rentals", shop.row("Rentals", rental.id) | {"taskToken": "token"})
    return repository.get(rental.id)


def test_money_for_a_waiting_rental_is_written_first_and_then_delivered(
    shop: Shop, engine_calls: Stubber
) -> None:
    rental = waiting(shop)
    expect_success(engine_calls)

    assert payment_received(rental, PAYMENT) is Outcome.DELIVERED

    assert repository.get(rental.id).is_paid_in_full


def test_money_that_could_not_be_delivered_is_on_the_row_all_the_same(
    shop: Shop, engine_calls: Stubber
) -> None:
    rental = waiting(shop)
    engine_calls.add_client_error("send_task_success", "ThrottlingException", http_status_code=400)

    with pytest.raises(ClientError, match="ThrottlingException"):
        payment_received(rental, PAYMENT)

    assert repository.get(rental.id).payment_id == "pay_1"


@pytest.mark.parametrize("error", GONE)
def test_money_for_a_wait_that_is_over_stays_on_the_row_for_whoever_ends_the_rental(
    shop: Shop, engine_calls: Stubber, error: str
) -> None:
    rental = waiting(shop)
    engine_calls.add_client_error("send_task_success", error)

    assert payment_received(rental, PAYMENT) is Outcome.RECORDED


def test_money_for_a_wait_that_was_tried_again_is_delivered_by_its_new_token(
    shop: Shop, engine_calls: Stubber, environment: pytest.MonkeyPatch
) -> None:
    rental = waiting(shop)
    seen = repository.record_payment(rental.id, Payment("pay_1", TOTAL, "PHP", "paid"))
    environment.setattr(repository, "record_payment", lambda *_, **__: seen)
    shop.put("Rentals", shop.row("Rentals", rental.id) | {"taskToken": "new"})
    engine_calls.add_client_error("send_task_success", "TaskTimedOut")
    expect_success(engine_calls, "new")

    assert payment_received(rental, PAYMENT) is Outcome.DELIVERED


@pytest.mark.parametrize("seen", ["before", "after"])
def test_money_for_an_ended_rental_is_settled(shop: Shop, engine_calls: Stubber, seen: str) -> None:
    before = waiting(shop)
    after = endings.end_unpaid(before, EndReason.HOLD_EXPIRED)
    expect_settlement(engine_calls, "pay_1")

    assert payment_received(before if seen == "before" else after, PAYMENT) is Outcome.SETTLING


def test_money_between_two_states_is_found_on_the_row(shop: Shop, engine_calls: Stubber) -> None:
    rental = reserved(shop)

    assert payment_received(rental, PAYMENT) is Outcome.RECORDED
    assert payment_received(repository.get(rental.id), PAYMENT) is Outcome.DUPLICATE


def test_the_second_news_of_one_payment_changes_nothing(shop: Shop, engine_calls: Stubber) -> None:
    rental = waiting(shop)
    expect_success(engine_calls)
    payment_received(rental, PAYMENT)
    completed = endings.confirm_rental(repository.get(rental.id))

    for seen in (rental, completed):
        assert payment_received(seen, PAYMENT) is Outcome.DUPLICATE
    assert repository.get(rental.id) == completed


def test_a_second_payment_is_settled(shop: Shop, engine_calls: Stubber) -> None:
    rental = waiting(shop)
    expect_success(engine_calls)
    payment_received(rental, PAYMENT)
    expect_settlement(engine_calls, "pay_2")

    assert payment_received(rental, replace(PAYMENT, id="pay_2")) is Outcome.SETTLING

    assert repository.get(rental.id).surplus_payment_ids == {"pay_2"}


def test_a_settlement_that_was_started_before_is_no_error(
    shop: Shop, engine_calls: Stubber
) -> None:
    rental = endings.end_unpaid(waiting(shop), EndReason.HOLD_EXPIRED)
    engine_calls.add_client_error("start_execution", "ExecutionAlreadyExists")

    assert payment_received(rental, PAYMENT) is Outcome.SETTLING


def test_settlements_of_rentals_with_long_ids_have_names_of_their_own() -> None:
    names = {settlement_name("x" * 64, f"operator-20261126T10000{each}000") for each in range(9)}

    assert len(names) == 9
    assert max(map(len, names)) <= 80
    assert settlement_name("rental-1", "pay_1") == "rental-1-pay_1"


def test_a_settlement_has_a_name_that_step_functions_takes(environment: Any, engine: None) -> None:
    environment.setenv("SETTLEMENT_STATE_MACHINE_ARN", SETTLEMENT_ARN)
    rental_id = "3f1f4c1e-9a57-5b0e-8f0a-000000000001"
    with Stubber(aws.stepfunctions()) as stub:
        stub.add_response(
            "start_execution",
            {"executionArn": "arn:aws:states:x:1:execution:x:x", "startDate": 0},
            {
                "stateMachineArn": SETTLEMENT_ARN,
                "name": settlement_name(rental_id, "x" * 100),
                "input": json.dumps({"rental_id": rental_id, "reason": "hold_expired"}),
            },
        )

        payments.start_settlement(rental_id, "x" * 100, EndReason.HOLD_EXPIRED)


# --- declined and cancelled ---


def test_the_last_attempt_allowed_ends_the_wait(shop: Shop, engine_calls: Stubber) -> None:
    rental_id = waiting(shop).id

    def told(event_id: str) -> Outcome:
        """As the webhook does: with the row as it is now."""
        return payment_declined(repository.get(rental_id), event_id)

    assert told("evt_1") is Outcome.RECORDED
    assert told("evt_1") is Outcome.DUPLICATE
    assert told("evt_2") is Outcome.RECORDED
    expect_failure(engine_calls, "PaymentFailed", "3 attempts declined")
    assert told("evt_3") is Outcome.DELIVERED
    engine_calls.add_client_error("send_task_failure", "TaskTimedOut")
    assert told("evt_3") is Outcome.DUPLICATE


def test_the_last_decline_is_delivered_again_when_its_delivery_was_lost(
    shop: Shop, engine_calls: Stubber, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("MAX_PAYMENT_ATTEMPTS", "1")
    rental_id = waiting(shop).id
    engine_calls.add_client_error("send_task_failure", "ThrottlingException")
    with pytest.raises(ClientError):
        payment_declined(repository.get(rental_id), "evt_1")

    expect_failure(engine_calls, "PaymentFailed", "1 attempts declined")
    assert payment_declined(repository.get(rental_id), "evt_1") is Outcome.DELIVERED


def test_a_decline_that_is_told_again_after_the_end_is_a_duplicate(
    shop: Shop, engine_calls: Stubber
) -> None:
    rental = waiting(shop)
    assert payment_declined(rental, "evt_1") is Outcome.RECORDED
    endings.end_unpaid(repository.get(rental.id), EndReason.HOLD_EXPIRED)

    assert payment_declined(repository.get(rental.id), "evt_1") is Outcome.DUPLICATE
    assert payment_declined(repository.get(rental.id), "evt_2") is Outcome.IGNORED


def test_one_attempt_allowed_makes_the_first_decline_final(
    shop: Shop, engine_calls: Stubber, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("MAX_PAYMENT_ATTEMPTS", "1")
    expect_failure(engine_calls, "PaymentFailed", "1 attempts declined")

    assert payment_declined(waiting(shop), "evt_1") is Outcome.DELIVERED


@pytest.mark.parametrize("error", GONE)
def test_a_decline_or_cancellation_after_the_wait_is_ignored(
    shop: Shop, engine_calls: Stubber, environment: pytest.MonkeyPatch, error: str
) -> None:
    environment.setenv("MAX_PAYMENT_ATTEMPTS", "1")
    rental = waiting(shop)
    for _ in range(2):
        engine_calls.add_client_error("send_task_failure", error)

    assert payment_declined(rental, "evt_1") is Outcome.IGNORED
    assert payment_cancelled(rental) is Outcome.IGNORED


def test_a_cancellation_of_a_wait_that_was_tried_again_ends_it(
    shop: Shop, engine_calls: Stubber
) -> None:
    seen = waiting(shop)
    shop.put("Rentals", shop.row("Rentals", seen.id) | {"taskToken": "new"})
    engine_calls.add_client_error("send_task_failure", "TaskTimedOut")
    expect_failure(engine_calls, "PaymentCancelled", "cancelled by the customer", "new")

    assert payment_cancelled(seen) is Outcome.DELIVERED


def test_a_decline_after_the_end_is_ignored(shop: Shop, engine_calls: Stubber) -> None:
    rental = endings.end_unpaid(waiting(shop), EndReason.HOLD_EXPIRED)

    assert payment_declined(rental, "evt_1") is Outcome.IGNORED
    assert payment_cancelled(rental) is Outcome.IGNORED


def test_a_cancellation_ends_the_wait(shop: Shop, engine_calls: Stubber) -> None:
    expect_failure(engine_calls, "PaymentCancelled", "cancelled by the customer")

    assert payment_cancelled(waiting(shop)) is Outcome.DELIVERED


def test_an_outage_is_for_whoever_asked_to_try_again(shop: Shop, engine_calls: Stubber) -> None:
    engine_calls.add_client_error("send_task_failure", "InternalServerError", http_status_code=500)

    with pytest.raises(ClientError):
        payment_cancelled(waiting(shop))


# --- what a webhook says, and what PayMongo has ---


def with_session(shop: Shop) -> Rental:
    """A rental that is paid by the payment intent pi_1."""
    session = CheckoutSession("cs_1", "active", "https://checkout.example/1", "pi_1", ())
    return repository.set_checkout_session(reserved(shop), session)


def confirm(environment: pytest.MonkeyPatch, answer: Payment | Exception) -> Mock:
    """ConfirmRental, when PayMongo says this about the payment; what PayMongo was asked."""
    asked = Mock(side_effect=[answer])
    environment.setattr(payment_check, "paymongo", lambda: Mock(retrieve_payment=asked))
    confirm_rental.handler({"rental_id": "rental-1"}, Mock())
    return asked


@pytest.mark.parametrize(
    "answer",
    [
        PaymentProviderRejected("retrieve payment", 404, []),
        replace(PAYMENT, status="failed"),
        replace(PAYMENT, amount=TOTAL - 1),
        replace(PAYMENT, payment_intent_id="pi_of_another"),
    ],
    ids=["unknown", "failed", "another amount", "of another session"],
)
def test_a_payment_that_paymongo_does_not_have_completes_nothing_and_is_struck(
    shop: Shop, environment: pytest.MonkeyPatch, answer: Payment | Exception
) -> None:
    rental = with_session(shop)
    payment_received(rental, PAYMENT)

    with pytest.raises(PaymentUnknown):
        confirm(environment, answer)

    struck = repository.get(rental.id)
    assert (struck.payment_id, struck.amount_paid, struck.is_pending) == (None, None, True)
    assert struck.follow_up
    ended = endings.end_unpaid(repository.record_session_closed(struck), EndReason.ERROR)
    assert (ended.unit_id, len(shop.on_shelf())) == (None, 1)


@pytest.mark.parametrize("whose", ["rental-1", "rental-2"])
def test_a_payment_on_a_session_that_we_never_heard_of_is_the_rentals_when_it_names_it(
    shop: Shop, environment: pytest.MonkeyPatch, fulfillment_machine: str, whose: str
) -> None:
    payment_received(reserved(shop), PAYMENT)
    named = replace(PAYMENT, metadata={"rental_id": whose})

    with nullcontext() if whose == "rental-1" else pytest.raises(PaymentUnknown):
        confirm(environment, named)

    is_completed = repository.get("rental-1").payment_status is PaymentStatus.COMPLETED
    assert is_completed is (whose == "rental-1")


@pytest.mark.parametrize("is_read", [False, True], ids=["heard", "read"])
def test_paymongo_is_asked_once_about_a_payment(
    shop: Shop, environment: pytest.MonkeyPatch, fulfillment_machine: str, is_read: bool
) -> None:
    payment_received(with_session(shop), PAYMENT, is_read=is_read)

    asked = confirm(environment, PAYMENT)

    assert repository.get("rental-1").payment_status is PaymentStatus.COMPLETED
    assert asked.call_count == (0 if is_read else 1)


def test_nothing_is_struck_when_paymongo_refuses_to_say(
    shop: Shop, environment: pytest.MonkeyPatch
) -> None:
    payment_received(with_session(shop), PAYMENT)

    with pytest.raises(PaymentProviderRejected):
        confirm(environment, PaymentProviderRejected("retrieve payment", 401, []))

    assert repository.get("rental-1").payment_id == "pay_1"


def test_a_true_payment_after_a_forged_one_buys_the_rental_and_stays(
    shop: Shop, environment: pytest.MonkeyPatch, fulfillment_machine: str
) -> None:
    rental = with_session(shop)
    payment_received(rental, replace(PAYMENT, id="pay_forged"))
    rental = repository.record_payment(rental.id, PAYMENT)
    with pytest.raises(PaymentUnknown):
        confirm(environment, PaymentProviderRejected("retrieve payment", 404, []))

    payment_received(repository.get(rental.id), PAYMENT, is_read=True)
    confirm(environment, PAYMENT)

    bought = repository.get(rental.id)
    assert bought.payment_status is PaymentStatus.COMPLETED
    assert (bought.payment_id, bought.surplus_payment_ids) == ("pay_1", frozenset())
