"""Closing a connection without an answer."""

import asyncio
from contextlib import suppress

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol


class DroppableProtocol(H11Protocol):
    """uvicorn's HTTP protocol that shows the application the connection it came in on."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}

    def shutdown(self) -> None:
        super().shutdown()
        if self.cycle is not None and not self.cycle.response_complete:
            # Only calls that were told to wait are under way; stopping does not wait for them.
            self.transport.abort()


async def wait_for_disconnect(request: Request, timeout_seconds: float) -> None:
    """Returns when the client has gone, at the latest after the timeout."""
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_seconds):
            while (await request.receive())["type"] != "http.disconnect":
                pass


async def drop_connection(request: Request) -> Response:
    """Closes the client's connection; the response it returns is never sent.

    Without a server (tests in the same process), raises what a client over the network would.
    """
    transport: asyncio.Transport | None = getattr(request.state, "transport", None)
    if transport is None:
        raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
    transport.abort()
    await wait_for_disconnect(request, timeout_seconds=1.0)
    return Response()


def interruptible(app: ASGIApp) -> ASGIApp:
    """The same application, whose waiting calls end without a traceback when the server stops."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(asyncio.CancelledError):
            await app(scope, receive, send)

    return wrapped
