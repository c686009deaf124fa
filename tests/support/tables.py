"""The template's tables on moto, a catalogue in them, and what can go wrong with their calls."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ReadTimeoutError

from infra import aws, clock, dynamo, secret_values
from infra.settings import integer_setting, setting
from rentals import catalogue, repository
from rentals.models import Rental
from tests.support.samples import Json, pending_rental
from tests.support.sources import resources, value_of
from tools.importing.seed import new_unit
from tools.ops.promise import violations

TABLE_PROPERTIES = (
    "TableName",
    "BillingMode",
    "AttributeDefinitions",
    "KeySchema",
    "GlobalSecondaryIndexes",
)
WAREHOUSES: dict[str, dict[str, float]] = {
    "wh-near": {"store-a": 10, "store-b": 80},
    "wh-middle": {"store-a": 25.1},
    "wh-far": {"store-a": 120},
    "wh-elsewhere": {"store-b": 1},
}
PREFIX = "MongoCollectibles-"
TABLES = (
    "Collectibles",
    "Stores",
    "Warehouses",
    "Units",
    "Rentals",
    "Customers",
    "Lookups",
    "Charges",
    "Notices",
)
READS = {"GetItem", "Query", "Scan"}
BATCH_LIMIT = 25
# Between two steps money may be on its way; units, holds and rentals agree after every one.
LASTING_RULES = {
    "unit agrees",
    "one rental a unit",
    "rental agrees",
    "shelf",
    "unit status",
    "completed holds a unit",
    "holds are counted",
}


class Shop:
    """The tables from outside, and what goes wrong with the calls that reach them."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.written: set[str] = set()
        self._hooks: list[tuple[str, Callable[..., None]]] = []
        self._hook("before-call.dynamodb", self._record)

    def close(self) -> None:
        """Leave the client as it was."""
        for event, hook in self._hooks:
            aws.dynamodb().meta.events.unregister(event, hook)

    def _hook(self, event: str, hook: Callable[..., None]) -> None:
        aws.dynamodb().meta.events.register(event, hook)
        self._hooks.append((event, hook))

    def _record(self, model: Any, params: Json, **_: Any) -> None:
        self.calls.append(model.name)
        if model.name not in READS:
            self.written |= {name for name in TABLES if f'"{PREFIX}{name}"' in str(params["body"])}

    def calls_of(self, work: Callable[[], Any]) -> list[str]:
        """The DynamoDB calls that `work` makes."""
        before = len(self.calls)
        work()
        return self.calls[before:]

    def lose_answer(self, operation: str, after: int = 0) -> None:
        """The next such call is done and its answer lost; `after` that many others."""
        left = after

        def lose(**_: Any) -> None:
            nonlocal left
            left -= 1
            if left == -1:
                raise ReadTimeoutError(endpoint_url="https://dynamodb.example")

        self._hook(f"after-call.dynamodb.{operation}", lose)

    def add_units(
        self, how_many: int = 1, warehouse_id: str = "wh-near", collectible_id: str = "col-001"
    ) -> list[str]:
        """Put new units on a shelf; their ids."""
        ids = [f"{collectible_id}-{warehouse_id}-{number:03}" for number in range(how_many)]
        self.put("Units", *(new_unit(unit_id, collectible_id, warehouse_id) for unit_id in ids))
        return ids

    def add_rental(self, number: int | str = 1, **changes: Any) -> Rental:
        """Write a new rental as checkout does."""
        made = {"id": f"rental-{number}", "created_at": clock.now_timestamp()}
        return repository.create(pending_rental(**made | changes))

    def put(self, table: str, *items: Json) -> None:
        """Write rows past the domain."""
        requests = [{"PutRequest": {"Item": dynamo.to_attributes(item)}} for item in items]
        for start in range(0, len(requests), BATCH_LIMIT):
            aws.dynamodb().batch_write_item(
                RequestItems={f"{PREFIX}{table}": requests[start : start + BATCH_LIMIT]}  # type: ignore[dict-item]
            )

    def finish(self) -> list[str]:
        """Put every table back as it was before; where units, rentals and holds disagreed."""
        left = {table: self.rows(table) for table in self.written}
        rentals, units, customers = (
            left.get(table, []) for table in ("Rentals", "Units", "Customers")
        )
        found = violations(rentals, units, customers, [])
        obsolete = [
            (f"{PREFIX}{table}", {"DeleteRequest": {"Key": self._key(table, row)}})
            for table, rows in left.items()
            for row in rows
            if row not in CATALOGUE.get(table, [])
        ]
        for start in range(0, len(obsolete), BATCH_LIMIT):
            requests: dict[str, Any] = {}
            for table, request in obsolete[start : start + BATCH_LIMIT]:
                requests.setdefault(table, []).append(request)
            aws.dynamodb().batch_write_item(RequestItems=requests)
        for table in left.keys() & CATALOGUE.keys():
            self.put(table, *CATALOGUE[table])
        return [str(each) for each in found if each.rule in LASTING_RULES]

    def _key(self, table: str, row: Json) -> Json:
        names = ("lookup", "entry") if table == "Lookups" else ("id",)
        return dynamo.to_attributes({name: row[name] for name in names})

    def row(self, table: str, item_id: str) -> Json:
        """A row as it is stored."""
        item = dynamo.get(f"{PREFIX}{table}", item_id)
        assert item is not None
        return item

    def rows(self, table: str) -> list[Json]:
        """Every row of a table."""
        return dynamo.scan(f"{PREFIX}{table}")

    def on_shelf(self) -> set[str]:
        """Ids of the units that the sparse index offers."""
        found = aws.dynamodb().scan(TableName=f"{PREFIX}Units", IndexName="available-units-index")
        offered = map(dynamo.from_attributes, found["Items"])
        return {each["id"] for each in offered if "#" not in each["availableCollectibleId"]}

    def open_rentals(self, rental: Rental) -> set[str]:
        """The rentals counted as open for the rental's source."""
        counted = self.row("Customers", str(rental.source_key)).get("openRentals", set())
        return {entry.partition("#")[2] for entry in counted}


def create_tables(client: Any) -> None:
    """The template's tables, without what moto does not know."""
    for properties in resources("AWS::DynamoDB::Table").values():
        wanted = {name: properties[name] for name in TABLE_PROPERTIES if name in properties}
        wanted["TableName"] = value_of(wanted["TableName"])
        client.create_table(**wanted)


def decimals(distances: dict[str, float]) -> Json:
    """As boto3 wants numbers."""
    return dynamo.from_attributes({store_id: {"N": str(km)} for store_id, km in distances.items()})


CATALOGUE: dict[str, list[Json]] = {
    "Collectibles": [{"id": "col-001", "name": "Tin Robot No. 7", "size": "Small"}],
    "Stores": [{"id": each, "name": each.upper()} for each in ("store-a", "store-b")],
    "Warehouses": [{"id": each, "distances": decimals(km)} for each, km in WAREHOUSES.items()],
}


def forget_settings() -> None:
    """Read the environment and the secrets anew."""
    setting.cache_clear()
    integer_setting.cache_clear()
    secret_values._cache.clear()
    catalogue._warehouses = None
