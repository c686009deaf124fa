"""Commands that load files into the tables: import, seed."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tools.cli.session import Session, Yes
from tools.cli.text import table
from tools.importing import loading, seed, writing
from tools.importing.loading import Report
from tools.importing.writing import Action, Planned, Tables
from tools.ops import upgrading
from tools.ops.domain import domain_of
from tools.ops.errors import FOUND, CommandError
from tools.ops.words import counted

app = typer.Typer()
_SHOWN = 50


@app.command("import")
def import_(  # noqa: PLR0913, PLR0917 - each is one way of importing
    ctx: typer.Context,
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Where the files are.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check, and write nothing.")] = False,
    skip_rejects: Annotated[
        bool, typer.Option("--skip-rejects", help="Import the rest when some rows are rejected.")
    ] = False,
    rejects_file: Annotated[
        Path | None, typer.Option("--rejects", help="Write the rejected rows to this file.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Of files that are neither UTF-8 nor UTF-16: cp1252, ...")
    ] = None,
    yes: Yes = False,
) -> None:
    """Import collectibles, stores, warehouses, units and past rentals from CSV or JSON files.

    Reads `collectibles`, `stores`, `warehouses`, `units` and `rentals`, each as `.csv`, `.json` (an
    array of rows) or `.jsonl` (a row a line), as far as they are there; docs/importing.md has the
    fields. Everything is checked first, and nothing is written while anything is rejected. A unit
    that is held and a rental that exists are never changed. Rentals whose units are out go on, as
    by ./rentals upgrade. Interrupted, run it again: it writes
    what is missing. At the end every row is counted and a sample is read back.
    """
    session: Session = ctx.obj
    target = session.target
    tables = loading.tables_of(target)
    with session.working("Reading the files"):
        export = loading.read(target, tables, folder, encoding)
    session.note(f"{counted(export.count, 'row')} in {', '.join(export.files)}")
    for name in export.ignored:
        why = " (only ./rentals seed does)" if name == seed.STOCK else ""
        session.note(f"Not read: {name}{why}")
    if rejects_file is not None:
        rejects_file.write_text("".join(f"{each}\n" for each in export.rejects), "utf-8")
    planned, kept, verification = list[Planned](), list[Planned](), None
    if not export.rejects or skip_rejects:
        with session.working("Comparing with the tables"):
            planned = loading.plan(tables, export)
        kept = [each for each in planned if each.action is Action.KEPT]
        if not dry_run:
            if jobs := writing.jobs_of(planned):
                count = counted(sum(each.is_write for each in planned), "row")
                session.confirm(
                    f"Write {count} to {target.describe()}?",
                    assume_yes=yes or target.is_local,
                )
                with session.working("Storing pictures"):
                    stored = loading.store_pictures(target, export)
                session.note(f"{counted(stored, 'new picture')} stored")
                kept += _write(session, tables, planned, jobs)
            with session.working("Reading back"):
                verification = writing.verify(tables, planned)
            if export.rentals:
                with session.working("Having rentals go on"), domain_of(target):
                    upgrading.upgrade()
    report = Report(export.rejects, planned, kept, verification, dry_run, export.ignored)
    session.show(report.to_json(), *render(report))
    if not report.is_well:
        raise typer.Exit(FOUND)


@app.command("seed")
def seed_(
    ctx: typer.Context,
    folder: Annotated[
        Path, typer.Option(exists=True, file_okay=False, help="Where the catalogue is.")
    ] = seed.CATALOGUE,
) -> None:
    """Load the catalogue of this repository: six collectibles, three stores, four warehouses.

    Safe to run again: units that exist are left as they are.
    """
    session: Session = ctx.obj
    session.note_target()
    written = seed.seed_tables(loading.tables_of(session.target), folder)
    session.show({"written": written}, f"[green]{counted(written, 'row')} written[/green]")


def _write(
    session: Session, tables: Tables, planned: Sequence[Planned], jobs: int
) -> list[Planned]:
    columns = (TextColumn("Writing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=session.messages, transient=True, disable=session.as_json
    ) as progress:
        bar = progress.add_task("", total=jobs)
        try:
            return writing.write(tables, planned, lambda: progress.advance(bar))
        except KeyboardInterrupt:
            raise CommandError(
                "interrupted: some rows are written", "run it again to write the rest"
            ) from None


def render(report: Report) -> Iterator[Any]:
    """For people."""
    if report.planned:
        shown = table("table", "new", "changed", "as it was", "kept", "counted")
        for name, count in report.counts().items():
            if count:
                there = report.verification.counts.get(name, 0) if report.verification else ""
                shown.add_row(name, *(str(count[each]) for each in Action), str(there))
        yield shown
    yield from _listed("Rejected", [str(each) for each in report.rejects])
    kept = [f"{each.table} {each.item['id']}: {each.why}" for each in report.kept]
    yield from _listed("Kept as they are", kept)
    if report.rejects and not report.planned:
        yield "[red]Nothing was written.[/red] Correct the rows, or import the rest: --skip-rejects"
    elif report.is_dry_run:
        yield "Nothing was written: this was a dry run."
    elif report.verification is not None and not report.verification.problems:
        compared = counted(report.verification.sampled, "row")
        yield f"[green]Every row is there; {compared} compared.[/green]"
    elif report.verification is not None:
        yield from _listed("Wrong when read back", list(report.verification.problems))


def _listed(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"[red]{title}: {len(lines)}[/red]"
        yield from (each.replace("[", r"\[") for each in lines[:_SHOWN])
        if len(lines) > _SHOWN:
            yield f"... and {len(lines) - _SHOWN} more; --rejects FILE lists those rejected"
