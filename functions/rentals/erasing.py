"""Erasing who a customer was from their rental: what was rented, paid and given back stays."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra import clock, dynamo
from infra.aws import describe
from infra.dynamo import Change, absent, equal
from infra.settings import setting
from infra.telemetry import logger
from rentals import lookups, repository, retention
from rentals.errors import ApplicationError
from rentals.models import Customer, Rental
from rentals.retention import RETENTION
from rentals.rows import to_row

_MOST = 500
_NOBODY = Customer(**{each.name: "" for each in fields(Customer)})


def erase(rental: Rental, *also: dynamo.Write) -> None:
    """Erase a rental's personal data, unless it changed since it was read.

    Raises ConditionFailed, WriteContended.
    """
    dynamo.transact([_erasure(rental), *lookups.no_longer_found(rental), *also])


def request(rental: Rental) -> None:
    """Have the personal data of a rental that is in use erased once it is not.

    Raises ConditionFailed when it was erased meanwhile, WriteContended.
    """
    now = clock.now_timestamp()
    asked = repository.change(rental.id, {"erasureRequestedAt": now}, absent("erasedAt"))
    dynamo.transact([asked, retention.look(rental.id, now)])


def erase_due(has_time: Callable[[], bool]) -> tuple[int, int]:
    """Look at all personal data that is due, for as long as `has_time`; how many rentals were
    looked at, how many erased. What fails for one is logged, and due again the next time.
    """
    looked = erased = 0
    while has_time():
        rows = RETENTION.list_due(setting("LOOKUPS_TABLE"), retention.look_keys(), _MOST)
        outcomes = [_try(row) for row in rows if has_time()]
        done = [each for each in outcomes if each is not None]
        looked, erased = looked + len(done), erased + sum(done)
        if len(rows) < _MOST or not done:
            break
    return looked, erased


def _try(row: dynamo.Item) -> bool | None:
    try:
        return _look(row["rentalId"], row["entry"])
    except dynamo.ConditionFailed:
        problem = "it changed meanwhile"
    except (ApplicationError, ClientError, BotoCoreError) as error:
        problem = describe(error)
    extra = {"rental_id": row["rentalId"], "error": problem}
    logger.warning("personal data was not looked at", extra=extra)
    return None


def _look(rental_id: str, entry: str) -> bool:
    """Whether a rental's personal data was erased; else it is looked at again when it is due."""
    rental, looked = repository.find(rental_id), retention.looked(rental_id, entry)
    if rental is None or rental.erased_at is not None:
        dynamo.transact([looked])
        return False
    if retention.in_use(rental) is None and retention.kept_until(rental) <= clock.now_timestamp():
        erase(rental, looked)
        return True
    dynamo.transact([looked, retention.look(rental_id, retention.next_look(rental))])
    return False


def _erasure(rental: Rental) -> Change:
    """Keyed hashes and links go as well: who has the key, or the link, finds the person again."""
    log: list[dict[str, Any]] = [
        {name: value for name, value in each.items() if name != "note"} for each in rental.desk_log
    ]
    gone = ("customerKey", "phoneKey", "sourceKey", "paymentUrl", "checkoutUrl")
    return repository.change(
        rental.id,
        {
            "customer": to_row(_NOBODY),
            "requestHash": "",
            **dict.fromkeys(gone),
            **({"deskLog": log} if log else {}),
            "erasedAt": clock.now_timestamp(),
        },
        equal("updatedAt", rental.updated_at),
        equal("followUp", None),
        absent("erasedAt"),
    )
