"""Processes die in the middle of rentals: every rental ends as its customer is told, and right.

The engine writes its state when it ends in an orderly way and at no other time (ministack.app,
lifespan.shutdown), so a SIGKILL of the engine takes DynamoDB's committed writes with it, which AWS
never does. What a crash can do on AWS is done here: functions are killed at any moment, and the
stack goes away, with every execution that is under way, and comes back with the tables.
"""

import contextlib
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.search.faults.matrix import FAST, ProxiedStack, function_processes
from tests.search.faults.scenarios import (
    Visit,
    cancelled,
    declined,
    paid,
    stopped,
    stopped_when_paid,
)
from tests.search.faults.second_half import came_back
from tests.support.report import Report
from tests.support.shop import Shop
from tools.local.stack import Settings, running

_RENTALS = 20
_AT_ONCE = 10
_KILL_EVERY_SECONDS = 0.25
_KILLS = 60
_STORIES: list[Callable[[Visit], None]] = [
    *(came_back, paid, declined, stopped, stopped_when_paid, cancelled),
]


def test_functions_are_killed_in_the_middle_of_rentals(
    proxied: ProxiedStack, share: float, report: Report
) -> None:
    """20 rentals, in CI 5, while some function or other is killed four times a second."""
    shop, rng, is_over = Shop(proxied.stack, is_broken=True), random.Random(0), threading.Event()
    stories = [_STORIES[number % len(_STORIES)] for number in range(max(5, int(_RENTALS * share)))]
    killed = 0

    def kill() -> None:
        nonlocal killed
        for _ in range(int(_KILLS * max(share, 0.25))):
            if is_over.wait(_KILL_EVERY_SECONDS):
                return
            if processes := function_processes(proxied.stack):
                with contextlib.suppress(psutil.NoSuchProcess):
                    rng.choice(processes).kill()
                    killed += 1

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            visits = list(pool.map(lambda story: _told(Visit(shop), story), stories))
    finally:
        is_over.set()
        killer.join()

    problems = [str(each) for visit in visits for each in visit.problems()]
    report.section(
        "Functions killed",
        f"{len(visits)} rentals, {killed} processes killed, violations: {len(problems)}",
    )
    assert killed
    assert problems == []


def _told(visit: Visit, story: Callable[[Visit], None]) -> Visit:
    story(visit)
    visit.wait_until_ended()
    return visit


def test_the_stack_is_stopped_in_the_middle_of_rentals_and_started_again(
    request: pytest.FixtureRequest, tmp_path: Path, report: Report
) -> None:
    """Rentals that wait, are being paid, declined and cancelled, as they come; then all is over."""
    if not request.config.getoption("--all-faults"):
        pytest.skip("make faults: it needs two starts of a stack of its own")
    settings = Settings.on_free_ports(
        hold_seconds=600,
        state_dir=tmp_path / "state",
        log_dir=tmp_path / "logs",
        **FAST,
    )
    visits: list[Visit] = []
    with running(settings) as stack:
        shop = Shop(stack, is_broken=True)
        visits += [Visit(shop) for _ in range(_RENTALS)]
        are_payable = [threading.Event() for _ in visits]

        def tell(number: int) -> None:
            visit = visits[number]
            if visit.checkout():
                are_payable[number].set()
                _STORIES_OF_A_CRASH[number % len(_STORIES_OF_A_CRASH)](visit)

        pool = ThreadPoolExecutor(_AT_ONCE)
        telling = [pool.submit(tell, number) for number in range(_RENTALS)]
        for is_payable in are_payable[: _RENTALS // 2]:
            is_payable.wait(60)
    for future in telling:
        future.exception()  # whoever was on the way when the stack went sees errors
    pool.shutdown()

    with running(settings) as stack:
        shop = Shop(stack, is_broken=True)
        before = {visit.rental_id: visit.see_again(shop) for visit in visits}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(Visit.wait_until_ended, visits))
        problems = [str(each) for visit in visits for each in visit.problems()]

    cut_off = sum(status == "pending" for status in before.values())
    report.section(
        "Stopped and started again",
        f"{len(visits)} rentals, {cut_off} of them cut off, violations: {len(problems)}",
    )
    assert cut_off >= _RENTALS // 4
    assert problems == []


_STORIES_OF_A_CRASH: list[Callable[[Visit], None]] = [
    lambda _: None,
    lambda visit: visit.on_hosted_page("paid"),
    lambda visit: visit.settle_at_paymongo(silently=True),
    lambda visit: visit.on_hosted_page("failed"),
    lambda visit: visit.on_hosted_page("cancelled"),
]
