"""POST /api/desk/rentals/{rental_id}/money: staff charge, take, waive and give back money."""

from api.access import rental_in_path
from api.desk_money_bodies import Charge, Given, Money, Paid, Refund, Waive, parse_money
from api.money_views import money_view
from api.requests import Event, json_object
from api.responses import Response, success
from api.routes import route
from api.staff import signed_in
from rentals import charges, money_desk, repository, statement
from rentals.desk import Actor
from rentals.errors import ChargeNotFound
from rentals.models import CENTAVOS_PER_PESO, Rental


@route
def handler(event: Event) -> Response:
    """200 with how the money stands then; 401 for what only managers may do, 409 when it cannot be
    done now.
    """
    staff, rental = signed_in(event), rental_in_path(event)
    body = parse_money(json_object(event))
    _do(rental, body, Actor(staff.name, staff.at(body.store_id), staff.is_manager))
    now = statement.of(repository.get(rental.id))
    return success({"rental_id": rental.id, "money": money_view(now, may_pay=False)})


def _do(rental: Rental, body: Money, actor: Actor) -> None:
    match body:
        case Charge(amount=amount):
            centavos = amount * CENTAVOS_PER_PESO
            money_desk.raise_charge(rental, body.kind, centavos, body.reason, actor, key=body.key)
        case Paid():
            money_desk.paid_at_counter(rental, _charge(rental, body), body.receipt, actor)
        case Waive():
            money_desk.waive(rental, _charge(rental, body), body.reason, actor)
        case Refund(amount=amount):
            centavos = amount * CENTAVOS_PER_PESO
            money_desk.give_back(rental, centavos, body.reason, actor, body.key)
        case Given():
            money_desk.given_at_counter(rental, body.refund, body.receipt, actor)


def _charge(rental: Rental, body: Paid | Waive) -> charges.Charge:
    """Raises ChargeNotFound, also for a charge of another rental."""
    if body.charge_id not in rental.charge_ids:
        raise ChargeNotFound(body.charge_id)
    return charges.get(body.charge_id)
