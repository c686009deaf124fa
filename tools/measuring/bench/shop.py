"""The domain in this process, against the engine of a local stack, with every AWS call counted."""

import math
import os
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from botocore.config import Config

from infra import aws, clock
from infra.dynamo import to_attributes
from rentals import repository
from rentals.models import Customer, PaymentMethod, PaymentStatus, Rental
from tools.importing.seed import new_unit
from tools.local.stack import TABLE_PREFIX, LocalStack

_TABLES = (
    "Collectibles",
    "Units",
    "Rentals",
    "Warehouses",
    "Stores",
    "Customers",
    "Lookups",
    "Notices",
)
_BATCH = 25
_READ_UNIT_BYTES = 4096


class Calls(threading.local):
    """DynamoDB calls of this thread: how many, and how many items they went through."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start counting anew."""
        self.count: Counter[str] = Counter()
        self.scanned: list[int] = []

    @property
    def items(self) -> int:
        """Items that queries and scans read."""
        return sum(self.scanned)

    def read_units(self, item_bytes: int) -> float:
        """Eventually consistent queries: half a unit for every 4 KB begun."""
        return sum(
            max(1, math.ceil(each * item_bytes / _READ_UNIT_BYTES)) / 2 for each in self.scanned
        )


class Shop:
    """Collectibles with as many units as a benchmark wants, and buyers."""

    def __init__(self) -> None:
        self.calls = Calls()

    def add_units(self, units: dict[str, int]) -> str:
        """A new collectible with so many units by warehouse; its id."""
        collectible_id = f"bench-{uuid.uuid4().hex[:8]}"
        self._put("Collectibles", [{"id": collectible_id, "name": "Bench", "size": "Small"}])
        self._put(
            "Units",
            [
                new_unit(
                    f"{collectible_id}-{warehouse_id}-{number:06}", collectible_id, warehouse_id
                )
                for warehouse_id, how_many in units.items()
                for number in range(how_many)
            ],
        )
        return collectible_id

    def remove(self, collectible_id: str) -> None:
        """Take a collectible off the catalogue; its units stay."""
        aws.dynamodb().delete_item(
            TableName=f"{TABLE_PREFIX}-Collectibles", Key={"id": {"S": collectible_id}}
        )

    def rental(self, collectible_id: str, store_id: str) -> Rental:
        """A pending rental of a customer nobody has seen before."""
        now = clock.now_timestamp()
        rental = repository.create(
            Rental(
                id=str(uuid.uuid4()),
                collectible_id=collectible_id,
                collectible_name="Bench",
                store_id=store_id,
                customer=Customer(**_customer()),
                duration=3,
                payment_method=PaymentMethod.GCASH,
                payment_status=PaymentStatus.PENDING,
                request_hash="",
                created_at=now,
                updated_at=now,
                source_key=uuid.uuid4().hex,
            )
        )
        # It has no execution: the reconciler would end it as a stray.
        aws.dynamodb().update_item(
            TableName=f"{TABLE_PREFIX}-Rentals",
            Key={"id": {"S": rental.id}},
            UpdateExpression="REMOVE followUp, followUpAt",
        )
        return rental

    def _put(self, table: str, items: list[dict[str, Any]]) -> None:
        batches = [items[start : start + _BATCH] for start in range(0, len(items), _BATCH)]
        with ThreadPoolExecutor(4) as pool:
            for _ in pool.map(lambda batch: self._put_batch(table, batch), batches):
                pass

    @staticmethod
    def _put_batch(table: str, batch: list[dict[str, Any]]) -> None:
        requests = [{"PutRequest": {"Item": to_attributes(item)}} for item in batch]
        aws.dynamodb().batch_write_item(RequestItems={f"{TABLE_PREFIX}-{table}": requests})  # type: ignore[dict-item]

    def count(self, model: Any, parsed: dict[str, Any], **_: Any) -> None:
        """Called after every answer, a refusal included."""
        self.calls.count[model.name] += 1
        if model.name in ("Query", "Scan"):
            self.calls.scanned.append(parsed.get("ScannedCount", 0))


def _customer() -> dict[str, str]:
    """Somebody new."""
    return {
        "name": "Ana Cruz",
        "email": f"{uuid.uuid4().hex}@example.com",
        "phone": "+63 917 000 0000",
        "address": "1 Rizal Street",
        "city": "Makati",
        "postal_code": "1200",
    }


def order(collectible_id: str) -> dict[str, Any]:
    """The body of a checkout by somebody new."""
    return {
        "collectible_id": collectible_id,
        "store_id": "store-a",
        "duration": 3,
        "payment_method": "gcash",
        "customer": _customer(),
    }


@contextmanager
def shop_of(stack: LocalStack) -> Iterator[Shop]:
    """The functions' settings, as the template would set them."""
    os.environ |= {
        **stack.settings.client_environment,
        "MAX_OPEN_RENTALS": "3",
        "LONGEST_HOLD_SECONDS": "3600",
        **{f"{table.upper()}_TABLE": f"{TABLE_PREFIX}-{table}" for table in _TABLES},
    }
    # The engine sorts 100,000 units for every query, which takes longer than functions wait.
    aws._CONFIG = aws._CONFIG.merge(Config(read_timeout=120))
    aws.dynamodb.cache_clear()
    shop = Shop()
    aws.dynamodb().meta.events.register("after-call.dynamodb", shop.count)
    yield shop
    aws.dynamodb().meta.events.unregister("after-call.dynamodb", shop.count)
