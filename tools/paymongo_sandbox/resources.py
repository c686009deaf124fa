"""The records a PayMongo account is made of, as stored (every field is plain JSON)."""

import secrets
import string
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypedDict

Json = dict[str, Any]

SessionStatus = Literal["active", "expired"]
IntentStatus = Literal[
    "awaiting_payment_method", "awaiting_next_action", "processing", "succeeded", "cancelled"
]
PaymentStatus = Literal["pending", "paid", "failed"]
RefundStatus = Literal["pending", "processing", "succeeded", "failed"]
DisputeStatus = Literal["open", "won", "lost"]
WebhookStatus = Literal["enabled", "disabled"]
DeliveryState = Literal["pending", "held", "delivered", "dropped", "exhausted", "abandoned"]

_ALPHABET = string.ascii_letters + string.digits


def random_token(length: int = 24) -> str:
    """Letters and digits, as in PayMongo's ids and secrets."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


@dataclass(kw_only=True)
class Record:
    """What every stored record has; `id` is drawn from the class's prefix when not given.

    The store writes the times, in Unix seconds.
    """

    KIND: ClassVar[str]
    PREFIX: ClassVar[str]

    id: str = ""
    livemode: bool
    created_at: int = 0
    updated_at: int = 0

    def __post_init__(self) -> None:
        self.id = self.id or f"{self.PREFIX}_{random_token()}"


@dataclass(kw_only=True)
class CheckoutSession(Record):
    KIND = "checkout_session"
    PREFIX = "cs"

    intent_id: str
    attributes: Json
    """The validated attributes of the request that created it."""
    client_key: str
    url_fragment: str
    status: SessionStatus = "active"
    payment_ids: list[str] = field(default_factory=list)
    paid_at: int | None = None
    payment_method_used: str | None = None

    @property
    def metadata(self) -> dict[str, str]:
        return dict(self.attributes["metadata"] or {})

    @property
    def total(self) -> int:
        """Centavos."""
        return sum(item["amount"] * item["quantity"] for item in self.attributes["line_items"])


@dataclass(kw_only=True)
class PaymentIntent(Record):
    KIND = "payment_intent"
    PREFIX = "pi"

    session_id: str
    client_key: str
    amount: int
    currency: str = "PHP"
    status: IntentStatus = "awaiting_payment_method"
    last_payment_error: Json | None = None


@dataclass(kw_only=True)
class Payment(Record):
    KIND = "payment"
    PREFIX = "pay"

    intent_id: str
    session_id: str
    amount: int
    currency: str
    fee: int
    source: Json
    status: PaymentStatus = "pending"
    refund_ids: list[str] = field(default_factory=list)
    balance_transaction_id: str | None = None
    paid_at: int | None = None
    available_at: int | None = None
    failed_code: str | None = None
    failed_message: str | None = None
    dispute: Json | None = None
    """`id`, `amount`, `status`, `created_at`, `resolved_at`."""

    @property
    def is_disputed(self) -> bool:
        return self.dispute is not None and self.dispute["status"] != "won"

    @property
    def taken_back(self) -> int:
        """Centavos that the customer's bank took because the shop lost a dispute."""
        dispute = self.dispute or {}
        return int(dispute["amount"]) if dispute.get("status") == "lost" else 0


@dataclass(kw_only=True)
class Refund(Record):
    KIND = "refund"
    PREFIX = "ref"

    payment_id: str
    amount: int
    currency: str
    reason: str
    notes: str | None
    metadata: dict[str, str] | None
    outcome: str
    """What the sandbox will make of it: succeed, fail or hold (until told)."""
    due_at: float
    status: RefundStatus = "pending"
    balance_transaction_id: str | None = None
    available_at: int | None = None
    refunded_at: int | None = None
    is_silent: bool = False
    """Whether its outcome sends no event."""

    @property
    def is_under_way(self) -> bool:
        return self.status in ("pending", "processing")


@dataclass(kw_only=True)
class Webhook(Record):
    KIND = "webhook"
    PREFIX = "hook"

    url: str
    events: list[str]
    secret_key: str
    status: WebhookStatus = "enabled"
    exhausted_event_ids: list[str] = field(default_factory=list)
    """Events in a row whose retries were all used up."""


@dataclass(kw_only=True)
class Event(Record):
    KIND = "event"
    PREFIX = "evt"

    type: str
    body: str
    """The exact text that is signed and sent, the same at every attempt."""
    delivery_ids: list[str] = field(default_factory=list)


class Attempt(TypedDict):
    """One try at handing an event over; `status` is None when there was no answer."""

    at: float
    seconds: float
    status: int | None
    error: str | None


@dataclass(kw_only=True)
class Delivery(Record):
    KIND = "delivery"
    PREFIX = "dlv"

    event_id: str
    webhook_id: str | None
    url: str
    manual: bool = False
    state: DeliveryState = "pending"
    rule_id: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
