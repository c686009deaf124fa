"""What a rental is made of. Attribute names in DynamoDB are camelCase, here and in the API
snake_case; money is integer centavos here, pesos in the tables' dailyRate and totalFee.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

CENTAVOS_PER_PESO = 100
CURRENCY = "PHP"


class Size(StrEnum):
    """Size of a collectible; decides its daily rate."""

    SMALL = "Small"
    MEDIUM = "Medium"
    LARGE = "Large"


class PaymentMethod(StrEnum):
    """Payment methods that customers can choose from."""

    CARD = "card"
    GCASH = "gcash"
    GRABPAY = "grabpay"
    MAYA = "maya"
    BPI = "bpi"
    UBP = "ubp"
    QRPH = "qrph"


class PaymentStatus(StrEnum):
    """`pending`, then one ending. Only a late payment changes an ending."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    REFUNDED = "refunded"


class EndReason(StrEnum):
    """Why a rental ended unpaid; each leads to one status."""

    NO_UNIT = "no_unit"
    DECLINED = "declined"
    CANCELLED_BY_CUSTOMER = "cancelled_by_customer"
    HOLD_EXPIRED = "hold_expired"
    PAYMENT_SETUP_FAILED = "payment_setup_failed"
    STOPPED = "stopped"
    ERROR = "error"

    @property
    def status(self) -> PaymentStatus:
        """The status that a rental ended for this reason has."""
        return _STATUS_OF_REASON[self]


_STATUS_OF_REASON = {
    EndReason.NO_UNIT: PaymentStatus.REJECTED,
    EndReason.DECLINED: PaymentStatus.FAILED,
    EndReason.CANCELLED_BY_CUSTOMER: PaymentStatus.CANCELLED,
    EndReason.HOLD_EXPIRED: PaymentStatus.EXPIRED,
    EndReason.PAYMENT_SETUP_FAILED: PaymentStatus.FAILED,
    EndReason.STOPPED: PaymentStatus.CANCELLED,
    EndReason.ERROR: PaymentStatus.FAILED,
}


class FollowUp(StrEnum):
    """What the reconciler still has to see through for a rental: the hash key of the sparse
    `follow-up-index`, absent when nothing is left to do.
    """

    PAYMENT = "payment"
    REFUND = "refund"
    ATTENTION = "attention"


@dataclass(frozen=True, slots=True)
class Collectible:
    """Something to rent."""

    id: str
    name: str
    description: str
    size: Size
    image_url: str


@dataclass(frozen=True, slots=True)
class Store:
    """Where customers pick up. `phone` and `hours` are in words for customers, or empty."""

    id: str
    name: str
    address: str
    phone: str = ""
    hours: str = ""


@dataclass(frozen=True, slots=True)
class Warehouse:
    """Where units lie; `distances` are km by store id."""

    id: str
    name: str
    distances: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Customer:
    """Who rents. Personal data: never logged, never in an execution."""

    name: str
    email: str
    phone: str
    address: str
    city: str
    postal_code: str


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment at PayMongo; `amount` is centavos."""

    id: str
    amount: int
    currency: str
    status: str
    payment_intent_id: str | None = None

    @classmethod
    def from_attributes(cls, payment_id: str, attributes: Mapping[str, Any]) -> "Payment":
        """What PayMongo's attributes say. Raises KeyError when one is missing."""
        return cls(
            id=payment_id,
            amount=attributes["amount"],
            currency=attributes["currency"],
            status=attributes["status"],
            payment_intent_id=attributes.get("payment_intent_id"),
        )

    @property
    def is_paid(self) -> bool:
        """Whether the money was received."""
        return self.status == "paid"


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund. `amount` is centavos; `status` pending, processing, succeeded or failed."""

    id: str
    payment_id: str
    amount: int
    status: str

    @classmethod
    def from_attributes(cls, refund_id: str, attributes: Mapping[str, Any]) -> "Refund":
        """What PayMongo's attributes say. Raises KeyError when one is missing."""
        return cls(
            id=refund_id,
            payment_id=attributes["payment_id"],
            amount=attributes["amount"],
            status=attributes["status"],
        )


@dataclass(frozen=True, slots=True)
class Rental:
    """One row of the Rentals table."""

    id: str
    collectible_id: str
    collectible_name: str
    store_id: str
    customer: Customer
    duration: int
    payment_method: PaymentMethod
    payment_status: PaymentStatus
    request_hash: str
    created_at: str
    updated_at: str
    unit_id: str | None = None
    warehouse_id: str | None = None
    daily_rate: int | None = None
    total_fee: int | None = None
    eta: int | None = None
    checkout_session_id: str | None = None
    payment_intent_id: str | None = None
    checkout_url: str | None = None
    session_closed_at: str | None = None
    payment_url: str | None = None
    hold_expires_at: str | None = None
    task_token: str | None = None
    payment_id: str | None = None
    amount_paid: int | None = None
    payment_currency: str | None = None
    surplus_payment_ids: frozenset[str] = frozenset()
    declined_event_ids: frozenset[str] = frozenset()
    end_reason: EndReason | None = None
    refund_requested_at: str | None = None
    refund_id: str | None = None
    refund_status: str | None = None
    attention: str | None = None
    attention_count: int = 0
    settlement: str | None = None
    follow_up: FollowUp | None = None
    follow_up_at: str | None = None
    settled_outside: Mapping[str, int] = field(default_factory=dict, hash=False)

    @property
    def is_pending(self) -> bool:
        """Whether the rental has not ended."""
        return self.payment_status is PaymentStatus.PENDING

    @property
    def is_paid_in_full(self) -> bool:
        """Whether the payment on record is the rental's total in pesos."""
        return (
            self.payment_id is not None
            and self.amount_paid == self.total_fee
            and self.payment_currency == CURRENCY
        )

    @property
    def is_settled_outside(self) -> bool:
        """Whether the rental's own payment was given back in another way than by PayMongo."""
        return self.payment_id in self.settled_outside

    @property
    def declined_attempts(self) -> int:
        """How many payment attempts were declined, each counted once."""
        return len(self.declined_event_ids)

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> "Rental":
        """Read a row of the Rentals table, as plain Python values."""
        customer = item["customer"]
        return cls(
            id=item["id"],
            collectible_id=item["collectibleId"],
            collectible_name=item["collectibleName"],
            store_id=item["storeId"],
            customer=Customer(
                name=customer["name"],
                email=customer["email"],
                phone=customer["phone"],
                address=customer["address"],
                city=customer["city"],
                postal_code=customer["postalCode"],
            ),
            duration=int(item["duration"]),
            payment_method=PaymentMethod(item["paymentMethod"]),
            payment_status=PaymentStatus(item["paymentStatus"]),
            request_hash=item["requestHash"],
            created_at=item["createdAt"],
            updated_at=item["updatedAt"],
            unit_id=item.get("unitId"),
            warehouse_id=item.get("warehouseId"),
            daily_rate=_centavos(item.get("dailyRate")),
            total_fee=_centavos(item.get("totalFee")),
            eta=_integer(item.get("eta")),
            checkout_session_id=item.get("checkoutSessionId"),
            payment_intent_id=item.get("paymentIntentId"),
            checkout_url=item.get("checkoutUrl"),
            session_closed_at=item.get("sessionClosedAt"),
            payment_url=item.get("paymentUrl"),
            hold_expires_at=item.get("holdExpiresAt"),
            task_token=item.get("taskToken"),
            payment_id=item.get("paymentId"),
            amount_paid=_integer(item.get("amountPaid")),
            payment_currency=item.get("paymentCurrency"),
            surplus_payment_ids=frozenset(item.get("surplusPaymentIds", ())),
            declined_event_ids=frozenset(item.get("declinedEventIds", ())),
            end_reason=EndReason(item["endReason"]) if "endReason" in item else None,
            refund_requested_at=item.get("refundRequestedAt"),
            refund_id=item.get("refundId"),
            refund_status=item.get("refundStatus"),
            attention=item.get("attention"),
            attention_count=int(item.get("attentionCount", 0)),
            settlement=item.get("settlement"),
            follow_up=FollowUp(item["followUp"]) if "followUp" in item else None,
            follow_up_at=item.get("followUpAt"),
            settled_outside=settled_outside(item),
        )


def settled_outside(item: Mapping[str, Any]) -> dict[str, int]:
    """Payments of a row that PayMongo keeps because an operator has given them back in another way
    (`./rentals acknowledge`): centavos by payment id.
    """
    return {
        payment_id: int(centavos)
        for each in item.get("acknowledgements", ())
        for payment_id, centavos in each["payments"].items()
    }


def _integer(value: Any) -> int | None:
    return None if value is None else int(value)


def _centavos(pesos: Any) -> int | None:
    return None if pesos is None else int(pesos * CENTAVOS_PER_PESO)
