"""Figures for people: tables and goals between the markers of docs/performance.md, and one line of
each in the README.
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


@dataclass
class Section:
    """A table, and what it must show; `name` is that of its markers, `headline` the README's."""

    name: str
    header: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    goals: list[tuple[str, bool]] = field(default_factory=list)
    headline: str = ""

    def add(self, *cells: object) -> None:
        """A row; floats have two digits."""
        self.rows.append(
            [f"{each:.2f}" if isinstance(each, float) else str(each) for each in cells]
        )

    def goal(self, what: str, figure: float, most: float) -> None:
        """A figure that must be `most` or less."""
        self.goals.append((f"{what}: {figure:.2f}, goal {most:g} or less", figure <= most))

    def markdown(self) -> str:
        """The table, the goals that were missed, and when and where it was measured."""
        table = _table([self.header, ["---"] * len(self.header), *self.rows])
        missed = [f"- **missed**: {what}" for what, is_met in self.goals if not is_met]
        met = f"{len(self.goals) - len(missed)} of {len(self.goals)} goals met."
        goals = "\n".join([met, *missed])
        return f"{table}\n\n{goals}\n\n_{_when_and_where()}_"


def write(section: Section, page: Path = PAGE) -> None:
    """Put the section between its markers. Raises ValueError when the page has no such markers."""
    _replace(page, f"bench:{section.name}", section.markdown())


def write_headline(section: Section, page: Path = README) -> None:
    """Put the section's headline in place of the one that it had before. Raises ValueError when
    the page has no markers for headlines.
    """
    own = f"- {section.name}: "
    others = [
        line for line in _between(page, "bench").splitlines() if line and not line.startswith(own)
    ]
    _replace(page, "bench", "\n".join(sorted([*others, own + section.headline])))


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
