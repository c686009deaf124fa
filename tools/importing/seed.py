"""The catalogue of this repository, for stacks to try things with.

Loading it again changes descriptions and distances, and adds units that are missing; a unit that
exists is left as it is, so that nobody's reservation is lost.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tools.importing.models import FILES, Item
from tools.importing.reading import read_folder
from tools.importing.writing import Tables, items_of, new_unit, plan, write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBServiceResource

CATALOGUE = Path(__file__).parent / "catalogue"
# How many units of what are where; an import takes units one by one.
STOCK = "stock.json"

__all__ = ["CATALOGUE", "STOCK", "new_unit", "new_units", "seed", "seed_tables"]


def seed(dynamodb: "DynamoDBServiceResource", table_prefix: str, folder: Path = CATALOGUE) -> int:
    """Load collectibles, stores, warehouses and units from JSON files; returns the rows written."""
    names = {table: f"{table_prefix}-{table}" for table in FILES}
    return seed_tables(Tables(dynamodb, names), folder)


def seed_tables(tables: Tables, folder: Path = CATALOGUE) -> int:
    """The same for tables of any names. Raises ValueError when the files are not right."""
    export = read_folder(folder)
    if export.rejects:
        raise ValueError("; ".join(map(str, export.rejects)))
    stock = json.loads((folder / STOCK).read_text())
    planned = plan(tables, items_of(export) | {"Units": list(new_units(stock))})
    lost = write(tables, planned)
    return sum(each.is_write for each in planned) - len(lost)


def new_units(stock: dict[str, dict[str, int]]) -> Iterator[Item]:
    """Available units for `{collectible id: {warehouse id: how many}}`."""
    for collectible_id, warehouses in stock.items():
        for warehouse_id, how_many in warehouses.items():
            for number in range(1, how_many + 1):
                yield new_unit(
                    f"unit-{collectible_id}-{warehouse_id}-{number:03}",
                    collectible_id,
                    warehouse_id,
                )
