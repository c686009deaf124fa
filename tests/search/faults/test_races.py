"""Everything at once: many buyers for few units, and every way out of a rental in one moment."""

import json
import random
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime

from infra.clock import timestamp_in
from rentals.errors import NotPossibleNow
from rentals.links import redirect_path
from tests.support.report import Report
from tests.support.shop import Json, Shop, at_once, eventually

_AT_ONCE = 10
# boto3's resources are not thread-safe.
_ONE_AT_A_TIME = threading.Lock()
# Each waits in a process of its own.
_BUYERS_AT_ONCE = 50
_HOLD_SECONDS = 3
_RACE_SECONDS = 0.1
_PATIENCE_SECONDS = 240


def test_many_buyers_for_few_units(shop: Shop, share: float, report: Report) -> None:
    """200 buyers for 20 units; in CI 20 for 2."""
    units = int(20 * share)
    buyers = units * 10
    collectible = shop.add_collectible({"wh-001": units // 2, "wh-002": units - units // 2})

    def buy(_: int) -> str:
        body, key = shop.body(collectible), uuid.uuid4().hex
        return eventually(
            lambda: _bought(shop, body, key), "a payment URL or a refusal", _PATIENCE_SECONDS
        )

    with ThreadPoolExecutor(min(buyers, _BUYERS_AT_ONCE)) as pool:
        outcomes = Counter(pool.map(buy, range(buyers)))

    report.section(
        "Race for units",
        f"{buyers} buyers for {units} units: {outcomes['pending']} got one,"
        f" {outcomes['rejected']} were refused",
    )
    assert outcomes == {"pending": units, "rejected": buyers - units}
    assert shop.available(collectible) == 0


def _bought(shop: Shop, body: Json, key: str) -> str | None:
    """How a checkout that is repeated until it says so has ended up."""
    answer = shop.post_checkout(body, key)
    if answer.status_code == 409 and answer.json()["code"] == "NO_UNIT_AVAILABLE":
        return "rejected"
    is_payable = answer.is_success and answer.json()["data"]["payment_url"]
    return "pending" if is_payable else None


def test_webhook_success_cancel_and_expiry_in_the_same_moment(
    shop: Shop, share: float, report: Report
) -> None:
    """All within 100 ms, 200 times; in CI 20 times."""
    secret = shop.stack.client("secretsmanager").get_secret_value(
        SecretId="mongocollectibles/url-signing-key"
    )
    key: bytes = secret["SecretString"].encode()
    with shop.hold_of(_HOLD_SECONDS), ThreadPoolExecutor(_AT_ONCE) as pool:
        statuses = Counter(pool.map(lambda seed: _race(shop, key, seed), range(int(200 * share))))
    report.section(
        "Paid webhooks, success, cancel and expiry within 100 ms",
        f"{statuses.total()} times: {dict(statuses)}",
    )
    assert set(statuses) <= {"completed", "refunded"}, "the money arrived, so it buys or goes back"


def _race(shop: Shop, key: bytes, seed: int) -> str:
    rng = random.Random(seed)
    with _ONE_AT_A_TIME:
        collectible = shop.add_collectible()
    rental = _payable(shop, collectible)
    rental_id = rental["rental_id"]
    session_id = shop.session_id(rental_id)
    expires_at = datetime.fromisoformat(rental["hold_expires_at"]).timestamp()

    def at_expiry(action: object) -> None:
        time.sleep(max(0, expires_at - rng.uniform(0, _RACE_SECONDS) - time.time()))
        action()  # type: ignore[operator]

    at_once(
        lambda: at_expiry(lambda: shop.paymongo.settle(session_id)),
        lambda: at_expiry(lambda: shop.site.get(redirect_path("success", rental_id, key))),
        lambda: at_expiry(lambda: shop.site.get(redirect_path("failed", rental_id, key))),
    )
    # Longer than others: many races at once, on a machine that does something else as well.
    ended = shop.wait_for_status(rental_id, "completed", "refunded", seconds=_PATIENCE_SECONDS)
    return str(ended["status"])


def _payable(shop: Shop, collectible: str) -> Json:
    """A rental with a payment URL. On a busy machine the hold may be over before there is one, and
    then another is tried.
    """

    def attempt() -> Json | None:
        rental_id = shop.start_checkout(collectible)
        rental = eventually(
            lambda: view if _is_payable_or_over(view := shop.rental(rental_id)) else None,
            "a payment URL, or the end of the hold",
        )
        return rental if rental["payment_url"] else None

    return eventually(attempt, "a payment URL within the hold")


def _is_payable_or_over(rental: Json) -> bool:
    return rental["payment_url"] is not None or rental["status"] != "pending"


def test_settlement_started_twice_at_once_settles_once(
    shop: Shop, share: float, report: Report
) -> None:
    """Money without a unit: two settlements ask for one refund. 50 times; in CI 5 times."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        times = len(list(pool.map(lambda _: _settle_twice(shop), range(int(50 * share)))))
    report.section("Settlement started twice at once", f"{times} times: one refund each time")


def _settle_twice(shop: Shop) -> None:
    with _ONE_AT_A_TIME:
        collectible = shop.add_collectible()
    rental = shop.checkout(collectible)
    rental_id = rental["rental_id"]
    session_id = shop.session_id(rental_id)
    shop.cancel(rental)
    shop.wait_for_status(rental_id, "cancelled")
    taken = shop.checkout(collectible)
    shop.paymongo.settle(session_id, silently=True)

    def settle() -> None:
        shop.stepfunctions.start_execution(
            stateMachineArn=shop.stack.outputs["SettlementStateMachineArn"],
            input=json.dumps({"rental_id": rental_id}),
        )

    at_once(settle, settle)

    shop.wait_for_status(rental_id, "refunded")
    shop.wait_for_refund(rental_id)
    assert len(shop.paymongo.refunds(rental_id)) == 1
    assert shop.rental(taken["rental_id"])["status"] == "pending"


def test_desk_and_clock_in_the_same_moment(shop: Shop, share: float, report: Report) -> None:
    """Scans at once, hand-over against a pick-up that is too late, return against a reminder. 50
    times; in CI 5 times.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        stages = Counter(pool.map(lambda _: _race_at_the_desk(shop), range(int(50 * share))))
    report.section("Desk and clock at once", f"{stages.total()} times: {dict(stages)}")
    assert set(stages) <= {"returned", "not_collected"}


def _race_at_the_desk(shop: Shop) -> str:
    with _ONE_AT_A_TIME:
        rental = shop.rent()[1]
    rental_id = rental["rental_id"]
    shop.pay_and_complete(rental)
    shop.wait_for_stage(rental_id, "awaiting_arrival")

    _one_of_two_is_new(shop, rental_id, "arrived")
    shop.wait_for_stage(rental_id, "ready_for_pickup")
    _make_past(shop, rental_id, "arrivedAt")
    with suppress(NotPossibleNow):
        _one_of_two_is_new(shop, rental_id, "picked_up")
    if shop.rental_row(rental_id)["fulfillmentStatus"] != "closed":
        shop.wait_for_stage(rental_id, "picked_up")
        _make_past(shop, rental_id, "dueAt")
        _one_of_two_is_new(shop, rental_id, "returned")
        shop.wait_for_stage(rental_id, "returned")
        _one_of_two_is_new(shop, rental_id, "inspected")
    return str(shop.wait_for_stage(rental_id, "closed")["closedReason"])


def _one_of_two_is_new(shop: Shop, rental_id: str, action: str) -> None:
    """Two people scan while the clock looks."""

    def scan() -> bool:
        return shop.desk(rental_id, action).is_new

    def look() -> bool:
        shop.tick(rental_id)
        return False

    assert at_once(scan, scan, look).count(True) == 1, action


def _make_past(shop: Shop, rental_id: str, attribute: str) -> None:
    with _ONE_AT_A_TIME:
        shop.table("Rentals").update_item(
            Key={"id": rental_id},
            UpdateExpression=f"SET {attribute} = :past",
            ExpressionAttributeValues={":past": timestamp_in(-30 * 86_400)},
        )
