"""What stores, days and operators do to paid rentals while calls fail."""

from collections.abc import Callable
from functools import cache

import httpx

from infra.clock import timestamp_in
from tests.search.faults.scenarios import Visit
from tests.support.desk import Desk
from tests.support.shop import Json, Shop
from tools.local.stack import TABLE_PREFIX, LocalStack

_TRIES = 8
_DAY_SECONDS = 86_400
_MORE: dict[str, Json] = {"picked_up": {"id_seen": True}, "inspected": {"condition": "fine"}}


@cache
def _signed_in(stack: LocalStack) -> Desk:
    return Desk(Shop(stack, is_broken=True))


def rent(visit: Visit) -> bool:
    """Pay, and wait until an execution follows the rental."""
    if not visit.checkout():
        return False
    visit.settle_at_paymongo()
    wait_for(visit, "awaiting_arrival")
    return True


def wait_for(visit: Visit, stage: str) -> Json:
    """The rental's row at this stage, once its execution is there as well."""

    def look() -> Json | None:
        row = visit.row() or {}
        return row if row.get("fulfillmentStatus") == stage and visit.is_followed(row) else None

    return visit.wait_for(look, stage)


def at_the_desk(visit: Visit) -> Desk:
    """Somebody who may do everything."""
    return _signed_in(visit.shop.stack)


def trying(visit: Visit, request: Callable[[], httpx.Response]) -> Json:
    """What a request is answered with in the end, trying errors again."""
    for _ in range(_TRIES):
        answer = visit.patiently(request)
        if answer is not None and answer.status_code < 500:
            data: Json = answer.json().get("data") or {}
            return data
    return {}


def do(visit: Visit, *actions: str, **more: str | int) -> None:
    """At the desk, trying errors again."""
    desk = at_the_desk(visit)
    for action in actions:
        body = _MORE.get(action, {}) | more
        trying(
            visit,
            lambda: desk.do(visit.rental_id, action, store_id="store-a", **body),  # noqa: B023
        )


def _days_ago(visit: Visit, attribute: str, days: float) -> None:
    """Make a time of the rental so long ago, and have the clock look."""
    visit.shop.dynamodb.update_item(
        TableName=f"{TABLE_PREFIX}-Rentals",
        Key={"id": {"S": visit.rental_id}},
        UpdateExpression=f"SET {attribute} = :past",
        ExpressionAttributeValues={":past": {"S": timestamp_in(-days * _DAY_SECONDS)}},
    )
    visit.time_passes()


def _shelve(visit: Visit) -> None:
    """The unit reaches its warehouse."""
    for unit in visit.units():
        visit.shop.dynamodb.update_item(
            TableName=f"{TABLE_PREFIX}-Units",
            Key={"id": {"S": unit["id"]}},
            UpdateExpression="SET shelveAt = :past",
            ConditionExpression="attribute_exists(shelving)",
            ExpressionAttributeValues={":past": {"S": timestamp_in(-1)}},
        )

    def look() -> bool:
        visit.shop.run_clock()
        return all(unit["status"] == "available" for unit in visit.units())

    visit.wait_for(look, "the shelf")


def came_back(visit: Visit) -> None:
    """Received, handed over, taken back a day late, inspected, on the shelf again."""
    if rent(visit):
        do(visit, "arrived", "picked_up")
        wait_for(visit, "picked_up")
        _days_ago(visit, "dueAt", 0.5)
        visit.wait_for(lambda: (visit.row() or {}).get("deadlinesMet"), "a reminder")
        do(visit, "returned", "inspected")
        wait_for(visit, "closed")
        _shelve(visit)


def long_overdue(visit: Visit) -> None:
    """The customer keeps it: operators are told."""
    if rent(visit):
        do(visit, "arrived", "picked_up")
        wait_for(visit, "picked_up")
        _days_ago(visit, "dueAt", 100)
        visit.wait_for(lambda: (visit.row() or {}).get("fulfillmentAttention"), "attention")
        wait_for(visit, "picked_up")


def not_collected(visit: Visit) -> None:
    """Nobody comes for it: it goes home."""
    if rent(visit):
        do(visit, "arrived")
        wait_for(visit, "ready_for_pickup")
        _days_ago(visit, "arrivedAt", 100)
        wait_for(visit, "closed")


def given_back(visit: Visit) -> None:
    """Somebody gives the money back on PayMongo's dashboard before the unit is handed over."""
    if rent(visit):
        [payment] = visit.shop.paymongo.ledger(visit.rental_id)
        visit.shop.paymongo.refund(payment.id, payment.amount)
        wait_for(visit, "closed")


def stopped_when_out(visit: Visit) -> None:
    """An operator stops the execution while the customer has the unit."""
    if rent(visit):
        do(visit, "arrived", "picked_up")
        wait_for(visit, "picked_up")
        [arn] = visit.shop.fulfillment_arns(visit.rental_id)
        visit.shop.stepfunctions.stop_execution(executionArn=arn)
        visit.wait_for(lambda: len(visit.shop.fulfillment_arns(visit.rental_id)) > 1, "another one")
        wait_for(visit, "picked_up")


def lost_and_found(visit: Visit) -> None:
    """The unit is lost on its way, and found."""
    if rent(visit):
        do(visit, "lost")
        wait_for(visit, "closed")
        do(visit, "found")


# The functions that each is about: the others' calls are those of `paid`.
FUNCTIONS: dict[Callable[[Visit], None], set[str]] = {
    came_back: {"PostDeskActionFunction", "FollowFulfillmentFunction", "MeetDeadlinesFunction"},
    long_overdue: {"MeetDeadlinesFunction"},
    not_collected: {"MeetDeadlinesFunction"},
    given_back: {"PostPayMongoWebhookFunction"},
    stopped_when_out: {"ResumeFulfillmentFunction"},
    lost_and_found: {"PostDeskActionFunction"},
}
