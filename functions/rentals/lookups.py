"""Finding paid rentals as people know them: by number, unit, e-mail address, phone, and by what a
store waits for. Rows of the Lookups table, written in the transaction that changes a rental.
"""

import re
from collections.abc import Iterator

from infra import dynamo
from infra.dynamo import Delete, Put
from infra.settings import setting
from rentals import expected, repository
from rentals.errors import AmbiguousNumber, RentalNotFound
from rentals.identity import customer_key, identity_secret, phone_key
from rentals.models import FulfillmentStatus, Rental
from rentals.numbers import read_number

MOST = 50
# The stages that stores have lists of.
LISTED = [each for each in FulfillmentStatus if each is not FulfillmentStatus.CLOSED]
ATTENTION_KEY = "attention"
EMAIL = re.compile(r"\S+@\S+")
_LONGEST_WORDS = 254


def written_when_paid(rental: Rental) -> list[Put]:
    """The rows by which a rental is found from its payment on."""
    keys = (f"number#{rental.number}", rental.customer_key, rental.phone_key)
    return [_put(key, rental.id, rental.id) for key in keys if key is not None]


def no_longer_found(rental: Rental) -> list[Delete]:
    """Nobody finds the rental by who its customer was: only by its number, unit and id."""
    keys = filter(None, (rental.customer_key, rental.phone_key))
    return [_delete(key, rental.id) for key in keys]


def moved(before: Rental, after: Rental) -> list[Put | Delete]:
    """What changes in the lists of stores, and of what is expected back, when a rental goes from
    one stage to the next.
    """
    changes: list[Put | Delete] = []
    for place_of in (_place, expected.place):
        old, new = place_of(before), place_of(after)
        if old != new:
            changes += [_delete(*old)] if old is not None else []
            changes += [_put(*new, after.id)] if new is not None else []
    return changes


def in_attention(rental_id: str) -> Put:
    """The row that has operators look at a rental."""
    return _put(ATTENTION_KEY, rental_id, rental_id)


def out_of_attention(rental_id: str) -> Delete:
    """The end of that."""
    return _delete(ATTENTION_KEY, rental_id)


def list_attention(limit: int = MOST) -> list[Rental]:
    """Rentals whose fulfillment needs somebody."""
    return _rentals(ATTENTION_KEY, limit)


def stage_key(store_id: str, status: FulfillmentStatus) -> str:
    """The key of a store's list of a stage; its entries begin with what they are sorted by."""
    return f"store#{store_id}#{status}"


def in_store(store_id: str, status: FulfillmentStatus, limit: int = MOST) -> list[Rental]:
    """What a store waits for, or has, the earliest first: by `ready_by`, `arrived_at`, `due_at`,
    `returned_at`.
    """
    return _rentals(stage_key(store_id, status), limit)


def in_store_by_name(store_id: str, words: str) -> list[Rental]:
    """What a store waits for, or has, of customers whose name has these words in it."""
    wanted = words.strip().casefold()
    rentals = (each for status in LISTED for each in in_store(store_id, status))
    return [each for each in rentals if wanted and wanted in each.customer.name.casefold()]


def find(words: str) -> list[Rental]:
    """The paid rentals that somebody means, the newest first: by number, id, unit, e-mail address
    or phone.
    """
    words = words.strip()[:_LONGEST_WORDS]
    found = {each.id: each for each in _found(words) if each.fulfillment_status is not None}
    return sorted(found.values(), key=lambda each: each.created_at, reverse=True)


def one(words: str) -> Rental:
    """The rental of a number in any spelling, or of an id. Raises RentalNotFound,
    AmbiguousNumber.
    """
    number = read_number(words)
    found = of_number(number) if number is not None else []
    if len(found) > 1:
        raise AmbiguousNumber(str(number))
    rental = found[0] if found else repository.find(words)
    if rental is None:
        raise RentalNotFound(words[:64])
    return rental


def of_number(number: str) -> list[Rental]:
    """The paid rentals of a number: hardly ever more than one."""
    return _rentals(f"number#{number}", 2)


def _found(words: str) -> Iterator[Rental]:
    if not words:
        return
    if number := read_number(words):
        yield from _rentals(f"number#{number}", MOST)
    if EMAIL.fullmatch(words):
        yield from _rentals(customer_key(words, identity_secret()), MOST)
        return
    if (phone := phone_key(words, identity_secret())) is not None:
        yield from _rentals(phone, MOST)
    if rental := repository.find(words):
        yield rental
    unit = dynamo.get(setting("UNITS_TABLE"), words)
    if unit and (rental_id := unit.get("reservedBy") or unit.get("lastRentalId")):
        yield repository.get(rental_id)


def _place(rental: Rental) -> tuple[str, str] | None:
    """The list that a rental stands in, and where in it."""
    since = {
        FulfillmentStatus.AWAITING_ARRIVAL: rental.ready_by,
        FulfillmentStatus.READY_FOR_PICKUP: rental.arrived_at,
        FulfillmentStatus.PICKED_UP: rental.due_at,
        FulfillmentStatus.RETURNED: rental.returned_at,
    }
    status = rental.fulfillment_status
    if status not in LISTED:
        return None
    return stage_key(rental.place_id, status), f"{since[status]}#{rental.id}"


def _rentals(key: str, limit: int) -> list[Rental]:
    rows = dynamo.query(setting("LOOKUPS_TABLE"), None, "lookup = :key", {"key": key}, limit=limit)
    found = dynamo.get_many(setting("RENTALS_TABLE"), [row["rentalId"] for row in rows])
    return [Rental.from_row(row) for row in found]


def _put(key: str, entry: str, rental_id: str) -> Put:
    row = {"lookup": key, "entry": entry, "rentalId": rental_id}
    return Put(setting("LOOKUPS_TABLE"), row)


def _delete(key: str, entry: str) -> Delete:
    return Delete(setting("LOOKUPS_TABLE"), {"lookup": key, "entry": entry})
