"""What customers and staff do with money after the checkout."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rentals import charges, money_desk, repository
from rentals.access_keys import access_key_of, access_secret
from rentals.charges import ChargeKind
from rentals.desk import Actor
from rentals.errors import NotPossibleNow
from rentals.models import Rental
from rentals.statement import Statement
from tests.support.sources import PARAMETERS

if TYPE_CHECKING:
    from tests.search.interleavings.simulation import Draw, Simulation

Json = dict[str, Any]
MANAGER = Actor("mia", is_manager=True)
# A charge whose session is looked at within so many seconds is not at rest.
SOON_SECONDS = 4 * 3600.0


def _paid(simulation: "Simulation", draw: "Draw") -> Json | None:
    rows = [e for e in simulation.world.rows("Rentals") if e["paymentStatus"] == "completed"]
    return rows[draw.below(len(rows))] if rows else None


def request(rental_id: str, path: Json | None = None, **query: object) -> Json:
    """A request of who has the rental's key."""
    return {
        "pathParameters": {"rental_id": rental_id, **(path or {})},
        "headers": {
            "X-Rental-Key": access_key_of(rental_id, access_secret()),
            "X-Site-Url": PARAMETERS["SiteUrl"],
        },
        "queryStringParameters": {name: str(value) for name, value in query.items()},
    }


def open_charge_session(simulation: "Simulation", draw: "Draw") -> bool:
    """A customer is about to pay a charge."""
    rows = [e for e in simulation.world.rows("Charges") if e["status"] in ("open", "paying")]
    if not rows:
        return False
    row = rows[draw.below(len(rows))]
    event = request(row["rentalId"], path={"charge_id": row["id"]})
    label = f"pay charge {row['id'][-12:]}"
    simulation.start(draw, label, "api.post_charge_payment.handler", event, simulation.answered)
    return True


def extend(simulation: "Simulation", draw: "Draw") -> bool:
    row = _paid(simulation, draw)
    if row is None:
        return False
    event = request(row["id"], days=1 + draw.below(9))
    label = f"extend {row['id'][:8]}"
    simulation.start(draw, label, "api.post_extension.handler", event, simulation.answered)
    return True


def cancel_paid(simulation: "Simulation", draw: "Draw") -> bool:
    """For what the page has shown, perhaps some time ago."""
    row = _paid(simulation, draw)
    if row is None:
        return False
    shown = Statement(Rental.from_row(row)).refund_if_cancelled
    pesos = 3_000 if draw.below(4) == 3 else (shown or 0) // 100
    event = request(row["id"], refund=pesos)
    label = f"cancel {row['id'][:8]} for {pesos}"
    simulation.start(draw, label, "api.post_cancel.handler", event, simulation.answered)
    return True


def give_back_part(simulation: "Simulation", draw: "Draw") -> bool:
    """An operator gives a part back, sometimes the same sum as before."""
    row = _paid(simulation, draw)
    if row is None:
        return False
    event = {
        "do": "give_back",
        "rental_id": row["id"],
        "centavos": [100_000, 100_000, 1_250, 700_000][draw.below(4)],
        "key": f"goodwill-{draw.below(6)}",
    }
    return _at_the_desk(simulation, draw, event)


def raise_charge(simulation: "Simulation", draw: "Draw") -> bool:
    """For what was found later."""
    row = _paid(simulation, draw)
    if row is None:
        return False
    kind = [ChargeKind.DAMAGE, ChargeKind.LOSS][draw.below(2)]
    event = {
        "do": "charge",
        "rental_id": row["id"],
        "kind": kind,
        "centavos": 150_000,
        "key": str(draw.below(6)),
    }
    return _at_the_desk(simulation, draw, event)


def settle_charge(simulation: "Simulation", draw: "Draw") -> bool:
    """Paid at the counter, or waived."""
    rows = simulation.world.rows("Charges")
    if not rows:
        return False
    row = rows[draw.below(len(rows))]
    what = ["paid", "waive"][draw.below(2)]
    event = {"do": what, "rental_id": row["rentalId"], "charge_id": row["id"]}
    return _at_the_desk(simulation, draw, event)


def _at_the_desk(simulation: "Simulation", draw: "Draw", event: Json) -> bool:
    label = f"desk {event['do']} {event['rental_id'][:8]}"
    simulation.start(draw, label, f"{__name__}.desk_money", event, lambda _: None)
    return True


def desk_money(event: Json, _: object) -> bool:
    """What staff do by the desk or by `./rentals`."""
    rental = repository.get(event["rental_id"])
    try:
        match event["do"]:
            case "give_back":
                money_desk.give_back(
                    rental, event["centavos"], "sorry for the wait", MANAGER, event["key"]
                )
            case "charge":
                kind = ChargeKind(event["kind"])
                money_desk.raise_charge(
                    rental, kind, event["centavos"], "a dent", MANAGER, key=event["key"]
                )
            case "paid":
                charge = charges.get(event["charge_id"])
                money_desk.paid_at_counter(rental, charge, "OR-1", MANAGER)
            case "waive":
                money_desk.waive(rental, charges.get(event["charge_id"]), "goodwill", MANAGER)
    except NotPossibleNow:
        return False
    return True


MONEY_ACTIONS: dict[str, Callable[["Simulation", "Draw"], bool]] = {
    each.__name__: each
    for each in (
        open_charge_session,
        extend,
        cancel_paid,
        give_back_part,
        raise_charge,
        settle_charge,
    )
}
