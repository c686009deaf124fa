"""What customers read."""

from collections.abc import Iterator

import pytest

from rentals.charges import Charge, ChargeKind, ChargeStatus
from rentals.mails import mail_of
from rentals.models import Store
from rentals.notices import NoticeKind
from rentals.statement import Statement
from tests.support.samples import CUSTOMER, TERMS, pending_rental
from tests.support.tables import forget_settings

STORE = Store("store-a", "Makati", "12 Kalayaan Arcade, Makati City", "(02) 8555 0112")
URL = "https://site.example/rental.html?rental_id=r#key=k"
RENTAL = pending_rental(
    amount_paid=600_000,
    ready_by="2026-02-02T15:59:59.999Z",
    arrived_at="2026-02-02T01:05:00.000Z",
    due_at="2026-02-05T15:59:59.999Z",
    daily_rate_centavos=200_000,
    refunds_seen=frozenset({"pay_1#ref_1#125050#succeeded#2026-02-03T10:00:00.000Z#goodwill-1"}),
    refund_orders=(
        {
            "key": "goodwill-1",
            "purpose": "goodwill",
            "centavos": 125_050,
            "at": "2026-02-03T10:00:00.000Z",
            "by": "mia",
            "paymentId": "pay_1",
            "reason": "it came a day late",
        },
    ),
)
# Late, with a deposit that did not cover it; a part went back.
OWED = Charge(
    f"{RENTAL.id}-late-1",
    RENTAL.id,
    ChargeKind.LATE,
    300_000,
    ChargeStatus.OPEN,
    "2026-02-09T10:00:00.000Z",
    "2026-02-09T10:00:00.000Z",
    from_deposit=200_000,
)
STATEMENT = Statement(RENTAL, [OWED])


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in TERMS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DAY_SECONDS", "86400")
    monkeypatch.setenv("COLLECTION_DAYS", "7")
    forget_settings()
    yield
    forget_settings()


every_mail = pytest.mark.parametrize("kind", [each for each in NoticeKind if each.is_mailed])


@every_mail
def test_a_mail_says_what_where_and_where_to_look(kind: NoticeKind) -> None:
    mail = mail_of(kind, STATEMENT, STORE, URL)

    assert RENTAL.collectible_name in mail.subject
    assert RENTAL.number in mail.subject
    assert "{" not in mail.subject + mail.text
    for part in (STORE.name, STORE.address, STORE.phone, URL):
        assert part in mail.text
    assert max(map(len, mail.subject.splitlines())) < 100


@every_mail
def test_a_mail_tells_nothing_of_who_rents(kind: NoticeKind) -> None:
    mail = mail_of(kind, STATEMENT, STORE, URL)

    for value in (CUSTOMER.name, CUSTOMER.email, CUSTOMER.phone, CUSTOMER.address):
        assert value not in mail.subject + mail.text


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (NoticeKind.CONFIRMED, ("₱6,000", "3 days", "Monday, 2 February 2026, 11:59 PM")),
        (NoticeKind.READY, ("an ID", "3 days", "until Monday, 9 February 2026, 9:05 AM")),
        (NoticeKind.PICKED_UP, ("Thursday, 5 February 2026, 11:59 PM",)),
        (NoticeKind.DUE_SOON, ("Thursday, 5 February 2026, 11:59 PM",)),
        (NoticeKind.OVERDUE, ("was due on Thursday, 5 February 2026, 11:59 PM",)),
        (NoticeKind.REFUNDED, ("₱6,000",)),
        (NoticeKind.OVERDUE, ("₱1,000", "14 days")),
        (NoticeKind.CHARGE, ("₱3,000 (late)", "Your deposit has paid ₱2,000", "₱1,000 is to be")),
        (NoticeKind.CHARGE_REMINDER, ("₱1,000",)),
        (NoticeKind.CHARGE_PAID, ("₱3,000",)),
        (NoticeKind.PART_REFUNDED, ("₱1,250.50", ": it came a day late")),
        (NoticeKind.CLOSED, ("Late: ₱3,000", "₱1,000 is to be paid")),
    ],
)
def test_dates_are_of_the_philippines_and_money_is_in_pesos(
    kind: NoticeKind, words: tuple[str, ...]
) -> None:
    key = "ref_1" if kind is NoticeKind.PART_REFUNDED else OWED.id
    text = mail_of(kind, STATEMENT, STORE, URL, key).text

    assert [each for each in words if each not in text] == []


def test_one_day_is_not_days() -> None:
    text = mail_of(NoticeKind.READY, Statement(pending_rental(duration=1)), STORE, URL).text

    assert "Your rental of 1 day begins" in text
