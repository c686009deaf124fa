"""GET /api/rentals/{rental_id}: how a rental stands, for the customer's page."""

from api.access import has_access, rental_in_path
from api.money_views import money_view
from api.requests import Event
from api.responses import Response, success
from api.routes import route
from api.views import rental_view
from rentals import statement


@route
def handler(event: Event) -> Response:
    """200, with where to pay for who has the rental's key; 401 for another key."""
    rental = rental_in_path(event)
    may_pay = has_access(event, rental)
    money = money_view(statement.of(rental), may_pay=may_pay)
    return success(rental_view(rental, may_pay=may_pay) | money)
