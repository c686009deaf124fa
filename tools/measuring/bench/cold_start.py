"""Cold start: what a fresh process needs to import each handler and to make its clients.

As a ratio to the floor, boto3 with one DynamoDB client, in the same minute: the machine's speed is
nobody's doing. Like Lambda: the package on one path, the runtime's boto3 on another, nothing else.

Two accidents of Python cost as much as a library: whether its collector searches everything once
more (it does after ten smaller collections), and whether the stack is so deep that a loop calls
across the end of a chunk of 16 KB, which is then asked of the system and given back each time. So
each round begins in another state, the same one for all: with more small collections before it, and
deeper.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from tools.building.build import BOTO3, Package, install
from tools.measuring.bench.report import Section
from tools.measuring.cost import model
from tools.sources import ROOT

# Each number of small collections twice, and calls as deep as one chunk of the stack.
ROUNDS = 22
MAX_PACKAGE_MB = 5.0
# Times the floor, by the library that a function loads besides boto3; none loads both.
GOALS = {"": 1.3, "pydantic": 1.6, "httpx": 1.85}
# Times as many floors as it has functions.
MOST_OF_FIRST_CHECKOUT = 1.5
_FLOOR = "import boto3; boto3.client('dynamodb')"
_CLIENTS = {"dynamodb": "dynamodb", "states": "stepfunctions", "secretsmanager": "secretsmanager"}
_MEASURE = """
import gc, sys, time

def measure(calls):
    if calls:
        return measure(calls - 1)
    processor = time.process_time()
    exec({code!r}, {{"sys": sys}})
    print(time.process_time() - processor, *(set(sys.modules) & {{"pydantic", "httpx"}}))

for _ in range({number} % 11):
    gc.collect(1)
measure({number} * 7)
"""


def measure() -> Section:
    """Every function, and the size of what is shipped."""
    section = Section("cold-start", ["function", "clients", "floor", "time", "ratio", "goal"])
    with tempfile.TemporaryDirectory() as folder:
        task, runtime = Path(folder, "task"), Path(folder, "runtime")
        python = Path(sys.executable)
        install(task, python, "--requirements", str(ROOT / "functions" / "requirements.txt"))
        install(runtime, python, BOTO3)
        shutil.copytree(ROOT / "functions", task, dirs_exist_ok=True)
        size = Package(task, python, runtime).zipped_bytes() / 1_000_000
        functions = dict(_functions())
        codes = {name: _code(name, clients) for name, clients in functions.items()}
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{task}{os.pathsep}{runtime}",
            "AWS_DEFAULT_REGION": "ap-southeast-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        times, loaded = _interleaved({"": _FLOOR, **codes}, environment)
    ratios: dict[str, list[float]] = {library: [] for library in GOALS}
    for name, clients in functions.items():
        # Pairs of one round, so that both had the same neighbours.
        ratio = statistics.median(
            mine / floor for mine, floor in zip(times[name], times[""], strict=True)
        )
        goal = GOALS[loaded[name]]
        section.add(
            name,
            ", ".join(clients) or "none",
            f"{statistics.median(times['']) * 1000:.0f} ms",
            f"{statistics.median(times[name]) * 1000:.0f} ms",
            ratio,
            goal,
        )
        section.goal(name, ratio, goal)
        ratios[loaded[name]].append(ratio)
    _add_first_checkout(section, times)
    section.headline = (
        f"{_range(ratios[''])} times boto3 with one client"
        f" ({statistics.median(times['']) * 1000:.0f} ms), {_range(ratios['pydantic'])} with"
        f" pydantic, {_range(ratios['httpx'])} with httpx; the package is {size:.2f} MB zipped"
    )
    section.goal("MB of the package, zipped", size, MAX_PACKAGE_MB)
    return section


def _add_first_checkout(section: Section, times: dict[str, list[float]]) -> None:
    """The functions that it starts one after another, each at its memory's share of a core."""
    names, resources = model.first_checkout_functions(), _resources()
    floor = statistics.median(times[""]) * len(names)
    waits = sum(
        statistics.median(times[_module_of(resources[name])])
        * model.slow_down(model.memory_mb(name))
        for name in names
    )
    section.add(
        f"first checkout of a day: {len(names)} in a row",
        "their own",
        f"{floor * 1000:.0f} ms",
        f"{waits * 1000:.0f} ms",
        waits / floor,
        MOST_OF_FIRST_CHECKOUT,
    )
    section.goal("first checkout of a day", waits / floor, MOST_OF_FIRST_CHECKOUT)


def _range(ratios: list[float]) -> str:
    return f"{min(ratios):.2f} to {max(ratios):.2f}"


def _interleaved(
    codes: dict[str, str], environment: dict[str, str]
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Processor seconds of each code in fresh processes, by turns, after one run to warm up; and
    which of the costly libraries it loads.
    """
    times: dict[str, list[float]] = {name: [] for name in codes}
    loaded: dict[str, str] = {}
    for number in range(ROUNDS + 1):
        for name, code in codes.items():
            done = subprocess.run(
                # -S: not this project's environment, only what the path says.
                [sys.executable, "-S", "-s", "-c", _MEASURE.format(code=code, number=number)],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            seconds, *libraries = done.stdout.split()
            loaded[name] = "+".join(libraries)
            if number:
                times[name].append(float(seconds))
    return times, loaded


def _functions() -> Iterator[tuple[str, list[str]]]:
    """Handler modules with the clients that their policies let them use."""
    for resource in _resources().values():
        if resource["Type"] == "AWS::Serverless::Function":
            properties = resource["Properties"]
            used = {action.partition(":")[0] for action in _actions(properties)}
            clients = [client for prefix, client in _CLIENTS.items() if prefix in used]
            yield _module_of(resource), clients


def _resources() -> dict[str, Any]:
    resources: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]
    return resources


def _module_of(function: dict[str, Any]) -> str:
    handler: str = function["Properties"]["Handler"]
    return handler.removesuffix(".handler")


def _actions(properties: dict[str, Any]) -> Iterator[str]:
    for policy in properties.get("Policies", []):
        for statement in policy.get("Statement", []) if isinstance(policy, dict) else []:
            action = statement["Action"]
            yield from [action] if isinstance(action, str) else action


def _code(handler: str, clients: list[str]) -> str:
    lines = [f"import {handler}"]
    if clients:
        lines.append("from infra import aws")
    lines += [f"aws.{client}()" for client in clients]
    lines.append("made = sys.modules.get('paymongo.client')")
    lines.append("made and made.PayMongo('https://api.paymongo.example', 'sk_test')")
    return "\n".join(lines)
