"""The year for people: a table, and a drawing of when each unit was out."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from rentals.balance import Balance
from rentals.statement import Statement
from tests.search.year.shop_year import SHELF, UNITS_EACH, ShopYear
from tools.measuring.svg import Drawing

_ROW, _LEFT, _TOP, _WIDTH = 14, 110, 24, 900


def table(shop: ShopYear, statements: Sequence[Statement], books: Balance, seconds: float) -> str:
    """What docs/year.md says."""
    times, days = Counter[str](), defaultdict[str, float](float)
    for each in shop.books.outs:
        times[each.unit_id] += 1
        days[each.unit_id] += (each.back or shop.days) - each.left
    lines = [
        "# A year in the shop",
        "",
        f"What `make year` lived through: {shop.days} days, {sum(shop.books.plans.values())}"
        f" checkouts, {sum(times.values())} times a unit was handed over; it took"
        f" {seconds / 60:.0f} minutes.",
        "",
        "![When each unit was out](year.svg)",
        "",
        "| collectible | units | times out | days out | share of the days |",
        "| --- | --- | --- | --- | --- |",
    ]
    for collectible in SHELF:
        mine = [f"{collectible['id']}-{n + 1}" for n in range(UNITS_EACH)]
        out = sum(days[unit] for unit in mine)
        lines.append(
            f"| {collectible['name']} | {UNITS_EACH} | {sum(times[u] for u in mine)} | {out:.0f} |"
            f" {out / (UNITS_EACH * shop.days):.0%} |"
        )
    lines += ["", "| customer | how many |", "| --- | --- |"]
    lines += [f"| {name} | {count} |" for name, count in shop.books.plans.most_common()]
    lines += ["", "| pesos | |", "| --- | --- |"]
    lines += [f"| {name} | {centavos / 100:,.2f} |" for name, centavos in _sums(statements, books)]
    return "\n".join(lines) + "\n"


def _sums(statements: Sequence[Statement], books: Balance) -> list[tuple[str, int]]:
    refunds, kept = Counter[str](), Counter[str]()
    for statement in statements:
        for back in statement.going_back:
            if back.status in ("succeeded", "at_counter"):
                refunds[f"given back: {back.purpose or 'no unit, or at the dashboard'}"] += (
                    back.centavos
                )
        for charge in statement.charges:
            if charge.status == "paid":
                kept[f"paid: {charge.kind}"] += charge.centavos
            elif charge.status == "waived":
                kept[f"waived: {charge.kind}"] += charge.centavos - charge.from_deposit
    return [
        ("received at PayMongo", books.received),
        ("kept", books.completed),
        ("given back", books.refunded),
        ("nothing accounts for", books.difference),
        *sorted(kept.items()),
        *sorted(refunds.items()),
    ]


def drawn(shop: ShopYear) -> str:
    """One line for each unit, a bar for each time that a customer had it."""
    units = [f"{each['id']}-{n + 1}" for each in SHELF for n in range(UNITS_EACH)]
    height = _TOP + _ROW * len(units) + 20
    scale = _WIDTH / shop.days
    picture = Drawing("When each unit was with a customer", _LEFT + _WIDTH + 10, height)
    for month in range(0, shop.days, 30):
        x = _LEFT + month * scale
        picture.line(x, _TOP - 4, height - 16)
        picture.words(x, 14, f"day {month}", "#555")
    for number, unit in enumerate(units):
        y = _TOP + number * _ROW
        picture.words(4, y + 10, unit)
        for each in shop.books.outs:
            if each.unit_id == unit:
                width = max(1.0, ((each.back or shop.days) - each.left) * scale)
                x = _LEFT + each.left * scale
                color = ("#2a6f97", "#c44536", "#5b8e7d")[number // UNITS_EACH % 3]
                picture.bar(x, y + 2, width, _ROW - 4, color)
    return picture.text()
