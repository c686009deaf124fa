"""How long a checkout waits for its payment URL, and what polling costs and finds.

`python -m tests.tools.waiting` starts a stack, rents, and writes what it measured beside this
file; PayMongo's sandbox answers at once, so PayMongo's own time is added by assumption.
"""

import itertools
import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from rich.console import Console
from rich.table import Table

from rentals.checkout import poll_times
from tests.support.shop import Shop, eventually
from tools.local.stack import Settings, free_port, running
from tools.measuring.cost import model

SAMPLES = Path(__file__).with_name("waiting.json")
MOST_LATE_SECONDS = 0.05
# Opening a session takes PayMongo this long: median, and spread of the logarithm. Assumed.
PAYMONGO_SECONDS = (0.64, 0.35)
_RENTALS = 40
_DRAWS = 40

Schedule = Callable[[], Iterator[float]]


def evenly(first: float, pause: float) -> Schedule:
    """A look after `first` seconds and then every `pause`."""
    return lambda: itertools.count(first, pause)


def before_this_was_measured() -> Iterator[float]:
    """0.2 s, then each pause 1.3 times as long."""
    at, pause = 0.0, 0.2
    while True:
        at += pause
        yield at
        pause = min(pause * 1.3, 1.0)


def local_samples() -> list[float]:
    """Seconds from the start of an execution to its payment URL, measured, ascending."""
    measured: dict[str, Any] = json.loads(SAMPLES.read_text())
    return sorted(measured["seconds"])


def samples_with_paymongo() -> list[float]:
    """The same with PayMongo's time, which the sandbox does not take."""
    luck = random.Random(1)
    median, spread = PAYMONGO_SECONDS
    return [
        seconds + median * luck.lognormvariate(0, spread)
        for seconds in local_samples()
        for _ in range(_DRAWS)
    ]


def evaluate(schedule: Schedule, samples: Sequence[float]) -> tuple[float, float]:
    """Mean seconds between the payment URL and the look that finds it, and mean looks."""
    late, looks = [], []
    for ready in samples:
        for number, at in enumerate(schedule(), 1):
            if at >= ready:
                late.append(at - ready)
                looks.append(number)
                break
    return mean(late), mean(looks)


def measure() -> list[float]:
    """Rent on a stack of our own; seconds from start to payment URL by each execution's history."""
    settings = Settings(port=free_port(), aws_port=free_port(), paymongo_port=free_port())
    seconds = []
    with running(settings) as stack:
        shop = Shop(stack)
        for number in range(_RENTALS + 3):
            rental_id = shop.start_checkout(shop.add_collectible(units=30))
            eventually(lambda: "paymentUrl" in shop.rental_row(rental_id), "a payment URL")  # noqa: B023
            if number >= 3:  # the first ones start cold
                seconds.append(_until_published(shop.history(shop.execution_arn(rental_id))))
    return seconds


def _until_published(history: list[dict[str, Any]]) -> float:
    published = next(
        event["timestamp"]
        for event in history
        if event.get("stateEnteredEventDetails", {}).get("name") == "AwaitPayment"
    )
    elapsed: float = (published - history[0]["timestamp"]).total_seconds()
    return elapsed


def main() -> None:
    """Measure, write it down, and compare schedules."""
    SAMPLES.write_text(json.dumps({"seconds": sorted(measure())}, indent=1) + "\n")
    print_table(Console(width=120, highlight=False))


def print_table(console: Console) -> None:
    """Schedules on both distributions, with the dollars that each 1,000 checkouts cost."""
    price = model.prices()
    gb = model.memory_mb("PostCheckoutFunction") / 1024
    table = Table(
        "looks at", "late", "reads", "late", "reads", "billed ms", "$ per 1,000",
        title="Local stack, then with PayMongo's time",
    )  # fmt: skip
    schedules: dict[str, Schedule] = {
        "0.2 s, then x 1.3 (before)": before_this_was_measured,
        "as in rentals/checkout.py": poll_times,
    } | {
        f"{first} s, then every {pause}": evenly(first, pause)
        for first in (0.15, 0.25, 0.5)
        for pause in (0.05, 0.1, 0.2)
    }
    for name, schedule in schedules.items():
        late, looks = evaluate(schedule, local_samples())
        with_paymongo = samples_with_paymongo()
        real_late, real_looks = evaluate(schedule, with_paymongo)
        billed = mean(with_paymongo) + real_late
        dollars = 1000 * (billed * gb * price["lambda_gb_second"] + real_looks * price["read_unit"])
        table.add_row(
            name, f"{late * 1000:.0f} ms", f"{looks:.1f}", f"{real_late * 1000:.0f} ms",
            f"{real_looks:.1f}", f"{billed * 1000:.0f}", f"{dollars:.4f}",
        )  # fmt: skip
    console.print(table)


if __name__ == "__main__":
    main()
