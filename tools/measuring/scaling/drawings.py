"""What one would rather look at than read: limits by load, cold starts by function."""

import math
import re
from collections.abc import Sequence

from tools.measuring.scaling.limits import Limit
from tools.measuring.svg import Drawing
from tools.sources import ROOT

_ROW, _LEFT, _TOP, _WIDTH = 14, 470, 24, 460
_BLUE, _RED, _GREEN = "#2a6f97", "#c44536", "#5b8e7d"
_COLD_START = re.compile(r"^\| ([a-z_.]+) \| [^|]+ \| (\d+) ms \| (\d+) ms \|", re.M)


def limits_by_load(limits: Sequence[Limit], loads: Sequence[int]) -> str:
    """A bar for each limit, as long as the load that it takes, on a scale of powers of ten."""
    least, decades = 0.1, 6

    def width(load: float) -> float:
        return min(max(math.log10(load / least), 0.0), decades) * _WIDTH / decades

    height = _TOP + _ROW * len(limits) + 20
    drawing = Drawing("Checkouts a second until each limit is full", _LEFT + _WIDTH + 70, height)
    for load in loads:
        drawing.line(_LEFT + width(load), _TOP - 4, height - 16, "#bbb")
        drawing.words(_LEFT + width(load), 14, f"{load:,}", "#555")
    drawing.words(4, 14, "checkouts a second until it is full", "#555")
    for number, each in enumerate(limits):
        y = _TOP + number * _ROW
        color = _RED if each.full_at < 10 else _BLUE if each.full_at < 100 else _GREEN
        drawing.words(4, y + 10, each.name)
        drawing.bar(_LEFT, y + 2, width(each.full_at), _ROW - 4, color)
        drawing.words(_LEFT + width(each.full_at) + 4, y + 10, figure(each.full_at))
    return drawing.text()


def cold_starts() -> str:
    """A bar for each function, as long as its imports take, and a line where boto3 alone is."""
    page = (ROOT / "docs" / "performance.md").read_text()
    measured = [(name, int(floor), int(own)) for name, floor, own in _COLD_START.findall(page)]
    longest = max(own for _, _, own in measured)
    height = _TOP + _ROW * len(measured) + 20
    drawing = Drawing("Cold start by function", _LEFT / 2 + _WIDTH + 70, height)
    for number, (name, floor, own) in enumerate(sorted(measured, key=lambda each: -each[2])):
        y = _TOP + number * _ROW
        drawing.words(4, y + 10, name)
        drawing.bar(
            _LEFT / 2, y + 2, own / longest * _WIDTH, _ROW - 4, _BLUE if own <= floor else _RED
        )
        drawing.words(_LEFT / 2 + own / longest * _WIDTH + 4, y + 10, f"{own} ms")
    drawing.line(_LEFT / 2 + measured[0][1] / longest * _WIDTH, _TOP - 4, height - 16, "#333")
    drawing.words(
        _LEFT / 2 + measured[0][1] / longest * _WIDTH, 14, "boto3 with one client", "#555"
    )
    return drawing.text()


def figure(load: float) -> str:
    """A load as people say it."""
    return f"{load:,.0f}" if load >= 10 else f"{load:.1f}"
