"""Personal data is erased when its period is over, everywhere, and not before."""

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from infra import clock, dynamo
from infra.errors import WriteContended
from rentals import desk, endings, erasing, fulfillment, outbox, refunds, repository, retention
from rentals.desk import Action, Actor, Condition
from rentals.models import EndReason, Rental
from rentals.notices import NoticeStatus
from tests.support.rentals import Refunding, completed, late, reserved
from tests.support.samples import CUSTOMER, PENDING_RENTAL
from tests.support.tables import TABLES, Shop
from tools.ops import personal_data
from tools.ops.promise import violations
from tools.sources import ROOT
from upkeep import erase_personal_data

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
NOTE = f"{CUSTOMER.name} has lost the box"
# What tells who the customer is, to whoever reads it or can make it anew.
TELLING = {
    *asdict(CUSTOMER).values(),
    NOTE,
    str(PENDING_RENTAL.customer_key),
    str(PENDING_RENTAL.phone_key),
    str(PENDING_RENTAL.source_key),
    PENDING_RENTAL.request_hash,
}


def test_what_is_stored_of_a_customer_stands_in_the_list_and_is_erased(
    shop: Shop, environment: pytest.MonkeyPatch
) -> None:
    rental = come_home(completed(shop))
    assert places(shop) | {"Rentals.paymentUrl", "Rentals.checkoutUrl"} == documented()

    after(environment, days=729)
    assert run() == {"looked_at": 1, "erased": 0}
    assert NOTE in json.dumps(shop.row("Rentals", rental.id), default=str)

    after(environment, days=732)
    assert run() == {"looked_at": 1, "erased": 1}
    assert places(shop) == {"Customers.id"}  # forgotten after a day by the table itself
    assert look_rows(shop) == []
    assert repository.get(rental.id).amount_paid == rental.amount_paid
    assert run() == {"looked_at": 0, "erased": 0}


def test_an_unpaid_rental_is_erased_after_a_month(
    shop: Shop, environment: pytest.MonkeyPatch
) -> None:
    rental = repository.get(endings.end_unpaid(reserved(shop), EndReason.HOLD_EXPIRED).id)
    settled(rental)

    after(environment, days=29.9)
    assert run() == {"looked_at": 0, "erased": 0}
    after(environment, days=30.1)
    assert run() == {"looked_at": 1, "erased": 1}

    now = repository.get(rental.id)
    assert (now.customer.name, now.payment_status) == ("", rental.payment_status)


def test_what_came_too_late_and_went_back_is_kept_as_long_as_what_was_paid(
    shop: Shop, environment: pytest.MonkeyPatch, paymongo: Refunding
) -> None:
    rental = refunds.refund_unused_payments(late(shop))
    settled(rental)

    after(environment, days=100)
    assert run()["erased"] == 0
    after(environment, days=732)
    assert run()["erased"] == 1


@pytest.mark.parametrize("stage", ["pending", "out", "followed", "flagged"])
def test_what_is_in_use_is_not_erased_and_looked_at_again_the_next_day(
    shop: Shop, environment: pytest.MonkeyPatch, stage: str
) -> None:
    rental = reserved(shop) if stage == "pending" else completed(shop)
    if stage in ("followed", "flagged"):
        rental = come_home(rental)
    if stage == "followed":
        write(rental, followUp="refund#1", followUpAt=clock.now_timestamp())
    if stage == "flagged":
        fulfillment.flag(rental.id, "mail_bounced")

    for days in (800, 801.1):
        after(environment, days=days)
        assert run() == {"looked_at": 1, "erased": 0}
        assert run() == {"looked_at": 0, "erased": 0}

    assert repository.get(rental.id).customer == CUSTOMER


def test_a_change_between_reading_and_erasing_is_not_overwritten(shop: Shop) -> None:
    rental = come_home(completed(shop))
    write(rental, note="news")

    with pytest.raises(dynamo.ConditionFailed):
        erasing.erase(rental)

    assert repository.get(rental.id).customer == CUSTOMER


def test_what_fails_is_left_for_the_next_run_and_holds_up_nothing(
    shop: Shop, environment: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        shop.add_units(1, f"wh-{('near', 'far')[number - 1]}")
        settled(endings.end_unpaid(shop.add_rental(number), EndReason.HOLD_EXPIRED))
    find = repository.find

    def broken(rental_id: str) -> Rental | None:
        if rental_id == "rental-1":
            raise WriteContended("slow")
        return find(rental_id)

    after(environment, days=31)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repository, "find", broken)
        assert run() == {"looked_at": 1, "erased": 1}
    assert run() == {"looked_at": 1, "erased": 1}


def test_a_run_without_time_looks_at_nothing(shop: Shop, environment: pytest.MonkeyPatch) -> None:
    settled(endings.end_unpaid(reserved(shop), EndReason.HOLD_EXPIRED))
    after(environment, days=31)

    assert erasing.erase_due(lambda: False) == (0, 0)


def test_nobody_is_mailed_any_more(shop: Shop, environment: pytest.MonkeyPatch) -> None:
    environment.setattr("infra.mail.is_on", lambda: True)
    environment.setattr("infra.event_bus.put", lambda *_: None)
    rental = come_home(completed(shop))
    erasing.erase(rental)

    [notice] = [row for row in shop.rows("Notices") if row["kind"] == "closed"]
    assert outbox.tell(notice["id"]) is NoticeStatus.NOT_SENT

    assert shop.row("Notices", notice["id"])["problem"] == outbox.CUSTOMER_ERASED


def test_the_audit_names_what_is_kept_too_long(shop: Shop, environment: pytest.MonkeyPatch) -> None:
    rental = come_home(completed(shop))

    after(environment, days=731)
    assert kept_too_long(shop) == []
    after(environment, days=733)
    assert kept_too_long(shop) == [rental.id]
    run()
    assert kept_too_long(shop) == []


# --- a customer who asks ---


def test_a_customer_is_erased_at_once_where_nothing_is_under_way_else_later(
    shop: Shop, environment: pytest.MonkeyPatch, machine: str
) -> None:
    over = come_home(completed(shop))
    shop.add_units(1, "wh-far")
    pending = shop.add_rental(2)
    other = shop.add_rental(3, customer=other_customer())
    wanted = f" {CUSTOMER.email.upper()}"

    done = personal_data.erase(wanted)

    assert done == {over.id: "erased", pending.id: "later: it has not ended"}
    assert CUSTOMER.email not in json.dumps(done)
    assert repository.get(over.id).customer.email == ""
    assert repository.get(pending.id).customer == CUSTOMER
    asked_at = repository.get(pending.id).erasure_requested_at
    assert personal_data.erase(wanted) == {pending.id: "later: it has not ended"}
    assert repository.get(pending.id).erasure_requested_at == asked_at

    settled(endings.end_unpaid(repository.get(pending.id), EndReason.CANCELLED_BY_CUSTOMER))
    after(environment, days=1.1)
    run()
    assert repository.get(pending.id).customer.email == ""
    assert personal_data.erase(wanted) == {}
    assert repository.get(other.id).customer.email == "other@example.com"


# --- helpers ---


def come_home(rental: Rental) -> Rental:
    """Through the desk's hands, and its money followed up to the end."""
    for action in (Action.ARRIVED, Action.PICKED_UP, Action.RETURNED, Action.INSPECTED):
        rental = desk.act(
            repository.get(rental.id), action, Actor("ana"), condition=Condition.FINE, note=NOTE
        ).rental
    return settled(rental)


def settled(rental: Rental) -> Rental:
    write(rental, followUp=None, followUpAt=None)
    return repository.get(rental.id)


def write(rental: Rental, **attributes: Any) -> None:
    dynamo.update(repository.change(rental.id, attributes))


def after(environment: pytest.MonkeyPatch, days: float) -> None:
    """So many days from now."""
    at = datetime.now(UTC) + timedelta(days=days)
    environment.setattr(clock, "now", lambda: at)


def run() -> dict[str, int]:
    done: dict[str, int] = erase_personal_data.handler({}, CONTEXT)
    return done


def kept_too_long(shop: Shop) -> list[str]:
    found = violations(
        shop.rows("Rentals"), shop.rows("Units"), shop.rows("Customers"), [], now=clock.now()
    )
    return [each.subject for each in found if each.rule == "personal data erased"]


def look_rows(shop: Shop) -> list[str]:
    return [row["lookup"] for row in shop.rows("Lookups") if row["lookup"] in retention.look_keys()]


def places(shop: Shop) -> set[str]:
    """The attributes of all tables that tell who the customer is."""
    return {
        f"{table}.{name}"
        for table in TABLES
        for row in shop.rows(table)
        for name, value in row.items()
        if any(telling in str(value) for telling in TELLING)
    }


def documented() -> set[str]:
    """The attributes that docs/privacy.md lists."""
    text = (ROOT / "docs" / "privacy.md").read_text()
    return set(re.findall(r"`((?:[A-Z]\w+)\.\w+)`", text))


def other_customer() -> Any:
    return type(CUSTOMER)(**asdict(CUSTOMER) | {"email": "other@example.com"})
