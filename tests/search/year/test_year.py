"""A year in the shop: every unit's way is legal, and the books close to the centavo."""

import re
import time
from collections import Counter

import pytest

from rentals import balance, unit_moves
from rentals.charges import Charge
from rentals.models import Rental
from rentals.rows import from_row
from rentals.statement import Statement
from tests.search.interleavings.world import World
from tests.search.year import key_spread, picture
from tests.search.year.key_spread import KeySpread
from tests.search.year.shop_year import ShopYear
from tests.support.report import Report
from tests.support.sandbox import ledger_payments
from tools.measuring.scaling import measured
from tools.sources import ROOT

SEED = "a year"
SPREAD = {"Rentals", "Charges", "Notices", "Customers"}
_AT_HOME = {"available", "maintenance", "lost", "retired"}


def test_a_year_in_the_shop(world: World, request: pytest.FixtureRequest, report: Report) -> None:
    days = request.config.getoption("--days")
    started = time.monotonic()
    shop = ShopYear(world, SEED, days)
    keys = KeySpread(world)

    shop.live()

    assert shop.close_the_books() == []
    statements = _statements(world)
    books = balance.balance(statements, settling_since="~")
    ledger = [each for each in ledger_payments(world.sandbox.rentals()) if each.is_paid]
    assert (books.difference, books.unaccounted) == (0, [])
    assert books.completed == sum(each.kept for each in ledger)
    assert {row["status"] for row in world.rows("Units")} <= _AT_HOME
    assert unit_moves.MOVES
    assert crowded(keys) == []
    told = picture.table(shop, statements, books, time.monotonic() - started)
    report.say(told)
    if days >= 365:
        (ROOT / "docs" / "year.md").write_text(told)
        (ROOT / "docs" / "year.svg").write_text(picture.drawn(shop))
    if request.config.getoption("--write-measured"):
        measured.write("keys", figures(keys, sum(shop.books.plans.values())))


def crowded(keys: KeySpread) -> list[str]:
    """Of what every rental writes. Units are found by collectible, lists by store: docs/scaling.md
    says what those keys take.
    """
    of_rentals = {
        place: writes for place, writes in keys.writes.items() if place.split()[0] in SPREAD
    }
    assert {"Rentals follow-up-index", "Rentals fulfillment-index"} <= of_rentals.keys()
    return key_spread.crowded(of_rentals, keys.rows)


def figures(keys: KeySpread, checkouts: int) -> dict[str, dict[str, float]]:
    """Writes of each table and index for a checkout, the share of the key that most meet in, and,
    where keys are of a collectible or a store, what the busiest one gets if all want the same.
    """
    found = {}
    for place, writes in sorted(keys.writes.items()):
        alike: Counter[str] = Counter()
        for key, count in writes.items():
            alike[re.sub(r"col-\d+|store-[ab]", "*", key)] += count
        # A unit's own row is named after its collectible.
        of_one = [count for key, count in alike.items() if "*" in key and place != "Units"]
        found[place] = {
            "writes": round(writes.total() / checkouts, 2),
            "most": round(max(writes.values()) / writes.total(), 3),
            **({"of_one_subject": round(max(of_one) / checkouts, 2)} if of_one else {}),
        }
    return found


def test_a_key_that_too_many_writes_share_is_found() -> None:
    spread = Counter({f"payment#{n}": 50 for n in range(16)})
    three = Counter(payment=300, refund=300, attention=200)

    assert key_spread.crowded({"spread": spread}, {"spread": 400}) == []
    assert len(key_spread.crowded({"three": three}, {"three": 400})) == 3


def _statements(world: World) -> list[Statement]:
    charges: dict[str, list[Charge]] = {}
    for row in world.rows("Charges"):
        charges.setdefault(row["rentalId"], []).append(from_row(Charge, row))
    paid = (row for row in world.rows("Rentals") if "paymentId" in row)
    return [Statement(Rental.from_row(row), charges.get(row["id"], ())) for row in paid]
