"""Proxies between the functions and what they call, which know whose call they carry and can break
it. There are no hooks in `functions/`.

Towards AWS, functions say who they are in the user agent (AWS_SDK_UA_APP_ID, set by
tools/local/package.py), X-Ray's trace header tells invocations apart, and a rental is known from
the first call of an invocation that names it. Towards PayMongo, the caller is the process on the
other end of the connection, and a session's or payment's rental is known from PayMongo's answers.
"""

import json
import os
import re
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from email.message import Message
from enum import StrEnum
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import psutil

_APP = re.compile(r"\bapp/(\w+)")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_PAYMONGO_ID = re.compile(r"\b(?:cs|pi|pay|ref)_\w+")
_TIMEOUT_SECONDS = 60
# Longer than the functions under test wait for PayMongo.
TOO_SLOW_SECONDS = 3
# botocore tries this often (rentals/aws.py): a fault that lasts outlives all of them.
EVERY_TRY = 3


class Fault(StrEnum):
    """What happens to a call."""

    THROTTLED = "throttled"
    SERVER_ERROR = "server error"
    LOST_BEFORE = "lost before"
    LOST_AFTER = "lost after"
    LOST_AFTER_EVERY_TRY = "lost after, every try"
    KILLED_AFTER = "killed after"
    TOO_SLOW = "too slow"


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """A call as the code makes it: the n-th of its kind in one invocation of a function."""

    function: str
    operation: str
    target: str
    ordinal: int

    def __str__(self) -> str:
        nth = f" #{self.ordinal}" if self.ordinal > 1 else ""
        return f"{self.function.removesuffix('Function')}: {self.operation} {self.target}{nth}"


@dataclass(slots=True)
class Arming:
    """A fault that waits for its call."""

    call: Call
    fault: Fault
    rental_id: str | None
    left: int
    hits: int = 0
    invocation: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A request on its way through a proxy."""

    method: str
    path: str
    headers: Message
    body: bytes
    client_port: int


@dataclass(slots=True)
class _Invocation:
    rental_id: str | None = None
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    last: tuple[str, Call] | None = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Functions are killed while they wait for an answer: that is what this is for."""


class FaultProxy(ABC):
    """Forwards everything; records calls; breaks those it is armed for."""

    faults: tuple[Fault, ...]
    throttled: tuple[int, bytes]

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._armed: list[Arming] = []
        self._calls: dict[str | None, list[Call]] = {}
        self._server = _Server(("127.0.0.1", 0), self._handler_class())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def arm(self, call: Call, fault: Fault, rental_id: str | None) -> Arming:
        """Break this call the next time it is made for the rental (for any, when None)."""
        arming = Arming(call, fault, rental_id, self.tries_hit_by(fault))
        with self._lock:
            self._armed.append(arming)
        return arming

    def disarm(self, arming: Arming) -> None:
        """Leave the call alone again."""
        with self._lock:
            self._armed.remove(arming)

    def calls_for(self, rental_id: str) -> list[Call]:
        """Every call made for a rental, in order."""
        with self._lock:
            return list(self._calls.get(rental_id, ()))

    def calls_before_a_rental_was_known(self) -> list[Call]:
        """Calls of invocations that had not named a rental yet, in order."""
        with self._lock:
            return list(self._calls.get(None, ()))

    @abstractmethod
    def tries_hit_by(self, fault: Fault) -> int:
        """How many tries of a call the fault hits."""

    @abstractmethod
    def _identify(self, request: Request) -> tuple[Call, str | None, str]:
        """The call, the rental it is for, and the invocation it belongs to."""

    def _learn(self, rental_id: str | None, answer: bytes) -> None:  # noqa: B027 - may do nothing
        """See what an answer says about whose ids are whose."""

    def _fault_for(self, call: Call, rental_id: str | None, invocation: str) -> Fault | None:
        with self._lock:
            for arming in self._armed:
                if (
                    arming.left > 0
                    and arming.call == call
                    and arming.rental_id in (None, rental_id)
                    and arming.invocation in (None, invocation)
                ):
                    arming.left -= 1
                    arming.hits += 1
                    arming.invocation = invocation
                    return arming.fault
        return None

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Quiet."""

            def do_GET(self) -> None:
                self._carry()

            def do_POST(self) -> None:
                self._carry()

            def _carry(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = Request(
                    self.command, self.path, self.headers, body, self.client_address[1]
                )
                call, rental_id, invocation = proxy._identify(request)
                match proxy._fault_for(call, rental_id, invocation):
                    case Fault.THROTTLED:
                        self._answer(*proxy.throttled)
                    case Fault.SERVER_ERROR:
                        self._answer(500, _error("InternalServerError"))
                    case Fault.LOST_BEFORE:
                        self._hang_up()
                    case Fault.LOST_AFTER | Fault.LOST_AFTER_EVERY_TRY:
                        self._forward(body, rental_id)
                        self._hang_up()
                    case Fault.KILLED_AFTER:
                        self._forward(body, rental_id)
                        _kill_client(self.client_address[1])
                        self._hang_up()
                    case Fault.TOO_SLOW:
                        self._forward(body, rental_id)
                        time.sleep(TOO_SLOW_SECONDS)
                        self._hang_up()
                    case None:
                        response, content = self._forward(body, rental_id)
                        self._answer(response.status, content, response)

            def _forward(self, body: bytes, rental_id: str | None) -> tuple[HTTPResponse, bytes]:
                connection = HTTPConnection("127.0.0.1", proxy._port, timeout=_TIMEOUT_SECONDS)
                # The host is signed, so it goes on as it came.
                headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
                connection.request(self.command, self.path, body, headers)
                response = connection.getresponse()
                content = response.read()
                connection.close()
                proxy._learn(rental_id, content)
                return response, content

            def _answer(
                self, status: int, content: bytes, response: HTTPResponse | None = None
            ) -> None:
                self.send_response(status)
                skipped = {"content-length", "transfer-encoding", "connection", "date", "server"}
                for name, value in response.getheaders() if response else ():
                    if name.lower() not in skipped:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def _hang_up(self) -> None:
                self.close_connection = True

        return Handler


class EngineProxy(FaultProxy):
    """Between the functions and the engine: boto3's calls, which botocore tries three times."""

    faults = (
        Fault.THROTTLED,
        Fault.SERVER_ERROR,
        Fault.LOST_BEFORE,
        Fault.LOST_AFTER,
        Fault.LOST_AFTER_EVERY_TRY,
        Fault.KILLED_AFTER,
    )
    throttled = (400, b'{"__type": "ThrottlingException", "message": "injected"}')

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._invocations: dict[str, _Invocation] = {}

    def tries_hit_by(self, fault: Fault) -> int:
        """All tries, unless the point is that botocore's own next try meets what was committed."""
        return 1 if fault in (Fault.LOST_AFTER, Fault.KILLED_AFTER) else EVERY_TRY

    def _identify(self, request: Request) -> tuple[Call, str | None, str]:
        headers, text = request.headers, request.body.decode(errors="replace")
        app = _APP.search(headers.get("User-Agent", ""))
        operation = headers.get("X-Amz-Target", "?").partition(".")[2]
        trace = headers.get("X-Amzn-Trace-Id", "")
        target = _target_of(text)
        named = _UUID.search(text)
        with self._lock:
            invocation = self._invocations.setdefault(trace, _Invocation())
            if invocation.rental_id is None and named:
                invocation.rental_id = named[0]
            # botocore's tries of one call share this id.
            call_id = headers.get("amz-sdk-invocation-id", "")
            if invocation.last and invocation.last[0] == call_id:
                call = invocation.last[1]
            else:
                invocation.counts[(operation, target)] += 1
                call = Call(
                    app[1] if app else "?",
                    operation,
                    target,
                    invocation.counts[(operation, target)],
                )
                invocation.last = (call_id, call)
                self._calls.setdefault(invocation.rental_id, []).append(call)
            return call, invocation.rental_id, trace


class PayMongoProxy(FaultProxy):
    """Between the functions and the PayMongo sandbox; the functions try each call once."""

    faults = (
        Fault.THROTTLED,
        Fault.SERVER_ERROR,
        Fault.LOST_BEFORE,
        Fault.LOST_AFTER,
        Fault.KILLED_AFTER,
        Fault.TOO_SLOW,
    )
    throttled = (429, b"Too Many Requests")

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._rental_of: dict[str, str] = {}

    def tries_hit_by(self, fault: Fault) -> int:
        """The workflow's own retry must get through."""
        return 1

    def _identify(self, request: Request) -> tuple[Call, str | None, str]:
        text = request.path + request.body.decode(errors="replace")
        named = _UUID.search(text)
        known = [
            self._rental_of[each] for each in _PAYMONGO_ID.findall(text) if each in self._rental_of
        ]
        rental_id = named[0] if named else known[0] if known else None
        path = _PAYMONGO_ID.sub("{id}", request.path)
        call = Call(_function_at(request.client_port), "PayMongo", f"{request.method} {path}", 1)
        with self._lock:
            calls = self._calls.setdefault(rental_id, [])
            if call not in calls:
                calls.append(call)
        return call, rental_id, ""

    def _learn(self, rental_id: str | None, answer: bytes) -> None:
        if rental_id is not None:
            for each in _PAYMONGO_ID.findall(answer.decode(errors="replace")):
                self._rental_of[each] = rental_id


def _target_of(body: str) -> str:
    """The table, index, state machine or secret that a call concerns."""
    try:
        request = json.loads(body)
    except ValueError:
        return ""
    if "TransactItems" in request:
        tables = [each["TableName"] for item in request["TransactItems"] for each in item.values()]
        return "+".join(_short(table) for table in tables)
    if "IndexName" in request:
        return str(request["IndexName"])
    for name in ("TableName", "stateMachineArn", "SecretId"):
        if name in request:
            return _short(str(request[name]))
    return ""


def _short(name: str) -> str:
    """`MongoCollectibles-Rentals` as `Rentals`, a state machine's ARN as its logical name."""
    name = name.rpartition(":")[2]
    parts = name.split("/")[-1].split("-")
    return parts[1] if len(parts) > 1 and parts[0].lower() == "mongocollectibles" else parts[-1]


def _error(code: str) -> bytes:
    return json.dumps({"__type": code, "message": "injected"}).encode()


def _client(port: int) -> psutil.Process | None:
    """The process whose connection comes from this local port."""
    for connection in psutil.net_connections(kind="tcp4"):
        if (
            connection.laddr
            and connection.laddr.port == port
            and connection.pid
            and connection.pid != os.getpid()
        ):
            return psutil.Process(connection.pid)
    return None


def _kill_client(port: int) -> None:
    if process := _client(port):
        process.kill()


def _function_at(port: int) -> str:
    process = _client(port)
    return process.environ().get("AWS_SDK_UA_APP_ID", "?") if process else "?"
