"""What a cold start imports, measured against importing boto3 in the same process and moment.

A ratio of processor times, because the machine's speed is not the project's doing: boto3 is what
every function pays anyway.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.template.sources import ROOT, resources
from tests.unit.test_architecture import CALL_PAYMONGO, READ_OUTSIDE_DATA

# boto3 first, alone; then each handler in a fork of that, so that none gains from another one.
MEASURE = """
import importlib, json, os, sys, time
started = time.process_time()
import boto3.session, botocore.client
boto3.session.Session()
of_boto3 = time.process_time() - started
for name in sys.argv[1:]:
    if os.fork():
        _, status = os.wait()
        assert status == 0, name
    else:
        started = time.process_time()
        importlib.import_module(name)
        print(json.dumps([name, (time.process_time() - started) / of_boto3]), flush=True)
        os._exit(0)
"""


@pytest.fixture(scope="module")
def added_cost() -> dict[str, float]:
    """Cost of importing each handler after boto3, in units of importing boto3."""
    functions = resources("AWS::Serverless::Function").values()
    handlers = sorted(each["Handler"].removesuffix(".handler") for each in functions)
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, *handlers],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "functions")},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return dict(map(json.loads, measured.stdout.splitlines()))


def test_a_handler_pays_for_what_it_needs_and_no_more(
    added_cost: dict[str, float], record_property: Callable[[str, object], None]
) -> None:
    for name, ratio in added_cost.items():
        record_property(name, round(ratio, 2))
    plain = set(added_cost) - READ_OUTSIDE_DATA - CALL_PAYMONGO

    # Measured: about 0.15 for a plain handler, 0.5 with httpx, 0.7 with pydantic.
    dearest_plain = max(added_cost[name] for name in plain)
    assert dearest_plain < min(added_cost[name] for name in READ_OUTSIDE_DATA | CALL_PAYMONGO)
    assert dearest_plain < 0.5
    assert max(added_cost.values()) < 1.5
