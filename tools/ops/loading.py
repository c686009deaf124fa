"""Importing as an operator sees it: what is refused, what will be written, progress, the check."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tools.cli.session import Session, table
from tools.importing import seed, writing
from tools.importing.models import FILES
from tools.importing.reading import Reject, check_references, read_folder
from tools.importing.writing import Action, Planned, Tables, Verification
from tools.ops.errors import CommandError
from tools.ops.target import Target

Json = dict[str, Any]

_SHOWN = 50
_CATALOGUE = ("Collectibles", "Stores", "Warehouses")


@dataclass(frozen=True)
class Report:
    """`verification` is None when nothing was written; `ignored` are files that were not read."""

    rejects: list[Reject]
    planned: list[Planned]
    kept: list[Planned]
    verification: Verification | None
    is_dry_run: bool
    ignored: list[str]

    @property
    def is_well(self) -> bool:
        """Whether everything came in, or would."""
        problems = self.verification.problems if self.verification else ()
        return not self.rejects and not self.kept and not problems

    def counts(self) -> dict[str, Counter[Action]]:
        """How many rows of each table were new, changed, ..."""
        counts = {name: Counter[Action]() for name in FILES}
        for each in self.planned:
            counts[each.table][each.action] += 1
        return counts

    def to_json(self) -> Json:
        """For scripts."""
        return {
            "rejects": [
                {
                    "file": each.place.file,
                    "line": each.place.line,
                    "id": each.subject,
                    "problem": each.problem,
                }
                for each in self.rejects
            ],
            "rows": {name: dict(count) for name, count in self.counts().items() if count},
            "kept": [
                {"table": each.table, "id": each.item["id"], "why": each.why} for each in self.kept
            ],
            "dry_run": self.is_dry_run,
            "ignored_files": self.ignored,
            "verified": self.verification
            and {
                "counts": dict(self.verification.counts),
                "sampled": self.verification.sampled,
                "problems": list(self.verification.problems),
            },
        }


def tables_of(target: Target) -> Tables:
    """The tables of a deployed stack."""
    return Tables(
        target.dynamodb, {name: target.stack.physical_id(f"{name}Table") for name in FILES}
    )


def load(  # noqa: PLR0913 - each is one way of importing
    session: Session,
    folder: Path,
    *,
    dry_run: bool,
    skip_rejects: bool,
    rejects_file: Path | None,
    assume_yes: bool,
) -> Report:
    """Check, ask, write, verify. Raises CommandError."""
    target = session.target
    tables = tables_of(target)
    with session.working("Reading the files"):
        try:
            export = read_folder(folder)
        except (FileNotFoundError, UnicodeDecodeError) as error:
            raise CommandError(str(error)) from None
        check_references(export, {name: tables.ids(name) for name in _CATALOGUE})
    session.note(
        f"{export.count} row{'' if export.count == 1 else 's'} in {', '.join(export.files)}"
    )
    for name in export.ignored:
        why = " (only ./rentals seed does)" if name == seed.STOCK else ""
        session.note(f"Not read: {name}{why}")
    if rejects_file is not None:
        rejects_file.write_text("".join(f"{each}\n" for each in export.rejects))
    if export.rejects and not skip_rejects:
        return Report(export.rejects, [], [], None, dry_run, export.ignored)
    with session.working("Comparing with the tables"):
        planned = writing.plan(tables, writing.items_of(export))
    kept = [each for each in planned if each.action is Action.KEPT]
    jobs = writing.jobs_of(planned)
    if dry_run:
        return Report(export.rejects, planned, kept, None, dry_run, export.ignored)
    if jobs:
        session.confirm(
            f"Write {sum(each.is_write for each in planned)} rows to {target.describe()}?",
            assume_yes=assume_yes or target.is_local,
        )
        kept += _write(session, tables, planned, jobs)
    with session.working("Reading back"):
        verification = writing.verify(tables, planned)
    return Report(export.rejects, planned, kept, verification, dry_run, export.ignored)


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
    yield from _listed("Refused", [str(each) for each in report.rejects])
    kept = [f"{each.table} {each.item['id']}: {each.why}" for each in report.kept]
    yield from _listed("Kept as they are", kept)
    if report.rejects and not report.planned:
        yield "[red]Nothing was written.[/red] Correct the rows, or import the rest: --skip-rejects"
    elif report.is_dry_run:
        yield "Nothing was written: this was a dry run."
    elif report.verification is not None and not report.verification.problems:
        yield f"[green]Every row is there; {report.verification.sampled} were compared.[/green]"
    elif report.verification is not None:
        yield from _listed("Wrong when read back", list(report.verification.problems))


def _listed(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"[red]{title}: {len(lines)}[/red]"
        yield from (each.replace("[", r"\[") for each in lines[:_SHOWN])
        if len(lines) > _SHOWN:
            yield f"... and {len(lines) - _SHOWN} more; --rejects FILE lists those refused"
