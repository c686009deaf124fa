"""A buyer who finds nothing, through the site, beside a quote: both only read."""

import statistics
import time

import httpx

from tools.local.stack import LocalStack
from tools.measuring.bench.report import Section
from tools.measuring.bench.shop import Shop, order
from tools.measuring.bench.throughput import at_once

AT_ONCE = (1, 16)
# Times the latency of a quote.
MOST = 1.5
_ROUNDS = 5
_CONFLICT = 409


def measure(stack: LocalStack, shop: Shop) -> Section:
    """By turns, of a collectible that has no units."""
    section = Section("refused", ["buyers at once", "refused", "a quote", "ratio"])
    sold_out = shop.add_units({})
    with httpx.Client(base_url=stack.settings.site_url, timeout=60) as site:
        turns = (lambda: _refused(site, sold_out), lambda: quote(site, sold_out))
        for turn in turns:  # an execution environment for everybody
            at_once(max(AT_ONCE), turn)
        for buyers in AT_ONCE:
            seconds: list[list[float]] = [[] for _ in turns]
            for _ in range(_ROUNDS):
                for number, turn in enumerate(turns):
                    seconds[number] += at_once(buyers, turn)
            refused, quote = map(statistics.median, seconds)
            milliseconds = f"{refused * 1000:.0f} ms"
            section.add(buyers, milliseconds, f"{quote * 1000:.0f} ms", refused / quote)
            section.goal(f"refused beside a quote, {buyers} at once", refused / quote, MOST)
            if buyers == 1:
                section.headline = f"a buyer who finds nothing is told so in {milliseconds}"
    shop.remove(sold_out)
    return section


def _refused(site: httpx.Client, collectible_id: str) -> float:
    started = time.perf_counter()
    answer = site.post("/api/rentals/checkout", json=order(collectible_id))
    if answer.status_code != _CONFLICT:
        raise RuntimeError(f"not refused: {answer.status_code}")
    return time.perf_counter() - started


def quote(site: httpx.Client, collectible_id: str) -> float:
    """Seconds that a quote takes."""
    started = time.perf_counter()
    wanted = {"collectible_id": collectible_id, "store_id": "store-a", "duration": 3}
    site.post("/api/rentals/quote", json=wanted).raise_for_status()
    return time.perf_counter() - started
