"""Driving the system from outside, as customers, PayMongo and operators do."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx

from rentals.dynamo import from_attributes
from tools.audit import LedgerPayment, Violation, violations
from tools.local.stack import TABLE_PREFIX, LocalStack
from tools.seed import new_unit

Json = dict[str, Any]
Found = TypeVar("Found")

# Generous: CI has two cores, and every function starts cold once.
PATIENCE_SECONDS = 60.0


def eventually(
    look: Callable[[], Found | None], what: str, seconds: float = PATIENCE_SECONDS
) -> Found:
    """The first truthy answer of `look`; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"still waiting for: {what}"
        time.sleep(0.1)


class Shop:
    """One test's collectible, customers and views of the system."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.hold_seconds = stack.settings.hold_seconds
        self.site = httpx.Client(base_url=stack.settings.site_url, timeout=60)
        self.sandbox = httpx.Client(base_url=stack.settings.paymongo_url, timeout=60)
        self.stepfunctions = stack.client("stepfunctions")
        self.dynamodb = stack.dynamodb()

    # --- stock ---

    def add_collectible(self, units: dict[str, int] | int = 1, size: str = "Small") -> str:
        """A collectible of the test's own, with units by warehouse (or that many in wh-001)."""
        collectible_id = f"col-{uuid.uuid4().hex[:12]}"
        self.table("Collectibles").put_item(
            Item={"id": collectible_id, "name": "Test Piece", "description": "", "size": size}
        )
        stock = {"wh-001": units} if isinstance(units, int) else units
        with self.table("Units").batch_writer() as batch:
            for warehouse_id, how_many in stock.items():
                for number in range(how_many):
                    batch.put_item(
                        Item=new_unit(
                            f"{collectible_id}-{warehouse_id}-{number:03}",
                            collectible_id,
                            warehouse_id,
                        )
                    )
        return collectible_id

    def table(self, name: str) -> Any:
        """A table as boto3's resource."""
        return self.dynamodb.Table(f"{TABLE_PREFIX}-{name}")

    def units_of(self, collectible_id: str) -> list[Json]:
        """The rows of a collectible's units."""
        return [row for row in self.rows("Units") if row["collectibleId"] == collectible_id]

    def available(self, collectible_id: str) -> int:
        """How many units are on the shelf."""
        return sum(unit["isAvailable"] == "true" for unit in self.units_of(collectible_id))

    def rows(self, name: str) -> list[Json]:
        """Every row of a table."""
        pages = (
            self.stack.client("dynamodb")
            .get_paginator("scan")
            .paginate(TableName=f"{TABLE_PREFIX}-{name}", ConsistentRead=True)
        )
        return [from_attributes(item) for page in pages for item in page["Items"]]

    def rental_row(self, rental_id: str) -> Json:
        """The rental as it is stored."""
        row: Json = self.table("Rentals").get_item(Key={"id": rental_id}, ConsistentRead=True)[
            "Item"
        ]
        return row

    # --- the customer ---

    def body(self, collectible_id: str, **changes: Any) -> Json:
        """A valid checkout body for a customer nobody has seen before."""
        body: Json = {
            "collectible_id": collectible_id,
            "store_id": "store-a",
            "duration": 3,
            "payment_method": "gcash",
            "customer": {
                "name": "Ana Cruz",
                "email": f"{uuid.uuid4().hex}@example.com",
                "phone": "+63 917 000 0000",
                "address": "1 Rizal Street",
                "city": "Makati",
                "postal_code": "1200",
            },
        }
        return body | changes

    def post_checkout(self, body: Json, key: str | None = None, **headers: str) -> httpx.Response:
        """POST a checkout as the site does."""
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.site.post("/api/rentals/checkout", json=body, headers=headers)

    def checkout(self, collectible_id: str, **changes: Any) -> Json:
        """Check out and wait for the payment URL: the rental as the API shows it."""
        answer = self.post_checkout(self.body(collectible_id, **changes))
        assert answer.status_code in (200, 202), answer.text
        rental: Json = answer.json()["data"]
        return eventually(
            lambda: view if (view := self.rental(rental["rental_id"]))["payment_url"] else None,
            "a payment URL",
        )

    def rental(self, rental_id: str) -> Json:
        """The rental as the API shows it."""
        answer = self.site.get(f"/api/rentals/{rental_id}")
        assert answer.status_code == 200, answer.text
        data: Json = answer.json()["data"]
        return data

    def on_hosted_page(self, rental: Json, outcome: str) -> httpx.Response:
        """Play the customer on PayMongo's page: paid, failed or cancelled. Redirects are not
        followed.
        """
        return httpx.post(rental["payment_url"], data={"outcome": outcome}, timeout=60)

    def wait_for_status(self, rental_id: str, *statuses: str) -> Json:
        """The rental once it has one of these statuses."""
        return eventually(
            lambda: view if (view := self.rental(rental_id))["status"] in statuses else None,
            f"status {' or '.join(statuses)}",
        )

    # --- the operator ---

    def execution_arn(self, rental_id: str) -> str:
        """The rental's execution."""
        state_machine = self.stack.outputs["RentalStateMachineArn"]
        return f"{state_machine.replace(':stateMachine:', ':execution:')}:{rental_id}"

    def execution(self, rental_id: str) -> Json:
        """DescribeExecution of the rental's execution."""
        described: Json = self.stepfunctions.describe_execution(
            executionArn=self.execution_arn(rental_id)
        )
        return described

    def history(self, rental_id: str) -> list[Json]:
        """The events of the rental's execution."""
        pages = self.stepfunctions.get_paginator("get_execution_history").paginate(
            executionArn=self.execution_arn(rental_id)
        )
        return [event for page in pages for event in page["events"]]

    def states_of(self, rental_id: str) -> list[str]:
        """The states that the rental's execution entered, in order."""
        return [
            event["stateEnteredEventDetails"]["name"]
            for event in self.history(rental_id)
            if "stateEnteredEventDetails" in event
        ]

    def wait_for_execution(self, rental_id: str) -> Json:
        """The rental's execution once it is over."""
        return eventually(
            lambda: it if (it := self.execution(rental_id))["status"] != "RUNNING" else None,
            "the execution to end",
        )

    @contextmanager
    def hold_of(self, seconds: int) -> Iterator[None]:
        """Executions started inside wait only this long for a payment."""
        arn = self.stack.outputs["RentalStateMachineArn"]
        before = self.stepfunctions.describe_state_machine(stateMachineArn=arn)["definition"]
        definition = json.loads(before)
        definition["States"]["AwaitPayment"]["TimeoutSeconds"] = seconds
        values = definition["States"]["AwaitPayment"]["Arguments"]["ExpressionAttributeValues"]
        values[":holdExpiresAt"]["S"] = values[":holdExpiresAt"]["S"].replace(
            f"{self.hold_seconds} * 1000", f"{seconds} * 1000"
        )
        self.stepfunctions.update_state_machine(
            stateMachineArn=arn, definition=json.dumps(definition)
        )
        try:
            yield
        finally:
            self.stepfunctions.update_state_machine(stateMachineArn=arn, definition=before)

    # --- PayMongo ---

    def ledger(self) -> list[LedgerPayment]:
        """Every payment that PayMongo knows."""
        ledger: Json = self.sandbox.get("/_sandbox/ledger").raise_for_status().json()
        return [
            LedgerPayment(
                id=payment["id"],
                rental_id=rental_id,
                amount=payment["amount"],
                currency=payment["currency"],
                is_paid=payment["status"] == "paid",
                refunded=payment["refunded_amount"],
            )
            for rental_id, entries in ledger["rentals"].items()
            for payment in entries["payments"]
        ]

    def reset_faults(self) -> None:
        """PayMongo behaves again, and delivers what was held back."""
        for rules in ("faults", "webhook_rules", "refund_rules"):
            self.sandbox.delete(f"/_sandbox/{rules}").raise_for_status()
        self.sandbox.post("/_sandbox/webhooks/release").raise_for_status()

    # --- the promise ---

    def wait_until_quiet(self) -> None:
        """Until nothing runs but executions that wait for a customer."""
        eventually(self._is_quiet, "everything to be quiet")

    def _is_quiet(self) -> bool:
        waiting = {row["id"] for row in self.rows("Rentals") if row.get("taskToken")}
        for output, may_wait in (
            ("RentalStateMachineArn", waiting),
            ("SettlementStateMachineArn", set[str]()),
        ):
            pages = self.stepfunctions.get_paginator("list_executions").paginate(
                stateMachineArn=self.stack.outputs[output], statusFilter="RUNNING"
            )
            if {each["name"] for page in pages for each in page["executions"]} - may_wait:
                return False
        return True

    def violations(self) -> list[Violation]:
        """Every violation of the promise, over the whole system."""
        return violations(
            self.rows("Rentals"),
            self.rows("Units"),
            self.rows("Customers"),
            self.ledger(),
            hold_seconds=self.hold_seconds,
        )

