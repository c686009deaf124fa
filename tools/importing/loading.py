"""An import into a deployed stack, step by step: read and check, plan, write, verify."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.importing import pictures, writing
from tools.importing.models import FILES
from tools.importing.reading import Export, Reject, read_folder
from tools.importing.references import check_references
from tools.importing.writing import Action, Planned, Tables, Verification
from tools.ops import site_pictures
from tools.ops.errors import CommandError
from tools.ops.target import Target

Json = dict[str, Any]

_PARALLEL_PICTURES = 4
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
            "verified": self.verification and asdict(self.verification),
        }


def tables_of(target: Target) -> Tables:
    """The tables of a deployed stack."""
    return Tables(
        target.dynamodb, {name: target.stack.physical_id(f"{name}Table") for name in FILES}
    )


def read(target: Target, tables: Tables, folder: Path, encoding: str | None = None) -> Export:
    """What the files hold, checked with each other, the tables and the site. Raises
    CommandError.
    """
    try:
        b"".decode(encoding or "utf-8")
        export = read_folder(folder, encoding)
    except (FileNotFoundError, LookupError) as error:
        raise CommandError(str(error)) from None
    check_references(export, {name: tables.catalogue(name) for name in _CATALOGUE})
    pictures.take(export, folder, site_pictures.there(target))
    return export


def store_pictures(target: Target, export: Export) -> int:
    """Put the pictures on the site that it does not have; returns how many."""
    there = site_pictures.there(target)
    new = [each for path, each in export.pictures.items() if path not in there]
    with ThreadPoolExecutor(_PARALLEL_PICTURES) as pool:
        for _ in pool.map(lambda each: site_pictures.store(target, each.files()), new):
            pass
    return len(new)


def plan(tables: Tables, export: Export) -> list[Planned]:
    """What has to be written so that the tables hold what the files hold."""
    return writing.plan(tables, writing.items_of(export))
