"""Figures as a page: tables between markers of docs/performance.md, and goals that were missed."""

import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


@dataclass
class Section:
    """A table, and what it must show; `name` is that of its markers."""

    name: str
    header: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    goals: list[tuple[str, bool]] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        """A row; floats have two digits."""
        self.rows.append(
            [f"{each:.2f}" if isinstance(each, float) else str(each) for each in cells]
        )

    def goal(self, what: str, figure: float, most: float) -> None:
        """A figure that must be `most` or less."""
        self.goals.append((f"{what}: {figure:.2f}, goal {most:g} or less", figure <= most))

    def markdown(self) -> str:
        """The table, when and where it was measured, and the goals."""
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        goals = "\n".join(
            f"- {'met' if is_met else '**missed**'}: {what}" for what, is_met in self.goals
        )
        return f"{table}\n\n{goals}\n\n_{_when_and_where()}_"


def write(section: Section, page: Path = PAGE) -> None:
    """Put the section between its markers. Raises ValueError when the page has no such markers."""
    begin, end = f"<!-- bench:{section.name} -->", f"<!-- /bench:{section.name} -->"
    text = page.read_text()
    if begin not in text or end not in text:
        raise ValueError(f"{page.name} has no markers {begin} and {end}")
    head, rest = text.split(begin)
    tail = rest.split(end)[1]
    page.write_text(f"{head}{begin}\n\n{section.markdown()}\n\n{end}{tail}")


def _when_and_where() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*: (.+)", cpuinfo.read_text()) if cpuinfo.exists() else []
    load = os.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {platform.python_version()},"
        f" {os.cpu_count()} processors ({models[0] if models else platform.machine()}),"
        f" load {load:.1f}"
    )
