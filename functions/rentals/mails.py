"""The mails that customers get: plain text, so that every reader can show them.

They leave out the customer's name and address: whoever gets a mail by mistake learns little.
"""

from collections.abc import Callable
from dataclasses import dataclass

from infra import clock
from infra.settings import integer_setting
from rentals import dates, terms
from rentals.charges import ChargeKind
from rentals.given_back import Purpose
from rentals.models import CENTAVOS_PER_PESO, Collectible, Store
from rentals.notices import NoticeKind
from rentals.statement import Statement

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
    NoticeKind.PART_REFUNDED: (
        "Given back: {given} for {what} (rental {number})",
        "We have given back {given} of what you paid for {what}{why}, the way you paid it. Your "
        "bank or wallet may take some days to show it.",
    ),
    NoticeKind.EXTENDED: (
        "Yours until {due}: {what} (rental {number})",
        "Your rental of {what} is longer now. Please bring it back to the store by {due}.",
    ),
    NoticeKind.CHARGE: (
        "To pay: {owed} for {what} (rental {number})",
        "For your rental of {what} we charge {charged} ({charge}). {covered}{owed} is to be paid: "
        "on the page below, or at the store.",
    ),
    NoticeKind.CHARGE_REMINDER: (
        "Still to pay: {owed} for {what} (rental {number})",
        "{owed} for your rental of {what} is not paid yet ({charge}). Please pay it on the page "
        "below, or at the store.",
    ),
    NoticeKind.CHARGE_PAID: (
        "Paid: {charged} for {what} (rental {number})",
        "Thank you. {charged} for your rental of {what} is paid ({charge}).",
    ),
}
_WHY = {
    Purpose.DEPOSIT: ", what is left of your deposit",
    Purpose.CANCELLED: ", because you cancelled",
    Purpose.NOT_COLLECTED: ", because it was not collected",
    Purpose.SHOP_FAULT: ", because we could not go ahead",
    Purpose.FOUND: ", because it was found again",
    Purpose.GOODWILL: "",
}


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail of plain text."""

    subject: str
    text: str


def mail_of(
    kind: NoticeKind, statement: Statement, store: Store, page_url: str, key: str = ""
) -> Mail:
    """The mail about what happened to a rental; `page_url` opens it, for who has the mail. `key` is
    the notice's: which charge or refund it is about.
    """
    rental, (subject, text) = statement.rental, _TEXTS[kind]
    words = {
        "what": rental.collectible_name,
        "number": rental.number,
        "days": dates.number_of_days(rental.duration),
        "paid": _pesos(rental.amount_paid or 0),
        "ready_by": _in_words(rental.ready_by),
        "collect_by": _in_words(rental.arrived_at, integer_setting("COLLECTION_DAYS")),
        "due": _in_words(rental.due_at),
        **_of_charge(statement, key),
        **_of_refund(statement, key),
    }
    where = "\n".join(
        filter(None, (f"Store: {store.name}", store.address, store.phone, store.hours))
    )
    page = f"Your rental: {page_url}\nWhoever has this link can act for you: keep it to yourself."
    money = _MONEY[kind](statement) if kind in _MONEY else ""
    parts = filter(None, [text.format(**words), money, where, page])
    return Mail(subject.format(**words), "\n\n".join(parts) + "\n")


def _pesos(centavos: int) -> str:
    whole, rest = divmod(centavos, CENTAVOS_PER_PESO)
    return f"₱{whole:,}" + (f".{rest:02}" if rest else "")


def _of_charge(statement: Statement, key: str) -> dict[str, str]:
    charge = next((each for each in statement.charges if each.id == key), None)
    if charge is None:
        return {"charged": "", "owed": "", "charge": "", "covered": ""}
    deposit = _pesos(charge.from_deposit)
    return {
        "charged": _pesos(charge.centavos),
        "owed": _pesos(charge.centavos - charge.from_deposit),
        "charge": f"{charge.kind}: {charge.reason}" if charge.reason else str(charge.kind),
        "covered": f"Your deposit has paid {deposit} of it. " if charge.from_deposit else "",
    }


def _of_refund(statement: Statement, key: str) -> dict[str, str]:
    refund = next((each for each in statement.going_back if each.key == key), None)
    if refund is None:
        return {"given": "", "why": ""}
    why = f": {refund.reason}" if refund.reason else _WHY.get(refund.purpose, "")  # type: ignore[arg-type]
    return {"given": _pesos(refund.centavos), "why": why}


def _deposit(statement: Statement) -> str:
    rental = statement.rental
    if rental.deposit_centavos:
        return f"Your payment has a deposit of {_pesos(rental.deposit_centavos)} in it."
    if rental.counter_deposit_centavos:
        owed = _pesos(rental.counter_deposit_centavos)
        return f"Bring a deposit of {owed} to the store: it is taken when you pick it up."
    return ""


def _late_fee(statement: Statement) -> str:
    daily = _pesos(terms.base_daily_rate(statement.rental))
    return (
        f"Each day that has begun after the due date costs {daily}, for at most"
        f" {dates.number_of_days(integer_setting('LATE_FEE_DAYS'))}."
    )


def _closing(statement: Statement) -> str:
    kept = [
        f"{charge.kind.capitalize()}: {_pesos(charge.centavos)}"
        + (f" ({charge.reason})" if charge.reason else "")
        for charge in statement.charges
        if charge.kind is not ChargeKind.EXTENSION
    ]
    back = [e for e in statement.going_back if e.purpose in _CLOSING and e.status != "failed"]
    sums = [f"{_pesos(each.centavos)} goes back to you{_WHY[each.purpose]}." for each in back]  # type: ignore[index]
    owed = [f"{_pesos(statement.outstanding)} is to be paid."] if statement.outstanding else []
    return "\n".join([*kept, *sums, *owed])


_CLOSING = {Purpose.DEPOSIT, Purpose.CANCELLED, Purpose.NOT_COLLECTED, Purpose.SHOP_FAULT}
# What some mails say of money besides.
_MONEY: dict[NoticeKind, Callable[[Statement], str]] = {
    NoticeKind.CONFIRMED: _deposit,
    NoticeKind.READY: _deposit,
    NoticeKind.DUE_SOON: _late_fee,
    NoticeKind.OVERDUE: _late_fee,
    NoticeKind.CLOSED: _closing,
    NoticeKind.NOT_COLLECTED: _closing,
    NoticeKind.CANCELLED: _closing,
}


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
