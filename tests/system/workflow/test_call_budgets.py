"""What a rental costs in calls: exactly what counts.json (tools/measuring/cost) says.

`make counts` writes that file anew; what it changes is for a person to see and to agree with.
"""

import itertools
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from infra.clock import timestamp_in
from rentals.allocation import shelf
from tests.support.desk import Desk
from tests.support.recording.capacity import CapacityMeter, write_units
from tests.support.recording.counts import (
    NOW_AND_THEN,
    counts,
    invocation_logs,
    state_machine_counts,
)
from tests.support.recording.recorder import Recorded, RecordedStack
from tests.support.shop import Shop, eventually
from tools.importing.seed import new_unit
from tools.local.stack import TABLE_PREFIX
from tools.sources import ROOT

Json = dict[str, Any]

COUNTS = ROOT / "tools" / "measuring" / "cost" / "counts.json"
# Log lines hold ids and times of varying length.
LOG_TOLERANCE = 0.05
# Reads of the same thing in one invocation, and why.
READ_TWICE: dict[tuple[str, str], str] = {}


@pytest.fixture(scope="module")
def metered(recorded: RecordedStack) -> Iterator[RecordedStack]:
    """Capacity units are counted while these tests run."""
    recorded.engine.meter = CapacityMeter(recorded.stack)
    yield recorded
    recorded.engine.meter = None


def row_when(shop: Shop, rental_id: str, is_reached: Callable[[Json], bool]) -> Json:
    """The rental's row once it is so; asks the table, so that no function is invoked."""
    return eventually(
        lambda: row if is_reached(row := shop.rental_row(rental_id)) else None, "the row"
    )


def in_stock(shop: Shop) -> str:
    """A collectible whose only unit stands in the middle of its warehouse, where the first query
    finds it wherever it starts: with one unit anywhere else that would be chance.
    """
    collectible_id = shop.add_collectible(units=0)
    unit_ids = (f"{collectible_id}-{number}" for number in itertools.count())
    middle = next(each for each in unit_ids if shelf("wh-001", each).startswith("wh-001#7fff"))
    shop.table("Units").put_item(Item=new_unit(middle, collectible_id, "wh-001"))
    return collectible_id


def payable(shop: Shop, **changes: Any) -> str:
    """A rental that waits for its payment."""
    rental_id = shop.start_checkout(in_stock(shop), **changes)
    row_when(shop, rental_id, lambda row: "paymentUrl" in row)
    return rental_id


def ended(shop: Shop, rental_id: str) -> str:
    """Until the rental's execution is over and PayMongo has nothing more to tell."""
    shop.wait_for_execution(rental_id)
    shop.paymongo.wait_until_idle()
    return rental_id


def hosted_page(shop: Shop, rental_id: str) -> Json:
    return {"payment_url": shop.rental_row(rental_id)["paymentUrl"]}


def paid(shop: Shop) -> str:
    """The session's event first, then the payment's, then the customer comes back."""
    rental_id = payable(shop)
    shop.paymongo.webhooks_are("hold", "payment.paid")
    success_url = shop.pay(hosted_page(shop, rental_id))
    shop.wait_for_execution(rental_id)
    shop.paymongo.release_webhooks()
    shop.follow(success_url)
    return ended(shop, rental_id)


def declined(shop: Shop) -> str:
    """Three attempts."""
    rental_id = payable(shop)
    for _ in range(3):
        shop.on_hosted_page(hosted_page(shop, rental_id), "failed")
        shop.paymongo.wait_until_idle()
    return ended(shop, rental_id)


def cancelled(shop: Shop) -> str:
    """On PayMongo's page."""
    rental_id = payable(shop)
    shop.follow(shop.leave_hosted_page(hosted_page(shop, rental_id)))
    return ended(shop, rental_id)


def expired(shop: Shop) -> str:
    """Nobody pays."""
    with shop.hold_of(1):
        rental_id = shop.start_checkout(in_stock(shop))
        return ended(shop, rental_id)


def rejected(shop: Shop) -> str:
    """The one unit that checkout saw cannot be reserved: its warehouse is gone."""
    return ended(shop, shop.start_checkout(shop.add_collectible({"wh-gone": 1})))


def refused(shop: Shop) -> None:
    """Sold out; with a key, as the site sends one."""
    answer = shop.post_checkout(shop.body(shop.add_collectible(units=0)), uuid.uuid4().hex)
    assert answer.status_code == 409


def told(shop: Shop) -> None:
    """A notice of the kind that is mailed."""
    rental_id = paid(shop)
    eventually(
        lambda: [
            row
            for row in shop.rows("Notices")
            if row["rentalId"] == rental_id and row["status"] == "sent"
        ],
        "the mail",
    )


def erase_one(shop: Shop) -> None:
    """The day on which the personal data of one unpaid rental is due."""
    row = shop.rental_row(rejected(shop))
    shop.table("Rentals").put_item(Item=row | {"createdAt": timestamp_in(-31 * 86_400)})
    assert shop.erase_personal_data(row["id"]) == {"looked_at": 1, "erased": 1}


SCENARIOS = {each.__name__: each for each in (paid, declined, cancelled, expired, rejected)}


# What customers do before they rent and while they wait, and what goes on by itself.
OTHER_WORK: dict[str, tuple[str, Callable[[Shop], object]]] = {
    "catalogue": (
        "GetCollectiblesFunction",
        lambda shop: shop.site.get("/api/collectibles?store_id=store-a"),
    ),
    "stores": ("GetStoresFunction", lambda shop: shop.site.get("/api/stores")),
    "quote": (
        "PostQuoteFunction",
        lambda shop: shop.site.post(
            "/api/rentals/quote",
            json={"collectible_id": "col-001", "store_id": "store-a", "duration": 3},
        ),
    ),
    "status": ("GetRentalFunction", lambda shop: shop.rental(payable(shop))),
    "notice": ("SendNoticesFunction", told),
    "erasure": ("ErasePersonalDataFunction", erase_one),
    "clock": ("FollowFulfillmentFunction", lambda shop: shop.tick()),
    "reconciler": (
        "ReconcileFunction",
        lambda shop: shop.stack.client("lambda").invoke(
            FunctionName=shop.stack.outputs["ReconcileFunctionName"], Payload=b"{}"
        ),
    ),
    # The last: the catalogue has what it adds.
    "refused": ("PostCheckoutFunction", refused),
}


@pytest.mark.parametrize("work", OTHER_WORK)
def test_other_work_makes_the_calls_that_were_agreed_on(
    work: str, metered: RecordedStack, shop: Shop, request: pytest.FixtureRequest
) -> None:
    function, do = OTHER_WORK[work]
    do(shop)  # what is done once for each execution environment is done
    before = len(metered.paymongo.calls())

    do(shop)

    asked = [each for each in metered.paymongo.calls()[before:] if each.function == function]
    made = [each for each in metered.engine.calls() if each.function == function]
    calls = [each for each in made if each.invocation == made[-1].invocation]
    assert twice(calls) - READ_TWICE.keys() == set()
    # The reconciler may run by itself as well.
    once = {each.target: each for each in asked}.values()
    found = {"functions": counts([*calls, *once], invocation_logs(metered.stack, calls))}
    if work == "catalogue" and not request.config.getoption("--write-counts"):
        # Tests add collectibles of their own: as many queries as there are, one more for each that
        # is sold out.
        collectibles = {row["id"] for row in shop.rows("Collectibles")}
        units = [row for row in shop.rows("Units") if row["isAvailable"] == "true"]
        assert found["functions"][function]["calls"] == +Counter(
            {
                "Query available-units-index": len(collectibles),
                "Query Lookups": len(collectibles - {unit["collectibleId"] for unit in units}),
                "GetItem Stores": 1,
                "Scan Collectibles": 1,
            }
        )
        return
    compare(work, found, request)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_rental_makes_the_calls_that_were_agreed_on(
    scenario: str, metered: RecordedStack, shop: Shop, request: pytest.FixtureRequest
) -> None:
    warm_up(shop)

    rental_id = SCENARIOS[scenario](shop)

    calls = [*metered.engine.calls_for(rental_id), *metered.paymongo.calls_for(rental_id)]
    calls = told_apart(calls)
    found = {
        "state_machine": state_machine_counts(
            metered.stack, "RentalStateMachine", shop.execution_arn(rental_id)
        )
        | {"write_units": units_of_await_payment(shop, rental_id)},
        "functions": counts(calls, invocation_logs(metered.stack, calls)),
    }
    compare(scenario, found, request)
    assert twice(calls) - READ_TWICE.keys() == set()


def test_the_second_half_makes_the_calls_that_were_agreed_on(
    metered: RecordedStack, shop: Shop, request: pytest.FixtureRequest
) -> None:
    """A rental that comes back in time, from its payment until its unit is on the shelf again."""
    desk = Desk(shop)
    come_home(shop, desk, paid(shop))  # what is done once for each execution environment is done
    rental_id = paid(shop)
    row_when(shop, rental_id, lambda row: "fulfillmentToken" in row)
    before = len(metered.engine.calls())
    shop.tick()  # what is left of other tests is looked at

    come_home(shop, desk, rental_id)

    mine = {each.invocation for each in metered.engine.calls_for(rental_id)}
    calls = [each for each in metered.engine.calls()[before:] if each.invocation in mine]
    # The clock asks its indexes whatever it finds; what is told is counted apart as well.
    apart = {("FollowFulfillmentFunction", "Query")}
    calls = [each for each in told_apart(calls) if (each.function, each.operation) not in apart]
    [arn] = shop.fulfillment_arns(rental_id)
    machine = state_machine_counts(metered.stack, "FulfillmentStateMachine", arn)
    found = {
        "state_machine": machine
        | {"write_units": units_of_waits(shop, rental_id, machine["states"])},
        "functions": counts(calls, invocation_logs(metered.stack, calls)),
    }
    compare("returned", found, request)
    assert twice(calls) - READ_TWICE.keys() == set()


def come_home(shop: Shop, desk: Desk, rental_id: str) -> None:
    """Received, handed over, the customer reminded, taken back, inspected, shelved."""
    at = {"store_id": shop.rental_row(rental_id)["storeId"]}
    for action, stage, more in (
        ("arrived", "ready_for_pickup", {}),
        ("picked_up", "picked_up", {"id_seen": True}),
        ("returned", "returned", {}),
        ("inspected", "closed", {"condition": "fine"}),
    ):
        assert desk.do(rental_id, action, **at, **more).status_code == 200
        row = shop.wait_for_stage(rental_id, stage)
        if stage == "picked_up":
            due_tomorrow(shop, row)
            shop.tick(rental_id)
            was = row["fulfillmentToken"]
            row_when(shop, rental_id, lambda now, was=was: now["fulfillmentToken"] != was)  # type: ignore[misc]
    shop.table("Units").update_item(
        Key={"id": row["lastUnitId"]},
        UpdateExpression="SET shelveAt = :past",
        ExpressionAttributeValues={":past": timestamp_in(-1)},
    )
    shop.tick(rental_id)
    assert "fulfillmentDueAt" not in shop.rental_row(rental_id)
    assert shop.available(row["collectibleId"]) == 1


def due_tomorrow(shop: Shop, row: Json) -> None:
    """The last day but one has begun."""
    due_at, waiting = timestamp_in(12 * 3600), {"lookup": f"store#{row['storeId']}#picked_up"}
    lookups, entry = shop.table("Lookups"), {"rentalId": row["id"]}
    lookups.delete_item(Key=waiting | {"entry": f"{row['dueAt']}#{row['id']}"})
    lookups.put_item(Item=waiting | entry | {"entry": f"{due_at}#{row['id']}"})
    shop.table("Rentals").update_item(
        Key={"id": row["id"]},
        UpdateExpression="SET dueAt = :due",
        ExpressionAttributeValues={":due": due_at},
    )


def told_apart(calls: Sequence[Recorded]) -> list[Recorded]:
    """Without what is told of a rental, which the notice counts."""
    return [each for each in calls if each.function != "SendNoticesFunction"]


_warm: list[bool] = []


def warm_up(shop: Shop) -> None:
    """What is done once for each execution environment is done."""
    if not _warm:
        paid(shop)
        _warm.append(True)


def units_of_await_payment(shop: Shop, rental_id: str) -> int:
    """AwaitPayment is a write of the state machine's own: a token and a URL, no key of an index."""
    row = shop.dynamodb.get_item(TableName=f"{TABLE_PREFIX}-Rentals", Key={"id": {"S": rental_id}})[
        "Item"
    ]
    if "checkoutUrl" not in row:
        return 0
    published = {"taskToken": {"S": ""}, "paymentUrl": row["checkoutUrl"]}
    return write_units(row, row | published, in_transaction=False)


def units_of_waits(shop: Shop, rental_id: str, states: Sequence[str]) -> int:
    """Each wait writes the row, as large as it is in the end, and when the clock looks at it: a new
    key in the index.
    """
    row = shop.dynamodb.get_item(TableName=f"{TABLE_PREFIX}-Rentals", Key={"id": {"S": rental_id}})[
        "Item"
    ]
    waits = sum(state.startswith("Await") for state in states)
    return waits * (write_units(row, row, in_transaction=False) + 2)


def twice(calls: Sequence[Recorded]) -> set[tuple[str, str]]:
    """Reads that one invocation made more than once: (function, call)."""
    reads = Counter(
        (each.invocation, each.function, each.name, each.key)
        for each in calls
        if each.operation in ("GetItem", "Query", "Scan", "GetSecretValue")
        and each.name not in NOW_AND_THEN
    )
    return {(function, name) for (_, function, name, _), count in reads.items() if count > 1}


def compare(name: str, found: Json, request: pytest.FixtureRequest) -> None:
    """With the file, or write it there."""
    known = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    if request.config.getoption("--write-counts"):
        known[name] = found
        COUNTS.write_text(a_line_each(dict(sorted(known.items()))))
        return
    for function, used in found["functions"].items():
        expected = known[name]["functions"].get(function, used)
        if used["log_bytes"] and expected["log_bytes"]:  # 0: none could be told apart
            agreed = pytest.approx(expected["log_bytes"], rel=LOG_TOLERANCE)
            assert used["log_bytes"] == agreed, f"{function}: if this is meant: make counts"
        used["log_bytes"] = expected["log_bytes"]
    now, then = dict(flat(found)), dict(flat(known[name]))
    changed = {
        each: f"{then.get(each)} -> {now.get(each)}"
        for each in sorted(now.keys() | then.keys())
        if now.get(each) != then.get(each)
    }
    assert changed == {}, "if this is meant: make counts, and look at what it changes"


def a_line_each(counts: Json) -> str:
    """JSON with a line for each function and state machine, so that a change is one line."""

    def text(value: Json) -> str:
        if "invocations" in value or "transitions" in value:
            return json.dumps(value)
        lines = (f"{json.dumps(name)}: {text(each)}" for name, each in value.items())
        return "{\n" + ",\n".join(lines) + "\n}"

    return text(counts) + "\n"


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves by path, so that a difference is one line."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from flat(each, f"{path}/{name}")
    else:
        yield path, value
