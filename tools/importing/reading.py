"""Files to rows, and why a row is refused: every problem at once, by file and line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tools.importing import records
from tools.importing.models import FILES, RentalRow, Row, UnitRow, WarehouseRow
from tools.importing.records import Fault, Records

if TYPE_CHECKING:
    from tools.importing.pictures import Picture


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row is."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that cannot come in; `subject` is its id where it has one."""

    place: Place
    subject: str
    problem: str

    def __str__(self) -> str:
        return "".join(map(_shown, f"{self.place}: {self.subject}: {self.problem}"))


def _shown(character: str) -> str:
    """No terminal and no file is to stumble over what somebody's file holds."""
    is_fine = character.isprintable()
    return character if is_fine else character.encode("unicode_escape").decode()


@dataclass
class Export:
    """What the files hold, by table and id; and what they hold that cannot come in. `ignored` are
    the folder's files that were not read, `pictures` what collectibles show, by path of the site.
    """

    rows: dict[str, dict[str, Row]] = field(default_factory=lambda: {name: {} for name in FILES})
    places: dict[tuple[str, str], Place] = field(default_factory=dict)
    spellings: dict[str, dict[str, str]] = field(default_factory=lambda: {n: {} for n in FILES})
    rejects: list[Reject] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    pictures: dict[str, "Picture"] = field(default_factory=dict)

    def reject(self, table: str, row_id: str, problem: str) -> None:
        """Take a row out again."""
        self.rejects.append(Reject(self.places[table, row_id], row_id, problem))
        del self.rows[table][row_id]

    @property
    def count(self) -> int:
        """How many rows can come in."""
        return sum(map(len, self.rows.values()))

    @property
    def units(self) -> Mapping[str, UnitRow]:
        """The units."""
        return {key: row for key, row in self.rows["Units"].items() if isinstance(row, UnitRow)}

    @property
    def warehouses(self) -> Mapping[str, WarehouseRow]:
        """The warehouses."""
        rows = self.rows["Warehouses"]
        return {key: row for key, row in rows.items() if isinstance(row, WarehouseRow)}

    @property
    def rentals(self) -> Mapping[str, RentalRow]:
        """The past rentals."""
        return {key: row for key, row in self.rows["Rentals"].items() if isinstance(row, RentalRow)}


def read_folder(folder: Path, encoding: str | None = None) -> Export:
    """Read collectibles, stores, warehouses, units and rentals (.json, .jsonl or .csv), as far as
    they are there; `encoding` is that of files that are not UTF-8 and do not say theirs. Raises
    FileNotFoundError when none is there.
    """
    export = Export()
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    for table, model in FILES.items():
        for path in paths:
            if path.stem.lower() == table.lower() and path.is_file():
                export.files.append(path.name)
                _read_file(export, table, model, path, encoding)
    if not export.files:
        wanted = ", ".join(f"{table.lower()}.json" for table in FILES)
        raise FileNotFoundError(f"{folder} has none of {wanted} (or .jsonl, .csv)")
    export.ignored = [path.name for path in paths if path.name not in export.files]
    return export


def _read_file(
    export: Export, table: str, model: type[Row], path: Path, encoding: str | None
) -> None:
    for line, value in _records(path, model, encoding):
        _add(export, table, model, Place(path.name, line), value)


def _records(path: Path, model: type[Row], encoding: str | None) -> Records:
    content, kind = path.read_bytes(), path.suffix.lower()
    try:
        text = records.decoded(content, encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"byte {content[error.start]:#04x} is not {error.encoding}"
        how = "save it as UTF-8, or name its encoding (--encoding cp1252)"
        yield line, Fault(f"{what}, and nothing of the file is read: {how}")
        return
    if kind == ".csv":
        columns = [field.alias or name for name, field in model.model_fields.items()]
        yield from records.cells(text, columns)
    elif kind in (".json", ".jsonl"):
        yield from records.lines(text) if kind == ".jsonl" else records.elements(text)
    else:
        yield 1, Fault("is not read: save it as .csv (UTF-8), .json or .jsonl")


def _add(export: Export, table: str, model: type[Row], place: Place, value: Any) -> None:
    if isinstance(value, Fault):
        export.rejects.append(Reject(place, value.subject, value.problem))
        return
    subject = str(value.get("id", "?")) if isinstance(value, dict) else "?"
    is_text = place.file.lower().endswith(".csv")
    try:
        row = model.model_validate_strings(value) if is_text else model.model_validate(value)
    except ValidationError as error:
        problems = "; ".join(map(_problem, error.errors(include_url=False, include_input=False)))
        export.rejects.append(Reject(place, subject, problems))
        return
    first = export.spellings[table].setdefault(row.id.lower(), row.id)
    if first in export.rows[table]:
        export.rejects.append(
            Reject(place, subject, f"is in {export.places[table, first]} already{_as(first, row)}")
        )
        return
    export.rows[table][row.id] = row
    export.places[table, row.id] = place


def _as(spelling: str, row: Row) -> str:
    return "" if spelling == row.id else f", as {spelling}"


def _problem(error: Any) -> str:
    where = ".".join(map(str, error["loc"]))
    message = error["msg"].removeprefix("Value error, ")
    message = {"missing": "is required", "extra_forbidden": "is not a known field"}.get(
        error["type"], message
    )
    return f"{where} {message}".strip()
