"""`make bench`: measure, write docs/performance.md and the README's figures, and fail when a goal
is missed.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tools.local.stack import ONE_ADDRESS, Settings, running
from tools.measuring.bench import cold_start, contention, inventory, life, refused, throughput
from tools.measuring.bench.report import Section, write, write_headline
from tools.measuring.bench.shop import shop_of

KINDS = ("cold-start", "inventory", "contention", "throughput", "refused", "life")

console = Console(highlight=False)


def main(
    kinds: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(KINDS)}")] = None,
    keep: Annotated[bool, typer.Option(help="Write the figures into the pages")] = True,
) -> None:
    """Measure on this machine, which should have nothing else to do."""
    wanted = kinds or list(KINDS)
    if unknown := set(wanted) - set(KINDS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: choose from {', '.join(KINDS)}")
    missed = 0
    for section in _sections(wanted):
        console.print(f"\n{section.name}\n\n{section.markdown()}", markup=False, soft_wrap=True)
        missed += sum(not is_met for _, is_met in section.goals)
        if keep:
            write(section)
            write_headline(section)
    console.print(f"\n{missed} goals missed" if missed else "\nevery goal met")
    raise typer.Exit(1 if missed else 0)


def _sections(kinds: list[str]) -> Iterator[Section]:
    if "cold-start" in kinds:
        yield cold_start.measure()
    if set(kinds) <= {"cold-start"}:
        return
    settings = Settings.on_free_ports(
        log_dir=Path(tempfile.mkdtemp(prefix="bench-logs-")),
        parameters=ONE_ADDRESS,
    )
    with running(settings) as stack, shop_of(stack) as shop:
        if "throughput" in kinds:
            yield throughput.measure(stack, shop)
        if "refused" in kinds:
            yield refused.measure(stack, shop)
        if "life" in kinds:
            yield life.measure(stack, shop)
        if "contention" in kinds:
            yield contention.measure(shop)
        if "inventory" in kinds:
            yield inventory.measure(shop)


if __name__ == "__main__":
    typer.run(main)
