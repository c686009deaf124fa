"""A paid rental's second half on moto: the desk, the deadlines, the clock, one execution each."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from infra import aws, clock
from infra.settings import setting
from rentals import (
    deadlines,
    desk,
    fulfillment_clock,
    fulfillment_executions,
    lookups,
    refund_records,
    repository,
)
from rentals.desk import Action, Actor, Condition
from rentals.errors import NotAllowed, NotPossibleNow, RentalNotFound, WrongStore
from rentals.models import ClosedReason, FulfillmentStatus, Rental, UnitStatus
from tests.support.rentals import TOTAL, completed, refund
from tests.support.tables import Shop

ANA = Actor("ana", "store-a")
BOSS = Actor("boss", "store-a", is_manager=True)
DAY = timedelta(days=1)
START = datetime(2026, 11, 26, 4, 0, tzinfo=UTC)  # noon in Manila
WHOLE_LIFE = (Action.ARRIVED, Action.PICKED_UP, Action.RETURNED, Action.INSPECTED)


class Time:
    """The time, which tests move."""

    def __init__(self) -> None:
        self.now = START

    def go_on(self, by: timedelta) -> None:
        self.now += by


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    found = Time()
    monkeypatch.setattr(clock, "now", lambda: found.now)
    return found


@pytest.fixture
def told(fulfillment_machine: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What executions were told."""
    client, found = aws.stepfunctions(), list[str]()
    monkeypatch.setattr(client, "send_task_success", lambda **sent: found.append(sent["taskToken"]))
    monkeypatch.setattr(client, "send_task_failure", lambda **sent: found.append(sent["error"]))
    return found


@pytest.fixture
def rental(shop: Shop, time: Time, told: list[str]) -> Rental:
    """Paid, on its way to the store, its execution waiting."""
    found = completed(shop)
    fulfillment_executions.start(found)
    return wait(found)


def wait(rental: Rental) -> Rental:
    """What the execution's next wait writes."""
    row = repository.get(rental.id)
    waiting = {
        "fulfillmentToken": f"token-{row.fulfillment_status}",
        "awaitedStatus": row.fulfillment_status,
        "fulfillmentDueAt": row.next_deadline_at,
    }
    return repository.update(repository.change(rental.id, waiting))


def do(rental: Rental, *actions: Action, actor: Actor = ANA) -> Rental:
    for each in actions:
        rental = wait(desk.act(rental, each, actor).rental)
    return rental


def notices(shop: Shop) -> set[str]:
    return {row["id"].split("#")[1] for row in shop.rows("Notices")}


def tick() -> int:
    return fulfillment_clock.tick(lambda: True)


def unit(shop: Shop) -> dict[str, Any]:
    (row,) = shop.rows("Units")
    return row


def test_a_rental_that_comes_back_in_time_leaves_its_unit_on_the_shelf(
    shop: Shop, rental: Rental, time: Time, told: list[str]
) -> None:
    assert unit(shop)["status"] == UnitStatus.TO_STORE
    stages = []
    for action in WHOLE_LIFE:
        rental = wait(desk.act(rental, action, ANA).rental)
        stages.append(unit(shop)["status"])
        time.go_on(timedelta(hours=1))

    assert stages == ["at_store", "with_customer", "inspection", "to_warehouse"]
    assert told == [f"token-{each}" for each in list(FulfillmentStatus)[:-1]]
    assert (rental.closed_reason, rental.unit_id) == (ClosedReason.RETURNED, None)
    assert rental.last_unit_id == unit(shop)["id"]
    assert [each["by"] for each in rental.desk_log] == ["ana"] * 4
    assert notices(shop) == {"confirmed", "ready", "picked_up", "returned", "closed"}
    assert shop.on_shelf() == set()
    time.go_on(3 * DAY)
    tick()
    assert shop.on_shelf() == {rental.last_unit_id}


def test_an_action_that_was_done_before_changes_nothing(shop: Shop, rental: Rental) -> None:
    read_at_first = rental
    for action in WHOLE_LIFE:
        rental = do(rental, action)
        for late in (rental, read_at_first):
            again = desk.act(late, action, ANA)
            assert (again.is_new, again.rental.desk_log) == (False, rental.desk_log)


@pytest.mark.parametrize(
    ("done", "action"),
    [
        ((), Action.PICKED_UP),
        ((), Action.RETURNED),
        ((Action.ARRIVED,), Action.RETURNED),
        ((Action.ARRIVED,), Action.INSPECTED),
        ((Action.ARRIVED, Action.PICKED_UP), Action.CANCELLED),
        (WHOLE_LIFE, Action.LOST),
        (WHOLE_LIFE, Action.FOUND),
    ],
)
def test_what_is_not_possible_now_is_said_and_changes_nothing(
    shop: Shop, rental: Rental, done: tuple[Action, ...], action: Action
) -> None:
    before = do(rental, *done)

    with pytest.raises(NotPossibleNow, match="is not possible now: "):
        desk.act(before, action, BOSS)

    assert repository.get(rental.id) == repository.get(before.id)
    assert action not in desk.possible_actions(before)


def test_a_unit_is_handed_over_at_the_rentals_store_only(shop: Shop, rental: Rental) -> None:
    rental = do(rental, Action.ARRIVED)

    with pytest.raises(WrongStore, match="store-a"):
        desk.act(rental, Action.PICKED_UP, Actor("ben", "store-b"))


def test_a_unit_taken_back_elsewhere_goes_to_the_warehouse_nearest_to_there(
    shop: Shop, rental: Rental
) -> None:
    rental = do(rental, Action.ARRIVED, Action.PICKED_UP)

    rental = do(rental, Action.RETURNED, actor=Actor("ben", "store-b"))
    assert [each.id for each in lookups.in_store("store-b", rental.fulfillment_status)] == [  # type: ignore[arg-type]
        rental.id
    ]
    do(rental, Action.INSPECTED, actor=Actor("ben", "store-b"))

    assert unit(shop)["warehouseId"] == "wh-elsewhere"
    assert unit(shop)["shelf"].startswith("wh-elsewhere#")


@pytest.mark.parametrize("condition", [Condition.DAMAGED, Condition.INCOMPLETE])
def test_a_unit_that_came_back_broken_goes_to_maintenance(
    shop: Shop, rental: Rental, condition: Condition
) -> None:
    rental = do(rental, Action.ARRIVED, Action.PICKED_UP, Action.RETURNED)

    desk.act(rental, Action.INSPECTED, ANA, condition=condition, note="left arm")

    assert unit(shop)["status"] == UnitStatus.MAINTENANCE
    assert (unit(shop)["reason"], unit(shop)["reasonBy"]) == (f"{condition}: left arm", "ana")


@pytest.mark.parametrize("done", [WHOLE_LIFE[:n] for n in range(4)])
def test_a_lost_unit_closes_its_rental_and_may_be_found_again(
    shop: Shop, rental: Rental, done: tuple[Action, ...]
) -> None:
    rental = do(rental, *done)
    with pytest.raises(NotAllowed):
        desk.act(rental, Action.LOST, ANA)

    lost = desk.act(rental, Action.LOST, BOSS, note="stolen").rental
    assert (lost.closed_reason, unit(shop)["status"]) == (ClosedReason.LOST, UnitStatus.LOST)
    found = desk.act(lost, Action.FOUND, ANA).rental
    again = desk.act(lost, Action.FOUND, ANA)

    assert unit(shop)["status"] == UnitStatus.TO_WAREHOUSE
    assert found.found_at
    assert not again.is_new


@pytest.mark.parametrize("done", [(), (Action.ARRIVED,)])
def test_all_the_money_given_back_before_the_hand_over_cancels_the_rental(
    shop: Shop, rental: Rental, done: tuple[Action, ...]
) -> None:
    rental = do(rental, *done)

    after = refund_records.record_refund(rental, refund("succeeded"), TOTAL)

    assert (after.closed_reason, after.refund_status) == (ClosedReason.CANCELLED, "succeeded")
    assert unit(shop)["status"] == UnitStatus.TO_WAREHOUSE


def test_money_given_back_after_the_hand_over_leaves_the_unit_with_its_customer(
    shop: Shop, rental: Rental
) -> None:
    rental = do(rental, Action.ARRIVED, Action.PICKED_UP)

    after = refund_records.record_refund(rental, refund("succeeded"), TOTAL)

    assert (after.fulfillment_status, after.refund_status) == ("picked_up", "succeeded")
    assert do(after, Action.RETURNED, Action.INSPECTED).closed_reason == "returned"


def overdue(rental: Rental) -> Rental:
    return do(rental, Action.ARRIVED, Action.PICKED_UP)


def test_the_customer_is_reminded_once_of_each_deadline_and_at_last_somebody_looks(
    shop: Shop, rental: Rental, time: Time, told: list[str]
) -> None:
    rental = overdue(rental)
    told.clear()
    for _ in range(4 * 8):
        time.go_on(timedelta(hours=6))
        if tick():
            rental = wait(fulfillment_clock.meet_deadlines(repository.get(rental.id)))

    kinds = [row["kind"] for row in shop.rows("Notices")]
    assert kinds.count("due_soon") == 1
    assert kinds.count("overdue") == 4
    assert told == ["DueSoon", *["Overdue"] * 4]
    assert rental.fulfillment_attention == "Overdue"
    assert [each.id for each in lookups.list_attention()] == [rental.id]
    do(rental, Action.RETURNED)
    assert lookups.list_attention() == []


def test_of_deadlines_that_passed_together_the_customer_is_told_the_last(
    shop: Shop, rental: Rental, time: Time
) -> None:
    rental = overdue(rental)
    time.go_on(5 * DAY)

    rental = fulfillment_clock.meet_deadlines(rental)

    assert notices(shop) & {"due_soon", "overdue"} == {"overdue"}
    assert deadlines.passed(rental) == []


@pytest.mark.parametrize(
    ("done", "problem"), [((), "DeliveryLate"), (WHOLE_LIFE[:3], "NotInspected")]
)
def test_what_is_a_day_late_needs_somebody(
    rental: Rental, time: Time, done: tuple[Action, ...], problem: str
) -> None:
    rental = do(rental, *done)
    time.go_on(4 * DAY)

    assert fulfillment_clock.meet_deadlines(rental).fulfillment_attention == problem


def test_what_nobody_fetches_goes_home(shop: Shop, rental: Rental, time: Time) -> None:
    rental = do(rental, Action.ARRIVED)
    time.go_on(7 * DAY)

    closed = fulfillment_clock.meet_deadlines(rental)

    assert closed.closed_reason is ClosedReason.NOT_COLLECTED
    assert unit(shop)["status"] == UnitStatus.TO_WAREHOUSE
    assert "not_collected" in notices(shop)


def test_a_hand_over_in_the_last_moment_wins_over_not_collected(rental: Rental, time: Time) -> None:
    as_read = do(rental, Action.ARRIVED)
    time.go_on(7 * DAY)
    do(as_read, Action.PICKED_UP)

    assert fulfillment_clock.meet_deadlines(as_read).fulfillment_status == "picked_up"


def test_an_old_customer_is_never_closed_out(rental: Rental, time: Time) -> None:
    rental = do(rental, Action.ARRIVED)
    carried = repository.update(repository.change(rental.id, {"isCarriedOver": True}))
    time.go_on(90 * DAY)

    assert fulfillment_clock.meet_deadlines(carried) == carried


def test_a_row_that_its_execution_does_not_know_of_is_told_by_the_clock(
    rental: Rental, time: Time, told: list[str]
) -> None:
    desk.act(rental, Action.ARRIVED, ANA)
    told.clear()
    time.go_on(timedelta(minutes=3))

    assert tick() == 1
    assert told == ["FulfillmentChanged"]


def test_what_can_be_told_is_not_asked_for(
    rental: Rental, time: Time, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS answers ten DescribeExecution a second, and thousands may be due at once."""
    monkeypatch.setattr(aws.stepfunctions(), "describe_execution", None)
    time.go_on(10 * DAY)

    assert tick() == 1
    assert told == ["DeliveryLate"]


def test_an_execution_that_cannot_be_told_is_replaced(
    rental: Rental, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    def timed_out(**_: str) -> None:
        raise ClientError({"Error": {"Code": "TaskTimedOut"}}, "SendTaskFailure")

    monkeypatch.setattr(aws.stepfunctions(), "send_task_failure", timed_out)
    stop(rental)
    time.go_on(10 * DAY)

    tick()

    assert repository.get(rental.id).fulfillment_execution == f"{rental.id}-2"


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="https://states.example"),
        *(
            ClientError({"Error": {"Code": code}}, "SendTaskSuccess")
            for code in ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")
        ),
    ],
    ids=str,
)
def test_an_answer_that_is_lost_or_comes_too_late_loses_nothing(
    shop: Shop, rental: Rental, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def lost(**_: str) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(aws.stepfunctions(), "send_task_success", lost)
        moved = desk.act(rental, Action.ARRIVED, ANA)

    assert moved.rental.fulfillment_status == "ready_for_pickup"


@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT"])
def test_another_execution_goes_on_when_one_was_stopped(rental: Rental, status: str) -> None:
    stop(rental)
    for _ in range(2):
        fulfillment_executions.ended(rental, rental.id, has_failed=False)

    now = repository.get(rental.id)
    assert now.fulfillment_execution == f"{rental.id}-2"
    assert fulfillment_executions.is_running(now)
    stop(now)
    fulfillment_executions.go_on(now)
    assert repository.get(rental.id).fulfillment_execution == f"{rental.id}-3"


def test_after_a_failed_execution_somebody_looks_and_the_next_one_takes_its_time(
    rental: Rental, time: Time
) -> None:
    stop(rental)
    fulfillment_executions.ended(rental, rental.id, has_failed=True)
    assert repository.get(rental.id).fulfillment_attention == "ExecutionFailed"
    assert repository.get(rental.id).fulfillment_execution == rental.id

    time.go_on(timedelta(minutes=16))
    tick()

    assert repository.get(rental.id).fulfillment_execution == f"{rental.id}-2"


def test_an_execution_that_was_never_started_is_started_by_the_clock(
    shop: Shop, time: Time, told: list[str]
) -> None:
    rental = completed(shop)
    assert not fulfillment_executions.is_running(rental)
    time.go_on(timedelta(minutes=3))

    tick()

    assert fulfillment_executions.is_running(repository.get(rental.id))
    assert repository.get(rental.id).fulfillment_execution == rental.id


def test_an_execution_that_is_too_old_ends(rental: Rental, time: Time, told: list[str]) -> None:
    rental = do(rental, Action.ARRIVED, Action.PICKED_UP)
    out_for_a_year = {"dueAt": clock.timestamp(START + 400 * DAY)}
    rental = repository.update(repository.change(rental.id, out_for_a_year))
    told.clear()
    time.go_on(301 * DAY)

    fulfillment_clock.look(rental)

    assert told == ["ExecutionTooOld"]


def test_the_clock_looks_no_more_at_a_rental_that_is_over(
    shop: Shop, rental: Rental, time: Time
) -> None:
    rental = do(rental, *WHOLE_LIFE)
    stop(rental)
    repository.update(repository.change(rental.id, {"fulfillmentDueAt": clock.timestamp(START)}))

    tick()

    row = shop.row("Rentals", rental.id)
    assert not {"fulfillmentClock", "fulfillmentDueAt"} & row.keys()


def stop(rental: Rental) -> None:
    arn = setting("FULFILLMENT_STATE_MACHINE_ARN").replace(":stateMachine:", ":execution:")
    aws.stepfunctions().stop_execution(executionArn=f"{arn}:{rental.fulfillment_execution}")


FINDERS: dict[str, Callable[[Rental], str]] = {
    "number": lambda it: it.number.lower().replace("-", " "),
    "id": lambda it: it.id,
    "unit": lambda it: str(it.unit_id or it.last_unit_id),
    "e-mail": lambda it: f" {it.customer.email.upper()} ",
    "phone": lambda it: it.customer.phone.replace("+63 ", "0"),
}


@pytest.mark.parametrize("finder", FINDERS)
def test_a_paid_rental_is_found_as_people_know_it(
    rental: Rental, machine: str, finder: str
) -> None:
    for each in (rental, do(rental, *WHOLE_LIFE)):
        assert [found.id for found in lookups.find(FINDERS[finder](each))] == [rental.id]


@pytest.mark.parametrize("words", ["", "MC-2222-2222", "nobody@example.com", "0999 999 9999", "x"])
def test_unknown_words_find_nothing(rental: Rental, machine: str, words: str) -> None:
    assert lookups.find(words) == []
    with pytest.raises(RentalNotFound):
        lookups.one(words)


def test_a_store_sees_what_it_waits_for_the_earliest_first(
    shop: Shop, rental: Rental, time: Time
) -> None:
    def listed() -> dict[str, int]:
        stages = list(FulfillmentStatus)[:-1]
        return {each: n for each in stages if (n := len(lookups.in_store("store-a", each)))}

    assert listed() == {"awaiting_arrival": 1}
    for action, stage in zip(WHOLE_LIFE, list(FulfillmentStatus)[1:], strict=True):
        rental = do(rental, action)
        assert listed() == ({} if stage == "closed" else {stage: 1})
