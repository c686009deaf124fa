"""The reconciler takes what is due: bounded, in order, and not kept waiting by one failure."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import ANY, Stubber

from infra import aws, clock
from paymongo.resources import CheckoutSession, Payment
from rentals import follow_ups, reconciliation, repository
from rentals.errors import HoldExpired, PaymentProviderUnavailable
from rentals.models import FollowUp, Rental
from tests.support.samples import pending_rental
from tests.support.tables import Shop

LONG_AGO = "2026-01-01T00:00:0{}.000Z"


def add_due(shop: Shop, *kinds: FollowUp) -> list[str]:
    """Rentals due for a look, in this order; none is counted as a hold."""
    ids = [f"rental-{number}" for number in range(len(kinds))]
    for number, (rental_id, kind) in enumerate(zip(ids, kinds, strict=True)):
        row = repository.new_row(pending_rental(id=rental_id))
        ended = {"paymentStatus": "expired", "endReason": "hold_expired"}
        due = follow_ups.due(rental_id, kind) | {"followUpAt": LONG_AGO.format(number)}
        shop.put("Rentals", row | ended | due)
    return ids


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the rentals that are looked at."""
    seen: list[str] = []
    stand_in: Callable[[Rental], Any] = lambda rental: seen.append(rental.id)  # noqa: E731
    for kind in FollowUp:
        monkeypatch.setitem(reconciliation._FOLLOW_UPS, kind, stand_in)
    return seen


def test_everything_that_is_due_is_looked_at_once(shop: Shop, looks: list[str]) -> None:
    ids = add_due(shop, FollowUp.REFUND, FollowUp.PAYMENT, FollowUp.ATTENTION, FollowUp.PAYMENT)

    assert reconciliation.reconcile(lambda: True) == 4
    assert sorted(looks) == ids
    assert reconciliation.reconcile(lambda: True) == 0


def test_a_run_is_bounded_by_kind_and_the_next_one_goes_on(
    shop: Shop, looks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "MAX_PER_KIND", 2)
    ids = add_due(shop, *[FollowUp.PAYMENT] * 3, FollowUp.REFUND)

    assert reconciliation.reconcile(lambda: True) == 3
    assert looks == [ids[0], ids[3], ids[1]], "many payments keep no refund waiting"
    assert reconciliation.reconcile(lambda: True) == 1
    assert sorted(looks) == ids


def test_a_run_without_time_left_leaves_the_rest_due(shop: Shop, looks: list[str]) -> None:
    ids = add_due(shop, *[FollowUp.PAYMENT] * 3)
    time_left = iter([True, False])

    assert reconciliation.reconcile(lambda: next(time_left)) == 1
    assert looks == ids[:1]
    assert len(follow_ups.list_due(FollowUp.PAYMENT, 10)) == 2


@pytest.mark.parametrize(
    "error",
    [
        PaymentProviderUnavailable("no answer"),
        ClientError({"Error": {"Code": "ThrottlingException"}}, "UpdateItem"),
        EndpointConnectionError(endpoint_url="nowhere"),
    ],
    ids=["PayMongo", "AWS refuses", "AWS is away"],
)
def test_one_that_fails_keeps_no_other_waiting_and_is_due_again_later(
    shop: Shop, looks: list[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    ids = add_due(shop, FollowUp.PAYMENT, FollowUp.REFUND)

    def fail(rental: Rental) -> None:
        raise error

    monkeypatch.setitem(reconciliation._FOLLOW_UPS, FollowUp.PAYMENT, fail)

    assert reconciliation.reconcile(lambda: True) == 2
    assert looks == ids[1:]
    failed = repository.get(ids[0])
    assert failed.follow_up is FollowUp.PAYMENT
    assert str(failed.follow_up_at) > LONG_AGO.format(9)


ARN = "arn:aws:states:ap-southeast-1:123456789012:{}:{}"
STARTED = {"executionArn": ARN.format("execution", "x:x"), "startDate": 0}


def described(status: str) -> dict[str, Any]:
    machine = ARN.format("stateMachine", "settlement")
    return {**STARTED, "stateMachineArn": machine, "status": status}


@pytest.fixture
def engine_calls(environment: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """Step Functions, which answers only what a test expects to be asked."""
    for name in ("rental", "settlement"):
        environment.setenv(f"{name.upper()}_STATE_MACHINE_ARN", ARN.format("stateMachine", name))
    with Stubber(aws.stepfunctions()) as stub:
        yield stub
        stub.assert_no_pending_responses()


def run_again(shop: Shop, rental_id: str) -> None:
    """The reconciler, once what it put off is due."""
    shop.put("Rentals", shop.row("Rentals", rental_id) | {"followUpAt": LONG_AGO.format(0)})
    reconciliation.reconcile(lambda: True)


def test_a_stray_is_settled_by_one_settlement_at_a_time(shop: Shop, engine_calls: Stubber) -> None:
    """While PayMongo is down a settlement takes hours, and the reconciler comes every minute."""
    (rental_id,) = add_due(shop, FollowUp.ATTENTION)

    engine_calls.add_response("start_execution", STARTED)
    run_again(shop, rental_id)
    name = repository.get(rental_id).settlement
    of_settlement = {"executionArn": ARN.format("execution", f"settlement:{name}")}

    engine_calls.add_response("describe_execution", described("RUNNING"), of_settlement)
    run_again(shop, rental_id)

    engine_calls.add_response("describe_execution", described("FAILED"), of_settlement)
    engine_calls.add_response("start_execution", STARTED)
    run_again(shop, rental_id)


def test_a_settlement_that_could_not_be_started_is_started_later(
    shop: Shop, engine_calls: Stubber
) -> None:
    (rental_id,) = add_due(shop, FollowUp.ATTENTION)

    engine_calls.add_client_error("start_execution", "ThrottlingException")
    run_again(shop, rental_id)
    engine_calls.add_client_error("describe_execution", "ExecutionDoesNotExist")
    engine_calls.add_response(
        "start_execution",
        STARTED,
        {"stateMachineArn": ANY, "name": ANY, "input": f'{{"rental_id": "{rental_id}"}}'},
    )
    run_again(shop, rental_id)


def ended_with_session(shop: Shop, environment: pytest.MonkeyPatch, *payments: Payment) -> str:
    """An expired rental whose last look is due, and what PayMongo says about its session."""
    (rental_id,) = add_due(shop, FollowUp.PAYMENT)
    row = shop.row("Rentals", rental_id)
    shop.put("Rentals", row | {"checkoutSessionId": "cs_1", "sessionClosedAt": LONG_AGO})
    session = CheckoutSession("cs_1", "expired", "https://checkout.example/1", "pi_1", payments)
    paymongo = SimpleNamespace(retrieve_checkout_session=lambda _: session)
    environment.setattr(reconciliation, "paymongo", lambda: paymongo)
    return rental_id


def test_the_last_look_at_an_ended_rental_finds_money_that_nobody_told_us_of(
    shop: Shop, engine_calls: Stubber, environment: pytest.MonkeyPatch
) -> None:
    payment = Payment("pay_1", 600_000, "PHP", "paid", "pi_1")
    rental_id = ended_with_session(shop, environment, payment)
    engine_calls.add_response(
        "start_execution",
        STARTED,
        {"stateMachineArn": ANY, "name": f"{rental_id}-pay_1", "input": ANY},
    )

    reconciliation.reconcile(lambda: True)

    assert repository.get(rental_id).payment_id == "pay_1"


def test_the_last_look_at_an_ended_rental_is_the_last(
    shop: Shop, engine_calls: Stubber, environment: pytest.MonkeyPatch
) -> None:
    rental_id = ended_with_session(shop, environment)

    reconciliation.reconcile(lambda: True)

    assert repository.get(rental_id).follow_up is None


def left_open(shop: Shop, environment: pytest.MonkeyPatch, *answers: CheckoutSession) -> str:
    """A rental that ended at the longest hold, and PayMongo's answers to closing its session."""
    rental_id = ended_with_session(shop, environment)
    row = shop.row("Rentals", rental_id)
    shop.put("Rentals", {name: row[name] for name in row if name != "sessionClosedAt"})
    paymongo = Mock(**{"close_checkout_session.side_effect": answers})
    paymongo.retrieve_checkout_session.return_value = answers[-1]
    environment.setattr(reconciliation, "paymongo", lambda: paymongo)
    return rental_id


IN_PROGRESS = CheckoutSession("cs_1", "active", "https://checkout.example/1", "pi_1", ())


def test_a_session_that_was_left_open_is_followed_until_it_is_closed(
    shop: Shop, engine_calls: Stubber, environment: pytest.MonkeyPatch
) -> None:
    rental_id = left_open(shop, environment, IN_PROGRESS, replace(IN_PROGRESS, status="expired"))

    reconciliation.reconcile(lambda: True)
    assert repository.get(rental_id).follow_up is FollowUp.PAYMENT
    run_again(shop, rental_id)
    closed = repository.get(rental_id)
    assert (closed.has_open_session, closed.follow_up) == (False, FollowUp.PAYMENT)
    run_again(shop, rental_id)
    assert repository.get(rental_id).follow_up is None


def test_what_is_paid_on_a_session_that_was_left_open_is_settled(
    shop: Shop, engine_calls: Stubber, environment: pytest.MonkeyPatch
) -> None:
    paid = replace(IN_PROGRESS, payments=(Payment("pay_1", 600_000, "PHP", "paid", "pi_1"),))
    rental_id = left_open(shop, environment, paid)
    name = f"{rental_id}-pay_1"
    engine_calls.add_response(
        "start_execution", STARTED, {"stateMachineArn": ANY, "name": name, "input": ANY}
    )

    reconciliation.reconcile(lambda: True)

    assert repository.get(rental_id).payment_id == "pay_1"


@pytest.mark.parametrize("is_over", [True, False])
def test_a_hold_that_was_shorter_than_usual_ends_when_it_is_over(
    shop: Shop, engine_calls: Stubber, environment: pytest.MonkeyPatch, is_over: bool
) -> None:
    rental_id = ended_with_session(shop, environment)
    waiting = {
        "paymentStatus": "pending",
        "taskToken": "token",
        "holdExpiresAt": clock.timestamp_in(-1 if is_over else 60),
    }
    shop.put("Rentals", shop.row("Rentals", rental_id) | waiting)
    engine_calls.add_response("describe_execution", described("RUNNING"))
    if is_over:
        failure = {"taskToken": "token", "error": HoldExpired.__name__, "cause": ANY}
        engine_calls.add_response("send_task_failure", {}, failure)

    reconciliation.reconcile(lambda: True)

    engine_calls.assert_no_pending_responses()
    shop.put("Rentals", shop.row("Rentals", rental_id) | {"paymentStatus": "expired"})


def test_a_settlement_is_recorded_by_the_run_that_read_the_row_last(shop: Shop) -> None:
    (rental_id,) = add_due(shop, FollowUp.ATTENTION)
    rental = repository.get(rental_id)

    assert follow_ups.record_settlement(rental, "first")
    assert follow_ups.record_settlement(rental, "first"), "its own success was lost in transit"
    assert not follow_ups.record_settlement(rental, "of a run that was overtaken")
    assert repository.get(rental_id).settlement == "first"
    assert follow_ups.record_settlement(repository.get(rental_id), "second")
