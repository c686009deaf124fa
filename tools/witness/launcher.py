"""localemu with what it lacks: runs in .venv-witness, started by tools/witness/stack.py.

- JSONata is evaluated by its reference implementation (npm's, in a process of its own);
- functions are processes behind a Lambda Runtime API, instead of containers;
- one call at a time reads or writes its DynamoDB, which is not thread-safe;
- its API Gateway takes the name of a header in any case, and no model for another content type's;
- a call that nobody has signed (signing in) is for the region that it runs in;
- StopExecution ends a task that waits for its token, and a closed token is TaskTimedOut;
- an execution that EventBridge starts with a transformed input gets a name;
- waits and retries take SFN_WAIT_SCALE of their time, as MiniStack's;
- MiniStack's addresses for its health and for mails answer as MiniStack's do.
"""

# ruff: noqa: E402 - one thing has to be there before localemu is imported

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from datetime import UTC, datetime
from functools import wraps
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import typing_extensions

# It says that it runs on Python 3.12, and takes this from 3.13's.
vars(warnings).setdefault("deprecated", typing_extensions.deprecated)

from localemu.aws.api.stepfunctions import InvalidToken, TaskTimedOut
from localemu.aws.handlers import auth
from localemu.http import Response
from localemu.runtime.main import main
from localemu.services.apigateway.next_gen.execute_api.handlers.method_request import (
    MethodRequestHandler,
)
from localemu.services.dynamodb.provider import DynamoDBProvider
from localemu.services.edge import ROUTER
from localemu.services.events.target import StatesTargetSender
from localemu.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localemu.services.lambda_.invocation.runtime_executor import (
    RuntimeExecutor,
    get_runtime_executor,
)
from localemu.services.ses.models import SentEmail
from localemu.services.ses.provider import EMAILS
from localemu.services.stepfunctions.asl.component.common.retry import retrier_decl
from localemu.services.stepfunctions.asl.eval.callback.callback import (
    CallbackEndpoint,
    CallbackOutcome,
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
)
from localemu.services.stepfunctions.asl.eval.environment import Environment
from localemu.services.stepfunctions.asl.eval.program_state import ProgramStopped
from localemu.services.stepfunctions.asl.jsonata.jsonata import (
    JSONataException,
    encode_jsonata_variable_declarations,
    eval_jsonata_expression,
)
from localemu.services.stepfunctions.backend.execution_worker import ExecutionWorker
from localemu.services.stepfunctions.provider import StepFunctionsProvider
from localemu.services.stepfunctions.resource_providers import aws_stepfunctions_statemachine

_HERE = Path(__file__).parent
_RUNTIME_API = "/2018-06-01/runtime"
# To functions, as MiniStack hands on all of its own (tools/local/bootstrap.py).
_HANDED_ON = ("PATH", "SNAPSHOT_ADDRESS")


# --- JSONata ---


class Evaluator:
    """JSONata's reference implementation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._node = subprocess.Popen(
            ["node", _HERE / "jsonata.mjs", os.environ["JSONATA_PACKAGE"]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def evaluate(self, expression: str) -> Any:
        """What an expression gives. Raises JSONataException."""
        with self._lock:
            assert self._node.stdin
            assert self._node.stdout
            self._node.stdin.write(json.dumps(expression) + "\n")
            self._node.stdin.flush()
            answer = json.loads(self._node.stdout.readline())
        if "error" in answer:
            raise JSONataException(answer["error"], answer["message"])
        return answer.get("value")


def _declarations(bindings: dict[str, Any]) -> str:
    """As localemu's, with quotation marks in a string escaped."""
    return "".join(f"{name}:={json.dumps(value)};" for name, value in bindings.items())


# --- functions ---


class ProcessExecutor(RuntimeExecutor):
    """One execution environment: a process that runs the package's `bootstrap`."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:  # noqa: A002
        super().__init__(id, function_version)
        self._waiting: queue.Queue[dict[str, str]] = queue.Queue()
        self._answers: dict[str, Future[InvocationResult]] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _runtime_api(self))
        self._server.daemon_threads = True
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - read after stop()

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpack the code."""
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Leave the code: it goes with the engine's temporary folder."""

    def start(self, env_vars: dict[str, str]) -> None:
        """Start the process, which asks for its first invocation once it has initialised."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        code = self.function_version.config.code.get_unzipped_code_location()
        host, port = self._server.server_address[:2]
        self._environment = {
            **{name: os.environ[name] for name in _HANDED_ON if name in os.environ},
            **{name: str(value) for name, value in env_vars.items()},
            "LAMBDA_TASK_ROOT": str(code),
            "AWS_LAMBDA_RUNTIME_API": f"{host!s}:{port}",
        }
        self._start_process()

    def _start_process(self) -> None:
        code = self._environment["LAMBDA_TASK_ROOT"]
        self._process = subprocess.Popen(
            [f"{code}/bootstrap"],
            cwd=code,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def stop(self) -> None:
        """End the process."""
        self._server.shutdown()
        self._server.server_close()
        if self._process:
            self._process.kill()
            self._process.wait()

    def next_invocation(self) -> dict[str, str]:
        """The next one that the process has to do."""
        return self._waiting.get()

    def answered(self, request_id: str, body: bytes, *, is_error: bool) -> None:
        """The process has done one."""
        if answer := self._answers.pop(request_id, None):
            answer.set_result(InvocationResult(request_id, body, is_error, logs=""))

    def invoke(
        self, payload: dict[str, str], function_timeout: int | None = None
    ) -> InvocationResult:
        """Have it done; a process that ends or takes too long is replaced, as on AWS."""
        request_id, seconds = payload["invoke-id"], function_timeout or 900
        answer = self._answers[request_id] = Future()
        payload["deadline-ms"] = str(int((time.time() + seconds) * 1000))
        before = os.fstat(self._log.fileno()).st_size
        self._waiting.put(payload)
        deadline, process = time.monotonic() + seconds, self._process
        assert process
        while time.monotonic() < deadline:
            try:
                result = answer.result(0.2)
            except NotInTime:
                if process.poll() is not None:
                    return self._lost(request_id, "Runtime.ExitError", "Runtime exited")
            else:
                result.logs = self._logged_since(before)
                return result
        process.kill()
        process.wait()
        return self._lost(request_id, "Sandbox.Timedout", f"Task timed out after {seconds} seconds")

    def _logged_since(self, position: int) -> str:
        length = os.fstat(self._log.fileno()).st_size - position
        return os.pread(self._log.fileno(), length, position).decode(errors="replace")

    def _lost(self, request_id: str, kind: str, message: str) -> InvocationResult:
        self._answers.pop(request_id, None)
        self._start_process()
        body = {"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {message}"}
        return InvocationResult(request_id, json.dumps(body).encode(), is_error=True, logs="")

    def get_address(self) -> str:
        """This machine."""
        return "127.0.0.1"

    get_endpoint_from_executor = get_address

    def get_runtime_endpoint(self) -> str:
        """Not asked for by processes: they have the Runtime API."""
        return ""

    def get_logs(self) -> str:
        """What the process has printed."""
        return self._logged_since(0)


def _runtime_api(executor: ProcessExecutor) -> type[BaseHTTPRequestHandler]:
    class RuntimeApi(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

        def do_GET(self) -> None:
            invocation = executor.next_invocation()
            self.send_response(200)
            self.send_header("Lambda-Runtime-Aws-Request-Id", invocation["invoke-id"])
            self.send_header("Lambda-Runtime-Trace-Id", invocation["trace-id"])
            self.send_header(
                "Lambda-Runtime-Invoked-Function-Arn", invocation["invoked-function-arn"]
            )
            self.send_header("Lambda-Runtime-Deadline-Ms", invocation["deadline-ms"])
            self._finish(invocation["payload"].encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            *_, request_id, outcome = self.path.split("/")
            executor.answered(request_id, body, is_error=outcome == "error")
            self.send_response(202)
            self._finish(b"")

        def _finish(self, body: bytes) -> None:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return RuntimeApi


# --- task tokens ---

_closing = threading.Lock()


def _endpoint(store: Any, token: str) -> tuple[CallbackEndpoint | None, bool]:
    """What waits, or waited, for a token, and whether its execution runs."""
    for execution in list(store.executions.values()):
        env = execution.exec_worker.env if execution.exec_worker else None
        if env and (endpoint := env.callback_pool_manager.get(token)):
            return endpoint, env.is_running()
    return None, False


def _answer(self: Any, context: Any, outcome: CallbackOutcome) -> None:
    endpoint, is_running = _endpoint(self.get_store(context), outcome.callback_id)
    if endpoint is None:
        raise InvalidToken(f"Invalid Token: '{outcome.callback_id}'")
    with _closing:
        if not is_running or endpoint._notify_event.is_set():
            raise TaskTimedOut("Task Timed Out: 'Provided task does not exist anymore'")
        endpoint.notify(outcome)


def _send_task_success(self: Any, context: Any, task_token: str, output: str, **_: Any) -> Any:
    _answer(self, context, CallbackOutcomeSuccess(task_token, output))
    return {}


def _send_task_failure(
    self: Any, context: Any, task_token: str, error: str = "", cause: str = "", **_: Any
) -> Any:
    _answer(self, context, CallbackOutcomeFailure(task_token, error, cause))
    return {}


def _stop(self: ExecutionWorker, stop_date: Any, error: str | None, cause: str | None) -> None:
    self.env.set_stop(stop_date=stop_date, cause=cause, error=error)
    for endpoint in list(self.env.callback_pool_manager._pool.values()):
        endpoint.interrupt_all()


def _unless_stopped(set_error: Callable[..., None]) -> Callable[..., None]:
    """The wait that a stop has interrupted is no failure."""

    @wraps(set_error)
    def call(self: Environment, error: Any) -> None:
        if not isinstance(self.program_state(), ProgramStopped):
            set_error(self, error)

    return call


# --- the rest ---


def _start_from_rule(self: StatesTargetSender, event: Any, trace_header: Any) -> None:
    self.service = "stepfunctions"
    name = event.get("id") if isinstance(event, dict) else None
    self.client.start_execution(
        stateMachineArn=self.target["Arn"],
        name=name or str(uuid.uuid4()),
        input=event if isinstance(event, str) else json.dumps(event),
    )


def _one_at_a_time(method: Callable[..., Any]) -> Callable[..., Any]:
    lock = threading.RLock()

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        with lock:
            return method(*args, **kwargs)

    return call


def _in_any_case(missing: Callable[..., list[str]]) -> Callable[..., list[str]]:
    """Names of headers are the same in any case (RFC 9110, 5.1)."""

    @wraps(missing)
    def call(method: Any, request: Any) -> list[str]:
        sent = {name.lower() for name in request["headers"].keys()}  # noqa: SIM118 - of pairs
        return [name for name in missing(method, request) if name.lower() not in sent]

    return call


def _of_its_content_type(is_body_valid: Callable[..., bool]) -> Callable[..., bool]:
    """A body is held to the model of its content type; where there is none, to nothing."""

    @wraps(is_body_valid)
    def call(method: Any, rest_api: Any, request: Any) -> bool:
        models = method.get("requestModels") or {}
        kind = request["headers"].get("Content-Type", "application/json").partition(";")[0]
        known = {kind.strip().lower(), "$default"} & set(models)
        return not known or is_body_valid(method, rest_api, request)

    return call


def _health(_: Any) -> Response:
    return Response("{}", mimetype="application/json")


def _mails(_: Any) -> Response:
    mails = [_as_ministack(each) for each in EMAILS.values()]
    return Response(json.dumps({"messages": {"": mails}}), mimetype="application/json")


def _as_ministack(mail: SentEmail) -> dict[str, Any]:
    at = datetime.fromisoformat(mail["Timestamp"]).replace(tzinfo=UTC).timestamp()
    to, text = mail["Destination"]["ToAddresses"], mail["Body"]["text_part"]
    return {**mail, "MessageId": mail["Id"], "To": to, "BodyText": text, "Timestamp": at}


def _replace(function: Callable[..., Any], by: Callable[..., Any]) -> None:
    """In every module that has imported it."""
    for module in list(sys.modules.values()):
        if getattr(module, function.__name__, None) is function:
            setattr(module, function.__name__, by)


def _substitute_strings() -> None:
    """A parameter of type Number is put into a definition, too."""
    apply = aws_stepfunctions_statemachine._apply_substitutions
    aws_stepfunctions_statemachine._apply_substitutions = lambda definition, values: apply(
        definition, {name: str(value) for name, value in values.items()}
    )


def _scale_waits(scale: float) -> None:
    retrier_decl.time = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * scale))


def run() -> None:
    """Serve until a signal."""
    _replace(eval_jsonata_expression, Evaluator().evaluate)
    _replace(encode_jsonata_variable_declarations, _declarations)
    _replace(get_runtime_executor, lambda: ProcessExecutor)
    StepFunctionsProvider.send_task_success = _send_task_success
    StepFunctionsProvider.send_task_failure = _send_task_failure
    ExecutionWorker.stop = _stop
    Environment.set_error = _unless_stopped(Environment.set_error)
    StatesTargetSender.send_event = _start_from_rule
    # Around the tables themselves: what surrounds them asks for their keys by a call of its own.
    DynamoDBProvider.forward_request = _one_at_a_time(DynamoDBProvider.forward_request)
    MethodRequestHandler._get_missing_required_parameters = staticmethod(
        _in_any_case(MethodRequestHandler._get_missing_required_parameters)
    )
    MethodRequestHandler._is_body_valid = staticmethod(
        _of_its_content_type(MethodRequestHandler._is_body_valid)
    )
    auth.AWS_REGION_US_EAST_1 = os.environ["UNSIGNED_REGION"]
    _substitute_strings()
    _scale_waits(float(os.environ.get("SFN_WAIT_SCALE", "1")))
    ROUTER.add("/_ministack/health", _health)
    ROUTER.add("/_ministack/ses/messages", _mails)
    main()


if __name__ == "__main__":
    run()
