"""The mails that customers get: plain text, so that every reader can show them.

They leave out the customer's name and address: whoever gets a mail by mistake learns little.
"""

from dataclasses import dataclass

from infra import clock
from infra.settings import integer_setting
from rentals import dates
from rentals.models import CENTAVOS_PER_PESO, Collectible, Rental, Store
from rentals.notices import NoticeKind

# Subject and text of each kind that is mailed.
_TEXTS = {
    NoticeKind.CONFIRMED: (
        "Confirmed: {what} (rental {number})",
        "Thank you. Your payment of {paid} has arrived, and {what} is yours for {days}.\n\n"
        "It will be at the store by {ready_by}; we write again when it is there. Your rental "
        "begins when you pick it up, not before.",
    ),
    NoticeKind.LINK_ASKED: (
        "The link to your rental of {what} ({number})",
        "You, or somebody who knows your address, asked our site for the link to this rental. If "
        "it was not you, nothing has to be done: the link was sent to nobody else.",
    ),
    NoticeKind.READY: (
        "Ready for pick-up: {what} (rental {number})",
        "{what} is at the store and waits for you until {collect_by}. Bring this rental's number, "
        "{number}, and an ID.\n\nYour rental of {days} begins when you pick it up.",
    ),
    NoticeKind.PICKED_UP: (
        "Yours until {due}: {what} (rental {number})",
        "You have picked up {what}. Please bring it back to the store by {due}. You may bring it "
        "earlier.",
    ),
    NoticeKind.DUE_SOON: (
        "Due {due}: {what} (rental {number})",
        "Your rental of {what} ends soon. Please bring it back to the store by {due}.",
    ),
    NoticeKind.OVERDUE: (
        "Overdue: {what} (rental {number})",
        "{what} was due on {due} and is not back yet. Please bring it back to the store now, or "
        "tell the store if you cannot.",
    ),
    NoticeKind.CLOSED: (
        "Back with us: {what} (rental {number})",
        "We have {what} back and have looked at it. Your rental is over. Thank you for bringing it "
        "back.",
    ),
    NoticeKind.NOT_COLLECTED: (
        "Not collected: {what} (rental {number})",
        "{what} waited for you at the store and was not collected, so your rental is over. Please "
        "ask the store if you have a question about your payment.",
    ),
    NoticeKind.CANCELLED: (
        "Cancelled: {what} (rental {number})",
        "Your rental of {what} is cancelled. Please ask the store if you did not want this.",
    ),
    NoticeKind.REFUNDED: (
        "Refunded: {paid} for {what} (rental {number})",
        "We have given back your payment of {paid} for {what}, the way you paid it. Your bank or "
        "wallet may take some days to show it.",
    ),
}


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail of plain text."""

    subject: str
    text: str


def mail_of(kind: NoticeKind, rental: Rental, store: Store, page_url: str) -> Mail:
    """The mail about what happened to a rental; `page_url` opens it, for who has the mail."""
    subject, text = _TEXTS[kind]
    words = {
        "what": rental.collectible_name,
        "number": rental.number,
        "days": dates.number_of_days(rental.duration),
        "paid": f"₱{(rental.amount_paid or 0) // CENTAVOS_PER_PESO:,}",
        "ready_by": _in_words(rental.ready_by),
        "collect_by": _in_words(rental.arrived_at, integer_setting("COLLECTION_DAYS")),
        "due": _in_words(rental.due_at),
    }
    where = "\n".join(
        filter(None, (f"Store: {store.name}", store.address, store.phone, store.hours))
    )
    page = f"Your rental: {page_url}\nWhoever has this link can act for you: keep it to yourself."
    return Mail(subject.format(**words), "\n\n".join([text.format(**words), where, page]) + "\n")


def back_mail(collectible: Collectible, site_url: str) -> Mail:
    """The one mail for who asked to be told that something is back."""
    return Mail(
        f"Back: {collectible.name}",
        f"{collectible.name} can be rented again:\n"
        f"{site_url.rstrip('/')}/collectibles/{collectible.id}\n\n"
        "Nothing is set aside for you: who is first gets it.\n\n"
        "You asked for this mail on our site. It is the only one, you need not stop it: your "
        "address is deleted from the list.\n",
    )


def _in_words(timestamp: str | None, days_later: int = 0) -> str:
    """`Friday, 4 December 2026, 9:05 PM` in the Philippines; empty without a date."""
    if timestamp is None:
        return ""
    when = dates.in_manila(clock.parse(timestamp) + dates.days(days_later))
    return f"{when:%A}, {when.day} {when:%B %Y}, {when.hour % 12 or 12}:{when:%M %p}"
