"""The shop as files: the catalogue and its units as an import takes them, and reports of rentals,
money and sales.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rentals.models import CENTAVOS_PER_PESO, UnitStatus
from rentals.rows import to_row
from tools.importing.models import FILES
from tools.importing.records import AS_TEXT, FORMULA
from tools.ops import money, rows, sales
from tools.ops.errors import CommandError
from tools.ops.target import Target
from tools.ops.words import manila

Json = dict[str, Any]

_LIKE_AN_IMPORT = ("Collectibles", "Stores", "Warehouses", "Units")
_OF_A_RENTAL = (
    "id", "collectibleId", "collectibleName", "storeId", "unitId", "lastUnitId", "duration",
    "dailyRate", "totalFee", "deposit", "counterDeposit", "paymentMethod", "paymentStatus",
    "fulfillmentStatus", "closedReason",
)  # fmt: skip
_TIMES_OF_A_RENTAL = ("createdAt", "paidAt", "pickedUpAt", "dueAt", "returnedAt", "closedAt")


def export(target: Target, folder: Path, *, as_json: bool, personal_data: bool) -> dict[str, int]:
    """Write the files; returns the rows of each. Raises CommandError when the folder has any."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise CommandError(f"{folder} is not empty", "name a new folder")
    found = {name.lower(): _as_imported(target, name) for name in _LIKE_AN_IMPORT}
    found |= _reports(target, personal_data=personal_data)
    for name, items in found.items():
        if as_json:
            text = json.dumps(items, indent=1, ensure_ascii=False)
            (folder / f"{name}.json").write_text(text, "utf-8")
        else:
            # With its mark, without which Excel takes it for something else.
            (folder / f"{name}.csv").write_text(_table(items), "utf-8-sig", newline="")
    return {name: len(items) for name, items in found.items()}


def _as_imported(target: Target, name: str) -> list[Json]:
    known = [field.alias or key for key, field in FILES[name].model_fields.items()]
    found = []
    for row in sorted(rows.scan(target, name), key=lambda each: each["id"]):
        item = {key: value for key in known if (value := row.get(key)) not in (None, "", [])}
        if item.get("status") == UnitStatus.AVAILABLE:
            del item["status"]
        found.append(_plain(item))
    return found


def _reports(target: Target, *, personal_data: bool) -> dict[str, list[Json]]:
    statements = sales.statements(target)
    return {
        "rental-list": [
            _rental(to_row(each.rental), personal_data=personal_data) for each in statements
        ],
        "money": [
            {"rental": found.rental.id, "number": found.rental.number}
            | {name: value for name, value in asdict(entry).items() if name != "centavos"}
            | {"at": manila(entry.at or None), "pesos": entry.centavos / CENTAVOS_PER_PESO}
            for found in statements
            if found.rental.payment_id is not None
            for entry in money.entries(found)
        ],
        "sales": [each.to_json() for each in sales.by_month(statements)],
        "units-out": [each.to_json() for each in sales.units_out(statements)],
    }


def _rental(row: Mapping[str, Any], *, personal_data: bool) -> Json:
    item: Json = {name: row[name] for name in _OF_A_RENTAL if name in row}
    item |= {name: manila(row[name]) for name in _TIMES_OF_A_RENTAL if name in row}
    if personal_data:
        item["customer"] = row["customer"]
    return _plain(item)


def _plain(item: Json) -> Json:
    plain = rows.plain(item)
    return {name: plain[name] for name in item}


def _table(items: Sequence[Json]) -> str:
    """Rows as a spreadsheet reads them, and as an import does."""
    cells = [dict(_cells(item)) for item in items]
    columns = list(dict.fromkeys(name for row in cells for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(cells)
    return text.getvalue()


def _cells(item: Json, within: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in item.items():
        if isinstance(value, dict):
            yield from _cells(value, f"{within}{name}.")
        else:
            yield f"{within}{name}", _cell(value)


def _cell(value: Any) -> Any:
    """A text that looks like a formula is marked: a customer may have written it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        value = " | ".join(value)
    return AS_TEXT + value if isinstance(value, str) and FORMULA.match(value) else value
