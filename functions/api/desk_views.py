"""What the desk shows: with the customer's name and phone, which staff need, and no token. Every
field is listed, as in views.
"""

from collections.abc import Sequence
from typing import Any

from api.money_views import money_view
from api.views import pesos
from infra import clock
from rentals.models import Rental
from rentals.photographs import Photograph
from rentals.statement import Statement

Json = dict[str, Any]


def line_view(rental: Rental) -> Json:
    """A rental in a list."""
    return {
        "rental_id": rental.id,
        "number": rental.number,
        "collectible_name": rental.collectible_name,
        "store_id": rental.store_id,
        "customer_name": rental.customer.name,
        "fulfillment_status": rental.fulfillment_status,
        "closed_reason": rental.closed_reason,
        "is_overdue": rental.is_overdue(clock.now_timestamp()),
        "ready_by": rental.ready_by,
        "arrived_at": rental.arrived_at,
        "due_at": rental.due_at,
        "returned_at": rental.returned_at,
    }


def details_view(now: Statement, actions: Sequence[str], photographs: Sequence[Photograph]) -> Json:
    """A rental by itself: who has it, how its money stands, what was done and what may be done
    next.
    """
    rental = now.rental
    customer = rental.customer
    return {
        **line_view(rental),
        "unit_id": rental.unit_id or rental.last_unit_id,
        "duration": rental.duration,
        "picked_up_at": rental.picked_up_at,
        "customer": {"name": customer.name, "phone": customer.phone, "email": customer.email},
        "money": money_view(now, may_pay=False),
        "log": [_entry_view(each) for each in rental.desk_log],
        "next": list(actions),
        "photographs": [
            {"url": each.url, "taken_at": each.taken_at, "stage": each.stage}
            for each in photographs
        ],
    }


def _entry_view(entry: Any) -> Json:
    names = {"action": "action", "at": "at", "by": "by", "store": "store_id"}
    optional = {"condition": "condition", "note": "note", "receipt": "receipt"}
    shown = {shown: entry.get(name) for name, shown in (names | optional).items()}
    centavos = entry.get("centavos")
    return shown | {"amount": None if centavos is None else pesos(int(centavos))}
