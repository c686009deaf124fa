"""Checkout's polling is chosen from measurements: see waiting.py."""

from rentals.checkout import poll_times
from tests.tools.waiting import (
    MOST_LATE_SECONDS,
    evaluate,
    evenly,
    local_samples,
    samples_with_paymongo,
)
from tools.measuring.cost import model


def test_the_payment_url_is_found_soon_after_it_is_there() -> None:
    for samples in (local_samples(), samples_with_paymongo()):
        late, _ = evaluate(poll_times, samples)
        assert late < MOST_LATE_SECONDS


def test_no_schedule_that_finds_it_as_soon_needs_fewer_reads() -> None:
    local, real = local_samples(), samples_with_paymongo()
    _, reads = evaluate(poll_times, real)

    good_enough = [
        evaluate(schedule, real)[1]
        for first in (0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.75)
        for pause in (0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.3)
        if max(evaluate(schedule := evenly(first, pause), local)[0], evaluate(schedule, real)[0])
        < MOST_LATE_SECONDS
    ]

    assert reads <= min(good_enough) * 1.02


def test_the_cost_model_waits_as_long() -> None:
    samples = samples_with_paymongo()
    late, reads = evaluate(poll_times, samples)
    assumed = model.assumptions()["checkout_wait"]

    assert abs(assumed["milliseconds"] / 1000 - (sum(samples) / len(samples) + late)) < 0.05
    assert abs(assumed["reads"] - reads) < 0.5
