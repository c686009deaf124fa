"""What a rental is made of. Attribute names in DynamoDB are camelCase, here and in the API
snake_case (rows.py); money is integer centavos here, pesos in the tables' dailyRate and totalFee.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from infra.dynamo import Change
from paymongo import CURRENCY
from rentals.numbers import number_of
from rentals.rows import from_row, stored_as, to_row

CENTAVOS_PER_PESO = 100


class Size(StrEnum):
    """Size of a collectible; decides its daily rate."""

    SMALL = "Small"
    MEDIUM = "Medium"
    LARGE = "Large"


class PaymentMethod(StrEnum):
    """Payment methods that customers can choose from: our name, PayMongo's, for how many days after
    a payment it gives money back, and whether certainly in parts (docs/paymongo.md, Refunds).
    """

    CARD = "card", "card", 60, True
    GCASH = "gcash", "gcash", 180, True
    GRABPAY = "grabpay", "grab_pay", 90, False
    MAYA = "maya", "paymaya", 365, False
    BPI = "bpi", "dob", 30, True
    UBP = "ubp", "dob_ubp", 0, False
    QRPH = "qrph", "qrph", 30, False

    paymongo_type: str
    refund_days: int
    gives_parts_back: bool

    def __new__(
        cls, name: str, paymongo_type: str = "", refund_days: int = 0, gives_parts: bool = False
    ) -> "PaymentMethod":
        """A member is its name; what PayMongo says of it goes with it."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.paymongo_type = paymongo_type
        member.refund_days, member.gives_parts_back = refund_days, gives_parts
        return member


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
    PAYMENT_METHOD_REFUSED = "payment_method_refused"
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
    EndReason.PAYMENT_METHOD_REFUSED: PaymentStatus.FAILED,
    EndReason.STOPPED: PaymentStatus.CANCELLED,
    EndReason.ERROR: PaymentStatus.FAILED,
}


class FulfillmentStatus(StrEnum):
    """How far a paid rental has come. Overdue is `picked_up` past its due date, no status."""

    AWAITING_ARRIVAL = "awaiting_arrival"
    READY_FOR_PICKUP = "ready_for_pickup"
    PICKED_UP = "picked_up"
    RETURNED = "returned"
    CLOSED = "closed"


BEFORE_HAND_OVER = (FulfillmentStatus.AWAITING_ARRIVAL, FulfillmentStatus.READY_FOR_PICKUP)


class ClosedReason(StrEnum):
    """Why a paid rental is closed."""

    RETURNED = "returned"
    NOT_COLLECTED = "not_collected"
    CANCELLED = "cancelled"
    LOST = "lost"


class UnitStatus(StrEnum):
    """Where a unit is; `unit_moves.MOVES` has the ways from one to another."""

    AVAILABLE = "available"
    RESERVED = "reserved"
    TO_STORE = "to_store"
    AT_STORE = "at_store"
    WITH_CUSTOMER = "with_customer"
    INSPECTION = "inspection"
    TO_WAREHOUSE = "to_warehouse"
    MAINTENANCE = "maintenance"
    LOST = "lost"
    RETIRED = "retired"


class FollowUp(StrEnum):
    """What the reconciler still has to follow up for a rental: the hash key of the sparse
    `follow-up-index`, absent when nothing is left to do.
    """

    PAYMENT = "payment"
    REFUND = "refund"
    ATTENTION = "attention"

    @classmethod
    def _missing_(cls, value: object) -> "FollowUp | None":
        """As stored, with the part of the index that it is in: `payment#7` is `payment`."""
        kind, mark, _ = str(value).partition("#")
        return cls(kind) if mark else None


@dataclass(frozen=True, slots=True)
class Collectible:
    """Something to rent. What is not known of it is empty or None; `pictures` are paths of
    the site, the best first. Without a `daily_rate_centavos` or `deposit_centavos` of its own it
    has those of its size. What `is_withdrawn` is not offered any more; its rentals go on.
    """

    id: str
    name: str
    size: Size
    description: str = ""
    image_url: str = ""
    daily_rate_centavos: int | None = stored_as("dailyRate", divided_by=CENTAVOS_PER_PESO)
    deposit_centavos: int | None = stored_as("deposit", divided_by=CENTAVOS_PER_PESO)
    replacement_value_centavos: int | None = stored_as(
        "replacementValue", divided_by=CENTAVOS_PER_PESO
    )
    category: str = ""
    pictures: tuple[str, ...] = ()
    measurements: str = ""
    weight_kg: Decimal | None = None
    condition: str = ""
    year: int | None = None
    in_the_box: str = ""
    needs_two_people: bool = False
    is_withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Store:
    """Where customers pick up. `phone` and `hours` are in words for customers, or empty.
    `days_off` are dates (`2026-12-25`) and days of the week (`Sunday`).
    """

    id: str
    name: str
    address: str = ""
    phone: str = ""
    hours: str = ""
    days_off: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Warehouse:
    """Where units lie; `distances` are km by store id."""

    id: str
    name: str
    distances: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Unit:
    """One physical piece of a collectible. `reserved_by` is the rental that has it."""

    id: str
    collectible_id: str
    warehouse_id: str
    is_available: str = "true"
    status: UnitStatus | None = None
    reserved_by: str | None = None
    last_rental_id: str | None = None
    shelve_at: str | None = None
    reason: str | None = None

    @property
    def current_status(self) -> UnitStatus:
        """Its status; rows of version 0.1 say only whether it can be had."""
        if self.status is not None:
            return self.status
        return UnitStatus.AVAILABLE if self.is_available == "true" else UnitStatus.RESERVED


@dataclass(frozen=True, slots=True)
class Customer:
    """Who rents. Personal data: never logged, never in an execution; empty once it was erased."""

    name: str
    email: str
    phone: str
    address: str
    city: str
    postal_code: str


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
    customer_key: str | None = None
    phone_key: str | None = None
    source_key: str | None = None
    open_before: int = 0
    unit_id: str | None = None
    warehouse_id: str | None = None
    daily_rate_centavos: int | None = stored_as("dailyRate", divided_by=CENTAVOS_PER_PESO)
    total_fee_centavos: int | None = stored_as("totalFee", divided_by=CENTAVOS_PER_PESO)
    base_daily_rate_centavos: int | None = stored_as("baseDailyRate", divided_by=CENTAVOS_PER_PESO)
    deposit_centavos: int | None = stored_as("deposit", divided_by=CENTAVOS_PER_PESO)
    counter_deposit_centavos: int | None = stored_as("counterDeposit", divided_by=CENTAVOS_PER_PESO)
    counter_deposit_receipt: str | None = None
    replacement_value_centavos: int | None = stored_as(
        "replacementValue", divided_by=CENTAVOS_PER_PESO
    )
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
    paid_at: str | None = None
    paid_with: str | None = None
    charge_ids: frozenset[str] = frozenset()
    refund_orders: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    refunds_seen: frozenset[str] = frozenset()
    disputes_seen: frozenset[str] = frozenset()
    payment_read_at: str | None = None
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
    acknowledgements: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    completed_at: str | None = None
    fulfillment_status: FulfillmentStatus | None = None
    closed_reason: ClosedReason | None = None
    ready_by: str | None = None
    due_at: str | None = None
    arrived_at: str | None = None
    picked_up_at: str | None = None
    returned_at: str | None = None
    returned_store_id: str | None = None
    closed_at: str | None = None
    found_at: str | None = None
    erasure_requested_at: str | None = None
    erased_at: str | None = None
    last_unit_id: str | None = None
    desk_log: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    deadlines_met: frozenset[str] = frozenset()
    is_carried_over: bool = False
    fulfillment_attention: str | None = None
    fulfillment_execution: str | None = None
    fulfillment_started_at: str | None = None
    fulfillment_token: str | None = None
    awaited_status: FulfillmentStatus | None = None
    next_deadline_at: str | None = None
    fulfillment_clock: str | None = None
    fulfillment_due_at: str | None = None

    @property
    def is_pending(self) -> bool:
        """Whether the rental has not ended."""
        return self.payment_status is PaymentStatus.PENDING

    @property
    def number(self) -> str:
        """The rental's number for people."""
        return number_of(self.id)

    @property
    def has_open_session(self) -> bool:
        """Whether it has a checkout session that PayMongo has not been seen to close."""
        return self.checkout_session_id is not None and self.session_closed_at is None

    @property
    def is_out(self) -> bool:
        """Whether a paid rental has its unit: paid, and not closed."""
        return self.fulfillment_status not in (None, FulfillmentStatus.CLOSED)

    @property
    def place_id(self) -> str:
        """The store that has, or expects, the unit."""
        return self.returned_store_id or self.store_id

    def is_overdue(self, now: str) -> bool:
        """Whether the customer has the unit past its due date; `now` is a time as stored."""
        is_with_customer = self.fulfillment_status is FulfillmentStatus.PICKED_UP
        return is_with_customer and self.due_at is not None and self.due_at < now

    @property
    def amount_due_centavos(self) -> int | None:
        """What its checkout session asks for: the rent, and the deposit if it is taken there. None
        while it has no price.
        """
        if self.total_fee_centavos is None:
            return None
        return self.total_fee_centavos + (self.deposit_centavos or 0)

    @property
    def is_paid_in_full(self) -> bool:
        """Whether the payment on record is what was due, in pesos."""
        return (
            self.payment_id is not None
            and self.amount_paid == self.amount_due_centavos
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

    @property
    def settled_outside(self) -> dict[str, int]:
        """Payments that PayMongo keeps because an operator gave them back in another way."""
        return settled_outside(self.acknowledgements)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Rental":
        """Read a row of the Rentals table, as plain Python values."""
        return from_row(cls, row)

    def after(self, change: Change) -> "Rental":
        """The rental as a change leaves it, when its conditions held."""
        return from_row(Rental, change.applied_to(to_row(self)))


def settled_outside(acknowledgements: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Payments that PayMongo keeps because an operator gave them back in another way
    (`./rentals acknowledge`): centavos by payment id.
    """
    return {
        payment_id: int(centavos)
        for each in acknowledgements
        for payment_id, centavos in each["payments"].items()
    }
