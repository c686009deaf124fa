"""Load the catalogue into the tables of a stack, on AWS or on this machine.

    python -m tools.seed --table-prefix MongoCollectibles

Running it again changes descriptions and distances, and adds units that are missing; a unit that
exists is left as it is, so that nobody's reservation is lost.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import boto3
import typer
from rich.progress import track

from rentals.allocation import shelf

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBServiceResource

CATALOGUE = Path(__file__).parent / "catalogue"

Item = dict[str, Any]


def seed(dynamodb: "DynamoDBServiceResource", table_prefix: str, folder: Path = CATALOGUE) -> int:
    """Load collectibles, stores, warehouses and units from JSON files; returns the rows written."""
    written = 0
    for name in ("Collectibles", "Stores", "Warehouses"):
        table = dynamodb.Table(f"{table_prefix}-{name}")
        with table.batch_writer() as batch:
            for item in _read(folder / f"{name.lower()}.json"):
                batch.put_item(Item=item)
                written += 1
    units = dynamodb.Table(f"{table_prefix}-Units")
    for unit in track(list(new_units(_read(folder / "stock.json"))), "Units", transient=True):
        try:
            units.put_item(Item=unit, ConditionExpression="attribute_not_exists(id)")
            written += 1
        except dynamodb.meta.client.exceptions.ConditionalCheckFailedException:
            continue
    return written


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


def new_unit(unit_id: str, collectible_id: str, warehouse_id: str) -> Item:
    """An available unit as the Units table holds it."""
    return {
        "id": unit_id,
        "collectibleId": collectible_id,
        "warehouseId": warehouse_id,
        "isAvailable": "true",
        "availableCollectibleId": collectible_id,
        "shelf": shelf(warehouse_id, unit_id),
    }


def _read(path: Path) -> Any:
    return json.loads(path.read_text(), parse_float=Decimal)


def main(
    table_prefix: Annotated[
        str, typer.Option(help="Tables are named <prefix>-Collectibles, ...")
    ] = "MongoCollectibles",
    folder: Annotated[Path, typer.Option(help="Folder with the JSON files")] = CATALOGUE,
    endpoint_url: Annotated[
        str | None, typer.Option(help="AWS endpoint; by default AWS itself")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="AWS profile")] = None,
) -> None:
    """Load the catalogue into DynamoDB."""
    session = boto3.Session(profile_name=profile)
    written = seed(session.resource("dynamodb", endpoint_url=endpoint_url), table_prefix, folder)
    typer.echo(f"{written} rows written to {table_prefix}-*")


if __name__ == "__main__":
    typer.run(main)
