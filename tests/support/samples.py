"""Valid examples that tests vary one thing of."""

from dataclasses import asdict, fields, replace
from enum import Enum
from typing import Any

from rentals.checkout import CheckoutRequest
from rentals.identity import customer_key, phone_key
from rentals.models import Customer, PaymentMethod, PaymentStatus, Rental

Json = dict[str, Any]

IDENTITY_SECRET = b"identity-key"
ADDRESS = "192.0.2.7"

CUSTOMER = Customer(
    name="Ana Cruz",
    email="ana.cruz@example.com",
    phone="+63 917 000 0000",
    address="1 Rizal Street",
    city="Makati",
    postal_code="1200",
)

PENDING_RENTAL = Rental(
    id="3f1f4c1e-9a57-5b0e-8f0a-000000000001",
    collectible_id="col-001",
    collectible_name="Tin Robot No. 7",
    store_id="store-a",
    customer=CUSTOMER,
    duration=3,
    payment_method=PaymentMethod.GCASH,
    payment_status=PaymentStatus.PENDING,
    request_hash="f00d",
    created_at="2026-01-31T10:00:00.000Z",
    updated_at="2026-01-31T10:00:00.000Z",
    customer_key=customer_key(CUSTOMER.email, IDENTITY_SECRET),
    phone_key=phone_key(CUSTOMER.phone, IDENTITY_SECRET),
    source_key="50c3",
)


REQUEST = CheckoutRequest("col-001", "store-a", 3, PaymentMethod.GCASH, CUSTOMER)


def pending_rental(**changes: Any) -> Rental:
    """A rental that was just written, with these fields changed."""
    return replace(PENDING_RENTAL, **changes)


def another(value: Any) -> Any:
    """A value of the same kind that differs."""
    if isinstance(value, Enum):
        return next(each for each in type(value) if each is not value)
    return value + 1 if isinstance(value, int) else f"{value or ''}9"


# For each field of Customer, one whose value of that field alone differs.
OTHER_CUSTOMERS = {
    each.name: replace(CUSTOMER, **{each.name: another(getattr(CUSTOMER, each.name))})
    for each in fields(Customer)
}


def checkout_body(*, customer: Json | None = None, **changes: Any) -> Json:
    """A valid checkout body changed as said; `customer` changes fields of the customer."""
    return {
        "collectible_id": "col-001",
        "store_id": "store-a",
        "duration": 3,
        "payment_method": "gcash",
        "customer": asdict(CUSTOMER) | (customer or {}),
    } | changes


# What the template sets of terms by default.
TERMS = {
    "PAYMENT_METHODS": "",
    "DEPOSITS": "0,0,0",
    "LATE_GRACE_HOURS": "2",
    "LATE_FEE_DAYS": "14",
    "CANCELLATION_PERCENTS": "100,50",
    "CHARGE_DAYS": "14",
}
