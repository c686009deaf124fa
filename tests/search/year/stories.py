"""What becomes of a rental: each customer's story, as the waits between what they and staff do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.search.year.shop_year import ShopYear

Json = dict[str, Any]
# Yields for how many seconds to wait.
Story = Iterator[float]

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
_PATIENCE = 40


@dataclass(frozen=True, slots=True)
class Plan:
    """What a customer is going to do; how likely it is, in percent."""

    name: str
    percent: float
    is_paid: bool = True
    days_late: int = 0
    extends_by: int = 0
    damage: int = 0
    ends: str = "returns"


PLANS = (
    Plan("brings it back in time", 52),
    Plan("leaves without paying", 8, is_paid=False, ends="leaves"),
    Plan("is declined three times", 4, is_paid=False, ends="declined"),
    Plan("gives up on PayMongo's page", 4, is_paid=False, ends="gives up"),
    Plan("keeps it longer", 8, extends_by=2),
    Plan("brings it back late", 8, days_late=2),
    Plan("brings it back very late", 1, days_late=9),
    Plan("brings it back damaged", 4, damage=900),
    Plan("brings it back late and damaged", 1, days_late=3, damage=12_000),
    Plan("loses it", 0.6, ends="loses"),
    Plan("loses it, and finds it", 0.4, ends="finds"),
    Plan("cancels at once", 2.5, ends="cancels"),
    Plan("cancels when it is ready", 1.5, ends="cancels late"),
    Plan("does not fetch it", 1.5, ends="stays away"),
    Plan("complains", 2.5, ends="complains"),
    Plan("gets a part back at PayMongo's dashboard", 1, ends="dashboard"),
)


def plan_of(random: Random) -> Plan:
    return random.choices(PLANS, [each.percent for each in PLANS])[0]


def story(shop: "ShopYear", plan: Plan, body: Json, number: int) -> Story:
    """From the checkout to the last payment."""
    random = shop.random
    visit = shop.visit(body, number)
    yield from _until(shop, lambda: shop.checkout_of(visit))
    if shop.row(visit.rental_id).get("paymentStatus") != "pending":
        return
    yield random.uniform(1, 6) * MINUTE
    if not plan.is_paid:
        yield from _does_not_pay(shop, plan, visit.rental_id)
        return
    if not shop.pay_session(visit.rental_id):
        return  # the hold ran out on a bad day
    yield MINUTE
    yield from _until(shop, lambda: "fulfillmentStatus" in shop.row(visit.rental_id))
    if shop.row(visit.rental_id).get("fulfillmentStatus") is not None:
        yield from _rents(shop, plan, visit.rental_id)


def _does_not_pay(shop: "ShopYear", plan: Plan, rental_id: str) -> Story:
    if plan.ends == "declined":
        for _ in range(3):
            shop.decline_session(rental_id)
            yield MINUTE
    elif plan.ends == "gives up":
        yield from _until(shop, lambda: shop.follow_redirect(rental_id, "failed"))


def _rents(shop: "ShopYear", plan: Plan, rental_id: str) -> Story:
    random = shop.random
    if plan.ends == "cancels":
        yield random.uniform(1, 5) * HOUR
        yield from _until(shop, lambda: shop.cancel_paid(rental_id))
        return
    ready = shop.seconds_until(shop.row(rental_id)["readyBy"])
    yield max(MINUTE, ready - random.uniform(1, 10) * HOUR)
    yield from _until(shop, lambda: shop.desk_does(rental_id, "arrived"))
    if plan.ends == "stays away":
        return
    yield random.uniform(2, 50) * HOUR
    if plan.ends == "cancels late":
        yield from _until(shop, lambda: shop.cancel_paid(rental_id))
        return
    yield from _until(shop, lambda: shop.desk_does(rental_id, "picked_up"))
    yield from _has_it(shop, plan, rental_id)


def _has_it(shop: "ShopYear", plan: Plan, rental_id: str) -> Story:
    random = shop.random
    yield max(MINUTE, _left(shop, rental_id) * random.uniform(0.3, 0.8))
    if plan.extends_by:
        yield from _until(shop, lambda: shop.extend(rental_id, plan.extends_by))
        yield MINUTE
        shop.pay_charges(rental_id)
    if plan.ends == "complains":
        shop.give_back_part(rental_id, 50_000, f"goodwill-{rental_id[:4]}")
    if plan.ends == "dashboard":
        shop.give_back_at_dashboard(rental_id, 70_000)
    if plan.ends in ("loses", "finds"):
        yield from _is_lost(shop, plan, rental_id)
        return
    early = 0.0 if plan.days_late else random.uniform(1, 12) * HOUR
    yield max(MINUTE, _left(shop, rental_id) + plan.days_late * DAY - 10 * HOUR - early)
    yield from _until(shop, lambda: shop.desk_does(rental_id, "returned"))
    yield random.uniform(0.5, 20) * HOUR
    condition = "damaged" if plan.damage else "fine"
    amount = {"amount": plan.damage} if plan.damage else {}
    yield from _until(
        shop, lambda: shop.desk_does(rental_id, "inspected", condition=condition, **amount)
    )
    yield from _pays_what_is_owed(shop, rental_id)


def _is_lost(shop: "ShopYear", plan: Plan, rental_id: str) -> Story:
    yield max(MINUTE, _left(shop, rental_id) + DAY)
    yield from _until(shop, lambda: shop.desk_does(rental_id, "lost"))
    if plan.ends == "finds":
        yield 4 * DAY
        yield from _until(shop, lambda: shop.desk_does(rental_id, "found"))
        return
    yield from _pays_what_is_owed(shop, rental_id)


def _pays_what_is_owed(shop: "ShopYear", rental_id: str) -> Story:
    """Most pay on the page, some at the counter after a reminder, some never: it is waived."""
    how = shop.random.random()
    yield shop.random.uniform(1, 40) * HOUR
    if how < 0.7:
        yield from _until(shop, lambda: shop.open_charge_sessions(rental_id))
        yield MINUTE
        shop.pay_charges(rental_id)
        return
    yield 8 * DAY
    shop.settle_charges(rental_id, "paid" if how < 0.9 else "waive")


def _left(shop: "ShopYear", rental_id: str) -> float:
    return shop.seconds_until(shop.row(rental_id)["dueAt"])


def _until(shop: "ShopYear", act: Callable[[], bool]) -> Story:
    """People try again after a while, on a bad day more than once."""
    for _ in range(_PATIENCE):
        if act():
            return
        yield 3 * MINUTE
    shop.unhappy += 1
