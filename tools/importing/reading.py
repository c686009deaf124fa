"""Files to rows, and why a row is refused: every problem at once, by file and line."""

import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tools.importing.models import (
    FILES,
    RentalRow,
    Row,
    UnitRow,
    WarehouseRow,
)

_SPACE = " \t\r\n"


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
        return f"{self.place}: {self.subject}: {self.problem}"


@dataclass
class Export:
    """What the files hold, by table and id; and what they hold that cannot come in. `ignored` are
    the folder's files that were not read.
    """

    rows: dict[str, dict[str, Row]] = field(default_factory=lambda: {name: {} for name in FILES})
    places: dict[tuple[str, str], Place] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

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
    def rentals(self) -> Mapping[str, RentalRow]:
        """The past rentals."""
        return {key: row for key, row in self.rows["Rentals"].items() if isinstance(row, RentalRow)}


def read_folder(folder: Path) -> Export:
    """Read collectibles, stores, warehouses, units and rentals (.json or .jsonl), as far as they
    are there. Raises FileNotFoundError when none is.
    """
    export = Export()
    for table, model in FILES.items():
        for path in (folder / f"{table.lower()}.json", folder / f"{table.lower()}.jsonl"):
            if path.is_file():
                export.files.append(path.name)
                _read_file(export, table, model, path)
    if not export.files:
        wanted = ", ".join(f"{table.lower()}.json" for table in FILES)
        raise FileNotFoundError(f"{folder} has none of {wanted}")
    there = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    export.ignored = sorted(there - set(export.files))
    return export


def _read_file(export: Export, table: str, model: type[Row], path: Path) -> None:
    text = path.read_text(encoding="utf-8-sig")
    records = _lines(text) if path.suffix == ".jsonl" else _elements(text)
    try:
        for line, value in records:
            _add(export, table, model, Place(path.name, line), value)
    except json.JSONDecodeError as error:
        place = Place(path.name, error.lineno)
        export.rejects.append(Reject(place, "", f"not JSON from here on: {error.msg}"))


def _add(export: Export, table: str, model: type[Row], place: Place, value: Any) -> None:
    subject = str(value.get("id", "?")) if isinstance(value, dict) else "?"
    try:
        row = model.model_validate(value)
    except ValidationError as error:
        problems = "; ".join(map(_problem, error.errors(include_url=False, include_input=False)))
        export.rejects.append(Reject(place, subject, problems))
        return
    if row.id in export.rows[table]:
        first = export.places[table, row.id]
        export.rejects.append(Reject(place, subject, f"is in {first} already"))
        return
    export.rows[table][row.id] = row
    export.places[table, row.id] = place


def _problem(error: Any) -> str:
    where = ".".join(map(str, error["loc"]))
    message = error["msg"].removeprefix("Value error, ")
    message = {"missing": "is required", "extra_forbidden": "is not a known field"}.get(
        error["type"], message
    )
    return f"{where} {message}".strip()


def _lines(text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                yield number, json.loads(line, parse_float=Decimal)
            except json.JSONDecodeError as error:
                raise json.JSONDecodeError(error.msg, "\n" * (number - 1), number - 1) from None


def _elements(text: str) -> Iterator[tuple[int, Any]]:
    """The elements of a JSON array, each with the line that it begins on."""
    decoder = json.JSONDecoder(parse_float=Decimal)
    at = _skip(text, 0)
    if text[at : at + 1] != "[":
        raise json.JSONDecodeError("an array of rows is expected", text, at)
    at, line, counted = _skip(text, at + 1), 1, 0
    if text[at : at + 1] == "]":
        return
    while True:
        line += text.count("\n", counted, at)
        counted = at
        value, end = decoder.raw_decode(text, at)
        yield line, value
        at = _skip(text, end)
        if text[at : at + 1] == "]":
            return
        if text[at : at + 1] != ",":
            raise json.JSONDecodeError("a comma or the end of the array is expected", text, at)
        at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def check_references(export: Export, known: Mapping[str, Set[str]]) -> None:
    """Reject rows that name what is neither in the files nor, as `known` says, in the tables."""

    def exists(table: str, row_id: str) -> bool:
        return row_id in export.rows[table] or row_id in known.get(table, ())

    for row in list(export.rows["Warehouses"].values()):
        assert isinstance(row, WarehouseRow)
        unknown = sorted(each for each in row.distances if not exists("Stores", each))
        if unknown:
            export.reject("Warehouses", row.id, f"there is no store {', '.join(unknown)}")
    for unit in list(export.units.values()):
        for table, row_id in (
            ("Collectibles", unit.collectible_id),
            ("Warehouses", unit.warehouse_id),
        ):
            if not exists(table, row_id):
                export.reject("Units", unit.id, f"there is no {table.lower()[:-1]} {row_id}")
                break
    _check_holders(export)


def _check_holders(export: Export) -> None:
    """Units and past rentals must agree on who holds what, as the promise wants it."""
    holders: dict[str, str] = {}
    for rental in list(export.rentals.values()):
        if rental.unit_id is None:
            continue
        unit = export.units.get(rental.unit_id)
        problem = None
        if unit is None:
            problem = f"holds unit {rental.unit_id}, which is not in units.json"
        elif unit.status is not None:
            problem = f"holds unit {unit.id}, which units.json says is {unit.status}"
        elif unit.is_available == "true":
            problem = f"holds unit {unit.id}, which units.json says is available"
        elif unit.collectible_id != rental.collectible_id:
            problem = f"holds unit {unit.id}, which is of {unit.collectible_id}"
        elif unit.id in holders:
            problem = f"holds unit {unit.id}, and so does {holders[unit.id]}"
        if problem:
            export.reject("Rentals", rental.id, problem)
        else:
            holders[rental.unit_id] = rental.id
    for unit in list(export.units.values()):
        is_held = unit.is_available == "false" and unit.status is None
        if is_held and unit.id not in holders:
            export.reject(
                "Units",
                unit.id,
                "is unavailable, and no completed rental has it as its unitId: give it to that"
                " rental, say its status, or leave the unit out until it is back",
            )
