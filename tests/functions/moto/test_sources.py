"""People who share an address get through: in a mall, behind a mobile network."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from infra import clock
from rentals import endings, repository, units
from rentals.errors import NoUnitAvailable, TooManyOpenRentals
from rentals.models import EndReason, Rental, Size
from rentals.pricing import price_rental
from tests.support.rentals import paid
from tests.support.tables import Shop

PEOPLE = 20
PAYING_SECONDS = 240
RETRY_SECONDS = 60
COLLECTIBLES = ("col-001", "col-002", "col-003")


class Mall:
    """Everybody there has one address. Time passes from one event to the next."""

    def __init__(self, shop: Shop, environment: pytest.MonkeyPatch) -> None:
        self.shop = shop
        self.now = datetime(2026, 1, 31, 10, tzinfo=UTC)
        environment.setattr(clock, "now", lambda: self.now)
        for collectible_id in COLLECTIBLES:
            shop.add_units(12, collectible_id=collectible_id)

    def rent(self, number: str, collectible_id: str) -> Rental | None:
        """As checkout and the first two states do; None for who is refused."""
        try:
            rental = self.shop.add_rental(number, collectible_id=collectible_id)
        except TooManyOpenRentals:
            return None
        rental = units.reserve_unit(rental)
        try:
            units.short_hold_seconds(rental)
        except NoUnitAvailable:
            endings.end_unpaid(rental, EndReason.NO_UNIT)
            return None
        repository.set_price(rental, price_rental(Size.SMALL, 3))
        return rental

    @staticmethod
    def pay(rental: Rental) -> None:
        """And complete it."""
        rental = paid(repository.get(rental.id), f"pay-{rental.id}")
        endings.confirm_rental(rental)


@pytest.mark.parametrize("seed", range(2))
def test_twenty_people_of_one_address_get_through_within_an_hour(
    shop: Shop, environment: pytest.MonkeyPatch, seed: int
) -> None:
    mall, draw = Mall(shop, environment), random.Random(seed)
    started, refusals, waited = mall.now, 0, 0.0
    came = {number: draw.uniform(0, 3600) for number in range(PEOPLE)}
    wanted = {number: draw.choice(COLLECTIBLES) for number in came}
    due: list[tuple[float, int, Rental | None]] = [
        (at, number, None) for number, at in came.items()
    ]
    while due:
        due.sort(key=lambda each: each[0], reverse=True)
        at, number, rental = due.pop()
        mall.now = started + timedelta(seconds=at)
        if rental is not None:
            mall.pay(rental)
            continue
        attempt = f"{number}-{at:.0f}"
        if rental := mall.rent(attempt, wanted[number]):
            waited = max(waited, at - came[number])
            due.append((at + PAYING_SECONDS, number, rental))
        else:
            refusals += 1
            due.append((at + RETRY_SECONDS, number, None))

    completed = [row for row in shop.rows("Rentals") if row["paymentStatus"] == "completed"]
    assert len(completed) == PEOPLE
    assert waited <= PAYING_SECONDS  # at the beginning, until the first of them has paid
    assert refusals <= PEOPLE // 4
