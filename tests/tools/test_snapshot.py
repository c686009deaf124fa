"""Execution environments forked from one process are as separate as if each had been started."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tools.local import bootstrap
from tools.sources import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")

_FOLDER = Path(bootstrap.__file__).parent
_HANDLER = """
import os, sys, random
import boto3

def handler(event, context):
    print("said", event)
    return {
        "pid": os.getpid(), "folder": os.getcwd(), "name": open("/proc/self/comm").read().strip(),
        "variables": dict(os.environ), "path": sys.path, "random": random.random(),
        "region": boto3.client("dynamodb").meta.region_name,
    }
"""


@pytest.fixture(autouse=True)
def no_network() -> None:
    """The Runtime API is an address of this machine."""


class _Engine(ThreadingHTTPServer):
    """The Runtime API of one environment."""

    def __init__(self) -> None:
        self.events: queue.Queue[Any] = queue.Queue()
        self.answers: queue.Queue[Any] = queue.Queue()
        engine = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None: ...

            def do_GET(self) -> None:
                body = json.dumps(engine.events.get()).encode()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "request-1")
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:::f")
                self.send_header("Lambda-Runtime-Deadline-Ms", "99999999999999")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                engine.answers.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

        super().__init__(("127.0.0.1", 0), Handler)
        self.daemon_threads = True
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def ask(self, event: Any) -> Any:
        """What the function answers."""
        self.events.put(event)
        return self.answers.get(timeout=30)


class _Environment:
    """An execution environment as the engine starts it, with an engine of its own."""

    def __init__(self, folder: Path, snapshot: str | None, name: str) -> None:
        self.engine = _Engine()
        self.process = subprocess.Popen(
            [sys.executable, "-E", "-s", bootstrap.__file__],
            cwd=folder,
            env={
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.engine.server_address[1]}",
                "LAMBDA_TASK_ROOT": str(folder),
                "_HANDLER": "snapshot_handler.handler",
                "AWS_LAMBDA_FUNCTION_NAME": name,
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
                "AWS_SDK_UA_APP_ID": name,
                "AWS_DEFAULT_REGION": "ap-southeast-1",
                **({bootstrap.SNAPSHOT_ADDRESS: snapshot} if snapshot else {}),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def end(self) -> bytes:
        """Kill what the engine started, and wait until nobody can write: what was written."""
        self.process.kill()
        output, _ = self.process.communicate(timeout=30)
        self.engine.shutdown()
        self.engine.server_close()
        return output


Start = Callable[[str], _Environment]


@pytest.fixture
def start(snapshot: str | None, tmp_path: Path) -> Iterator[Start]:
    """Start a function's environment."""
    environments = []

    def start(name: str) -> _Environment:
        environments.append(_Environment(tmp_path, snapshot, name))
        return environments[-1]

    yield start
    for each in environments:
        if each.process.stdout and not each.process.stdout.closed:
            each.end()


@pytest.fixture(params=["forked", "started"])
def snapshot(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str | None]:
    """The address of a snapshot, or none."""
    (tmp_path / "snapshot_handler.py").write_text(_HANDLER)
    if request.param == "started":
        yield None
        return
    address = tmp_path / "fork"
    command = [sys.executable, "-E", "-s", str(_FOLDER / "snapshot.py"), str(address)]
    with subprocess.Popen(command, env={"SOMETHING": "of its own"}, start_new_session=True) as it:
        while not address.exists():
            assert it.poll() is None
            time.sleep(0.01)
        yield str(address)
        os.killpg(it.pid, signal.SIGKILL)


def test_an_environment_has_its_own_variables_folder_and_output(
    start: Start, snapshot: str | None, tmp_path: Path
) -> None:
    environments = [start(name) for name in ("ReserveUnit", "PriceRentalFunction")]
    first, second = [each.engine.ask("hello") for each in environments]

    assert first["variables"]["AWS_SDK_UA_APP_ID"] == "ReserveUnit"
    assert second["variables"]["AWS_SDK_UA_APP_ID"] == "PriceRentalFunction"
    assert "SOMETHING" not in first["variables"]
    assert first["folder"] == str(tmp_path)
    assert first["region"] == "ap-southeast-1"
    assert first["random"] != second["random"]
    assert not {str(ROOT), str(ROOT / "functions")} & set(first["path"])
    if snapshot:
        assert (first["name"], second["name"]) == ("ReserveUnit", "PriceRentalFunc")
    assert [each.end() for each in environments] == [b"said hello\n"] * 2


def test_an_environment_serves_one_invocation_after_another(start: Start) -> None:
    environment = start("ReserveUnit")

    assert len({environment.engine.ask("hello")["pid"] for _ in range(3)}) == 1


def test_an_environment_ends_with_the_process_that_the_engine_knows(start: Start) -> None:
    environment = start("ReserveUnit")
    pid = environment.engine.ask("hello")["pid"]

    environment.end()

    assert _ends(pid)


def test_the_process_that_the_engine_knows_ends_with_the_environment(start: Start) -> None:
    environment = start("ReserveUnit")

    os.kill(environment.engine.ask("hello")["pid"], signal.SIGKILL)

    environment.process.wait(10)


def _ends(pid: int) -> bool:
    """Whether it is gone, or soon: the system takes a moment to take it away."""
    deadline = time.monotonic() + 10
    while (is_there := Path(f"/proc/{pid}").exists()) and time.monotonic() < deadline:
        time.sleep(0.005)
    return not is_there
