"""Nothing is fetched twice: which calls a piece of work needs, and that its answer is the row."""

import pytest

from paymongo.resources import Payment
from rentals import allocation, catalogue, endings, repository, units
from rentals.checkout import start_checkout
from rentals.errors import NoUnitAvailable
from rentals.models import EndReason, Rental
from tests.support.rentals import TOTAL, paid, reserved
from tests.support.samples import ADDRESS, REQUEST
from tests.support.tables import Shop


def test_what_a_transaction_wrote_is_not_read_again(shop: Shop) -> None:
    shop.add_units(20)
    catalogue.warehouses()
    rental = repository.get(shop.add_rental().id)

    calls = shop.calls_of(lambda: units.reserve_unit(rental))

    assert set(calls[:-1]) == {"Query"}
    assert calls[-1] == "TransactWriteItems"


def test_a_reserved_rental_is_as_it_was_written(shop: Shop) -> None:
    held = reserved(shop)

    assert held == repository.get(held.id)


@pytest.mark.parametrize("has_surplus", [False, True])
def test_a_confirmed_rental_is_as_it_was_written(shop: Shop, has_surplus: bool) -> None:
    rental = paid(reserved(shop), amount=TOTAL)
    if has_surplus:
        rental = repository.record_payment(rental.id, Payment("pay_2", TOTAL, "PHP", "paid"))
    done: list[Rental] = []

    calls = shop.calls_of(lambda: done.append(endings.confirm_rental(rental)))

    assert calls == ["TransactWriteItems"]
    assert done == [repository.get(rental.id)]


@pytest.mark.parametrize("reason", EndReason)
def test_a_rental_that_ended_unpaid_is_as_it_was_written(shop: Shop, reason: EndReason) -> None:
    rental = reserved(shop)
    done: list[Rental] = []

    calls = shop.calls_of(lambda: done.append(endings.end_unpaid(rental, reason)))

    assert calls == ["TransactWriteItems"]
    assert done == [repository.get(rental.id)]


def test_a_checkout_reads_at_once_and_writes_at_once(shop: Shop, machine: str) -> None:
    shop.add_units(1)

    calls = shop.calls_of(lambda: start_checkout(REQUEST, "key-1", ADDRESS))

    assert calls == ["BatchGetItem", "Query", "TransactWriteItems"]


def test_warehouses_are_read_once_a_minute(shop: Shop) -> None:
    assert shop.calls_of(catalogue.warehouses) == ["Scan"]
    assert shop.calls_of(catalogue.warehouses) == []


def test_a_unit_in_a_new_warehouse_is_found_before_anybody_is_refused(shop: Shop) -> None:
    catalogue.warehouses()
    shop.put("Warehouses", {"id": "wh-new", "distances": {"store-a": 5}})
    shop.add_units(1, "wh-new")
    rental = repository.get(shop.add_rental().id)

    assert units.reserve_unit(rental).warehouse_id == "wh-new"


def test_sold_out_is_said_once_the_warehouses_were_read_anew(shop: Shop) -> None:
    catalogue.warehouses()
    rental = repository.get(shop.add_rental().id)

    with pytest.raises(NoUnitAvailable):
        units.reserve_unit(rental)

    assert shop.calls[-3:] == ["Query", "Query", "Scan"]


@pytest.mark.parametrize("warehouse_id", ["wh-near", "wh-middle", "wh-far"])
def test_a_small_stock_costs_two_queries_wherever_it_lies(shop: Shop, warehouse_id: str) -> None:
    units = shop.add_units(3, warehouse_id)
    warehouses = catalogue.warehouses()

    found: list[object] = []

    for _ in range(20):  # each starts at another random point
        calls = shop.calls_of(
            lambda: found.append(allocation.candidate("col-001", warehouses, "store-a"))
        )
        assert calls in (["Query"], ["Query", "Query"])
        assert found[-1] in [(unit, warehouses[warehouse_id]) for unit in units]
