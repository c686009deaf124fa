"""When the next unit of what is sold out should be on a shelf again: rows of the Lookups table, one
for each unit that a customer has paid for, by the day it is due and the way home (lookups.moved).
"""

from infra import clock, dynamo
from infra.settings import setting
from rentals import dates
from rentals.models import Rental


def next_at(collectible_id: str) -> str | None:
    """When a unit should be back, as stored; None when none is expected. Those that are late
    already are not counted on. One query of one row, however many units there are.
    """
    found = dynamo.query(
        setting("LOOKUPS_TABLE"),
        None,
        "lookup = :key AND entry > :now",
        {"key": _key(collectible_id), "now": clock.now_timestamp()},
        attributes="entry",
        limit=1,
    )
    return str(found[0]["entry"]).partition("#")[0] if found else None


def place(rental: Rental) -> tuple[str, str] | None:
    """Where the row of a rental's unit stands, while the rental has one."""
    if not rental.is_out or rental.due_at is None:
        return None
    back = dates.in_days(clock.parse(rental.due_at), rental.eta or 1)
    return _key(rental.collectible_id), f"{clock.timestamp(back)}#{rental.id}"


def _key(collectible_id: str) -> str:
    return f"expected#{collectible_id}"
