"""Figures for people: tables and goals between the markers of docs/performance.md, and what matters
most of each in the README's table.
"""

import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tools.sources import ROOT

PAGE = ROOT / "docs" / "performance.md"
README = ROOT / "README.md"
_HEADER = ("what", "measured", "beside it, in the same run", "goal")


@dataclass
class Section:
    """A table, and what it must show; `name` is that of its markers. Headlines are rows of the
    README's table.
    """

    name: str
    header: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    goals: list[tuple[str, bool]] = field(default_factory=list)
    headlines: list[Sequence[str]] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        """A row; floats have two digits."""
        self.rows.append(
            [f"{each:.2f}" if isinstance(each, float) else str(each) for each in cells]
        )

    def goal(self, what: str, figure: float, most: float) -> None:
        """A figure that must be `most` or less."""
        self.goals.append((f"{what}: {figure:.2f}, goal {most:g} or less", figure <= most))

    def headline(self, what: str, measured: str, beside: str, goal: str) -> None:
        """A row of the README's table; its name begins with the section's."""
        self.headlines.append((f"{self.name}: {what}", measured, beside, goal))

    def markdown(self) -> str:
        """The table, when and where it was measured, and the goals."""
        table = _table([self.header, ["---"] * len(self.header), *self.rows])
        goals = "\n".join(
            f"- {'met' if is_met else '**missed**'}: {what}" for what, is_met in self.goals
        )
        return f"{table}\n\n{goals}\n\n_{_when_and_where()}_"


def write(section: Section, page: Path = PAGE) -> None:
    """Put the section between its markers. Raises ValueError when the page has no such markers."""
    _replace(page, f"bench:{section.name}", section.markdown())


def write_headlines(section: Section, page: Path = README) -> None:
    """Put the section's headlines into the table, in place of what it had there before. Raises
    ValueError when the page has no markers for it.
    """
    lines = _between(page, "bench").strip().splitlines()[2:]
    others = [
        line.strip("| ").split(" | ") for line in lines if not line.startswith(f"| {section.name}:")
    ]
    rows = sorted([*others, *section.headlines], key=lambda row: row[0].partition(":")[0])
    _replace(page, "bench", _table([_HEADER, ["---"] * len(_HEADER), *rows]))


def _table(lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _between(page: Path, name: str) -> str:
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    text = page.read_text()
    if begin not in text or end not in text:
        raise ValueError(f"{page.name} has no markers {begin} and {end}")
    return text.split(begin)[1].split(end)[0]


def _replace(page: Path, name: str, text: str) -> None:
    old = _between(page, name)
    begin = f"<!-- {name} -->"
    page.write_text(page.read_text().replace(f"{begin}{old}", f"{begin}\n\n{text}\n\n", 1))


def _when_and_where() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*: (.+)", cpuinfo.read_text()) if cpuinfo.exists() else []
    load = os.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {platform.python_version()},"
        f" {os.cpu_count()} processors ({models[0] if models else platform.machine()}),"
        f" load {load:.1f}"
    )
