"""How long checkouts wait for their payment URL, and how a schedule of looks for it fares."""

import random
from collections.abc import Callable, Iterator, Sequence
from statistics import mean

# Every other one of 40 rentals, from the start of an execution to its payment URL, in seconds. The
# sandbox answers at once; PayMongo takes this long to open a session, by assumption: median, and
# spread of the logarithm.
LOCAL = (
    0.203, 0.204, 0.208, 0.209, 0.211, 0.223, 0.224, 0.227, 0.228, 0.237,
    0.242, 0.25, 0.259, 0.278, 0.289, 0.291, 0.301, 0.321, 0.355, 0.399,
)  # fmt: skip
_PAYMONGO_SECONDS = (0.64, 0.35)

Schedule = Callable[[], Iterator[float]]


def with_paymongo() -> list[float]:
    """LOCAL, many times over, with PayMongo's time."""
    luck = random.Random(1)
    median, spread = _PAYMONGO_SECONDS
    return [each + median * luck.lognormvariate(0, spread) for each in LOCAL * 80]


def evaluate(schedule: Schedule, samples: Sequence[float]) -> tuple[float, float]:
    """Mean seconds between the payment URL and the look that finds it, and mean looks."""
    found = [
        next((at - ready, number) for number, at in enumerate(schedule(), 1) if at >= ready)
        for ready in samples
    ]
    return mean(late for late, _ in found), mean(looks for _, looks in found)
