"""Rentals per second from checkout to payment URL, and how much of the time is ours.

Beside two bare state machines on the same engine in the same run: as many Lambda functions as a
checkout goes through, one after the other, in the same runtime. Those of one do nothing; those of
the other make as many AWS calls as ours: what a checkout takes beyond it is our own work.
"""

import itertools
import json
import statistics
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tools.local.package import zip_functions_of
from tools.local.stack import LocalStack
from tools.measuring.bench.report import Section
from tools.measuring.bench.shop import Shop
from tools.measuring.cost import model

CUSTOMERS = (1, 4, 16)
# Times the latency of a bare machine.
MOST = 1.3
ROUNDS = 5
# As in a shop, customers want different things: the engine sorts a collectible's whole stock for
# every query, which DynamoDB does not (docs/performance.md, Inventory).
COLLECTIBLES = 20
UNITS_OF_EACH = 25
WARM_UPS = 4
_NOTHING = "def handler(event, context):\n    return {}\n"
# Every other call writes; a client that is kept, as ours are.
_ONLY_CALLS = """
import os
import uuid

import botocore.session

client = botocore.session.get_session().create_client("dynamodb")
table = os.environ["TABLE"]


def handler(event, context):
    key = {"id": {"S": str(uuid.uuid4())}}
    for number in range(int(os.environ["CALLS"])):
        if number % 2:
            client.put_item(TableName=table, Item=key)
        else:
            client.get_item(TableName=table, Key=key, ConsistentRead=True)
    return {}
"""
_PAUSE_SECONDS = 0.02
_PATIENCE_SECONDS = 60


def _calls() -> list[int]:
    """Calls of each function between checkout and payment URL, PayMongo's and one look for the URL
    included (tools/measuring/cost/counts.json).
    """
    paid = model.counts()["paid"]
    states = paid["state_machine"]["states"]
    functions = ["PostCheckout", *states[: states.index("AwaitPayment")]]
    calls = [sum(paid["functions"][f"{name}Function"]["calls"].values()) for name in functions]
    return [calls[0] + 1, *calls[1:]]


def measure(stack: LocalStack, shop: Shop) -> Section:
    """By turns: customers at once through the site, and executions at once of the bare machines."""
    section = Section(
        "throughput",
        [
            "customers at once",
            "rentals/s",
            "latency",
            "bare machine",
            "ratio",
            "bare, as many calls",
            "ratio",
        ],
    )
    collectible_ids = [shop.add_units({"wh-001": UNITS_OF_EACH}) for _ in range(COLLECTIBLES)]
    wanted = itertools.cycle(collectible_ids)
    bare = _BareMachine(stack, "nothing", _NOTHING)
    calling = _BareMachine(stack, "only-calls", _ONLY_CALLS)
    with httpx.Client(
        base_url=stack.settings.site_url, timeout=60, limits=httpx.Limits(max_connections=None)
    ) as site:
        turns = (lambda: _checkout(site, next(wanted)), bare.run, calling.run)
        # An execution environment for everybody.
        for customers in (*CUSTOMERS, *[max(CUSTOMERS)] * WARM_UPS):
            _at_once(customers, lambda: _warm(site, next(wanted)))
            for run in turns[1:]:
                _at_once(customers, run)
        for customers in CUSTOMERS:
            seconds: list[list[float]] = [[] for _ in turns]
            rates = []
            for _ in range(ROUNDS):
                started = time.perf_counter()
                for number, action in enumerate(turns):
                    seconds[number] += _at_once(customers, action)
                    if number == 0:
                        rates.append(customers / (time.perf_counter() - started))
            ours, nothing, only_calls = (statistics.median(each) for each in seconds)
            section.add(
                customers,
                statistics.median(rates),
                f"{ours * 1000:.0f} ms",
                f"{nothing * 1000:.0f} ms",
                ours / nothing,
                f"{only_calls * 1000:.0f} ms",
                ours / only_calls,
            )
            section.goal(
                f"latency beside the bare machine, {customers} at once", ours / nothing, MOST
            )
            section.goal(
                f"latency beside a bare machine that makes as many calls, {customers} at once",
                ours / only_calls,
                MOST,
            )
            if customers == 1:
                section.headline = (
                    f"checkout to payment URL {ours * 1000:.0f} ms with one customer; a state"
                    f" machine that only makes as many AWS calls {only_calls * 1000:.0f} ms"
                )
    for collectible_id in collectible_ids:
        shop.remove(collectible_id)
    return section


def _at_once(how_many: int, action: Callable[[], float]) -> list[float]:
    with ThreadPoolExecutor(how_many) as pool:
        return [each.result() for each in [pool.submit(action) for _ in range(how_many)]]


def _checkout(site: httpx.Client, collectible_id: str) -> float:
    """Seconds from the request to the payment URL."""
    body = {
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
    started = time.perf_counter()
    data = site.post("/api/rentals/checkout", json=body).raise_for_status().json()["data"]
    while not data["payment_url"]:
        time.sleep(_PAUSE_SECONDS)
        data = site.get(f"/api/rentals/{data['rental_id']}").raise_for_status().json()["data"]
        if time.perf_counter() - started > _PATIENCE_SECONDS:
            raise TimeoutError("no payment URL")
    return time.perf_counter() - started


def _warm(site: httpx.Client, collectible_id: str) -> float:
    """Whatever comes of it: many that start at once may take longer than the API waits."""
    try:
        return _checkout(site, collectible_id)
    except httpx.HTTPStatusError:
        return 0.0


class _BareMachine:
    """Functions of the same code, one state for each."""

    def __init__(self, stack: LocalStack, name: str, code: str) -> None:
        self._machines = stack.client("stepfunctions")
        functions = stack.client("lambda")
        package = zip_functions_of({"bare.py": code})
        table = f"bench-{name}"
        stack.client("dynamodb").create_table(
            TableName=table,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        role = _role(
            stack,
            f"bench-{name}-function",
            "lambda.amazonaws.com",
            ["dynamodb:GetItem", "dynamodb:PutItem"],
            ["*"],
        )
        arns = []
        for number, calls in enumerate(_calls()):
            arns.append(
                functions.create_function(
                    FunctionName=f"bench-{name}-{number}",
                    Runtime="provided.al2023",
                    Handler="bare.handler",
                    Role=role,
                    Timeout=30,
                    MemorySize=512,
                    Code={"ZipFile": package},
                    Environment={
                        "Variables": {
                            "_HANDLER": "bare.handler",
                            "TABLE": table,
                            "CALLS": str(calls),
                            "AWS_ENDPOINT_URL": stack.settings.aws_url,
                        }
                    },
                )["FunctionArn"]
            )
        states = {
            f"Bare{number}": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Arguments": {"FunctionName": arn, "Payload": "{% $states.input %}"},
                "Output": "{% $states.result.Payload %}",
                **({"Next": f"Bare{number + 1}"} if number + 1 < len(arns) else {"End": True}),
            }
            for number, arn in enumerate(arns)
        }
        self._arn = self._machines.create_state_machine(
            name=f"bench-{name}",
            definition=json.dumps(
                {"QueryLanguage": "JSONata", "StartAt": "Bare0", "States": states}
            ),
            roleArn=_role(
                stack,
                f"bench-{name}-machine",
                "states.amazonaws.com",
                ["lambda:InvokeFunction"],
                arns,
            ),
        )["stateMachineArn"]

    def run(self) -> float:
        """Seconds from StartExecution to its end."""
        started = time.perf_counter()
        arn = self._machines.start_execution(stateMachineArn=self._arn, input="{}")["executionArn"]
        while True:
            execution = self._machines.describe_execution(executionArn=arn)
            if execution["status"] == "SUCCEEDED":
                return time.perf_counter() - started
            if (
                execution["status"] != "RUNNING"
                or time.perf_counter() - started > _PATIENCE_SECONDS
            ):
                raise RuntimeError(f"{execution['status']}: {execution.get('cause')}")
            time.sleep(_PAUSE_SECONDS)


def _role(
    stack: LocalStack, name: str, service: str, actions: list[str], resources: list[str]
) -> str:
    iam: Any = stack.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    arn: str = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": actions, "Resource": resources}
    iam.put_role_policy(
        RoleName=name,
        PolicyName="allowed",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
    )
    return arn
