"""Many at once: every unit has one owner, and every customer a clear answer."""

import uuid
from collections import Counter
from collections.abc import Callable
from functools import partial

import httpx
import pytest

from tests.support.sandbox import Json
from tests.support.shop import Shop, at_once, eventually

BUYERS, UNITS = 40, 10
# Each buyer starts up to five functions cold. All forty at once keep two busy cores from finishing
# any of them before its time is up, and what is asked again adds to it.
AT_ONCE = 10
# For one buyer, on a machine that others keep busy.
PATIENCE_SECONDS = 240
GIVEN_UP = ("RENTAL_ENDED", "PAYMENT_PROVIDER_UNAVAILABLE")


def test_forty_buyers_for_ten_units(shop: Shop) -> None:
    collectible = shop.add_collectible({"wh-001": 4, "wh-002": 3, "wh-004": 3})
    bodies = [shop.body(collectible) for _ in range(BUYERS)]

    answers = at_once(*[partial(_buy, shop, body) for body in bodies], most=AT_ONCE)

    winners = [answer.json()["data"] for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert Counter(answer.status_code for answer in answers) == {200: UNITS, 409: BUYERS - UNITS}
    assert {answer.json()["code"] for answer in refused} == {"NO_UNIT_AVAILABLE"}
    assert all(winner["payment_url"] for winner in winners)
    units = shop.units_of(collectible)
    owners = {unit["reservedBy"] for unit in units}
    assert owners == {winner["rental_id"] for winner in winners}
    assert shop.violations() == []

    # Half of them pay and half of them cancel, all at once.
    paying, cancelling = winners[: UNITS // 2], winners[UNITS // 2 :]
    at_once(
        *[partial(shop.pay, winner) for winner in paying],
        *[partial(_insist, partial(shop.post_cancel, winner)) for winner in cancelling],
    )
    ends = dict.fromkeys((each["rental_id"] for each in paying), "completed")
    ends |= dict.fromkeys((each["rental_id"] for each in cancelling), "cancelled")
    eventually(
        lambda: {each: shop.rental_row(each)["paymentStatus"] for each in ends} == ends,
        "every rental to end as its buyer wants",
        seconds=PATIENCE_SECONDS,
    )
    assert shop.available(collectible) == UNITS - len(paying)


def _buy(shop: Shop, body: Json) -> httpx.Response:
    """Check out; anew where it was given up, because a busy machine left a function no time."""
    while True:
        answer = _insist(partial(shop.post_checkout, body, key=uuid.uuid4().hex))
        if answer.json().get("code") not in GIVEN_UP:
            return answer


def _insist(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """Ask again while the answer is "not yet", or that the machine is too busy to give one."""

    def answer_once_there_is_one() -> httpx.Response | None:
        answer = ask()
        is_answer = answer.status_code not in (202, 502, 503, 504)
        return answer if is_answer or answer.json().get("code") in GIVEN_UP else None

    return eventually(answer_once_there_is_one, "an answer", seconds=PATIENCE_SECONDS, pause=1)


@pytest.mark.parametrize("payment", ["silent", "told"])
def test_paying_and_cancelling_at_once(shop: Shop, payment: str) -> None:
    collectible = shop.add_collectible(units=4)
    rentals = [shop.checkout(collectible) for _ in range(4)]
    if payment == "silent":
        shop.paymongo.webhooks_are("drop")

    at_once(
        *[partial(shop.on_hosted_page, rental, "paid") for rental in rentals],
        *[partial(shop.cancel, rental) for rental in rentals],
    )

    ends = [
        shop.wait_for_status(rental["rental_id"], "completed", "cancelled")["status"]
        for rental in rentals
    ]
    for rental, end in zip(rentals, ends, strict=True):
        shop.wait_for_execution(rental["rental_id"])
        was_paid = any(it["status"] == "paid" for it in shop.paymongo.payments(rental["rental_id"]))
        assert (end == "completed") is was_paid
    assert shop.available(collectible) == ends.count("cancelled")


def test_paying_while_the_hold_runs_out(shop: Shop) -> None:
    collectible = shop.add_collectible(units=3)
    with shop.hold_of(2):
        rental_ids = [shop.start_checkout(collectible) for _ in range(3)]
        eventually(
            lambda: (
                all("AwaitPayment" in shop.states_of(each) for each in rental_ids)
                and any("ClosePaymentSession" in shop.states_of(each) for each in rental_ids)
            ),
            "the first hold to run out",
        )

    sessions = [shop.session_id(each) for each in rental_ids]
    at_once(*[partial(shop.paymongo.try_to_settle, session) for session in sessions])

    for rental_id in rental_ids:
        shop.wait_for_execution(rental_id)
        shop.wait_for_status(rental_id, "completed")
    assert shop.available(collectible) == 0


def test_paying_and_stopping_at_once(shop: Shop) -> None:
    collectible = shop.add_collectible(units=3)
    rentals = [shop.checkout(collectible) for _ in range(3)]

    at_once(
        *[partial(shop.on_hosted_page, rental, "paid") for rental in rentals],
        *[partial(shop.stop_execution, rental["rental_id"]) for rental in rentals],
    )

    for rental in rentals:
        was_paid = any(it["status"] == "paid" for it in shop.paymongo.payments(rental["rental_id"]))
        wanted = "completed" if was_paid else "cancelled"
        shop.wait_for_status(rental["rental_id"], wanted)


def test_releasing_and_reserving_the_last_unit_over_and_over(shop: Shop) -> None:
    """Customers who cancel and others who check out, again and again, for a single unit."""
    collectible = shop.add_collectible(units=1)

    def try_once() -> str:
        answer = shop.post_checkout(shop.body(collectible))
        if answer.status_code == 409:
            assert answer.json()["code"] == "NO_UNIT_AVAILABLE"
            return "refused"
        rental = shop.wait_until_payable(answer.json()["data"]["rental_id"])
        shop.cancel(rental)
        shop.wait_for_status(rental["rental_id"], "cancelled")
        return "cancelled"

    ends = at_once(*[lambda: [try_once() for _ in range(3)]] * 3)

    assert any("cancelled" in each for each in ends)
    assert shop.available(collectible) == 1
