"""What only the second engine runs: time limits as AWS has them, and answers to closed tokens."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError

from tests.support.shop import Json, Shop


def definition_of_rentals(shop: Shop) -> Json:
    arn = shop.stack.outputs["RentalStateMachineArn"]
    answer = shop.stepfunctions.describe_state_machine(stateMachineArn=arn)
    definition: Json = json.loads(answer["definition"])
    return definition


@contextmanager
def time_limit_of(shop: Shop, seconds: int) -> Iterator[None]:
    """Rentals' executions started inside may take no longer as a whole."""
    arn, before = shop.stack.outputs["RentalStateMachineArn"], definition_of_rentals(shop)

    def put(definition: Json) -> None:
        shop.stepfunctions.update_state_machine(
            stateMachineArn=arn, definition=json.dumps(definition)
        )

    put(before | {"TimeoutSeconds": seconds})
    try:
        yield
    finally:
        put(before)


def test_the_hold_is_an_expression_and_ends_the_wait(shop: Shop) -> None:
    limit = definition_of_rentals(shop)["States"]["AwaitPayment"]["TimeoutSeconds"]
    assert limit == f"{{% {shop.hold_seconds} %}}"
    collectible, rental = shop.rent()

    assert shop.wait_for_status(rental["rental_id"], "expired")["reason"] == "hold_expired"

    assert shop.available(collectible) == 1
    assert shop.execution(rental["rental_id"])["status"] in ("RUNNING", "SUCCEEDED")
    steps = [event["type"] for event in shop.history(shop.execution_arn(rental["rental_id"]))]
    assert "TaskTimedOut" in steps


def test_an_execution_that_takes_too_long_is_settled(shop: Shop) -> None:
    collectible = shop.add_collectible()
    with time_limit_of(shop, 5):
        rental_id = shop.start_checkout(collectible)
        shop.expect_failure_of(rental_id)

    assert shop.wait_for_execution(rental_id)["status"] == "TIMED_OUT"

    shop.wait_for_status(rental_id, "cancelled", "failed", "expired")
    assert shop.available(collectible) == 1
    assert shop.settlements_of(rental_id) != []


def test_a_token_that_was_closed_is_told_apart_from_nonsense(shop: Shop) -> None:
    _, rental = shop.rent()
    token = shop.rental_row(rental["rental_id"])["taskToken"]
    shop.cancel_and_end(rental)

    for wrong, error in ((token, "TaskTimedOut"), ("nonsense", "InvalidToken")):
        with pytest.raises(ClientError) as refused:
            shop.stepfunctions.send_task_success(taskToken=wrong, output="{}")
        assert refused.value.response["Error"]["Code"] == error


def test_what_is_paid_after_a_stop_is_a_rental_all_the_same(shop: Shop) -> None:
    """The webhook meets a closed token, and the payment is on the row."""
    collectible, rental = shop.rent()
    expire = f"/v1/checkout_sessions/{shop.session_id(rental['rental_id'])}/expire"
    shop.paymongo.fault("error_500", "expire_checkout_session", times=2, path=expire)

    shop.stop_execution(rental["rental_id"])
    shop.pay(rental)

    assert shop.wait_for_execution(rental["rental_id"])["status"] == "ABORTED"
    shop.wait_for_status(rental["rental_id"], "completed")
    assert shop.available(collectible) == 0
