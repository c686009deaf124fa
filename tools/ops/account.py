"""PayMongo as its account holder sees it: what operators need beyond what rentals call.

Amounts are integer centavos. Facts and their sources: docs/paymongo.md.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from paymongo.client import PayMongo
from rentals.errors import PaymentProviderRejected, PaymentProviderUnavailable
from rentals.models import settled_outside
from tools.ops.errors import CommandError
from tools.ops.promise import LedgerPayment
from tools.ops.target import Target

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """A webhook endpoint; `secret_key` is known when it is made, and perhaps never again."""

    id: str
    url: str
    events: tuple[str, ...]
    status: str
    secret_key: str | None = field(default=None, repr=False)

    @property
    def is_enabled(self) -> bool:
        """Whether PayMongo delivers to it."""
        return self.status == "enabled"


class Account(PayMongo):
    """A PayMongo account. Raises what PayMongo's client raises."""

    def webhooks(self) -> list[WebhookEndpoint]:
        """Every webhook endpoint of the key's mode."""
        return [_endpoint(each) for each in self._list("list webhooks", "/v1/webhooks")]

    def webhook(self, webhook_id: str) -> WebhookEndpoint:
        """One webhook endpoint."""
        return _endpoint(self._call("retrieve webhook", "GET", f"/v1/webhooks/{webhook_id}"))

    def create_webhook(self, url: str, events: Sequence[str]) -> WebhookEndpoint:
        """A new endpoint, with its secret."""
        attributes = {"url": url, "events": list(events)}
        return self._post_webhook("create webhook", "POST", "/v1/webhooks", attributes)

    def update_webhook(self, webhook_id: str, events: Sequence[str]) -> WebhookEndpoint:
        """Change which events an endpoint is sent."""
        path = f"/v1/webhooks/{webhook_id}"
        return self._post_webhook("update webhook", "PUT", path, {"events": list(events)})

    def enable_webhook(self, webhook_id: str) -> WebhookEndpoint:
        """Have PayMongo deliver again."""
        path = f"/v1/webhooks/{webhook_id}/enable"
        return _endpoint(self._call("enable webhook", "POST", path))

    def disable_webhook(self, webhook_id: str) -> WebhookEndpoint:
        """Have PayMongo deliver no more."""
        path = f"/v1/webhooks/{webhook_id}/disable"
        return _endpoint(self._call("disable webhook", "POST", path))

    def session(self, checkout_session_id: str) -> Json:
        """The whole checkout session as PayMongo shows it."""
        path = f"/v1/checkout_sessions/{checkout_session_id}"
        session: Json = self._call("retrieve checkout session", "GET", path)
        return session

    def payment(self, payment_id: str) -> Json:
        """The whole payment as PayMongo shows it, with its refunds."""
        payment: Json = self._call("retrieve payment", "GET", f"/v1/payments/{payment_id}")
        return payment

    def payment_methods(self) -> list[str]:
        """PayMongo's names of what the account can be paid with; in test mode perhaps fewer."""
        what = "list payment methods"
        try:
            answer = self._http.get("/v1/merchants/capabilities/payment_methods")
            if answer.status_code >= 400:
                raise PaymentProviderRejected(what, answer.status_code, ())
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise PaymentProviderUnavailable(f"{what}: {type(error).__name__}") from None
        # It is said to come without an envelope (docs/paymongo.md).
        names: list[str] = found["data"] if isinstance(found, dict) else found
        return names

    def payments_of(self, rental: Mapping[str, Any]) -> list[Json]:
        """Every payment attempt that a row of the Rentals table leads to, each once."""
        found: dict[str, Json] = {}
        if session_id := rental.get("checkoutSessionId"):
            attributes = self.session(session_id)["attributes"]
            found = {each["id"]: each for each in attributes.get("payments") or ()}
        known = {
            rental.get("paymentId"),
            *rental.get("surplusPaymentIds", ()),
            *settled_outside(rental.get("acknowledgements", ())),
        } - {None}
        found |= {each: self.payment(each) for each in sorted(known - found.keys())}
        return list(found.values())

    def _post_webhook(
        self, operation: str, method: str, path: str, attributes: Json
    ) -> WebhookEndpoint:
        return _endpoint(self._call(operation, method, path, attributes=attributes))


def ledger_of(rental_id: str, payments: Sequence[Mapping[str, Any]]) -> Iterator[LedgerPayment]:
    """Payments as the audit wants them; refunds under way count as given back."""
    for payment in payments:
        attributes = payment["attributes"]
        yield LedgerPayment(
            id=payment["id"],
            rental_id=rental_id,
            amount=attributes["amount"],
            currency=attributes["currency"],
            is_paid=attributes["status"] == "paid",
            refunded=sum(
                refund["attributes"]["amount"]
                for refund in attributes.get("refunds") or ()
                if refund["attributes"]["status"] != "failed"
            ),
        )


class Keys:
    """PayMongo's keys where the functions read them: one secret of Secrets Manager."""

    def __init__(self, secretsmanager: Any, secret_name: str) -> None:
        self._client = secretsmanager
        self.name = secret_name

    def read(self) -> dict[str, str]:
        """`secretKey`, `publicKey`, `webhookSecret`. Raises CommandError when there are none."""
        how = (
            "store them as a file: aws secretsmanager create-secret --name"
            f" {self.name} --secret-string file://paymongo.json, with"
            ' {"secretKey": "sk_...", "publicKey": "pk_..."}'
        )
        try:
            value = self._client.get_secret_value(SecretId=self.name)["SecretString"]
        except self._client.exceptions.ResourceNotFoundException:
            raise CommandError(f"there is no secret {self.name}", how) from None
        try:
            keys: dict[str, str] = dict(json.loads(value))
        except (ValueError, TypeError):
            keys = {}
        if not str(keys.get("secretKey", "")).startswith(("sk_test_", "sk_live_")):
            raise CommandError(f"the secret {self.name} holds no PayMongo secretKey (sk_...)", how)
        return keys

    def store_webhook_secret(self, webhook_secret: str) -> None:
        """Write the secret that verifies webhooks, leaving the keys as they are."""
        value = json.dumps(self.read() | {"webhookSecret": webhook_secret})
        self._client.put_secret_value(SecretId=self.name, SecretString=value)


def keys_of(target: Target) -> Keys:
    """The keys of a deployed stack."""
    return Keys(target.client("secretsmanager"), target.stack.parameters["PayMongoSecretName"])


def account_of(target: Target) -> Account:
    """The PayMongo account that a deployed stack charges to. Raises CommandError."""
    stack = target.stack
    return Account(
        stack.parameters["PayMongoApiUrl"],
        keys_of(target).read()["secretKey"],
        timeout=float(stack.parameters.get("PayMongoTimeoutSeconds", 10)),
    )


def _endpoint(resource: Any) -> WebhookEndpoint:
    try:
        attributes = resource["attributes"]
        return WebhookEndpoint(
            id=resource["id"],
            url=attributes["url"],
            events=tuple(attributes.get("events") or ()),
            status=attributes["status"],
            secret_key=attributes.get("secret_key"),
        )
    except (KeyError, TypeError):
        raise PaymentProviderUnavailable("unreadable webhook") from None
