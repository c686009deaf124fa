"""GET /api/desk/today: what a store has to do today."""

from http import HTTPStatus

from api.desk_views import line_view
from api.requests import Event, query
from api.responses import HttpError, Response, success
from api.routes import route
from api.staff import signed_in
from infra import clock
from rentals import dates, lookups
from rentals.models import FulfillmentStatus, Rental


@route
def handler(event: Event) -> Response:
    """200; 401 for a store that is not theirs, 400 when it must be said."""
    store_id = signed_in(event).at(query(event, "store_id"))
    if store_id is None:
        raise HttpError(HTTPStatus.BAD_REQUEST, "STORE_NEEDED", "say which store: store_id")
    moment = clock.now()
    now, today = clock.timestamp(moment), clock.timestamp(dates.in_days(moment, 0))
    out = lookups.in_store(store_id, FulfillmentStatus.PICKED_UP)
    lists = {
        "late": [each for each in out if each.is_overdue(now)],
        "to_inspect": lookups.in_store(store_id, FulfillmentStatus.RETURNED),
        "to_hand_over": lookups.in_store(store_id, FulfillmentStatus.READY_FOR_PICKUP),
        "due_today": [each for each in out if now <= str(each.due_at) <= today],
        "arriving": lookups.in_store(store_id, FulfillmentStatus.AWAITING_ARRIVAL),
    }
    return success({"store_id": store_id, **{name: _list(each) for name, each in lists.items()}})


def _list(rentals: list[Rental]) -> dict[str, object]:
    return {"count": len(rentals), "rentals": [line_view(each) for each in rentals]}
