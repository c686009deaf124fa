"""The people at stores' desks."""

from typing import Any

from rentals import desk, repository
from rentals.desk import Action, Actor, Condition
from rentals.models import FulfillmentStatus

Json = dict[str, Any]

STORES = ("store-a", "store-b")
DESK = f"{__name__}.act"
# What comes next at each stage.
NEXT_ACTION = {
    FulfillmentStatus.AWAITING_ARRIVAL: Action.ARRIVED,
    FulfillmentStatus.READY_FOR_PICKUP: Action.PICKED_UP,
    FulfillmentStatus.PICKED_UP: Action.RETURNED,
    FulfillmentStatus.RETURNED: Action.INSPECTED,
}


def staff_for(store_id: str) -> list[Json]:
    """Somebody at this store, somebody at the other one, a manager, an operator at no store."""
    (elsewhere,) = {*STORES} - {store_id}
    return [
        {"name": "Ana", "store_id": store_id},
        {"name": "Ben", "store_id": elsewhere},
        {"name": "Mia", "store_id": store_id, "is_manager": True},
        {"name": "Oli", "is_manager": True},
    ]


def act(event: Json, _: object) -> bool:
    """What the desk's function does with a request."""
    moved = desk.act(
        repository.get(event["rental_id"]),
        Action(event["action"]),
        Actor(**event["actor"]),
        condition=Condition(event["condition"]),
    )
    return moved.is_new
