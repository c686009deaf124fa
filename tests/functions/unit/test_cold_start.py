"""What a cold start loads. The time it takes is measured by `make bench`; what is loaded is held
here, because that is where the time goes and it is the same on every machine.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.support.sources import resources
from tools.sources import ROOT

# Not for any function: what costs a cold start more than it gives, and has been taken out.
NEVER = {
    "aws_xray_sdk",  # tracing is Lambda's own
    "asyncio",
    "email_validator",
    "multiprocessing",
    "requests",
}
READ_OUTSIDE_DATA = {
    "api.post_checkout",
    "api.post_desk_action",
    "api.post_desk_session",
    "api.post_desk_sign_out",
    "api.post_paymongo_webhook",
    "api.post_quote",
}
CALL_PAYMONGO = {
    "api.get_payment_failed",
    "api.get_payment_success",
    "api.post_cancel",
    "upkeep.reconcile",
    "workflow.close_payment_session",
    "workflow.create_payment_session",
    "workflow.refund_payment",
}
ONLY_IN = {"pydantic": READ_OUTSIDE_DATA, "httpx": CALL_PAYMONGO}
# Modules beyond what boto3 with a DynamoDB client loads, by the library that a handler loads.
MOST_MODULES = {"": 88, "pydantic": 145, "httpx": 197}

# boto3 first, so that what it needs is not counted; without it, because nobody may rely on it. Each
# handler is imported in a fork, so that none sees what another one loaded.
IMPORT_EACH_ALONE = """
import importlib, json, os, sys
handlers = sys.argv[1:]
if os.fork():
    os.wait()
else:
    import boto3
    boto3.client("dynamodb")
    print(json.dumps(sorted(sys.modules)), flush=True)
    os._exit(0)
for name in handlers:
    if os.fork():
        _, status = os.wait()
        assert status == 0, name
    else:
        module = importlib.import_module(name)
        print(json.dumps([name, sorted(sys.modules), callable(module.handler)]), flush=True)
        os._exit(0)
"""


def handlers() -> list[str]:
    functions = resources("AWS::Serverless::Function").values()
    return sorted(each["Handler"].removesuffix(".handler") for each in functions)


@pytest.fixture(scope="module")
def loaded() -> tuple[set[str], dict[str, set[str]]]:
    """Modules that boto3 loads, and those that each handler loads; only the package is on the path,
    and no settings are there.
    """
    found = subprocess.run(
        [sys.executable, "-c", IMPORT_EACH_ALONE, *handlers()],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "functions"),
            "AWS_DEFAULT_REGION": "ap-southeast-1",
        },
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert found.returncode == 0, found.stderr
    floor, *each = map(json.loads, found.stdout.splitlines())
    assert all(is_callable for _, _, is_callable in each)
    return set(floor), {name: set(modules) for name, modules, _ in each}


def test_every_handler_can_be_imported_without_settings(
    loaded: tuple[set[str], dict[str, set[str]]],
) -> None:
    assert sorted(loaded[1]) == handlers()


def test_no_handler_loads_what_has_been_taken_out(
    loaded: tuple[set[str], dict[str, set[str]]],
) -> None:
    floor, each = loaded
    for name, modules in each.items():
        packages = {module.partition(".")[0] for module in modules - floor}
        assert not NEVER & packages, name


@pytest.mark.parametrize("module", ONLY_IN)
def test_a_costly_library_is_loaded_only_where_it_is_needed(
    loaded: tuple[set[str], dict[str, set[str]]], module: str
) -> None:
    assert {name for name, modules in loaded[1].items() if module in modules} == ONLY_IN[module]


def test_a_handler_loads_few_modules_beyond_the_aws_client(
    loaded: tuple[set[str], dict[str, set[str]]], record_property: Callable[[str, object], None]
) -> None:
    floor, each = loaded
    for name, modules in each.items():
        beyond = len(modules - floor)
        record_property(name, beyond)
        (library,) = MOST_MODULES.keys() & modules or [""]

        assert beyond <= MOST_MODULES[library], name
