"""What a cold start loads. The time it takes is measured by `make bench`; what is loaded is held
here, because that is where the time goes and it is the same on every machine.
"""

import json
import os
import subprocess
import sys
from typing import NamedTuple

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
    "api.post_desk_money",
    "api.post_desk_session",
    "api.post_desk_sign_out",
    "api.post_find_rental",
    "api.post_paymongo_webhook",
    "api.post_quote",
    "api.post_waiting_list",
}
CALL_PAYMONGO = {
    "api.get_payment_failed",
    "api.get_payment_success",
    "api.post_cancel",
    "api.post_charge_payment",
    "api.post_extension",
    "upkeep.balance_money",
    "upkeep.reconcile",
    "workflow.close_payment_session",
    "workflow.confirm_rental",
    "workflow.create_payment_session",
    "workflow.refund_payment",
}
ONLY_IN = {
    "pydantic": READ_OUTSIDE_DATA,
    "httpx": CALL_PAYMONGO,
    "paymongo.resources": CALL_PAYMONGO | {"api.post_paymongo_webhook"},
}
# Libraries' modules beyond what boto3 with a DynamoDB client loads, by the library that a handler
# loads. Ours are a tenth of their time, and `make bench` measures it.
MOST_MODULES = {"": 46, "pydantic": 100, "httpx": 160}
OURS = {path.parent.name for path in (ROOT / "functions").glob("*/__init__.py")}

# boto3 first, so that what it needs is not counted; without it, because nobody may rely on it. Each
# handler is imported in a fork, so that none sees what another one loaded.
IMPORT_EACH_ALONE = """
import gc, importlib, json, os, sys
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
        modules = sorted(sys.modules)
        assert callable(module.handler), name
        importlib.import_module("infra.aws").dynamodb()
        print(json.dumps([name, modules, gc.get_stats()[2]["collections"]]), flush=True)
        os._exit(0)
"""


class Loaded(NamedTuple):
    """Modules that boto3 loads; by handler, those that it loads, and how often Python searched
    everything for garbage until it had its client.
    """

    floor: set[str]
    modules: dict[str, set[str]]
    full_collections: dict[str, int]


def handlers() -> list[str]:
    functions = resources("AWS::Serverless::Function").values()
    return sorted(each["Handler"].removesuffix(".handler") for each in functions)


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    """Each handler in a process of its own: only the package is on the path, and no settings are
    there.
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
    return Loaded(
        set(floor),
        {name: set(modules) for name, modules, _ in each},
        {name: collections for name, _, collections in each},
    )


def test_every_handler_can_be_imported_without_settings(loaded: Loaded) -> None:
    assert sorted(loaded.modules) == handlers()


def test_no_handler_loads_what_has_been_taken_out(loaded: Loaded) -> None:
    for name, modules in loaded.modules.items():
        packages = {module.partition(".")[0] for module in modules - loaded.floor}
        assert not NEVER & packages, name


@pytest.mark.parametrize("module", ONLY_IN)
def test_a_costly_library_is_loaded_only_where_it_is_needed(loaded: Loaded, module: str) -> None:
    loading = {name for name, modules in loaded.modules.items() if module in modules}
    assert loading == ONLY_IN[module]


def test_a_handler_loads_few_modules_beyond_the_aws_client(
    loaded: Loaded,
) -> None:
    for name, modules in loaded.modules.items():
        beyond = sum(each.partition(".")[0] not in OURS for each in modules - loaded.floor)
        (library,) = MOST_MODULES.keys() & modules or [""]

        assert beyond <= MOST_MODULES[library], (name, beyond)


def test_no_cold_start_searches_everything_for_garbage(loaded: Loaded) -> None:
    assert {name: found for name, found in loaded.full_collections.items() if found} == {}
