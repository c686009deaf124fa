"""Valid examples that tests vary one thing of."""

from dataclasses import replace
from typing import Any

from rentals.models import Customer, PaymentMethod, PaymentStatus, Rental

Json = dict[str, Any]

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
)


def pending_rental(**changes: Any) -> Rental:
    """A rental that was just written, with these fields changed."""
    return replace(PENDING_RENTAL, **changes)


def checkout_body(*, customer: Json | None = None, **changes: Any) -> Json:
    """A valid checkout body changed as said; `customer` changes fields of the customer."""
    return {
        "collectible_id": "col-001",
        "store_id": "store-a",
        "duration": 3,
        "payment_method": "gcash",
        "customer": {
            "name": "Ana Cruz",
            "email": "ana.cruz@example.com",
            "phone": "+63 917 000 0000",
            "address": "1 Rizal Street",
            "city": "Makati",
            "postal_code": "1200",
        }
        | (customer or {}),
    } | changes
