"""The drop for people: what came of it, and a drawing of the first minute and of what follows."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.search.drop.drop import ALL, BROWSING_SECONDS, Buyer, Drop
from tests.search.drop.limits import quota
from tests.search.interleavings.stepfunctions import RENTAL
from tools.measuring.svg import Drawing
from tools.sources import ROOT

PAGE, PICTURE = ROOT / "docs" / "drop.md", ROOT / "docs" / "drop.svg"
# Measured with this simulation: a tenth of it at commit b1153f9, and ours as it is deployed.
BEFORE = Path(__file__).parent / "before.json"
_BUSY, _ERROR = 429, 500
PAYABLE = "payment page after seconds, 95 of 100 who get one at first"
REFUSED = "told that none is left after seconds, 95 of 100"
BUSY = "answers 429 for each buyer"
ERRORS = "answers 5xx for 1,000 buyers"
GAVE_UP = "gave up, percent"
BROKEN = "promises broken, units given twice among them"
SOLD = "units sold, percent"
PRESSED = "checkouts sent by each buyer until he is answered"
_BEGIN, _END = "<!-- drop -->", "<!-- /drop -->"
_LEFT, _TOP, _WIDTH, _HEIGHT, _GAP = 40, 24, 420, 220, 60
_MINUTES = 25


def figures(drop: Drop) -> dict[str, float]:
    """What is promised, and what it took: the same for a tenth of the drop under a tenth of the
    quotas.
    """
    calls, rows, people = drop.calls, drop.world.rows("Rentals"), len(drop.buyers)
    answers = Counter(status for each in drop.buyers for status in each.answers)
    errors = sum(n for status, n in answers.items() if status >= _ERROR)
    sessions = sum("checkoutSessionId" in row for row in rows)
    sold = sum(row["paymentStatus"] == "completed" for row in rows)
    share = drop.scale
    key = "available-units-index:"
    return {
        PAYABLE: _p95(_won(drop.buyers)),
        REFUSED: _p95(_lost(drop.buyers)),
        BUSY: (answers[_BUSY] + calls.refused["browsing"]) / people,
        ERRORS: errors / people * 1000,
        GAVE_UP: sum(each.gave_up for each in drop.buyers) / people * 100,
        BROKEN: len(drop.violations()),
        SOLD: sold / drop.units * 100,
        "minutes until the last was paid": _last_paid(drop) / 60,
        PRESSED: sum(each.presses_until_answered for each in drop.buyers) / people,
        "executions for each unit": _rentals(drop) / drop.units,
        "PayMongo: requests for each session": calls.paymongo.taken / max(1, sessions),
        "PayMongo: refused (429) for each session": calls.paymongo.refused / max(1, sessions),
        "StartExecution throttled, of 1,000 buyers": calls.refused["StartExecution"]
        / people
        * 1000,
        "longest wait for a transition, seconds": calls.transitions.longest,
        "Lambda: most at once, percent": drop.functions.most
        / (quota("Lambda, at once") * share)
        * 100,
        "Lambda: throttled, of 1,000 buyers": drop.functions.throttled / people * 1000,
        "DynamoDB: throttled, of 1,000 buyers": _throttled(drop) / people * 1000,
        "units' index key: reads, percent": _worst(drop, "reads " + key)
        / (quota("DynamoDB, reads of a partition") * share)
        * 100,
        "units' index key: writes, percent": _worst(drop, "writes " + key)
        / (quota("DynamoDB, writes of a partition") * share)
        * 100,
        "dollars for 10,000 buyers": drop.dollars() / people * ALL,
    }


def _rentals(drop: Drop) -> int:
    return sum(each.machine == RENTAL for each in drop.steps.executions)


def _throttled(drop: Drop) -> int:
    return sum(n for place, n in drop.calls.refused.items() if " " in place)


def _won(buyers: Iterable[Buyer]) -> list[float]:
    return [
        each.payable_at - each.came_at
        for each in buyers
        if each.payable_at is not None and each.refused_at is None
    ]


def _lost(buyers: Iterable[Buyer]) -> list[float]:
    return [each.refused_at - each.came_at for each in buyers if each.refused_at is not None]


def _p95(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.95)] if seconds else 0.0


def _last_paid(drop: Drop) -> float:
    paid = [each.paid_at for each in drop.buyers if each.paid_at is not None]
    return max(paid, default=BROWSING_SECONDS) - BROWSING_SECONDS


def _worst(drop: Drop, place: str) -> float:
    loads = (load for name, load in drop.calls.load.items() if name.startswith(place))
    return max((max(load.values()) for load in loads), default=0.0)


def table(now: Mapping[str, float]) -> str:
    """The figures beside those from before."""
    before: dict[str, dict[str, float]] = json.loads(BEFORE.read_text())
    columns = {**before, "prepared": now}
    lines = [f"| | {' | '.join(columns)} |", f"| --- |{' --- |' * len(columns)}"]
    for name in now:
        cells = (f"{column[name]:,.2f}".removesuffix(".00") for column in columns.values())
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def write(drop: Drop) -> None:
    """The table into the page between its markers, and the drawing."""
    head, _, rest = PAGE.read_text().partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    PAGE.write_text(f"{head}{_BEGIN}\n\n{table(figures(drop))}\n\n{_END}{tail}")
    PICTURE.write_text(drawn(drop))


def drawn(drop: Drop) -> str:
    """The first minute: who came, who was told no, who had a payment page; then units sold."""
    opened = BROWSING_SECONDS
    came = [each.came_at - opened for each in drop.buyers]
    refused = [each.refused_at - opened for each in drop.buyers if each.refused_at is not None]
    payable = [each.payable_at - opened for each in drop.buyers if each.payable_at is not None]
    paid = [(each.paid_at - opened) / 60 for each in drop.buyers if each.paid_at is not None]
    right = _LEFT + _WIDTH + _GAP
    bottom = _TOP + _HEIGHT
    picture = Drawing("The drop over time", right + _WIDTH + 30, bottom + 70)
    for at in range(0, 61, 10):
        _tick(picture, _x(at / 60), f"{at} s")
    for minute in range(0, _MINUTES + 1, 5):
        _tick(picture, _x(minute / _MINUTES, right), f"{minute} min")
    people = len(drop.buyers)
    _line(picture, "#999", _steps(came, 60, people), "came", 0)
    _line(picture, "#c44536", _steps(refused, 60, people), "told that none is left", 1)
    _line(picture, "#2a6f97", _steps(payable, 60, people), "have a payment page", 2)
    _line(picture, "#5b8e7d", _steps(paid, _MINUTES, drop.units, right), "units sold", 0, right)
    picture.words(4, _TOP + 8, f"{people:,}", "#555")
    picture.words(right - 24, _TOP + 8, str(drop.units), "#555")
    return picture.text()


def _tick(picture: Drawing, x: float, text: str) -> None:
    picture.line(x, _TOP, _TOP + _HEIGHT)
    picture.words(x, 14, text, "#555")


def _x(share: float, left: float = _LEFT) -> float:
    return left + _WIDTH * share


def _steps(at: Iterable[float], until: float, whole: int, left: float = _LEFT) -> str:
    """How many until when, as a path."""
    times, bottom = sorted(each for each in at if each <= until), _TOP + _HEIGHT
    every = max(1, len(times) // 200)
    points = [
        f"L{_x(each / until, left):.1f} {bottom - _HEIGHT * number / whole:.1f}"
        for number, each in enumerate(times, 1)
        if number % every == 0 or number == len(times)
    ]
    last = bottom - _HEIGHT * len(times) / whole
    return f"M{left} {bottom}{''.join(points)}L{_x(1, left):.1f} {last:.1f}"


def _line(  # noqa: PLR0917 - a line and its legend
    picture: Drawing, color: str, path: str, name: str, row: int, left: float = _LEFT
) -> None:
    y = _TOP + _HEIGHT + 20 + 14 * row
    picture.path(path, color)
    picture.path(f"M{left} {y - 3}h16", color)
    picture.words(left + 22, y, name)
