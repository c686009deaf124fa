"""An HTTP proxy on loopback that lets tests see, and answer, what functions send."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from tests.support.recording.processes import Caller

_TIMEOUT_SECONDS = 60
# The engine and the sandbox close connections that are idle for five seconds.
_REUSE_WITHIN_SECONDS = 1.0
# Made anew on each hop.
_OF_THE_HOP = {"content-length", "transfer-encoding", "connection", "date", "server"}


@dataclass(frozen=True, slots=True)
class Request:
    """A request on its way through a proxy."""

    method: str
    path: str
    headers: Message
    body: bytes
    caller: Caller


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller gets."""

    status: int
    content: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)


class Proxy(ABC):
    """Sits before a server on this machine; `handle` says what becomes of each request."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server = _Server(("127.0.0.1", 0), self._handler_class())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @abstractmethod
    def handle(self, request: Request, forward: Callable[[], Answer]) -> Answer | None:
        """Answer a request; `forward` asks the server. None hangs up without an answer."""

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # An answer in one segment, at once: otherwise each waits for a delayed ACK.
            wbufsize = -1
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                self._connection: HTTPConnection | None = None
                self._used_at = 0.0
                self._caller = Caller(self.client_address[1], proxy._server.server_port)

            def finish(self) -> None:
                super().finish()
                if self._connection is not None:
                    self._connection.close()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Quiet."""

            def do_GET(self) -> None:
                self._carry()

            def do_POST(self) -> None:
                self._carry()

            def _carry(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = Request(self.command, self.path, self.headers, body, self._caller)
                answer = proxy.handle(request, lambda: self._forward(body))
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers:
                    if name.lower() not in _OF_THE_HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def _forward(self, body: bytes) -> Answer:
                connection = self._upstream()
                # The host is signed, so it goes on as it came.
                headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
                connection.request(self.command, self.path, body, headers)
                response = connection.getresponse()
                content = response.read()
                self._used_at = time.monotonic()
                return Answer(response.status, content, response.getheaders())

            def _upstream(self) -> HTTPConnection:
                is_fresh = time.monotonic() - self._used_at < _REUSE_WITHIN_SECONDS
                if self._connection is None or not is_fresh:
                    if self._connection is not None:
                        self._connection.close()
                    self._connection = HTTPConnection(
                        "127.0.0.1", proxy._port, timeout=_TIMEOUT_SECONDS
                    )
                return self._connection

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Functions are killed while they wait for an answer."""
