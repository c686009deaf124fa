"""What customers read."""

from collections.abc import Iterator

import pytest

from rentals.mails import mail_of
from rentals.models import Store
from rentals.notices import NoticeKind
from tests.support.samples import CUSTOMER, pending_rental
from tests.support.tables import forget_settings

STORE = Store("store-a", "Makati", "12 Kalayaan Arcade, Makati City", "(02) 8555 0112")
URL = "https://site.example/rental.html?rental_id=r#key=k"
RENTAL = pending_rental(
    amount_paid=600_000,
    ready_by="2026-02-02T15:59:59.999Z",
    arrived_at="2026-02-02T01:05:00.000Z",
    due_at="2026-02-05T15:59:59.999Z",
)


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DAY_SECONDS", "86400")
    monkeypatch.setenv("COLLECTION_DAYS", "7")
    forget_settings()
    yield
    forget_settings()


every_mail = pytest.mark.parametrize("kind", [each for each in NoticeKind if each.is_mailed])


@every_mail
def test_a_mail_says_what_where_and_where_to_look(kind: NoticeKind) -> None:
    mail = mail_of(kind, RENTAL, STORE, URL)

    assert RENTAL.collectible_name in mail.subject
    assert RENTAL.number in mail.subject
    assert "{" not in mail.subject + mail.text
    for part in (STORE.name, STORE.address, STORE.phone, URL):
        assert part in mail.text
    assert max(map(len, mail.subject.splitlines())) < 100


@every_mail
def test_a_mail_tells_nothing_of_who_rents(kind: NoticeKind) -> None:
    mail = mail_of(kind, RENTAL, STORE, URL)

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
    ],
)
def test_dates_are_of_the_philippines_and_money_is_in_pesos(
    kind: NoticeKind, words: tuple[str, ...]
) -> None:
    text = mail_of(kind, RENTAL, STORE, URL).text

    assert [each for each in words if each not in text] == []


def test_one_day_is_not_days() -> None:
    text = mail_of(NoticeKind.READY, pending_rental(duration=1), STORE, URL).text

    assert "Your rental of 1 day begins" in text
