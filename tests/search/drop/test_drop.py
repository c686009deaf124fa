"""A drop: many more buyers than units in one minute, under AWS's and PayMongo's default quotas."""

import pytest

from tests.search.drop import picture
from tests.search.drop.drop import ALL, BROWSING_SECONDS, Drop
from tests.search.interleavings.world import World
from tests.support.report import Report

SEED = "a drop"
BUYERS_OF_A_UNIT = 20
# The holds of those who do not pay run out, and who comes again has found and paid what is free.
LASTS_SECONDS = 1800


def test_a_drop(world: World, request: pytest.FixtureRequest, report: Report) -> None:
    buyers = request.config.getoption("--buyers")
    units = buyers // BUYERS_OF_A_UNIT
    drop = Drop(world, SEED, buyers=buyers, units=units, seconds=60, is_prepared=True)

    drop.live(BROWSING_SECONDS + LASTS_SECONDS)

    found = picture.figures(drop)
    report.section("A drop", picture.table(found))
    assert found[picture.BROKEN] == 0
    assert found[picture.SOLD] == 100
    assert found[picture.GAVE_UP] == found[picture.BUSY] == 0
    if buyers < ALL:
        return
    picture.write(drop)
    assert found[picture.ERRORS] == 0
    assert found[picture.PAYABLE] <= 10
    assert found[picture.REFUSED] <= 2
    assert found[picture.PRESSED] == 1
