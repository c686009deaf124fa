"""Somebody takes what they can get without paying, from one address, from ten, from a hundred."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from infra.clock import parse
from tests.support.report import Report
from tests.support.shop import Json, Shop, eventually, new_address
from tests.support.sources import resources

BUYERS = 60
AT_ONCE = 12
HEADER = """| addresses | requests | refused | in | units left | held | alarm after |
| --- | --- | --- | --- | --- | --- | --- |
"""
_rows: dict[int, str] = {}


@dataclass
class Attacker:
    """A script: no time lost, never the same e-mail address, every collectible from every address
    until it is refused; the most plentiful first, since there it may hold most.
    """

    shop: Shop
    addresses: list[str]
    requests: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    held: dict[str, Json] = field(default_factory=dict)

    def attack(self) -> float:
        """How long until nothing more is to be had, in seconds."""
        started = time.monotonic()
        for tries in self._rounds():
            with ThreadPoolExecutor(AT_ONCE) as pool:
                for rental_id in pool.map(lambda each: self._try(*each), tries):
                    if rental_id is not None:
                        self._look(rental_id)
        return time.monotonic() - started

    def _rounds(self) -> Iterator[list[tuple[str, str]]]:
        """First each address takes one, then what it may hold besides: 60 buyers at least."""
        stock = Counter(each["collectibleId"] for each in self.shop.rows("Units"))
        plentiful = [collectible_id for collectible_id, _ in stock.most_common()]
        for collectible_id in plentiful:
            yield [(address, collectible_id) for address in self.addresses]
        while self.requests < 2 * BUYERS:
            yield [(address, each) for address in self.addresses for each in plentiful]

    def _try(self, address: str, collectible_id: str) -> str | None:
        self.requests += 1
        body = self.shop.body(collectible_id)
        answer = self.shop.post_checkout(body, address=address, Prefer="respond-async")
        if answer.status_code != 202:
            self.refused[answer.json()["code"]] += 1
            return None
        rental_id: str = answer.json()["data"]["rental_id"]
        return rental_id

    def _look(self, rental_id: str) -> None:
        view = eventually(
            lambda: (
                view
                if (view := self.shop.rental(rental_id))["payment_url"]
                or view["status"] != "pending"
                else None
            ),
            "an answer",
        )
        if view["status"] == "pending":
            self.held[rental_id] = view
        else:
            self.refused[view["reason"]] += 1

    def leave(self) -> None:
        """Give everything back."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self.shop.cancel_and_end, self.held.values()))


def left(shop: Shop) -> int:
    """Units on the shelf."""
    return sum(unit["isAvailable"] == "true" for unit in shop.rows("Units"))


def alarm_after(shop: Shop, since: float) -> float | None:
    """When the alarm has seen enough, in seconds; None if it never does."""
    alarm = resources("AWS::CloudWatch::Alarm")["UnpaidShareAlarm"]
    logs = shop.stack.client("logs").get_paginator("filter_log_events")
    pages = logs.paginate(
        logGroupName=f"/aws/lambda/{shop.stack.settings.stack_name}", startTime=int(since * 1000)
    )
    seen = sorted(
        event["timestamp"] / 1000 - since
        for page in pages
        for event in page["events"]
        if f'"{alarm["MetricName"]}":' in event["message"]
    )
    nth = alarm["Threshold"] - 1
    ringing = (
        at for at, first in zip(seen[nth:], seen, strict=False) if at - first < alarm["Period"]
    )
    return next(ringing, None)


@pytest.mark.parametrize("how_many", [1, 10, 100])
def test_what_is_left_for_customers(shop: Shop, report: Report, how_many: int) -> None:
    attacker = Attacker(shop, [new_address() for _ in range(how_many)])
    try:
        _attack(attacker, report)
    finally:
        attacker.leave()


def _attack(attacker: Attacker, report: Report) -> None:
    shop, how_many = attacker.shop, len(attacker.addresses)
    stock, since = left(shop), time.time()
    seconds = attacker.attack()

    still_there, rings = left(shop), alarm_after(shop, since)
    short = sum(is_short(shop, rental_id) for rental_id in attacker.held)
    held = f"{len(attacker.held) - short} for 15 min, {short} for 5"
    _rows[how_many] = (
        f"| {how_many} | {attacker.requests} | {sum(attacker.refused.values())} | {seconds:.0f} s"
        f" | {still_there} of {stock} | {held} | {f'{rings:.0f} s' if rings else 'no'} |"
    )
    report.section("What is left", HEADER + "\n".join(_rows.values()))
    assert still_there == stock - len(attacker.held)
    assert len(attacker.held) - short <= usual(shop)
    if how_many == 1:
        assert len(attacker.held) == 3
    elif how_many == 10:
        assert still_there * 2 >= stock
    else:
        assert rings is not None
    if still_there:
        customer_gets_one(shop)


def usual(shop: Shop) -> int:
    """How many units may be held for the usual time, over all collectibles."""
    stock = Counter(each["collectibleId"] for each in shop.rows("Units"))
    return sum(max(1, units * 33 // 100) for units in stock.values())


def is_short(shop: Shop, rental_id: str) -> bool:
    """Whether a hold lasts for five minutes, not for fifteen."""
    row = shop.rental_row(rental_id)
    return parse(row["holdExpiresAt"]) - parse(row["createdAt"]) < timedelta(minutes=10)


def customer_gets_one(shop: Shop) -> None:
    """Somebody who comes now, pays, and brings it back."""
    available = Counter(
        each["collectibleId"] for each in shop.rows("Units") if each["isAvailable"] == "true"
    )
    [(collectible_id, _)] = available.most_common(1)
    rental = shop.checkout(collectible_id)
    shop.pay_and_complete(rental)
