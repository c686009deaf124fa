"""Rentals per second from checkout to payment URL, and how much of the time is ours.

Beside a bare state machine on the same engine in the same run: as many Lambda functions as a
checkout goes through, one after the other, that do nothing, in the same runtime.
"""

import json
import statistics
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tools.bench.report import Section
from tools.bench.shop import Shop
from tools.local.package import zip_functions_of
from tools.local.stack import LocalStack

CUSTOMERS = (1, 4, 16)
ROUNDS = 5
# PostCheckout, ReserveUnit, PriceRental, CreatePaymentSession.
LAMBDAS = 4
_NOTHING = "def handler(event, context):\n    return {}\n"
_PAUSE_SECONDS = 0.02
_PATIENCE_SECONDS = 60


def measure(stack: LocalStack, shop: Shop) -> Section:
    """By turns: customers at once through the site, and executions at once of the bare machine."""
    section = Section(
        "throughput",
        ["customers at once", "rentals/s", "latency", "bare machines/s", "bare latency", "ratio"],
    )
    collectible_id = shop.add_units({"wh-001": 500})
    bare = _BareMachine(stack)
    with httpx.Client(
        base_url=stack.settings.site_url, timeout=60, limits=httpx.Limits(max_connections=None)
    ) as site:
        customer = lambda: _checkout(site, collectible_id)  # noqa: E731
        for customers in (*CUSTOMERS, max(CUSTOMERS)):  # an execution environment for everybody
            _at_once(customers, lambda: _warm(site, collectible_id))
            _at_once(customers, bare.run)
        for customers in CUSTOMERS:
            ours: list[float] = []
            theirs: list[float] = []
            rates: list[tuple[float, float]] = []
            for _ in range(ROUNDS):
                started = time.perf_counter()
                ours += _at_once(customers, customer)
                between = time.perf_counter()
                theirs += _at_once(customers, bare.run)
                ended = time.perf_counter()
                rates.append((customers / (between - started), customers / (ended - between)))
            mine, other = statistics.median(ours), statistics.median(theirs)
            section.add(
                customers,
                statistics.median(rate for rate, _ in rates),
                f"{mine * 1000:.0f} ms",
                statistics.median(rate for _, rate in rates),
                f"{other * 1000:.0f} ms",
                mine / other,
            )
            section.goal(f"latency beside the bare machine, {customers} at once", mine / other, 1.3)
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
    """Functions that do nothing, one state for each."""

    def __init__(self, stack: LocalStack) -> None:
        self._machines = stack.client("stepfunctions")
        functions = stack.client("lambda")
        code = zip_functions_of({"nothing.py": _NOTHING})
        arns = []
        for number in range(LAMBDAS):
            role = _role(stack, f"bench-nothing-{number}", "lambda.amazonaws.com", [])
            arns.append(
                functions.create_function(
                    FunctionName=f"bench-nothing-{number}",
                    Runtime="provided.al2023",
                    Handler="nothing.handler",
                    Role=role,
                    Timeout=30,
                    MemorySize=512,
                    Code={"ZipFile": code},
                    Environment={"Variables": {"_HANDLER": "nothing.handler"}},
                )["FunctionArn"]
            )
        states = {
            f"Nothing{number}": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Arguments": {"FunctionName": arn, "Payload": "{% $states.input %}"},
                "Output": "{% $states.result.Payload %}",
                **({"Next": f"Nothing{number + 1}"} if number + 1 < LAMBDAS else {"End": True}),
            }
            for number, arn in enumerate(arns)
        }
        self._arn = self._machines.create_state_machine(
            name="bench-nothing",
            definition=json.dumps(
                {"QueryLanguage": "JSONata", "StartAt": "Nothing0", "States": states}
            ),
            roleArn=_role(stack, "bench-machine", "states.amazonaws.com", arns),
        )["stateMachineArn"]

    def run(self) -> float:
        """Seconds from StartExecution to its end."""
        started = time.perf_counter()
        arn = self._machines.start_execution(stateMachineArn=self._arn, input="{}")["executionArn"]
        while True:
            status = self._machines.describe_execution(executionArn=arn)["status"]
            if status == "SUCCEEDED":
                return time.perf_counter() - started
            if status != "RUNNING" or time.perf_counter() - started > _PATIENCE_SECONDS:
                raise RuntimeError(f"the bare machine is {status}")
            time.sleep(_PAUSE_SECONDS)


def _role(stack: LocalStack, name: str, service: str, functions: list[str]) -> str:
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
    if functions:
        allowed = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": functions}
        iam.put_role_policy(
            RoleName=name,
            PolicyName="invoke",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
        )
    return arn
