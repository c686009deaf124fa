"""Finding a rental's page again: its link goes to the address on the rental, and nobody is told
whether there is such a rental.
"""

from contextlib import suppress

from infra import clock, dynamo
from rentals import lookups
from rentals.identity import normalized
from rentals.notices import NoticeKind, new_notice
from rentals.numbers import read_number

# At most one mail an hour, however often it is asked for.
_HOUR = len("2026-01-31T10")


def ask(words: str, email: str) -> None:
    """Have the link of a paid rental mailed, if its number and address are these."""
    number = read_number(words)
    for rental in lookups.of_number(number) if number else ():
        if normalized(rental.customer.email) == normalized(email):
            asked = new_notice(rental, NoticeKind.LINK_ASKED, clock.now_timestamp()[:_HOUR])
            with suppress(dynamo.ConditionFailed):
                dynamo.transact([asked])
