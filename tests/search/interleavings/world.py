"""What the functions run against: moto's tables and secrets, the PayMongo sandbox, a virtual clock,
all in this process. Made once; emptied between examples.
"""

import importlib
import json
import random
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import httpx
import pytest
from moto import mock_aws

from infra import aws, secret_values, telemetry
from infra.dynamo import from_attributes, to_attributes
from infra.settings import setting
from paymongo.client import PayMongo
from tests.search.interleavings.fast_moto import FastDynamoDB
from tests.search.interleavings.invocations import Fault, Killed, call_aws, current
from tests.search.interleavings.stepfunctions import (
    ACCOUNT,
    FULFILLMENT,
    REGION,
    RENTAL,
    SETTLEMENT,
    StepFunctions,
    machine_arn,
)
from tests.support.paymongo_app import SECRET_KEY, SandboxApp
from tests.support.samples import IDENTITY_SECRET
from tests.support.sources import template, value_of
from tests.support.tables import create_tables
from tools.importing.seed import new_unit
from tools.ops.domain import forget

Json = dict[str, Any]

PREFIX = "MongoCollectibles"
COLLECTIBLE = "col-001"
UNITS = {"unit-near": "wh-near", "unit-far": "wh-far"}
WAREHOUSES: dict[str, dict[str, int]] = {
    "wh-near": {"store-a": 10, "store-b": 80},
    "wh-far": {"store-a": 120},
}
DEPOSIT_AND_VALUE = {"deposit": 2_000, "replacementValue": 8_000}
_SANDBOX_FAULTS = {
    Fault.THROTTLED: "rate_limited_429",
    Fault.CONFLICT: "rate_limited_429",
    Fault.SERVER_ERROR: "error_500",
    Fault.LOST_BEFORE: "drop_before",
    Fault.LOST_AFTER: "lose_answer",
}
# What PayMongo may refuse without anything being wrong with us.
_MAY_BE_REFUSED = ("POST /v1/checkout_sessions", "/expire")


class Clock:
    """Time goes on when the simulation says so."""

    START = datetime(2026, 1, 31, 10, tzinfo=UTC)

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return self.START + timedelta(seconds=self.seconds)

    def time(self) -> float:
        return self.seconds


class _PollingClock(threading.local):
    """What a function that polls sees: its own pauses, and nothing else's."""

    slept = 0.0

    def monotonic(self) -> float:
        return self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


class _FaultyTransport(httpx.BaseTransport):
    """The functions' way to the sandbox; the current invocation's plan says what goes wrong."""

    def __init__(self, sandbox: SandboxApp) -> None:
        self._sandbox = sandbox

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        invocation = current()
        call = f"{request.method} {request.url.path}"
        fault = invocation.next_fault(f"PayMongo {call}") if invocation else None
        if fault is Fault.KILLED_BEFORE:
            raise Killed
        if fault is Fault.REFUSED and call.endswith(_MAY_BE_REFUSED):
            self._sandbox.fault_next_call("error_400")
        elif fault in _SANDBOX_FAULTS:
            self._sandbox.fault_next_call(_SANDBOX_FAULTS[fault])
        answer = self._sandbox.transport.handle_request(request)
        if fault is Fault.KILLED_AFTER:
            raise Killed
        return answer


class _InTurn:
    """A pool that does one thing after the other, in the invocation that asks for them."""

    def __init__(self, _workers: int) -> None: ...

    def __enter__(self) -> "_InTurn":
        return self

    def __exit__(self, *_: object) -> None: ...

    @staticmethod
    def map(work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        return [work(each) for each in items]


class World:
    """Everything but the functions."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.clock = Clock()
        self.random = random.Random(0)
        self.sandbox = SandboxApp()
        self.steps = StepFunctions(self.clock, self._update_item)
        self._set_environment(patch)
        forget()
        create_tables(boto3.client("dynamodb"))
        self._dynamodb = FastDynamoDB(ACCOUNT, REGION, patch)
        self._known: dict[str, list[Json]] = {}
        self._known_at = 0
        self._patch_modules(patch)
        secrets = boto3.client("secretsmanager")
        keys = {"secretKey": SECRET_KEY, "webhookSecret": self.sandbox.secret}
        secrets.create_secret(Name=setting("PAYMONGO_SECRET_ID"), SecretString=json.dumps(keys))
        secrets.create_secret(Name=setting("URL_SIGNING_SECRET_ID"), SecretString="signing-key")
        secrets.create_secret(
            Name=setting("IDENTITY_SECRET_ID"), SecretString=IDENTITY_SECRET.decode()
        )
        secrets.create_secret(Name=setting("ACCESS_SECRET_ID"), SecretString="access-key")

    def _set_environment(self, patch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        arns = {
            "RENTAL_STATE_MACHINE_ARN": machine_arn(RENTAL),
            "SETTLEMENT_STATE_MACHINE_ARN": machine_arn(SETTLEMENT),
            "FULFILLMENT_STATE_MACHINE_ARN": machine_arn(FULFILLMENT),
        }
        for holder in (template()["Globals"]["Function"], *self._functions()):
            variables = holder.get("Environment", {}).get("Variables", {})
            for name, value in variables.items():
                patch.setenv(name, arns[name] if name in arns else value_of(value))

    @staticmethod
    def _functions() -> Iterator[Json]:
        for resource in template()["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                yield resource["Properties"]

    def _patch_modules(self, patch: pytest.MonkeyPatch) -> None:
        def client(service: str, **_: object) -> Any:
            if service == "stepfunctions":
                return _Forward(lambda: self.steps)
            made = boto3.client(service)  # type: ignore[call-overload]
            is_fast = service == "dynamodb"
            make_call = self._dynamodb.call if is_fast else made._make_api_call

            def through_gate(operation: str, parameters: Json) -> Any:
                return call_aws(
                    service,
                    operation,
                    lambda: make_call(operation, parameters),
                    is_index="IndexName" in parameters,
                )

            made._make_api_call = through_gate
            return made

        polling = _PollingClock()
        paymongo = PayMongo(
            "http://paymongo",
            SECRET_KEY,
            transport=_FaultyTransport(self.sandbox),
        )
        for target, value in {
            "infra.aws.boto3": SimpleNamespace(client=client),
            "infra.clock.now": self.clock.now,
            "rentals.checkout.time": polling,
            "infra.dynamo.time": polling,
            "infra.due_index.ThreadPoolExecutor": _InTurn,
            "paymongo.client._client": lambda *_: paymongo,
            "rentals.allocation.secrets": SimpleNamespace(token_hex=self._token_hex),
            "rentals.allocation._random": self.random,
            "infra.dynamo._random": self.random,
            "tools.paymongo_sandbox.resources.secrets": self.random,
        }.items():
            patch.setattr(target, value)
        # Logs and metrics are not what is tested, and cost more than the rest.
        telemetry.logger.setLevel("CRITICAL")
        for name in ("add_metric", "add_dimension", "flush_metrics"):
            patch.setattr(telemetry.metrics, name, lambda *_, **__: None)
            patch.setattr(telemetry.metrics.provider, name, lambda *_, **__: None)

    def _token_hex(self, size: int) -> str:
        return self.random.randbytes(size).hex()

    def reset(self, seed: str) -> None:
        """Empty but for one collectible with two units in two warehouses, and two stores."""
        self.random.seed(seed)
        self.clock.seconds = 0.0
        self.forget_secrets()
        self.steps = StepFunctions(self.clock, self._update_item)
        self.sandbox.reset()
        for table in self._dynamodb.tables.values():
            table.items.clear()
        self._known.clear()
        collectible = {"id": COLLECTIBLE, "name": "Tin Robot No. 7", "size": "Small"}
        terms = self.random.choice(({}, {"deposit": 5_000}, DEPOSIT_AND_VALUE))
        self.put("Collectibles", collectible | terms)
        for store_id in ("store-a", "store-b"):
            self.put("Stores", {"id": store_id, "name": store_id})
        for warehouse_id, distances in WAREHOUSES.items():
            self.put("Warehouses", {"id": warehouse_id, "distances": distances})
        for unit_id, warehouse_id in UNITS.items():
            self.put("Units", new_unit(unit_id, COLLECTIBLE, warehouse_id))

    def put(self, table: str, item: Json) -> None:
        aws.dynamodb().put_item(TableName=f"{PREFIX}-{table}", Item=to_attributes(item))

    def remove(self, table: str, item_id: str) -> None:
        """Out of a table whose key is `id`."""
        key = to_attributes({"id": item_id})
        aws.dynamodb().delete_item(TableName=f"{PREFIX}-{table}", Key=key)

    def empty(self, table: str) -> None:
        for row in list(self.rows(table)):
            self.remove(table, row["id"])

    def rows(self, table: str) -> list[Json]:
        """A whole table as it is now: the same rows for as long as nobody writes."""
        if self._known_at != self._dynamodb.writes:
            self._known.clear()
            self._known_at = self._dynamodb.writes
        if table not in self._known:
            stored = self._dynamodb.rows(f"{PREFIX}-{table}")
            self._known[table] = [from_attributes(row) for row in stored]
        return self._known[table]

    def stored(self, table: str, key: Json) -> Json | None:
        """A row as DynamoDB has it, of the table of this full name."""
        return self._dynamodb.row(table, key)

    @property
    def changes(self) -> tuple[int, int]:
        """Another pair when tables or PayMongo may be other than before."""
        return self._dynamodb.writes, self.sandbox.transport.requests

    def forget_secrets(self) -> None:
        """As in a new execution environment."""
        secret_values._cache.clear()

    @staticmethod
    def _update_item(arguments: Json) -> Any:
        return aws.dynamodb().update_item(**arguments)


class _Forward:
    """A client that stays valid when the service behind it is replaced."""

    def __init__(self, service: Callable[[], StepFunctions]) -> None:
        self._service = service

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service(), name)


def handler(name: str) -> Callable[[Json, Any], Any]:
    """`workflow.reserve_unit.handler`, as the template names it."""
    module, _, attribute = name.rpartition(".")
    found: Callable[[Json, Any], Any] = getattr(importlib.import_module(module), attribute)
    return found


@contextmanager
def running_world() -> Iterator[World]:
    """A world, and everything as it was afterwards."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        level = telemetry.logger.log_level
        world = World(patch)
        try:
            yield world
        finally:
            world.sandbox.transport.close()
            telemetry.logger.setLevel(level)
            forget()
