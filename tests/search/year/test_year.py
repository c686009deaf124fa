"""A year in the shop: every unit's way is legal, and the books close to the centavo."""

import time

import pytest

from rentals import balance, unit_moves
from rentals.charges import Charge
from rentals.models import Rental
from rentals.rows import from_row
from rentals.statement import Statement
from tests.search.interleavings.world import World
from tests.search.year import picture
from tests.search.year.shop_year import ShopYear
from tests.support.report import Report
from tests.support.sandbox import ledger_payments
from tools.sources import ROOT

SEED = "a year"
_AT_HOME = {"available", "maintenance", "lost", "retired"}


def test_a_year_in_the_shop(world: World, request: pytest.FixtureRequest, report: Report) -> None:
    days = request.config.getoption("--days")
    started = time.monotonic()
    shop = ShopYear(world, SEED, days)

    shop.live()

    assert shop.close_the_books() == []
    statements = _statements(world)
    books = balance.balance(statements, settling_since="~")
    ledger = [each for each in ledger_payments(world.sandbox.rentals()) if each.is_paid]
    assert (books.difference, books.unaccounted) == (0, [])
    assert books.completed == sum(each.kept for each in ledger)
    assert {row["status"] for row in world.rows("Units")} <= _AT_HOME
    assert unit_moves.MOVES
    told = picture.table(shop, statements, books, time.monotonic() - started)
    report.say(told)
    if days >= 365:
        (ROOT / "docs" / "year.md").write_text(told)
        (ROOT / "docs" / "year.svg").write_text(picture.drawn(shop))


def _statements(world: World) -> list[Statement]:
    charges: dict[str, list[Charge]] = {}
    for row in world.rows("Charges"):
        charges.setdefault(row["rentalId"], []).append(from_row(Charge, row))
    paid = (row for row in world.rows("Rentals") if "paymentId" in row)
    return [Statement(Rental.from_row(row), charges.get(row["id"], ())) for row in paid]
