"""PayMongo's API, v1, as far as rentals need it. Amounts are integer centavos, currency is PHP.

Facts and their sources: docs/paymongo.md. What PayMongo does on a call is never inferred from
the status of an `expire` or a lost answer: it is read back.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import certifi
import urllib3

from infra.secret_values import paymongo_keys
from infra.settings import integer_setting, setting
from infra.telemetry import count
from rentals.errors import PaymentProviderRejected, PaymentProviderUnavailable
from rentals.models import CURRENCY, Customer, Payment, PaymentMethod, Refund

_CONNECT_TIMEOUT_SECONDS = 3
_KEYS_REFUSED = (401, 403)

_METHOD_TYPES = {
    PaymentMethod.CARD: "card",
    PaymentMethod.GCASH: "gcash",
    PaymentMethod.GRABPAY: "grab_pay",
    PaymentMethod.MAYA: "paymaya",
    PaymentMethod.BPI: "dob",
    PaymentMethod.UBP: "dob_ubp",
    PaymentMethod.QRPH: "qrph",
}


@dataclass(frozen=True, slots=True)
class CheckoutSession:
    """A checkout session. `status` is `active` or `expired`; a paid one stays `active`."""

    id: str
    status: str
    checkout_url: str
    payment_intent_id: str | None
    payments: tuple[Payment, ...]

    @property
    def is_expired(self) -> bool:
        """Whether the session can no longer be paid."""
        return self.status == "expired"

    @property
    def paid_payment(self) -> Payment | None:
        """The payment that was received, if any."""
        return next((payment for payment in self.payments if payment.is_paid), None)


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """What a new checkout session is for; `total_fee` and `daily_rate` are centavos."""

    rental_id: str
    collectible_name: str
    duration: int
    daily_rate: int
    total_fee: int
    payment_method: PaymentMethod
    customer: Customer
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
        http: urllib3.PoolManager | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = {
            "Accept": "application/json",
            **urllib3.make_headers(basic_auth=f"{secret_key}:"),
        }
        self._timeout = urllib3.Timeout(connect=_CONNECT_TIMEOUT_SECONDS, read=timeout)
        self._http = http or urllib3.PoolManager(ca_certs=certifi.where())

    def create_checkout_session(self, request: SessionRequest) -> CheckoutSession:
        """Open a session for exactly one rental and one payment method.

        The Idempotency-Key is sent, and not relied on: PayMongo was seen to ignore it.
        """
        customer = request.customer
        attributes = {
            "line_items": [
                {
                    "name": request.collectible_name,
                    "description": f"Rental for {request.duration} "
                    f"day{'s' if request.duration > 1 else ''}",
                    "amount": request.daily_rate,
                    "currency": CURRENCY,
                    "quantity": request.duration,
                }
            ],
            "payment_method_types": [_METHOD_TYPES[request.payment_method]],
            "description": f"Rental of {request.collectible_name}",
            "reference_number": request.rental_id,
            "metadata": {"rental_id": request.rental_id},
            "billing": {
                "name": customer.name,
                "email": customer.email,
                "phone": customer.phone,
                "address": {
                    "line1": customer.address,
                    "city": customer.city,
                    "postal_code": customer.postal_code,
                    "country": "PH",
                },
            },
            "success_url": request.success_url,
            "cancel_url": request.cancel_url,
            "send_email_receipt": True,
            "show_description": True,
            "show_line_items": True,
        }
        return _session(
            self._call(
                "create checkout session",
                "POST",
                "/v1/checkout_sessions",
                attributes=attributes,
                idempotency_key=request.rental_id,
            )
        )

    def retrieve_checkout_session(self, checkout_session_id: str) -> CheckoutSession:
        """The session and its payments as they are now."""
        return _session(
            self._call(
                "retrieve checkout session", "GET", f"/v1/checkout_sessions/{checkout_session_id}"
            )
        )

    def close_checkout_session(self, checkout_session_id: str) -> CheckoutSession:
        """Ask PayMongo to expire the session, then return what the session says.

        The answer to `expire` decides nothing: it is 400 for a session that is expired, paid or
        being paid, with codes nobody documents.
        """
        try:
            self._call(
                "expire checkout session",
                "POST",
                f"/v1/checkout_sessions/{checkout_session_id}/expire",
            )
        except PaymentProviderRejected as error:
            if error.status != 400:
                raise
        return self.retrieve_checkout_session(checkout_session_id)

    def create_refund(
        self, payment: Payment, amount: int, rental_id: str, *, attempt: int
    ) -> Refund:
        """Ask for `amount` centavos of a payment back. Look with list_refunds first.

        `attempt` counts the payment's refunds, so that the Idempotency-Key, should PayMongo honour
        it, does not answer with one that failed.
        """
        return refund_from(
            self._call(
                "create refund",
                "POST",
                "/v1/refunds",
                attributes={
                    "amount": amount,
                    "payment_id": payment.id,
                    "reason": "others",
                    "notes": f"Rental {rental_id} could not be provided",
                    "metadata": {"rental_id": rental_id},
                },
                idempotency_key=f"{rental_id}-{payment.id}-{attempt}",
            )
        )

    def retrieve_refund(self, refund_id: str) -> Refund:
        """The refund as it is now."""
        return refund_from(self._call("retrieve refund", "GET", f"/v1/refunds/{refund_id}"))

    def list_refunds(self, payment_id: str) -> list[Refund]:
        """Every refund of a payment, whatever its status."""
        data = self._list("list refunds", f"/v1/refunds?{urlencode({'payment_id': payment_id})}")
        return [refund_from(each) for each in data]

    def retrieve_payment(self, payment_id: str) -> Payment:
        """The payment as it is now."""
        return payment_from(self._call("retrieve payment", "GET", f"/v1/payments/{payment_id}"))

    def list_webhooks(self) -> list[tuple[str, str]]:
        """URL and status (`enabled`, `disabled`) of every webhook endpoint."""
        data = self._list("list webhooks", "/v1/webhooks")
        try:
            return [(each["attributes"]["url"], each["attributes"]["status"]) for each in data]
        except (KeyError, TypeError):
            raise PaymentProviderUnavailable("unreadable webhook") from None

    def _list(self, operation: str, path: str) -> list[Any]:
        data = self._call(operation, "GET", path)
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

    def _answer(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        attributes: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Any:
        headers = dict(self._headers)
        body = None
        if attributes is not None:
            body = json.dumps({"data": {"attributes": attributes}}).encode()
            headers["Content-Type"] = "application/json"
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        try:
            answer = self._http.request(
                method,
                self._base_url + path,
                body=body,
                headers=headers,
                timeout=self._timeout,
                retries=False,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            # The class says what happened; the message may name a URL with ids.
            raise PaymentProviderUnavailable(f"{operation}: {type(error).__name__}") from None
        if answer.status == 429 or answer.status >= 500:
            raise PaymentProviderUnavailable(f"{operation}: {answer.status}")
        if answer.status >= 400:
            raise PaymentProviderRejected(operation, answer.status, _error_codes(answer))
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


def payment_from(resource: Mapping[str, Any]) -> Payment:
    """Read a payment resource. Raises PaymentProviderUnavailable when it is not one."""
    try:
        return Payment.from_attributes(resource["id"], resource["attributes"])
    except (KeyError, TypeError, AttributeError):
        raise PaymentProviderUnavailable("unreadable payment") from None


def _session(resource: Mapping[str, Any]) -> CheckoutSession:
    try:
        attributes = resource["attributes"]
        intent = attributes.get("payment_intent") or {}
        payments = attributes.get("payments") or intent.get("attributes", {}).get("payments") or []
        return CheckoutSession(
            id=resource["id"],
            status=attributes["status"],
            checkout_url=attributes["checkout_url"],
            payment_intent_id=intent.get("id"),
            payments=tuple(payment_from(each) for each in payments),
        )
    except (KeyError, TypeError, AttributeError):
        raise PaymentProviderUnavailable("unreadable checkout session") from None


def refund_from(resource: Mapping[str, Any]) -> Refund:
    """Read a refund resource. Raises PaymentProviderUnavailable when it is not one."""
    try:
        return Refund.from_attributes(resource["id"], resource["attributes"])
    except (KeyError, TypeError, AttributeError):
        raise PaymentProviderUnavailable("unreadable refund") from None


def _error_codes(answer: urllib3.BaseHTTPResponse) -> Sequence[str]:
    """PayMongo's error codes and the attributes they concern; `detail` may repeat what we sent."""
    try:
        errors = answer.json()["errors"]
        return [
            ":".join(filter(None, (each.get("code"), (each.get("source") or {}).get("attribute"))))
            for each in errors
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
