"""The PayMongo sandbox in this process, without a socket."""

import asyncio
from typing import Any

import httpx

from tests.support.sources import PARAMETERS
from tools.ops.webhook import EVENTS
from tools.paymongo_sandbox import Settings, create_app
from tools.paymongo_sandbox.webhooks import signature_header

Json = dict[str, Any]

SECRET_KEY = "sk_test_interleavings"


class SandboxTransport(httpx.BaseTransport):
    """httpx, synchronously, into the sandbox's ASGI application."""

    def __init__(self) -> None:
        self.requests = 0
        self._loop = asyncio.new_event_loop()
        app = create_app(Settings(secret_key=SECRET_KEY))
        self._app = httpx.ASGITransport(app=app)
        self._lifespan = app.router.lifespan_context(app)
        self._loop.run_until_complete(self._lifespan.__aenter__())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """As httpx wants it."""
        self.requests += 1
        return self._loop.run_until_complete(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        response = await self._app.handle_async_request(request)
        return httpx.Response(response.status_code, headers=response.headers,
                              content=await response.aread())  # fmt: skip

    def close(self) -> None:
        """Stop the application."""
        self._loop.run_until_complete(self._lifespan.__aexit__(None, None, None))
        self._loop.close()


class SandboxApp:
    """PayMongo from outside; the simulation delivers its events and settles its refunds."""

    def __init__(self) -> None:
        self.transport = SandboxTransport()
        self._http = httpx.Client(
            base_url="http://paymongo", transport=self.transport, auth=(SECRET_KEY, "")
        )
        webhook = {"url": f"{PARAMETERS['SiteUrl']}/api/webhooks/paymongo", "events": EVENTS}
        self.secret: str = self.post("/v1/webhooks", data={"attributes": webhook})["data"][
            "attributes"
        ]["secret_key"]
        self._seen_events = 0
        self._known: dict[str, Json] = {}
        self._known_at = 0

    def reset(self) -> None:
        """An account without history, whose events and refunds wait to be told."""
        self.post("/_sandbox/reset")
        self.post("/_sandbox/webhook_rules", mode="hold", times=None)
        self.post("/_sandbox/refund_rules", outcome="hold", times=None)
        self._seen_events = 0

    def post(self, path: str, /, **body: Any) -> Json:
        """A POST's answer."""
        answer: Json = self._http.post(path, json=body).raise_for_status().json()
        return answer

    def get(self, path: str) -> Json:
        """A GET's answer: the same one for as long as nobody asks for anything else."""
        if self._known_at != self.transport.requests:
            self._known.clear()
        if path not in self._known:
            self._known[path] = self._http.get(path).raise_for_status().json()
            self._known_at = self.transport.requests
        return self._known[path]

    def fault_next_call(self, kind: str) -> None:
        """The next call goes wrong in this way."""
        self.post("/_sandbox/faults", kind=kind)

    def rentals(self) -> dict[str, Json]:
        """The ledger: sessions, payments and refunds by rental."""
        rentals: dict[str, Json] = self.get("/_sandbox/ledger")["rentals"]
        return rentals

    def new_events(self) -> list[Json]:
        """Events since the last time: id and body."""
        new: list[Json] = self.get(f"/_sandbox/events?after={self._seen_events}")["events"]
        self._seen_events += len(new)
        return new

    def signature(self, body: bytes, at: float) -> str:
        """`Paymongo-Signature` for a body sent at this moment."""
        return signature_header(self.secret, body, int(at), livemode=False)
