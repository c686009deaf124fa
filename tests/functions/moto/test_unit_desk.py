"""What people do with units that no rental has, and what they cannot do."""

from collections.abc import Callable
from typing import Any

import pytest

from infra import clock
from rentals import desk, fulfillment_clock, unit_desk, unit_moves, units
from rentals.desk import Action, Actor
from rentals.errors import NotPossibleNow, UnitNotFound
from rentals.models import Rental, Unit, UnitStatus
from rentals.unit_desk import UnitAction
from tests.support.rentals import completed, reserved
from tests.support.tables import Shop

TAKEN_AWAY = {
    UnitAction.MAINTENANCE: UnitStatus.MAINTENANCE,
    UnitAction.LOST: UnitStatus.LOST,
    UnitAction.RETIRE: UnitStatus.RETIRED,
}


def act(unit_id: str, action: UnitAction, **details: Any) -> Unit:
    return unit_desk.act(unit_id, action, by="user/ana", **details).unit


@pytest.mark.parametrize(("action", "status"), TAKEN_AWAY.items())
def test_a_unit_is_taken_away_with_a_reason_once(
    shop: Shop, action: UnitAction, status: UnitStatus
) -> None:
    (unit_id,) = shop.add_units()

    assert unit_desk.act(unit_id, action, by="user/ana", reason="a crack").is_new
    row = shop.row("Units", unit_id)
    assert not unit_desk.act(unit_id, action, by="user/ben", reason="later").is_new

    assert (row["status"], row["reason"], row["reasonBy"]) == (status, "a crack", "user/ana")
    assert shop.row("Units", unit_id) == row
    assert shop.on_shelf() == set()


@pytest.mark.parametrize("action", [UnitAction.MAINTENANCE, UnitAction.LOST])
def test_a_unit_that_comes_back_is_put_on_the_shelf_by_the_clock(
    shop: Shop, action: UnitAction
) -> None:
    (unit_id,) = shop.add_units()
    act(unit_id, action, reason="a crack")

    assert act(unit_id, UnitAction.BACK).status is UnitStatus.TO_WAREHOUSE
    act(unit_id, UnitAction.BACK)
    fulfillment_clock.tick(lambda: True)

    assert shop.on_shelf() == {unit_id}
    assert "reason" not in shop.row("Units", unit_id)
    act(unit_id, UnitAction.BACK)
    assert shop.on_shelf() == {unit_id}


def test_a_unit_moves_to_another_warehouse_and_is_there_days_later_or_when_it_is_seen(
    shop: Shop,
) -> None:
    (unit_id,) = shop.add_units(1, "wh-near")

    moved = act(unit_id, UnitAction.MOVE, warehouse_id="wh-far")
    assert act(unit_id, UnitAction.MOVE, warehouse_id="wh-far") == moved
    # 10 + 120 km by way of store-a: 1 + ceil(130 / 25) days.
    days = (clock.parse(str(moved.shelve_at)) - clock.now()).total_seconds() / 86_400
    assert 6 < days < 8
    fulfillment_clock.tick(lambda: True)
    assert (moved.warehouse_id, shop.on_shelf()) == ("wh-far", set())

    act(unit_id, UnitAction.SHELVED)
    assert shop.on_shelf() == {unit_id}
    assert shop.row("Units", unit_id)["shelf"].startswith("wh-far#")


def test_a_unit_without_a_status_is_one_of_version_0_1(shop: Shop) -> None:
    (unit_id,) = shop.add_units()
    row = shop.row("Units", unit_id)
    shop.put("Units", {name: value for name, value in row.items() if name != "status"})

    assert act(unit_id, UnitAction.MAINTENANCE, reason="a crack").status is UnitStatus.MAINTENANCE


@pytest.mark.parametrize("given", [reserved, completed])
@pytest.mark.parametrize("action", UnitAction)
def test_a_unit_that_a_rental_has_is_left_alone(
    shop: Shop, action: UnitAction, given: Callable[[Shop], Rental]
) -> None:
    rental = given(shop)
    before = shop.row("Units", str(rental.unit_id))

    with pytest.raises(NotPossibleNow, match=f"rental {rental.id} has unit"):
        act(before["id"], action, warehouse_id="wh-far")

    assert shop.row("Units", before["id"]) == before


def test_a_unit_that_a_rental_lost_is_found_by_its_rental(shop: Shop) -> None:
    rental = completed(shop)
    unit_id = str(rental.unit_id)
    manager = Actor("ana", is_manager=True)
    lost = desk.act(rental, Action.LOST, manager).rental

    for action in (UnitAction.BACK, UnitAction.MAINTENANCE, UnitAction.MOVE):
        with pytest.raises(NotPossibleNow, match=f"rental {rental.number} lost"):
            act(unit_id, action, warehouse_id="wh-far")
    desk.act(lost, Action.FOUND, manager)

    # From then on it may be lost and found without any rental.
    act(unit_id, UnitAction.LOST, reason="not on its shelf")
    assert act(unit_id, UnitAction.BACK).status is UnitStatus.TO_WAREHOUSE


def test_what_is_retired_stays_so(shop: Shop) -> None:
    (unit_id,) = shop.add_units()
    act(unit_id, UnitAction.RETIRE, reason="sold")

    for action in set(UnitAction) - {UnitAction.RETIRE}:
        with pytest.raises(NotPossibleNow, match="is retired"):
            act(unit_id, action, warehouse_id="wh-far")


def test_unknown_units_and_warehouses_are_named(shop: Shop) -> None:
    (unit_id,) = shop.add_units()

    with pytest.raises(UnitNotFound):
        act("no-such-unit", UnitAction.BACK)
    with pytest.raises(NotPossibleNow, match="no warehouse 'nowhere'"):
        act(unit_id, UnitAction.MOVE, warehouse_id="nowhere")
    assert shop.on_shelf() == {unit_id}


def test_a_unit_that_is_rented_meanwhile_is_left_alone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    (unit_id,) = shop.add_units()
    seen = unit_moves.get(unit_id)
    rental = units.reserve_unit(shop.add_rental())
    now = unit_moves.get(unit_id)
    read = iter([seen, now])
    monkeypatch.setattr(unit_moves, "get", lambda _: next(read))

    with pytest.raises(NotPossibleNow, match=f"rental {rental.id} has"):
        act(unit_id, UnitAction.RETIRE, reason="sold")
