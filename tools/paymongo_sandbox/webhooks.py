"""Events and their delivery to the registered endpoints."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Sequence

import httpx

from tools.paymongo_sandbox.background import Background
from tools.paymongo_sandbox.resources import Attempt, Delivery, Event, Json, Webhook
from tools.paymongo_sandbox.rules import RuleBook, WebhookRule
from tools.paymongo_sandbox.settings import Settings
from tools.paymongo_sandbox.store import Store

EXHAUSTED_EVENTS_UNTIL_DISABLED = 3
_CONNECTIONS = 50


def signature_header(secret_key: str, body: bytes, timestamp: int, *, livemode: bool) -> str:
    """`Paymongo-Signature` for a body; the part of the other mode is present and empty."""
    message = str(timestamp).encode() + b"." + body
    digest = hmac.new(secret_key.encode(), message, hashlib.sha256).hexdigest()
    test, live = ("", digest) if livemode else (digest, "")
    return f"t={timestamp},te={test},li={live}"


class Webhooks:
    """Sends each event to every enabled endpoint of its mode that asked for its type.

    Deliveries run as background tasks. A failed one is retried with delays that double; an
    endpoint whose deliveries of three events in a row used up all retries is disabled.
    """

    def __init__(self, settings: Settings, store: Store, background: Background) -> None:
        self.rules: RuleBook[WebhookRule] = RuleBook()
        self._settings = settings
        self._store = store
        self._background = background
        self._client: httpx.AsyncClient | None = None

    def publish(self, event_type: str, data: Json, *, livemode: bool) -> Event:
        """Records an event and starts its deliveries, without waiting for them."""
        at = self._store.clock.now()
        event = Event(livemode=livemode, type=event_type, body="", created_at=at, updated_at=at)
        webhooks = self._asking_for(event)
        event.body = _event_body(event, data, pending_webhooks=len(webhooks))
        rule = self.rules.take(lambda candidate: candidate.matches(event_type))
        copies = rule.copies if rule is not None and rule.mode == "duplicate" else 1
        deliveries = [
            Delivery(
                livemode=livemode,
                event_id=event.id,
                webhook_id=webhook.id,
                url=webhook.url,
                rule_id=rule.id if rule is not None else None,
            )
            for webhook in webhooks
            for _ in range(copies)
        ]
        event.delivery_ids = [delivery.id for delivery in deliveries]
        for delivery in deliveries:
            if rule is not None and rule.mode == "drop":
                delivery.state = "dropped"
            elif rule is not None and rule.mode in ("hold", "reorder"):
                delivery.state = "held"
        self._store.save(event, *deliveries)
        delay = rule.seconds if rule is not None and rule.mode == "delay" else 0.0
        for delivery in deliveries:
            if delivery.state == "pending":
                self._background.spawn(self._deliver(delivery, delay))
        if rule is not None and rule.mode == "reorder" and rule.is_spent:
            self.release(rule_id=rule.id, newest_first=True)
        return event

    def release(self, *, rule_id: str | None = None, newest_first: bool = False) -> list[Delivery]:
        """Delivers what was held (by one rule, or all), one event after the other."""
        held = [
            delivery
            for delivery in self._store.all(Delivery)
            if delivery.state == "held" and rule_id in (None, delivery.rule_id)
        ]
        if newest_first:
            held.reverse()
        for delivery in held:
            delivery.state = "pending"
        self._store.save(*held)
        self._background.spawn(self._deliver_in_order(held))
        return held

    def resume(self) -> None:
        """Takes up the deliveries that a restart interrupted."""
        for delivery in self._store.all(Delivery):
            if delivery.state == "pending" and not delivery.manual:
                self._background.spawn(self._deliver(delivery))

    async def resend(self, event: Event) -> list[Delivery]:
        """What the dashboard's resend button does: once more, same `evt_` id, no retries.

        Answers after the attempts, one for each endpoint that is enabled and asked for the type.
        """
        deliveries = [
            Delivery(
                livemode=event.livemode,
                event_id=event.id,
                webhook_id=webhook.id,
                url=webhook.url,
                manual=True,
            )
            for webhook in self._asking_for(event)
        ]
        self._register(event, deliveries)
        await asyncio.gather(*(self._attempt(delivery) for delivery in deliveries))
        self._finish_manual(deliveries)
        return deliveries

    async def send_to(
        self, event: Event, url: str, secret_key: str, timestamp: int | None = None
    ) -> Delivery:
        """Hands an event to any URL, signed with any secret and time. Answers afterwards."""
        delivery = Delivery(
            livemode=event.livemode, event_id=event.id, webhook_id=None, url=url, manual=True
        )
        self._register(event, [delivery])
        await self._attempt(delivery, secret_key=secret_key, timestamp=timestamp)
        self._finish_manual([delivery])
        return delivery

    async def close(self) -> None:
        """Closes the connections."""
        if self._client is not None:
            await self._client.aclose()

    def _asking_for(self, event: Event) -> list[Webhook]:
        """The endpoints that are enabled and asked for its type."""
        return [
            webhook
            for webhook in self._store.all(Webhook)
            if webhook.status == "enabled"
            and webhook.livemode == event.livemode
            and event.type in webhook.events
        ]

    def _register(self, event: Event, deliveries: Sequence[Delivery]) -> None:
        event.delivery_ids += [delivery.id for delivery in deliveries]
        self._store.save(event, *deliveries)

    def _finish_manual(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            if delivery.state == "pending":
                delivery.state = "abandoned"
        self._store.save(*deliveries)

    async def _deliver_in_order(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            if self._may_attempt(delivery) and not await self._attempt(delivery):
                self._background.spawn(self._deliver(delivery))

    async def _deliver(self, delivery: Delivery, delay: float = 0.0) -> None:
        """Attempts a delivery until it succeeds or its retries are used up."""
        await asyncio.sleep(delay)
        retries = self._settings.webhook_retries
        while len(delivery.attempts) <= retries:
            if delivery.attempts:
                await asyncio.sleep(self._retry_delay(len(delivery.attempts)))
            if not self._may_attempt(delivery) or await self._attempt(delivery):
                return
        self._count_exhausted(delivery)

    def _retry_delay(self, retry: int) -> float:
        # 2 s doubling twelve times makes PayMongo's 136 minutes: the same curve, scaled.
        shares = 2**self._settings.webhook_retries - 1
        return float(self._settings.webhook_retry_seconds * 2 ** (retry - 1) / shares)

    def _may_attempt(self, delivery: Delivery) -> bool:
        webhook = self._store.find(Webhook, delivery.webhook_id or "")
        if delivery.state == "pending" and webhook is not None and webhook.status == "enabled":
            return True
        if delivery.state == "pending":
            delivery.state = "abandoned"
            self._store.save(delivery)
        return False

    def _count_exhausted(self, delivery: Delivery) -> None:
        delivery.state = "exhausted"
        webhook = self._store.get(Webhook, delivery.webhook_id or "")
        if delivery.event_id not in webhook.exhausted_event_ids:
            webhook.exhausted_event_ids.append(delivery.event_id)
        if len(webhook.exhausted_event_ids) >= EXHAUSTED_EVENTS_UNTIL_DISABLED:
            webhook.status = "disabled"
        self._store.save(delivery, webhook)

    async def _attempt(
        self, delivery: Delivery, *, secret_key: str | None = None, timestamp: int | None = None
    ) -> bool:
        """One try; success is 2xx with a JSON body in time."""
        event = self._store.get(Event, delivery.event_id)
        webhook = self._store.find(Webhook, delivery.webhook_id or "")
        secret = secret_key or (webhook.secret_key if webhook is not None else "")
        body = event.body.encode()
        started = time.time()
        attempt: Attempt = {"at": started, "seconds": 0.0, "status": None, "error": None}
        signed_at = int(started) if timestamp is None else timestamp
        try:
            response = await self._http().post(
                webhook.url if webhook is not None else delivery.url,
                content=body,
                headers={
                    "Content-Type": "application/json",
                    "Paymongo-Signature": signature_header(
                        secret, body, signed_at, livemode=event.livemode
                    ),
                },
            )
            attempt["status"] = response.status_code
            if response.is_success:
                response.json()
            else:
                attempt["error"] = "the status is not 2xx"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            attempt["error"] = f"{type(error).__name__}: {error}"
        except ValueError:
            attempt["error"] = "the body is not JSON"
        attempt["seconds"] = round(time.time() - started, 3)
        delivery.attempts.append(attempt)
        succeeded = attempt["error"] is None
        if succeeded:
            delivery.state = "delivered"
        self._store.save(delivery)
        if succeeded and webhook is not None and webhook.exhausted_event_ids:
            webhook.exhausted_event_ids.clear()
            self._store.save(webhook)
        return succeeded

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                transport=self._settings.webhook_transport,
                timeout=httpx.Timeout(self._settings.webhook_timeout_seconds, pool=None),
                limits=httpx.Limits(max_connections=_CONNECTIONS),
                # A proxy in the environment is not for endpoints on this machine.
                trust_env=False,
                headers={"User-Agent": "PayMongo-Sandbox"},
            )
        return self._client


def _event_body(event: Event, data: Json, *, pending_webhooks: int) -> str:
    return json.dumps(
        {
            "data": {
                "id": event.id,
                "type": "event",
                "attributes": {
                    "type": event.type,
                    "livemode": event.livemode,
                    "data": data,
                    "previous_data": {},
                    "pending_webhooks": pending_webhooks,
                    "created_at": event.created_at,
                    "updated_at": event.updated_at,
                },
            }
        },
        separators=(",", ":"),
        ensure_ascii=False,
    )
