"""Rentals per second from checkout to payment URL, and how much of the time is ours.

Beside two bare state machines on the same engine in the same run: as many Lambda functions as a
checkout goes through, one after the other, in the same runtime. Those of one do nothing; those of
the other make as many AWS calls as ours: what a checkout takes beyond it is our own work.
"""

import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from api.requests import ACCESS_KEY_HEADER
from tools.local.package import upload, zip_functions_of
from tools.local.stack import REGION, LocalStack
from tools.measuring.bench.report import Section
from tools.measuring.bench.shop import Shop, order
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
    header = ("customers at once", "rentals/s", "latency", "bare machine", "ratio")
    section = Section("throughput", [*header, "bare, as many calls", "ratio"])
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
            at_once(customers, lambda: _warm(site, next(wanted)))
            for run in turns[1:]:
                at_once(customers, run)
        for customers in CUSTOMERS:
            seconds: list[list[float]] = [[] for _ in turns]
            rates = []
            for _ in range(ROUNDS):
                started = time.perf_counter()
                for number, action in enumerate(turns):
                    seconds[number] += at_once(customers, action)
                    if number == 0:
                        rates.append(customers / (time.perf_counter() - started))
            _add(section, customers, statistics.median(rates), map(statistics.median, seconds))
    for collectible_id in collectible_ids:
        shop.remove(collectible_id)
    return section


def _add(section: Section, customers: int, rate: float, latencies: Iterable[float]) -> None:
    ours, nothing, only_calls = latencies
    shown = [f"{each * 1000:.0f} ms" for each in (ours, nothing, only_calls)]
    section.add(customers, rate, *shown[:2], ours / nothing, shown[2], ours / only_calls)
    for which, seconds in (
        ("the bare machine", nothing),
        ("a bare machine that makes as many calls", only_calls),
    ):
        section.goal(f"latency beside {which}, {customers} at once", ours / seconds, MOST)
    if customers == 1:
        section.headline = (
            f"checkout to payment URL {shown[0]} with one customer; a state machine that only"
            f" makes as many AWS calls {shown[2]}"
        )


def at_once(how_many: int, action: Callable[[], float]) -> list[float]:
    """What so many got who did the same at the same time."""
    with ThreadPoolExecutor(how_many) as pool:
        return [each.result() for each in [pool.submit(action) for _ in range(how_many)]]


def _checkout(site: httpx.Client, collectible_id: str) -> float:
    """Seconds from the request to the payment URL."""
    started = time.perf_counter()
    payable(site, collectible_id)
    return time.perf_counter() - started


def payable(site: httpx.Client, collectible_id: str) -> dict[str, Any]:
    """A new rental with its access key, once it has a payment URL. Raises TimeoutError."""
    started = time.perf_counter()
    data: dict[str, Any] = (
        site.post("/api/rentals/checkout", json=order(collectible_id))
        .raise_for_status()
        .json()["data"]
    )
    path, key = f"/api/rentals/{data['rental_id']}", {ACCESS_KEY_HEADER: data["access_key"]}
    while not data["payment_url"]:
        time.sleep(_PAUSE_SECONDS)
        data |= site.get(path, headers=key).raise_for_status().json()["data"]
        if time.perf_counter() - started > _PATIENCE_SECONDS:
            raise TimeoutError("no payment URL")
    return data


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
        cloudformation = stack.client("cloudformation")
        name = f"bench-{name}"
        s3 = stack.client("s3")
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        place = upload(s3, f"s3://{name}", "functions.zip", zip_functions_of({"bare.py": code}))
        template = _template(place, stack.settings.aws_url)
        cloudformation.create_stack(
            StackName=name,
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1}
        )
        self._arn = cloudformation.describe_stack_resource(
            StackName=name, LogicalResourceId="Machine"
        )["StackResourceDetail"]["PhysicalResourceId"]

    def run(self) -> float:
        """Seconds from StartExecution to its end."""
        started = time.perf_counter()
        arn = self._machines.start_execution(stateMachineArn=self._arn, input="{}")["executionArn"]
        while True:
            execution = self._machines.describe_execution(executionArn=arn)
            if execution["status"] == "SUCCEEDED":
                return time.perf_counter() - started
            waited = time.perf_counter() - started
            if execution["status"] != "RUNNING" or waited > _PATIENCE_SECONDS:
                raise RuntimeError(f"{execution['status']}: {execution.get('cause')}")
            time.sleep(_PAUSE_SECONDS)


def _template(code: str, aws_url: str) -> dict[str, Any]:
    calls_of = {f"Bare{number}": calls for number, calls in enumerate(_calls())}
    names = [*calls_of]
    functions = {
        name: {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "CodeUri": code,
                "Runtime": "provided.al2023",
                "Handler": "bare.handler",
                "Timeout": 30,
                "MemorySize": 512,
                "Environment": {
                    "Variables": {
                        "_HANDLER": "bare.handler",
                        "TABLE": {"Ref": "Table"},
                        "CALLS": str(calls),
                        "AWS_ENDPOINT_URL": aws_url,
                    }
                },
                "Policies": [_allow(["dynamodb:GetItem", "dynamodb:PutItem"], ["Table"])],
            },
        }
        for name, calls in calls_of.items()
    }
    states = {
        name: {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": f"${{{name}}}", "Payload": "{% $states.input %}"},
            "Output": "{% $states.result.Payload %}",
            **({"Next": after} if after else {"End": True}),
        }
        for name, after in zip(names, [*names[1:], None], strict=True)
    }
    machine = {
        "Type": "AWS::Serverless::StateMachine",
        "Properties": {
            "Definition": {"QueryLanguage": "JSONata", "StartAt": names[0], "States": states},
            "DefinitionSubstitutions": {name: {"Fn::GetAtt": [name, "Arn"]} for name in names},
            "Policies": [_allow(["lambda:InvokeFunction"], names)],
        },
    }
    return {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {
            "Table": {"Type": "AWS::Serverless::SimpleTable"},
            **functions,
            "Machine": machine,
        },
    }


def _allow(actions: list[str], of: list[str]) -> dict[str, Any]:
    resources = [{"Fn::GetAtt": [name, "Arn"]} for name in of]
    allowed = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return {"Version": "2012-10-17", "Statement": [allowed]}
