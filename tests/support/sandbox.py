"""PayMongo, from the outside: telling the sandbox what happens and looking at what did."""

import json
import ssl
import time
from collections.abc import Mapping
from typing import Any

import httpx

from tools.local.stack import PAYMONGO_SECRET_KEY
from tools.ops.promise import LedgerPayment
from tools.paymongo_sandbox.webhooks import signature_header

Json = dict[str, Any]

# The servers close idle connections after five seconds; ours are given up before that.
LIMITS = httpx.Limits(keepalive_expiry=2)
# Every address is plain HTTP: to load certificates would take longer than most calls.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Sandbox:
    """The sandbox's control endpoints; tools/paymongo_sandbox/README.md describes them."""

    def __init__(self, base_url: str) -> None:
        self._api = httpx.Client(
            base_url=base_url,
            auth=(PAYMONGO_SECRET_KEY, ""),
            timeout=60,
            verify=NO_CERTIFICATES,
        )
        self._http = httpx.Client(
            base_url=f"{base_url}/_sandbox", timeout=60, limits=LIMITS, verify=NO_CERTIFICATES
        )
        self.webhook_secret: str = self._get("/webhooks")["webhooks"][0]["attributes"]["secret_key"]

    # --- misbehaviour ---

    def fault(self, kind: str, operation: str, *, times: int | None = 1, **options: Any) -> None:
        """Calls of this operation go wrong, so many times (None: until the faults are reset)."""
        self._post("/faults", kind=kind, operation=operation, times=times, **options)

    def webhooks_are(
        self, mode: str, event_type: str = "*", *, times: int | None = None, **options: Any
    ) -> None:
        """Events from now on are held, dropped, duplicated, ..."""
        self._post("/webhook_rules", mode=mode, event_type=event_type, times=times, **options)

    def next_refund(self, outcome: str) -> None:
        """The next refund will succeed, fail, or be on hold."""
        self._post("/refund_rules", outcome=outcome)

    def release_webhooks(self, order: str = "original") -> None:
        """Deliver what was held, one by one, and wait until it was."""
        self.forget_rules("webhook_rules")
        self._post("/webhooks/release", order=order)
        self.wait_until_idle()

    def forget_rules(self, *kinds: str) -> None:
        """PayMongo behaves again; by default in every way."""
        for kind in kinds or ("faults", "webhook_rules", "refund_rules"):
            self._http.delete(f"/{kind}").raise_for_status()

    # --- what customers and PayMongo do ---

    def settle(self, session_id: str, **options: Any) -> Json:
        """A payment succeeds, even on an expired session; the payment's resource."""
        payment: Json = self._act(session_id, "settle", **options)["payment"]
        return payment

    def try_to_settle(self, session_id: str) -> httpx.Response:
        """A payment succeeds, unless the session is paid already (409)."""
        return self._http.post(f"/checkout_sessions/{session_id}/settle", json={})

    def decline(self, session_id: str, **options: Any) -> str:
        """An attempt fails; the event's id."""
        event_ids: list[str] = self._act(session_id, "decline", **options)["event_ids"]
        return event_ids[0] if event_ids else ""

    def start_payment(self, session_id: str) -> None:
        """A wallet payment is in progress, so the session cannot be expired."""
        self._act(session_id, "start")

    def finish_payment(self, session_id: str, outcome: str = "paid", **options: Any) -> None:
        """The payment in progress ends."""
        self._act(session_id, "finish", outcome=outcome, **options)

    def resend(self, event_id: str) -> list[int | None]:
        """Send an event once more, same id; the status of each answer."""
        deliveries = self._post(f"/events/{event_id}/resend")["deliveries"]
        return [each["attempts"][-1]["status"] for each in deliveries]

    def wait_until_idle(self) -> bool:
        """Wait until no delivery, retry or refund is under way; whether that happened."""
        idle: bool = self._post("/wait")["idle"]
        return idle

    # --- looking ---

    def sessions(self, rental_id: str) -> list[Json]:
        """The checkout sessions of a rental, oldest first."""
        return self._entries(rental_id)["sessions"]

    def payments(self, rental_id: str) -> list[Json]:
        """The payments of a rental, oldest first."""
        return self._entries(rental_id)["payments"]

    def refunds(self, rental_id: str) -> list[Json]:
        """The refunds of a rental's payments."""
        return self._entries(rental_id)["refunds"]

    def ledger(self, rental_id: str | None = None) -> list[LedgerPayment]:
        """Every payment that PayMongo knows, or a rental's."""
        return ledger_payments(self._get("/ledger", rental_id=rental_id)["rentals"])

    def events(self, rental_id: str, event_type: str | None = None) -> list[Json]:
        """The events that mention a rental, oldest first, each with its deliveries."""
        return [
            event
            for event in self._get("/events", type=event_type)["events"]
            if rental_id in event["body"]
        ]

    def answers_since(self, moment: float) -> list[list[int | None]]:
        """For each webhook delivery, the status of every answer; None when there was none."""
        deliveries = [
            [attempt["status"] for attempt in delivery["attempts"] if attempt["at"] >= moment]
            for event in self._get("/events")["events"]
            for delivery in event["deliveries"]
        ]
        return [answers for answers in deliveries if answers]

    def endpoint_status(self) -> str:
        """Whether PayMongo has the webhook endpoint enabled or disabled."""
        status: str = self._get("/webhooks")["webhooks"][0]["attributes"]["status"]
        return status

    def calls(self) -> list[Json]:
        """The API calls so far, oldest first."""
        calls: list[Json] = self._get("/calls")["calls"]
        return calls

    def api(self, path: str) -> Json:
        """A resource as the account's owner can read it."""
        resource: Json = self._api.get(path).raise_for_status().json()["data"]
        return resource

    def refund(self, payment_id: str, amount: int) -> None:
        """The account's owner gives money back on PayMongo's dashboard; `amount` is centavos."""
        attributes = {"payment_id": payment_id, "amount": amount, "reason": "others"}
        self._api.post("/v1/refunds", json={"data": {"attributes": attributes}}).raise_for_status()

    def signature(
        self,
        body: bytes,
        *,
        secret: str | None = None,
        at: float | None = None,
        livemode: bool = False,
    ) -> str:
        """`Paymongo-Signature` for a body; the endpoint's secret and the time now unless given."""
        sent_at = int(time.time() if at is None else at)
        return signature_header(secret or self.webhook_secret, body, sent_at, livemode=livemode)

    def _entries(self, rental_id: str) -> dict[str, list[Json]]:
        nothing: Json = {"sessions": [], "payments": [], "refunds": []}
        found: Json = self._get("/ledger", rental_id=rental_id)["rentals"].get(rental_id, nothing)
        return found

    def _act(self, session_id: str, action: str, **options: Any) -> Json:
        return self._post(f"/checkout_sessions/{session_id}/{action}", **options)

    def _get(self, path: str, /, **query: str | None) -> Json:
        given = {name: value for name, value in query.items() if value is not None}
        answer: Json = self._http.get(path, params=given).raise_for_status().json()
        return answer

    def _post(self, path: str, /, **body: Any) -> Json:
        answer: Json = self._http.post(path, json=body).raise_for_status().json()
        return answer


def ledger_payments(rentals: Mapping[str, Json]) -> list[LedgerPayment]:
    """The sandbox's ledger, as the audit reads PayMongo's."""
    return [
        LedgerPayment(
            id=payment["id"],
            rental_id=rental_id,
            amount=payment["amount"],
            currency=payment["currency"],
            is_paid=payment["status"] == "paid",
            refunded=payment["refunded_amount"],
        )
        for rental_id, entries in rentals.items()
        for payment in entries["payments"]
    ]


def event_body(event_type: str, data: Json, *, event_id: str, livemode: bool = False) -> bytes:
    """An event as PayMongo sends it, made up by the test."""
    attributes = {"type": event_type, "livemode": livemode, "data": data, "previous_data": {}}
    envelope = {"data": {"id": event_id, "type": "event", "attributes": attributes}}
    return json.dumps(envelope, separators=(",", ":")).encode()
