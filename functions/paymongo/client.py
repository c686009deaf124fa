"""PayMongo's API, v1, as far as it is needed here. Amounts are integer centavos, currency is PHP.

Facts and their sources: docs/paymongo.md. What PayMongo does on a call is never inferred from the
status of an `expire` or a lost answer: it is read back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, TypeVar

import httpx

from infra.settings import integer_setting, setting
from infra.telemetry import count
from paymongo import CURRENCY
from paymongo.errors import (
    PaymentProviderRejected,
    PaymentProviderThrottled,
    PaymentProviderUnavailable,
)
from paymongo.keys import paymongo_keys
from paymongo.resources import (
    CheckoutSession,
    Note,
    Payment,
    Refund,
    Unreadable,
    read_payment,
    read_refund,
    read_session,
)

_CONNECT_TIMEOUT_SECONDS = 3
_KEYS_REFUSED = (401, 403)

Resource = TypeVar("Resource")


@dataclass(frozen=True, slots=True)
class LineItem:
    """What is paid for: `amount` centavos each, `quantity` times."""

    name: str
    description: str
    amount: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Billing:
    """Who pays. Personal data: never logged."""

    name: str
    email: str
    phone: str
    line1: str
    city: str
    postal_code: str

    def resource(self) -> dict[str, Any]:
        """As PayMongo takes it."""
        address = {"line1": self.line1, "city": self.city, "postal_code": self.postal_code}
        return {
            "name": self.name,
            "email": self.email,
            "phone": self.phone,
            "address": {**address, "country": "PH"},
        }


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """What a new checkout session is for; `reference` is for people, `payment_method_types` are
    PayMongo's names, in the order in which they are offered.
    """

    reference: str
    idempotency_key: str
    description: str
    line_items: Sequence[LineItem]
    payment_method_types: Sequence[str]
    billing: Billing
    metadata: Mapping[str, str]
    success_url: str
    cancel_url: str


class PayMongo:
    """A client. Every method raises PaymentProviderUnavailable when there is no usable answer
    within `timeout` seconds (worth asking again) and PaymentProviderRejected on any other 4xx (not
    worth it).
    """

    def __init__(
        self,
        base_url: str,
        secret_key: str,
        *,
        timeout: float = 10,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=base_url,
            auth=(secret_key, ""),
            headers={"Accept": "application/json"},
            timeout=httpx.Timeout(timeout, connect=_CONNECT_TIMEOUT_SECONDS),
            transport=transport,
            trust_env=False,
        )

    def create_checkout_session(self, request: SessionRequest) -> CheckoutSession:
        """Open a session.

        The Idempotency-Key is sent, and not relied on: PayMongo was seen to ignore it.
        """
        attributes = {
            "line_items": [{**asdict(each), "currency": CURRENCY} for each in request.line_items],
            "payment_method_types": list(request.payment_method_types),
            "description": request.description,
            "reference_number": request.reference,
            "metadata": dict(request.metadata),
            "billing": request.billing.resource(),
            "success_url": request.success_url,
            "cancel_url": request.cancel_url,
            "send_email_receipt": True,
            "show_description": True,
            "show_line_items": True,
        }
        return self._read(
            read_session,
            "create checkout session",
            "POST",
            "/v1/checkout_sessions",
            attributes=attributes,
            idempotency_key=request.idempotency_key,
        )

    def retrieve_checkout_session(self, checkout_session_id: str) -> CheckoutSession:
        """The session and its payments as they are now."""
        path = f"/v1/checkout_sessions/{checkout_session_id}"
        return self._read(read_session, "retrieve checkout session", "GET", path)

    def close_checkout_session(self, checkout_session_id: str) -> CheckoutSession:
        """Ask PayMongo to expire the session, then return what the session says.

        The answer to `expire` decides nothing: it is 400 for a session that is expired, paid or
        being paid, with codes nobody documents.
        """
        path = f"/v1/checkout_sessions/{checkout_session_id}/expire"
        try:
            self._call("expire checkout session", "POST", path)
        except PaymentProviderRejected as error:
            if error.status != 400:
                raise
        return self.retrieve_checkout_session(checkout_session_id)

    def create_refund(
        self,
        payment_id: str,
        amount: int,
        *,
        notes: str,
        metadata: Mapping[str, str],
        idempotency_key: str,
    ) -> Refund:
        """Ask for `amount` centavos of a payment back. Look with list_refunds first."""
        return self._read(
            read_refund,
            "create refund",
            "POST",
            "/v1/refunds",
            attributes={
                "amount": amount,
                "payment_id": payment_id,
                "reason": "others",
                "notes": notes,
                "metadata": dict(metadata),
            },
            idempotency_key=idempotency_key,
        )

    def list_refunds(self, payment_id: str) -> list[Refund]:
        """Every refund of a payment, whatever its status."""
        data = self._list("list refunds", "/v1/refunds", query={"payment_id": payment_id})
        return [_usable(read_refund, each, "list refunds") for each in data]

    def retrieve_payment(self, payment_id: str) -> Payment:
        """The payment as it is now."""
        return self._read(read_payment, "retrieve payment", "GET", f"/v1/payments/{payment_id}")

    def list_webhooks(self) -> list[tuple[str, str]]:
        """URL and status (`enabled`, `disabled`) of every webhook endpoint."""
        data = self._list("list webhooks", "/v1/webhooks")
        try:
            return [(each["attributes"]["url"], each["attributes"]["status"]) for each in data]
        except (KeyError, TypeError):
            raise PaymentProviderUnavailable("list webhooks: unreadable answer") from None

    def _read(
        self, read: Callable[[Any, Note], Resource], operation: str, *call: str, **options: Any
    ) -> Resource:
        return _usable(read, self._call(operation, *call, **options), operation)

    def _list(self, operation: str, path: str, **options: Any) -> list[Any]:
        data = self._call(operation, "GET", path, **options)
        if not isinstance(data, list):
            raise PaymentProviderUnavailable(f"{operation}: unreadable answer")
        return data

    def _call(self, operation: str, method: str, path: str, **options: Any) -> Any:
        try:
            return self._answer(operation, method, path, **options)
        except PaymentProviderRejected as error:
            if error.status in _KEYS_REFUSED:
                count("PayMongoError")
            raise
        except PaymentProviderUnavailable:
            count("PayMongoError")
            raise

    def _answer(  # noqa: PLR0913 - what a request is made of
        self,
        operation: str,
        method: str,
        path: str,
        *,
        attributes: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Any:
        try:
            answer = self._http.request(
                method,
                path,
                params=query,
                json=None if attributes is None else {"data": {"attributes": attributes}},
                headers={"Idempotency-Key": idempotency_key} if idempotency_key else None,
            )
        except httpx.HTTPError as error:
            # The class says what happened; the message may name a URL with ids.
            raise PaymentProviderUnavailable(f"{operation}: {type(error).__name__}") from None
        if answer.status_code == 429:
            raise PaymentProviderThrottled(f"{operation}: 429")
        if answer.status_code >= 500:
            raise PaymentProviderUnavailable(f"{operation}: {answer.status_code}")
        if answer.status_code >= 400:
            raise PaymentProviderRejected(operation, answer.status_code, _error_codes(answer))
        try:
            return answer.json()["data"]
        except (ValueError, KeyError, TypeError):
            raise PaymentProviderUnavailable(f"{operation}: unreadable answer") from None


def paymongo() -> PayMongo:
    """PayMongo with the keys that are current; connections are kept between invocations."""
    return _client(setting("PAYMONGO_API_URL"), paymongo_keys().secret_key)


@lru_cache(maxsize=1)
def _client(base_url: str, secret_key: str) -> PayMongo:
    return PayMongo(base_url, secret_key, timeout=integer_setting("PAYMONGO_TIMEOUT_SECONDS"))


def _usable(read: Callable[[Any, Note], Resource], data: Any, operation: str) -> Resource:
    """Nothing may be decided on an answer of which a part is missing."""
    try:
        return read(data, _refuse)
    except Unreadable as mistake:
        raise PaymentProviderUnavailable(f"{operation}: {mistake}") from None


def _refuse(mistake: str, is_needed: bool) -> None:
    if is_needed:
        raise Unreadable(mistake)


def _error_codes(answer: httpx.Response) -> Sequence[str]:
    """PayMongo's error codes and the attributes they concern; `detail` may repeat what we sent."""
    try:
        errors = answer.json()["errors"]
        return [
            ":".join(filter(None, (each.get("code"), (each.get("source") or {}).get("attribute"))))
            for each in errors
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
