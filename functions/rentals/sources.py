"""Where checkouts come from, and how many unpaid rentals each source has at once.

A source is an address (identity.source_key), not a customer: anybody can type any e-mail address.
Its row has an entry `createdAt#id` for each of its open rentals. One that is older than the longest
hold and some minutes no longer counts, so that nothing left behind can lock anybody out.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infra import clock, dynamo
from infra.dynamo import Change, equal
from infra.settings import integer_setting, setting
from rentals.errors import TooManyOpenRentals, TooManyRequests, WriteContended
from rentals.identity import identity_secret, source_key
from rentals.models import Rental

# Where somebody paid within the hour, more may rent at once: many people share one address in a
# mall, behind a mobile network, or as customers of a partner's server.
_PAID_SECONDS = 3600
_TIMES_AFTER_A_PAYMENT = 5
_SOME_MINUTES_SECONDS = 600
# Mails that one source may ask for: enough for a household, too few to bother somebody.
_MOST_ASKED, _ASKING_SECONDS = 10, 3600
_KEPT_SECONDS = 24 * 3600


def count_open(rental: Rental, row: Mapping[str, Any]) -> tuple[Rental, Change]:
    """The rental as it is to be written, and the change that counts it for its source, whose row
    was `row`. Raises TooManyOpenRentals when MAX_OPEN_RENTALS are counted.
    """
    counted = row.get("openRentals")
    longest = integer_setting("LONGEST_HOLD_SECONDS") + _SOME_MINUTES_SECONDS
    since = clock.timestamp_in(-longest)
    still_open = {entry for entry in counted or () if entry > since}
    has_paid = row.get("paidAt", "") > clock.timestamp_in(-_PAID_SECONDS)
    limit = integer_setting("MAX_OPEN_RENTALS")
    if len(still_open) >= (limit * _TIMES_AFTER_A_PAYMENT if has_paid else limit):
        raise TooManyOpenRentals
    change = Change(
        setting("CUSTOMERS_TABLE"),
        str(rental.source_key),
        {
            "openRentals": still_open | {_entry(rental)},
            "forgetAt": int(clock.now().timestamp()) + _KEPT_SECONDS,  # DynamoDB deletes it then
        },
        [equal("openRentals", counted)],
    )
    return replace(rental, open_before=0 if has_paid else len(still_open)), change


def no_longer_open(rental: Rental, *, is_paid: bool = False) -> list[Change]:
    """The change that stops counting a rental; none for one that was counted for its e-mail
    address, as all were in version 0.1.
    """
    if rental.source_key is None:
        return []
    paid = {"paidAt": clock.now_timestamp()} if is_paid else {}
    entry = {"openRentals": {_entry(rental)}}
    return [Change(setting("CUSTOMERS_TABLE"), rental.source_key, paid, delete=entry)]


def count_asking(client_address: str) -> None:
    """Count that a source asks for a mail. Raises TooManyRequests, WriteContended."""
    table, key = setting("CUSTOMERS_TABLE"), source_key(client_address, identity_secret())
    before = (dynamo.get(table, key) or {}).get("askedAt")
    since = clock.timestamp_in(-_ASKING_SECONDS)
    asked = {each for each in before or () if each > since}
    if len(asked) >= _MOST_ASKED:
        raise TooManyRequests
    attributes = {
        "askedAt": asked | {clock.now_timestamp()},
        "forgetAt": int(clock.now().timestamp()) + _KEPT_SECONDS,
    }
    try:
        dynamo.update(Change(table, key, attributes, [equal("askedAt", before)]))
    except dynamo.ConditionFailed:
        raise WriteContended("others at this address ask at the same time") from None


def _entry(rental: Rental) -> str:
    return f"{rental.created_at}#{rental.id}"
