"""The local Lambda runtime reports what AWS's reports (Lambda Runtime API)."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools.local import lambda_runtime

HANDLERS = """
from rentals.errors import NoUnitAvailable

calls = []

def refuse(event, context):
    raise NoUnitAvailable(event["id"])

def answer(event, context):
    calls.append(event)
    return {"calls": len(calls), "name": context.function_name,
            "seconds_left": context.get_remaining_time_in_millis() // 1000}

def unserialisable(event, context):
    return {1, 2}
"""


class Response:
    """What the engine answers."""

    status = 200

    def __init__(self, body: bytes = b"", **headers: str) -> None:
        self._body = body
        self.headers = headers

    def read(self) -> bytes:
        return self._body


class Engine:
    """The engine's side of the Runtime API: hands out events, then is gone."""

    def __init__(self, *events: Any) -> None:
        self.events = list(events)
        self.posts: list[tuple[str, Any]] = []

    def connect(self, host: str) -> "Connection":
        assert host == "engine.example"
        return Connection(self)


class Connection:
    """Stands for http.client.HTTPConnection."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_next = False

    def request(self, method: str, path: str, body: bytes = b"") -> None:
        self.is_next = method == "GET"
        if self.is_next:
            assert path == "/2018-06-01/runtime/invocation/next"
            if not self.engine.events:
                raise ConnectionRefusedError
        else:
            self.engine.posts.append((path, json.loads(body)))

    def getresponse(self) -> Response:
        if not self.is_next:
            return Response()
        return Response(
            json.dumps(self.engine.events.pop(0)).encode(),
            **{
                "Lambda-Runtime-Aws-Request-Id": "request-1",
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:::function:test",
                "Lambda-Runtime-Deadline-Ms": "99999999999999",
            },
        )

    def close(self) -> None:
        return


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., list[tuple[str, Any]]]:
    """Run the runtime with a handler against an engine; what it posted."""
    (tmp_path / "runtime_handlers.py").write_text(HANDLERS)
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "engine.example")
    monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path))
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "test")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(handler: str, *events: Any) -> list[tuple[str, Any]]:
        engine = Engine(*events)
        monkeypatch.setenv("_HANDLER", f"runtime_handlers.{handler}")
        monkeypatch.setattr(lambda_runtime, "HTTPConnection", engine.connect)
        monkeypatch.delitem(sys.modules, "runtime_handlers", raising=False)
        try:
            lambda_runtime.main()
        except SystemExit as end:
            engine.posts.append(("exit", end.code))
        return engine.posts

    return run


def test_an_error_is_reported_by_its_class_name(serve: Any) -> None:
    [(path, body)] = serve("refuse", {"id": "col-001"})

    assert path == "/2018-06-01/runtime/invocation/request-1/error"
    assert body["errorType"] == "NoUnitAvailable"
    assert body["errorMessage"].startswith("every unit of 'col-001' is taken")
    assert any("refuse" in line for line in body["stackTrace"])


def test_one_process_serves_one_invocation_after_another(serve: Any) -> None:
    posts = serve("answer", {"id": "1"}, {"id": "2"})

    assert [path for path, _ in posts] == ["/2018-06-01/runtime/invocation/request-1/response"] * 2
    assert [body["calls"] for _, body in posts] == [1, 2]
    assert posts[0][1]["name"] == "test"
    assert posts[0][1]["seconds_left"] > 0


def test_an_invocation_after_an_error_is_served(serve: Any) -> None:
    assert len(serve("refuse", {"id": "1"}, {"id": "2"})) == 2


def test_an_answer_that_is_no_json_is_an_error_of_the_function(serve: Any) -> None:
    [(path, body)] = serve("unserialisable", {})

    assert path.endswith("/error")
    assert body["errorType"] == "TypeError"


def test_a_handler_that_cannot_be_imported_is_an_init_error(serve: Any) -> None:
    [(path, body), end] = serve("missing", {})

    assert path == "/2018-06-01/runtime/init/error"
    assert body["errorType"] == "AttributeError"
    assert end == ("exit", 1)
