"""A Lambda runtime for Python functions: the loop of the documented Lambda Runtime API.

MiniStack's own Python workers report every exception as `Runtime.HandlerError`, so a state machine
could not catch `NoUnitAvailable`, and they throw the process away after each. As a custom runtime
this reports errors as AWS's Python runtime does (awslambdaric, which has wheels for Linux only).
Standard library only: it runs in the function's process and must not change what it imports.
"""

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

_API = "/2018-06-01/runtime"

Handler = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Context:
    """The context object, as far as functions and Powertools use it."""

    aws_request_id: str
    invoked_function_arn: str
    deadline_ms: int
    function_name: str
    memory_limit_in_mb: int
    function_version: str = "$LATEST"
    log_group_name: str = ""
    log_stream_name: str = ""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is timed out."""
        return max(0, self.deadline_ms - int(time.time() * 1000))


def main() -> None:
    """Import the handler named by `_HANDLER`, then serve invocations until the engine goes away."""
    api = os.environ["AWS_LAMBDA_RUNTIME_API"]
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    try:
        handler = _load(os.environ["_HANDLER"])
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the function's init error
        _post(api, f"{_API}/init/error", _describe(error))
        sys.exit(1)
    while True:
        try:
            connection = HTTPConnection(api)
            connection.request("GET", f"{_API}/invocation/next")
            response = connection.getresponse()
            body = response.read()
            connection.close()
        except (OSError, HTTPException):
            return  # the engine is gone
        if response.status != 200:
            return
        request_id = response.headers["Lambda-Runtime-Aws-Request-Id"]
        os.environ["_X_AMZN_TRACE_ID"] = response.headers.get("Lambda-Runtime-Trace-Id", "")
        context = Context(
            aws_request_id=request_id,
            invoked_function_arn=response.headers["Lambda-Runtime-Invoked-Function-Arn"],
            deadline_ms=int(response.headers["Lambda-Runtime-Deadline-Ms"]),
            function_name=os.environ["AWS_LAMBDA_FUNCTION_NAME"],
            memory_limit_in_mb=int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]),
        )
        outcome, answer = _invoke(handler, json.loads(body), context)
        sys.stdout.flush()
        _post(api, f"{_API}/invocation/{request_id}/{outcome}", answer)


def _load(path: str) -> Handler:
    module, _, name = path.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module.replace("/", ".")), name)
    return handler


def _invoke(handler: Handler, event: object, context: Context) -> tuple[str, bytes]:
    try:
        return "response", json.dumps(handler(event, context)).encode()
    except Exception as error:  # noqa: BLE001 - every error is the invocation's answer
        traceback.print_exc()
        return "error", _describe(error)


def _describe(error: Exception) -> bytes:
    return json.dumps(
        {
            "errorMessage": str(error),
            "errorType": type(error).__name__,
            "stackTrace": traceback.format_tb(error.__traceback__),
        }
    ).encode()


def _post(api: str, path: str, body: bytes) -> None:
    connection = HTTPConnection(api)
    connection.request("POST", path, body)
    connection.getresponse().read()
    connection.close()


if __name__ == "__main__":
    main()
