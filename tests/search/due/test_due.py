"""Thousands of rentals are due in the same second, as all that are due on one day are: the last one
is looked at in time, and AWS's quotas are kept.
"""

from collections.abc import Callable
from statistics import median
from typing import Any

import pytest

from infra import clock
from rentals import follow_ups, fulfillment, reconciliation
from rentals.models import FollowUp, Rental
from tests.search.due.rush import Bucket, Rush, copies, ids
from tests.search.interleavings.world import World
from tests.search.year.shop_year import ShopYear
from tests.support.samples import checkout_body
from tools.measuring.quotas import QUOTAS
from tools.measuring.scaling import measured

Json = dict[str, Any]

# A reminder a day before, and a payment whose webhook was lost, may come a quarter of an hour late:
# a hold lasts for as long.
GOAL_SECONDS = 900.0
# After an hour without a reconciler: until then nothing waits but payments whose webhook was lost.
AFTER_AN_OUTAGE_SECONDS = 1_200.0
_CLOCK_LIFETIME, _RECONCILER_LIFETIME = 120.0, 300.0


def quotas(**taken: float) -> dict[str, Bucket]:
    """AWS's and PayMongo's by call, less what something else takes of them each second."""
    found = {
        call: Bucket(
            QUOTAS[f"Step Functions, {call}, burst"].value,
            QUOTAS[f"Step Functions, {call}"].value - taken.get(call, 0.0),
        )
        for call in ("DescribeExecution", "SendTaskFailure", "SendTaskSuccess", "StartExecution")
    }
    most = QUOTAS["PayMongo, requests"].value
    return found | {"PayMongo": Bucket(most, most)}


@pytest.fixture
def rush(world: World) -> Callable[..., Rush]:
    """One genuine rental as far as `bring` takes it, then as many like it as are asked for."""

    def make(count: int, bring: Callable[[ShopYear, str], Json], **taken: float) -> Rush:
        shop = ShopYear(world, "due", 40)
        visit = shop.visit(checkout_body(collectible_id="col-001", duration=20), 1)
        assert shop.checkout_of(visit)
        due = bring(shop, visit.rental_id)
        row = shop.row(visit.rental_id)
        (execution,) = (each for each in shop.steps.executions if each.is_running)
        world.empty("Rentals")
        found = Rush(world, quotas(**taken))
        for each in copies(execution, ids(count)):
            found.steps.add(each)
            world.put("Rentals", row | due | _of_its_own(row, each.name, str(each.token)))
        world.clock.seconds += shop.seconds_until(_due_at(row | due))
        return found

    return make


def _of_its_own(row: Json, rental_id: str, token: str) -> Json:
    if "fulfillmentStatus" in row:
        clocked = fulfillment.look_at(rental_id, row["nextDeadlineAt"])
        return {
            "fulfillmentToken": token,
            "fulfillmentExecution": rental_id,
            "id": rental_id,
        } | clocked
    followed = follow_ups.due(rental_id, FollowUp.PAYMENT) | {"followUpAt": row["followUpAt"]}
    return {"taskToken": token, "id": rental_id} | followed


def _due_at(row: Json) -> str:
    return str(row.get("nextDeadlineAt") or row["followUpAt"])


def handed_over(shop: ShopYear, rental_id: str) -> Json:
    """The customer has it."""
    assert shop.pay_session(rental_id)
    assert shop.desk_does(rental_id, "arrived")
    assert shop.desk_does(rental_id, "picked_up")
    return {}


def unpaid(shop: ShopYear, rental_id: str) -> Json:
    """The customer is on PayMongo's page, and stays there for longer than this takes."""
    return {"holdExpiresAt": clock.timestamp_in(4 * GOAL_SECONDS)}


def figures(rush: Rush, late: list[float]) -> Json:
    """What docs/scaling.md says of it."""
    return {
        "due": len(late),
        "last_seconds": round(max(late)),
        "median_seconds": round(median(late)),
        "runs": len(rush.runs),
        "busy_seconds": round(sum(each.at - each.began for each in rush.runs)),
        "calls": dict(sorted(rush.calls.items())),
        "throttled": rush.throttled.total(),
    }


def test_the_last_deadline_of_a_day_is_met_in_time(
    rush: Callable[..., Rush], request: pytest.FixtureRequest
) -> None:
    """Beside a reconciler that takes half of the ten DescribeExecution a second."""
    count = request.config.getoption("--due")
    found = rush(count, handed_over, DescribeExecution=5.0)
    due_at = found.now

    found.live(
        "upkeep.follow_fulfillment.handler",
        _CLOCK_LIFETIME,
        lambda: len(found.steps.told_at) == count,
    )

    late = [at - due_at for at in found.steps.told_at.values()]
    if request.config.getoption("--write-measured"):
        measured.write("clock", figures(found, late))
    assert max(late) <= GOAL_SECONDS * count / 5_000 + 120
    assert (found.throttled.total(), found.calls["DescribeExecution"]) == (0, 0)


def test_the_last_follow_up_is_looked_at_in_time(
    rush: Callable[..., Rush], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an hour in which it stood still; else they come one by one."""
    count = request.config.getoption("--due")
    found = rush(count, unpaid)
    due_at, looked_at = found.now, dict[str, float]()
    look = reconciliation._FOLLOW_UPS[FollowUp.PAYMENT]

    def noted(rental: Rental) -> None:
        look(rental)
        looked_at.setdefault(rental.id, found.now)

    monkeypatch.setitem(reconciliation._FOLLOW_UPS, FollowUp.PAYMENT, noted)
    found.live("upkeep.reconcile.handler", _RECONCILER_LIFETIME, lambda: len(looked_at) == count)

    late = [at - due_at for at in looked_at.values()]
    assert max(late) <= AFTER_AN_OUTAGE_SECONDS * count / 5_000 + 120
    assert found.throttled.total() == 0
