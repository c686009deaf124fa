"""Units and money agree, in whatever order things happen and fail."""

import time

import pytest

from tests.search.interleavings.search import Totals, run_example, shrink
from tests.search.interleavings.world import World
from tests.support.report import Report

STEPS = 2_000
SEED = "rentals"


def test_promise_holds_in_random_interleavings(
    world: World, request: pytest.FixtureRequest, report: Report
) -> None:
    """A failure names its seed; `--seed <seed> --steps 1` repeats it."""
    steps = request.config.getoption("--steps", default=None) or STEPS
    seed = request.config.getoption("--seed", default=None) or SEED
    totals = Totals()
    started = time.monotonic()

    failure = None
    while totals.steps < steps and failure is None:
        # The first example of a seed is the seed itself, so that a printed one can be repeated.
        example = seed if totals.examples == 0 else f"{seed}-{totals.examples}"
        failure = run_example(world, example, totals)

    seconds = time.monotonic() - started
    report.section(
        "Random interleavings",
        f"{totals}, violations: {int(failure is not None)}, seed `{seed}`,"
        f" {seconds / 60:.1f} min ({totals.steps / seconds:.0f} steps/s)",
    )
    if failure is not None:
        pytest.fail(str(shrink(world, failure)), pytrace=False)
