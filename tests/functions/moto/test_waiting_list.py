"""Mails that people ask for: that something is back, and the link to their rental."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from infra import clock
from rentals import link_requests, sources, waiting_list
from rentals.errors import CollectibleNotFound, NotPossibleNow, TooManyRequests
from rentals.notices import NoticeKind
from tests.support.mails import Outside, taken
from tests.support.rentals import completed
from tests.support.samples import CUSTOMER
from tests.support.tables import Shop, forget_settings
from tools.ops import personal_data

ANA, BEN = "ana@example.com", "ben@example.com"


@pytest.fixture
def outside(shop: Shop, identity: None, environment: pytest.MonkeyPatch) -> Iterator[Outside]:
    with taken(environment) as outside:
        yield outside


def always() -> bool:
    return True


def readers(outside: Outside) -> list[str]:
    return sorted(each["Destination"]["ToAddresses"][0] for each in outside.mails)


def test_everybody_is_told_once_when_it_is_back(shop: Shop, outside: Outside) -> None:
    shop.put("Collectibles", {"id": "col-0010", "name": "Other", "size": "Large"})
    for collectible_id, email in (("col-001", ANA), ("col-001", BEN), ("col-0010", ANA)):
        waiting_list.add(collectible_id, email)
    waiting_list.add("col-001", ANA.upper())
    assert waiting_list.tell(always) == 0

    shop.add_units(1)

    assert waiting_list.tell(always) == 2
    assert readers(outside) == sorted([ANA.upper(), BEN])
    text = outside.mails[0]["Content"]["Simple"]["Body"]["Text"]["Data"]
    assert "https://site.example/collectibles/col-001\n" in text
    assert "Nothing is set aside" in text
    assert waiting_list.tell(always) == 0
    assert [row["entry"].partition("#")[0] for row in shop.rows("Lookups")] == ["col-0010"]


def test_who_has_their_data_erased_is_not_told(shop: Shop, outside: Outside) -> None:
    shop.put("Collectibles", {"id": "col-0010", "name": "Other", "size": "Large"})
    for collectible_id, email in (("col-001", ANA), ("col-001", BEN), ("col-0010", ANA)):
        waiting_list.add(collectible_id, email)
    assert waiting_list.waited_for_by(ANA) == ["col-001", "col-0010"]

    personal_data.erase(ANA.upper())

    assert waiting_list.waited_for_by(ANA) == []
    assert [row["email"] for row in shop.rows("Lookups")] == [BEN]


def test_who_says_stop_is_not_told(shop: Shop, outside: Outside) -> None:
    waiting_list.add("col-001", ANA)
    waiting_list.remove("col-001", ANA)
    waiting_list.remove("col-001", BEN)
    shop.add_units(1)

    assert waiting_list.tell(always) == 0
    assert shop.rows("Lookups") == []


def test_an_address_is_kept_for_three_months_at_most(shop: Shop, outside: Outside) -> None:
    waiting_list.add("col-001", ANA)

    [row] = shop.rows("Lookups")
    days = (int(row["forgetAt"]) - clock.now().timestamp()) / 86_400
    assert 89 < days <= 90


def test_nobody_waits_for_what_is_unknown_or_where_no_mail_is_sent(
    shop: Shop, outside: Outside, environment: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CollectibleNotFound):
        waiting_list.add("col-999", ANA)
    environment.setenv("MAIL_SENDER", "")
    forget_settings()
    with pytest.raises(NotPossibleNow):
        waiting_list.add("col-001", ANA)
    assert shop.rows("Lookups") == []


def test_one_address_that_is_refused_keeps_nobody_waiting(shop: Shop, outside: Outside) -> None:
    for email in (ANA, BEN):
        waiting_list.add("col-001", email)
    shop.add_units(1)
    outside.refuse("SendEmail", "MessageRejected")

    assert waiting_list.tell(always) == 1
    assert shop.rows("Lookups") == []


def test_what_was_withdrawn_is_told_to_nobody(shop: Shop, outside: Outside) -> None:
    waiting_list.add("col-001", ANA)
    shop.add_units(1)
    shop.put("Collectibles", {"id": "col-001", "name": "X", "size": "Small", "isWithdrawn": True})

    assert waiting_list.tell(always) == 0
    assert shop.rows("Lookups") == []


def asked(shop: Shop) -> list[str]:
    return [row["id"] for row in shop.rows("Notices") if f"#{NoticeKind.LINK_ASKED}#" in row["id"]]


def test_the_link_is_mailed_to_the_address_on_the_rental_once_an_hour(shop: Shop) -> None:
    rental = completed(shop)
    spelt = rental.number.replace("-", " ").lower()

    for words, email in ((rental.number, CUSTOMER.email), (spelt, f" {CUSTOMER.email.upper()} ")):
        link_requests.ask(words, email)

    [notice] = asked(shop)
    assert notice.startswith(rental.id)
    assert CUSTOMER.email not in json.dumps(shop.row("Notices", notice))


@pytest.mark.parametrize("words", ["MC-2222-2222", "nonsense", ""])
def test_a_wrong_number_or_address_leads_to_no_mail(shop: Shop, words: str) -> None:
    rental = completed(shop)

    link_requests.ask(words, CUSTOMER.email)
    link_requests.ask(rental.number, "somebody.else@example.com")

    assert asked(shop) == []


def test_a_source_may_ask_so_often_in_an_hour(
    shop: Shop, identity: None, environment: pytest.MonkeyPatch
) -> None:
    for _ in range(10):
        sources.count_asking("192.0.2.1")
    with pytest.raises(TooManyRequests):
        sources.count_asking("192.0.2.1")
    sources.count_asking("192.0.2.2")

    later = clock.now() + timedelta(hours=1, seconds=1)
    environment.setattr(clock, "now", lambda: later)
    sources.count_asking("192.0.2.1")
