"""What a file holds: values, each with the line that it begins on. In the place of what cannot be
read is a Fault, so that nothing is dropped in silence.
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_SPACE = " \t\r\n"
_DELIMITERS = ",;\t|"
# The widest number that a table holds; Python reads no text of more than 4,300 as one.
_MOST_DIGITS = 38
_BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_SHORTENED = re.compile(r"\d(\.\d+)?E\+\d+")
# What spreadsheets take for a formula, and the mark that keeps them from it (exporting.py).
FORMULA = re.compile(r"[=+\-@\t\r]")
AS_TEXT = "'"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is no row; `subject` is its id where it has one."""

    problem: str
    subject: str = "?"


Records = Iterator[tuple[int, Any]]


def decoded(content: bytes, encoding: str | None) -> str:
    """The text of a file: as its byte order mark says, else UTF-8, else `encoding`. Raises
    UnicodeDecodeError.
    """
    for mark, name in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            return content.decode(name)
    is_utf8 = b"\0" not in content  # UTF-16 without its mark has it
    try:
        return content.decode("utf-8" if is_utf8 else encoding or "ascii")
    except UnicodeDecodeError:
        if encoding is None:
            raise
        return content.decode(encoding)


def lines(text: str) -> Records:
    """JSON values, one a line."""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        if line.strip(_SPACE):
            decoder = _Decoder()
            try:
                value = decoder.decode(line)
            except (json.JSONDecodeError, RecursionError) as error:
                yield number, Fault(f"not JSON: {_why(error)}")
            else:
                yield number, decoder.checked(value)


def elements(text: str) -> Records:
    """The elements of a JSON array, each with the line that it begins on."""
    at, decoder = _skip(text, 0), _Decoder()
    line, counted, is_first = 1, 0, True
    try:
        at = _after(text, at, "[", "an array of rows is expected")
        while not (is_first and text[at : at + 1] == "]"):
            line, counted = line + text.count("\n", counted, at), at
            value, at = decoder.raw_decode(text, at)
            yield line, decoder.checked(value)
            at, is_first = _skip(text, at), False
            if text[at : at + 1] == "]":
                break
            at = _after(text, at, ",", "a comma or the end of the array is expected")
        _require_end(text, at + 1)
    except (json.JSONDecodeError, RecursionError) as error:
        at_line = error.lineno if isinstance(error, json.JSONDecodeError) else line
        yield at_line, Fault(f"not JSON, and not read from here on: {_why(error)}")


class _Decoder(json.JSONDecoder):
    """JSON with exact numbers, and with a word about names that an object has twice."""

    def __init__(self) -> None:
        super().__init__(
            object_pairs_hook=self._object, parse_float=Decimal, parse_int=_whole_number
        )
        self._twice: list[str] = []

    def checked(self, value: Any) -> Any:
        """The value that was read last, or what is wrong with its names."""
        twice, self._twice = self._twice, []
        if not twice:
            return value
        subject = str(value.get("id", "?")) if isinstance(value, dict) else "?"
        return Fault(f"has {', '.join(twice)} twice", subject)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = Counter(name for name, _ in pairs)
        self._twice += [name for name, count in names.items() if count > 1]
        return dict(pairs)


def _whole_number(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= _MOST_DIGITS else Decimal(digits)


def _why(error: Exception) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"


def _after(text: str, at: int, mark: str, otherwise: str) -> int:
    if text[at : at + 1] != mark:
        raise json.JSONDecodeError(otherwise, text, at)
    return _skip(text, at + 1)


def _require_end(text: str, at: int) -> None:
    if (at := _skip(text, at)) < len(text):
        raise json.JSONDecodeError("something follows the array", text, at)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def cells(text: str, known: Collection[str]) -> Records:
    """The rows of a CSV file as spreadsheets save it, each a dictionary of texts; `known` are the
    names that its first line may have. A column `distances.store-a` is a part of `distances`.
    """
    first = next(iter(text.splitlines()), "")
    delimiter = max(_DELIMITERS, key=lambda each: len(set(_split(first, each)) & set(known)))
    table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        line = table.line_num + 1
        try:
            row = [each.strip() for each in next(table)]
        except StopIteration:
            break
        except csv.Error as error:
            yield line, Fault(f"not CSV{_as_far_as(line, table.line_num)}: {error}")
            continue
        if header is None:
            header = row
            if problem := _wrong_with(header, known):
                yield line, Fault(f"{problem}; nothing of the file is read")
                return
        elif any(row):
            yield line, _value(header, row)
    if header is None:
        yield 1, Fault("has no line that names its columns")


def _split(line: str, delimiter: str) -> list[str]:
    return [each.strip(' "') for each in line.split(delimiter)]


def _as_far_as(line: int, last: int) -> str:
    return f", and not read to line {last}" if last > line else ""


def _wrong_with(header: list[str], known: Collection[str]) -> str | None:
    unknown = [each for each in header if each and each.partition(".")[0] not in known]
    if unknown:
        return f"{', '.join(unknown)}: not known as a column, as {', '.join(known)} are"
    twice = [name for name, count in Counter(filter(None, header)).items() if count > 1]
    return f"has the column {', '.join(twice)} twice" if twice else None


def _value(header: list[str], row: list[str]) -> Any:
    value: dict[str, Any] = {}
    subject = dict(zip(header, row, strict=False)).get("id") or "?"
    for number, cell in enumerate(row):
        name = header[number] if number < len(header) else ""
        if not cell:
            continue
        if not name:
            return Fault(f"has {cell!r} in column {number + 1}, which has no name", subject)
        if _SHORTENED.fullmatch(cell):
            return Fault(f"{name} {cell} was shortened by a spreadsheet: make it text", subject)
        if cell.startswith(AS_TEXT) and FORMULA.match(cell, 1):
            cell = cell.removeprefix(AS_TEXT)  # noqa: PLW2901 - the cell as it was meant
        outer, _, inner = name.partition(".")
        if inner:
            value.setdefault(outer, {})[inner] = cell
        else:
            value[outer] = cell
    return value
