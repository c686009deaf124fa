"""A paid rental's second half on the deployed stack: executions that are stopped, told late or too
old, deadlines, and the unit on the shelf for the next customer.
"""

from datetime import timedelta
from typing import Any

import pytest

from infra import clock
from rentals import fulfillment_executions
from tests.support.shop import Shop, eventually

STAGES = ("awaiting_arrival", "ready_for_pickup", "picked_up", "returned", "closed")
ACTIONS = ("arrived", "picked_up", "returned", "inspected")


def paid(shop: Shop, *actions: str) -> tuple[str, str]:
    """The only unit of a collectible, paid for, and what the desk has done: collectible, rental."""
    collectible, rental = shop.rent()
    shop.pay_and_complete(rental)
    rental_id = rental["rental_id"]
    shop.wait_for_stage(rental_id, STAGES[0])
    for action, stage in zip(actions, STAGES[1:], strict=False):
        shop.desk(rental_id, action)
        shop.wait_for_stage(rental_id, stage)
    return collectible, rental_id


def write(shop: Shop, table: str, item_id: str, **attributes: Any) -> None:
    """What time would have done to a row."""
    shop.table(table).update_item(
        Key={"id": item_id},
        AttributeUpdates={
            name: {"Value": value, "Action": "PUT"} for name, value in attributes.items()
        },
    )


def days_ago(days: float) -> str:
    return clock.timestamp(clock.now() - timedelta(days=days))


def act_days_ago(
    shop: Shop, rental_id: str, action: str, days: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = clock.now() - timedelta(days=days)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: then)
        shop.desk(rental_id, action)


def stop(shop: Shop, rental_id: str) -> None:
    shop.stepfunctions.stop_execution(executionArn=shop.fulfillment_arns(rental_id)[-1])


def test_the_last_unit_comes_back_and_the_next_customer_rents_it(shop: Shop) -> None:
    collectible, rental_id = paid(shop, *ACTIONS)

    assert shop.fulfillment_states(rental_id) == [
        "ResumeWhere",
        "AwaitArrival",
        "AwaitPickup",
        "AwaitReturn",
        "AwaitInspection",
        "SettleCharges",
        "RentalClosed",
    ]
    assert shop.available(collectible) == 0
    [unit] = shop.units_of(collectible)
    write(shop, "Units", unit["id"], shelveAt=days_ago(1))
    shop.tick()
    assert shop.available(collectible) == 1
    shop.pay_and_complete(shop.checkout(collectible))


@pytest.mark.parametrize("done", range(len(ACTIONS)))
def test_a_stop_in_any_wait_loses_nothing(shop: Shop, done: int) -> None:
    _, rental_id = paid(shop, *ACTIONS[:done])

    stop(shop, rental_id)

    eventually(lambda: len(shop.fulfillment_arns(rental_id)) == 2, "the next execution")
    shop.wait_for_stage(rental_id, STAGES[done])
    for action, stage in zip(ACTIONS[done:], STAGES[done + 1 :], strict=True):
        assert shop.desk(rental_id, action).is_new
        shop.wait_for_stage(rental_id, stage)
    assert shop.fulfillment(rental_id)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("done", [0, len(ACTIONS) - 1])
def test_what_its_execution_is_not_told_the_clock_finds(
    shop: Shop, done: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, rental_id = paid(shop, *ACTIONS[:done])
    with monkeypatch.context() as patch:
        patch.setattr(fulfillment_executions, "tell", lambda before, after: False)
        shop.desk(rental_id, ACTIONS[done])

    shop.tick(rental_id)

    shop.wait_for_stage(rental_id, STAGES[done + 1])
    assert "MeetDeadlines" in shop.fulfillment_states(rental_id)


def test_an_overdue_customer_is_reminded_and_the_rental_waits_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, rental_id = paid(shop, "arrived")
    act_days_ago(shop, rental_id, "picked_up", 4, monkeypatch)
    shop.wait_for_stage(rental_id, "picked_up")

    shop.tick(rental_id)

    overdue = f"{rental_id}#overdue"
    eventually(
        lambda: any(row["id"].startswith(overdue) for row in shop.rows("Notices")), "the notice"
    )
    shop.wait_for_stage(rental_id, "picked_up")
    assert shop.fulfillment_states(rental_id)[-2:] == ["RemindCustomer", "AwaitReturn"]
    assert shop.rental(rental_id)["is_overdue"]
    for action, stage in zip(ACTIONS[2:], STAGES[3:], strict=True):
        shop.desk(rental_id, action)
        shop.wait_for_stage(rental_id, stage)


def test_what_nobody_fetches_goes_home(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    collectible, rental_id = paid(shop)
    act_days_ago(shop, rental_id, "arrived", 8, monkeypatch)
    shop.wait_for_stage(rental_id, "ready_for_pickup")

    shop.tick(rental_id)

    row = shop.wait_for_stage(rental_id, "closed")
    assert row["closedReason"] == "not_collected"
    assert shop.fulfillment_states(rental_id)[-1] == "RentalNotCollected"
    assert [unit["status"] for unit in shop.units_of(collectible)] == ["to_warehouse"]


def test_what_nobody_inspects_needs_somebody(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    _, rental_id = paid(shop, "arrived", "picked_up")
    act_days_ago(shop, rental_id, "returned", 2, monkeypatch)
    shop.wait_for_stage(rental_id, "returned")

    shop.tick(rental_id)

    eventually(
        lambda: shop.rental_row(rental_id).get("fulfillmentAttention") == "NotInspected",
        "attention",
    )
    shop.wait_for_stage(rental_id, "returned")
    shop.desk(rental_id, "inspected")
    shop.wait_for_stage(rental_id, "closed")


def test_an_execution_that_is_too_old_ends_and_the_next_one_goes_on(shop: Shop) -> None:
    _, rental_id = paid(shop, "arrived", "picked_up")
    write(shop, "Rentals", rental_id, fulfillmentStartedAt=days_ago(301))

    shop.tick(rental_id)
    eventually(
        lambda: shop.fulfillment(rental_id)["status"] == "SUCCEEDED", "the end of the old one"
    )
    assert shop.fulfillment_states(rental_id)[-1] == "RentalContinued"
    shop.tick(rental_id)

    shop.wait_for_stage(rental_id, "picked_up")
    assert len(shop.fulfillment_arns(rental_id)) == 2
    for action, stage in zip(ACTIONS[2:], STAGES[3:], strict=True):
        shop.desk(rental_id, action)
        shop.wait_for_stage(rental_id, stage)
