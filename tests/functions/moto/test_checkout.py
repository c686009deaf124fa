"""One rental and one execution for a request, however often it is repeated."""

import json
from dataclasses import replace
from typing import Any

import pytest

from infra import aws
from infra.dynamo import to_attributes
from infra.settings import setting
from rentals import checkout, endings, repository, units
from rentals.checkout import start_checkout, wait_until_payable
from rentals.errors import (
    CollectibleNotFound,
    IdempotencyKeyReused,
    NoUnitAvailable,
    RentalNotFound,
    StoreNotFound,
    TooManyOpenRentals,
)
from rentals.identity import customer_key, rental_id_for, source_key
from rentals.models import EndReason
from tests.support.samples import ADDRESS, CUSTOMER, IDENTITY_SECRET, REQUEST
from tests.support.tables import Shop


@pytest.fixture(autouse=True)
def only_unit(shop: Shop) -> str:
    """There is one to be had."""
    return shop.add_units(1)[0]


def executions(machine: str) -> list[dict[str, Any]]:
    found: Any = aws.stepfunctions().list_executions(stateMachineArn=machine)["executions"]
    return list(found)


def test_an_execution_is_named_after_its_rental_and_gets_its_id_only(
    shop: Shop, machine: str
) -> None:
    rental = start_checkout(REQUEST, "key-1", ADDRESS)

    [execution] = executions(machine)
    assert execution["name"] == rental.id == rental_id_for(CUSTOMER.email, "key-1", IDENTITY_SECRET)
    described = aws.stepfunctions().describe_execution(executionArn=execution["executionArn"])
    assert json.loads(described["input"]) == {"rental_id": rental.id}


def test_a_source_is_counted_by_a_key_that_tells_nothing(shop: Shop, machine: str) -> None:
    rental = repository.get(start_checkout(REQUEST, None, ADDRESS).id)

    key = source_key(ADDRESS, IDENTITY_SECRET)
    assert shop.row("Customers", key)["openRentals"] == {f"{rental.created_at}#{rental.id}"}
    assert rental.source_key == key
    assert rental.customer_key == customer_key(CUSTOMER.email, IDENTITY_SECRET)


def test_the_row_is_what_was_asked_for(shop: Shop, machine: str) -> None:
    rental = repository.get(start_checkout(REQUEST, None, ADDRESS).id)

    assert rental.is_pending
    assert (rental.collectible_name, rental.duration, rental.customer) == (
        "Tin Robot No. 7",
        3,
        CUSTOMER,
    )


def test_a_repeated_request_finds_the_rental_and_its_execution(shop: Shop, machine: str) -> None:
    first = start_checkout(REQUEST, "key-1", ADDRESS)
    again = start_checkout(REQUEST, "key-1", ADDRESS)

    assert again.id == first.id
    assert len(executions(machine)) == len(shop.rows("Rentals")) == 1


def test_a_repeated_request_starts_an_execution_that_was_not_started(
    shop: Shop, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_order(rental_id: str) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(checkout, "_start_execution", out_of_order)
        with pytest.raises(ConnectionError):
            start_checkout(REQUEST, "key-1", ADDRESS)
    assert executions(machine) == []

    start_checkout(REQUEST, "key-1", ADDRESS)

    assert len(executions(machine)) == 1


@pytest.mark.parametrize("reason", EndReason)
def test_a_repeated_request_does_not_reopen_what_has_ended(
    shop: Shop, machine: str, reason: EndReason
) -> None:
    ended = endings.end_unpaid(start_checkout(REQUEST, "key-1", ADDRESS), reason)

    assert start_checkout(REQUEST, "key-1", ADDRESS) == ended
    assert len(executions(machine)) == 1


def test_a_key_with_another_body_is_refused(shop: Shop, machine: str) -> None:
    first = start_checkout(REQUEST, "key-1", ADDRESS)

    with pytest.raises(IdempotencyKeyReused):
        start_checkout(replace(REQUEST, duration=4), "key-1", ADDRESS)

    assert repository.get(first.id).duration == 3
    assert len(executions(machine)) == 1


def test_the_same_key_of_another_customer_is_another_rental(shop: Shop, machine: str) -> None:
    one = start_checkout(REQUEST, "key-1", ADDRESS)
    other = start_checkout(
        replace(REQUEST, customer=replace(CUSTOMER, email="bob@example.com")), "key-1", ADDRESS
    )

    assert one.id != other.id


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"collectible_id": "col-999"}, CollectibleNotFound),
        ({"store_id": "nowhere"}, StoreNotFound),
    ],
)
def test_what_does_not_exist_is_refused_and_nothing_is_written(
    shop: Shop, machine: str, changes: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        start_checkout(replace(REQUEST, **changes), None, ADDRESS)

    assert shop.rows("Rentals") == shop.rows("Customers") == executions(machine) == []


# --- sold out ---


def test_who_comes_too_late_is_refused_and_nothing_is_written(shop: Shop, machine: str) -> None:
    units.reserve_unit(shop.add_rental())
    before = shop.rows("Rentals"), shop.rows("Customers"), shop.rows("Lookups")

    def refused() -> None:
        with pytest.raises(NoUnitAvailable):
            start_checkout(REQUEST, "key-1", ADDRESS)

    assert shop.calls_of(refused) == ["BatchGetItem", "Query"]
    assert (shop.rows("Rentals"), shop.rows("Customers"), shop.rows("Lookups")) == before
    assert executions(machine) == []


def test_a_key_that_was_refused_rents_once_there_is_a_unit(shop: Shop, machine: str) -> None:
    other = units.reserve_unit(shop.add_rental())
    with pytest.raises(NoUnitAvailable):
        start_checkout(REQUEST, "key-1", ADDRESS)
    endings.end_unpaid(other, EndReason.HOLD_EXPIRED)

    assert start_checkout(REQUEST, "key-1", ADDRESS).is_pending
    assert len(executions(machine)) == 1


@pytest.mark.parametrize("since", ["sold out", "withdrawn", "gone"])
def test_a_repeated_request_finds_its_rental_whatever_became_of_the_collectible(
    shop: Shop, machine: str, since: str
) -> None:
    first = start_checkout(REQUEST, "key-1", ADDRESS)
    row = shop.row("Collectibles", REQUEST.collectible_id)
    if since == "sold out":
        units.reserve_unit(first)
    elif since == "withdrawn":
        shop.put("Collectibles", row | {"isWithdrawn": True})
    else:
        key = to_attributes({"id": row["id"]})
        aws.dynamodb().delete_item(TableName=setting("COLLECTIBLES_TABLE"), Key=key)

    assert start_checkout(REQUEST, "key-1", ADDRESS).id == first.id
    with pytest.raises(IdempotencyKeyReused):
        start_checkout(replace(REQUEST, duration=4), "key-1", ADDRESS)


def test_of_two_who_see_the_last_unit_the_reservation_decides(shop: Shop, machine: str) -> None:
    one, other = (start_checkout(REQUEST, key, ADDRESS) for key in ("key-1", "key-2"))

    assert units.reserve_unit(one).unit_id is not None
    with pytest.raises(NoUnitAvailable):
        units.reserve_unit(other)


def test_the_fourth_unpaid_rental_from_an_address_starts_nothing(shop: Shop, machine: str) -> None:
    for number in range(3):
        start_checkout(REQUEST, f"key-{number}", ADDRESS)

    with pytest.raises(TooManyOpenRentals):
        start_checkout(REQUEST, "key-4", ADDRESS)

    assert len(executions(machine)) == 3


def test_nobody_is_kept_out_by_who_types_their_e_mail_address(shop: Shop, machine: str) -> None:
    for number in range(9):
        start_checkout(REQUEST, f"key-{number}", f"198.51.100.{number // 3}")

    assert start_checkout(REQUEST, "their own", ADDRESS).is_pending


# --- waiting for the payment URL ---


class Clock:
    """Time that passes only by sleeping; something may happen at a moment of it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.at: dict[float, Any] = {}

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for moment in [each for each in self.at if each <= self.now]:
            self.at.pop(moment)()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(checkout, "time", clock)
    return clock


def test_waiting_ends_when_the_url_is_there(shop: Shop, clock: Clock) -> None:
    rental = shop.add_rental()
    published = shop.row("Rentals", rental.id) | {"paymentUrl": "https://checkout.example/1"}
    clock.at[1.5] = lambda: shop.put("Rentals", published)

    assert wait_until_payable(rental).payment_url == "https://checkout.example/1"
    assert 1.5 <= clock.now < 2.6


def test_waiting_ends_when_the_rental_does(shop: Shop, clock: Clock) -> None:
    rental = shop.add_rental()
    clock.at[0.1] = lambda: endings.end_unpaid(rental, EndReason.NO_UNIT)

    assert wait_until_payable(rental).end_reason is EndReason.NO_UNIT
    assert clock.now < 0.5


def test_waiting_is_bounded_and_asks_seldom(shop: Shop, clock: Clock) -> None:
    rental = shop.add_rental()

    calls = shop.calls_of(lambda: wait_until_payable(rental))

    assert 7 <= clock.now <= 8
    assert len(calls) <= 30


def test_waiting_for_what_is_ready_asks_nothing(shop: Shop, clock: Clock) -> None:
    rental = replace(shop.add_rental(), payment_url="https://checkout.example/1")

    assert shop.calls_of(lambda: wait_until_payable(rental)) == []
    assert clock.now == 0


def test_waiting_for_a_rental_that_is_gone_says_so(shop: Shop, clock: Clock) -> None:
    with pytest.raises(RentalNotFound):
        wait_until_payable(replace(shop.add_rental(), id="gone"))
