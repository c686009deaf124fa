"""The people at stores' desks and what they ask of the desk's function; operators of units."""

import json
from typing import Any

from api.staff import MANAGERS, group_of
from rentals import unit_desk
from rentals.desk import Action
from rentals.models import FulfillmentStatus

Json = dict[str, Any]

STORES = ("store-a", "store-b")
# What comes next at each stage.
NEXT_ACTION = {
    FulfillmentStatus.AWAITING_ARRIVAL: Action.ARRIVED,
    FulfillmentStatus.READY_FOR_PICKUP: Action.PICKED_UP,
    FulfillmentStatus.PICKED_UP: Action.RETURNED,
    FulfillmentStatus.RETURNED: Action.INSPECTED,
}


def staff_for(store_id: str) -> list[Json]:
    """The claims of somebody at this store, at the other one, a manager there, one of no store."""
    (elsewhere,) = {*STORES} - {store_id}
    groups = {
        "ana": group_of(store_id),
        "ben": group_of(elsewhere),
        "mia": f"{group_of(store_id)},{MANAGERS}",
        "oli": MANAGERS,
    }
    return [
        {"token_use": "id", "email": f"{name}@example.com", "cognito:groups": theirs}
        for name, theirs in groups.items()
    ]


def desk_request(rental_id: str, action: str, claims: Json, condition: str, **more: object) -> Json:
    """As API Gateway hands it to the function, once it has let the sender through."""
    body = {"action": action, "condition": condition, "id_seen": True, **more}
    return {
        "pathParameters": {"rental_id": rental_id},
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body),
        "requestContext": {"authorizer": {"claims": claims}},
    }


def move_unit(event: Json, _: object) -> bool:
    """What `./rentals unit` does."""
    moved = unit_desk.act(
        event["unit_id"],
        unit_desk.UnitAction(event["action"]),
        by="oli",
        reason="asked for",
        warehouse_id=event["warehouse_id"],
    )
    return moved.is_new
