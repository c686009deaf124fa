"""A rental's whole life through the site, by its steps, beside a quote of the same round: that only
reads.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from api.requests import ACCESS_KEY_HEADER
from tools.local.stack import STAFF_EMAIL, STAFF_PASSWORD, LocalStack
from tools.measuring.bench.refused import quote
from tools.measuring.bench.report import Section
from tools.measuring.bench.shop import Shop
from tools.measuring.bench.throughput import payable

Json = dict[str, Any]

# Times the latency of a quote. PostCheckout first looks for the payment URL after 0.25 s, which is
# six quotes; the desk has one function answer.
MOST_OF_AN_EXECUTION = 10.0
MOST_OF_AN_ACTION = 3.0
ROUNDS = 10
_STORE = "store-a"
_CHECKOUT, _PAYMENT = "checkout, until it can be paid", "payment, until the rental is completed"
_DESK: dict[str, Json] = {
    "received at the store": {"action": "arrived"},
    "handed over": {"action": "picked_up", "id_seen": True},
    "taken back": {"action": "returned"},
    "inspected, and sent home": {"action": "inspected", "condition": "fine"},
}
_PAUSE_SECONDS = 0.02
_PATIENCE_SECONDS = 60
_CONFLICT = 409


def measure(stack: LocalStack, shop: Shop) -> Section:
    """One customer after another, each with a unit of their own."""
    section = Section("life", ["step", "latency", "a quote", "ratio", "goal"])
    collectible_id = shop.add_units({"wh-001": ROUNDS + 1})
    seconds: dict[str, list[float]] = {}
    with httpx.Client(base_url=stack.settings.site_url, timeout=60) as site:
        staff = {"Authorization": _identity_token(site)}
        for number in range(ROUNDS + 1):
            took = {"quote": quote(site, collectible_id), **_live(site, staff, collectible_id)}
            for step, each in took.items():
                if number:  # the first had an execution environment made for everything
                    seconds.setdefault(step, []).append(each)
    shop.remove(collectible_id)
    medians = {step: statistics.median(each) for step, each in seconds.items()}
    beside = medians.pop("quote")
    for step, median in medians.items():
        most = MOST_OF_AN_ACTION if step in _DESK else MOST_OF_AN_EXECUTION
        section.add(step, _shown(median), _shown(beside), median / beside, most)
        section.goal(f"{step}, beside a quote", median / beside, most)
    whole = sum(medians.values())
    section.add("all of them", _shown(whole), _shown(beside), whole / beside, "none")
    section.headline = f"from checkout until the unit goes home {_shown(whole)}, in six steps"
    return section


def _live(site: httpx.Client, staff: dict[str, str], collectible_id: str) -> dict[str, float]:
    """Seconds of each step of one rental."""
    took: dict[str, float] = {}

    @contextmanager
    def timed(step: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        took[step] = time.perf_counter() - started

    with timed(_CHECKOUT):
        rental = payable(site, collectible_id)
    rental_id, key = rental["rental_id"], {ACCESS_KEY_HEADER: rental["access_key"]}
    with timed(_PAYMENT):
        httpx.post(rental["payment_url"], data={"outcome": "paid"}, timeout=60)
        _wait_for(
            lambda: (
                _data(site.get(f"/api/rentals/{rental_id}", headers=key))["status"] == "completed"
            )
        )
    for step, action in _DESK.items():
        body = action | {"store_id": _STORE}
        with timed(step):
            _wait_for(lambda body=body: _is_done(site, staff, rental_id, body))  # type: ignore[misc]
    return took


def _is_done(site: httpx.Client, staff: dict[str, str], rental_id: str, body: Json) -> bool:
    """Not before there is an execution that waits for the desk."""
    answer = site.post(f"/api/desk/rentals/{rental_id}/actions", json=body, headers=staff)
    return answer.status_code != _CONFLICT and answer.raise_for_status().is_success


def _wait_for(look: Callable[[], bool]) -> None:
    started = time.perf_counter()
    while not look():
        if time.perf_counter() - started > _PATIENCE_SECONDS:
            raise TimeoutError
        time.sleep(_PAUSE_SECONDS)


def _identity_token(site: httpx.Client) -> str:
    account = {"email": STAFF_EMAIL, "password": STAFF_PASSWORD}
    token: str = _data(site.post("/api/desk/session", json=account))["id_token"]
    return token


def _data(answer: httpx.Response) -> Json:
    data: Json = answer.raise_for_status().json()["data"]
    return data


def _shown(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
