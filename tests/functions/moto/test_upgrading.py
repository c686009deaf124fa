"""What a stack of version 0.1 holds goes on: as it would have been, and nobody is told anything."""

from datetime import timedelta
from typing import Any

import boto3
import pytest

from infra import clock, dynamo
from infra.settings import setting
from rentals import desk, fulfillment_clock, lookups, repository, retention
from rentals.desk import Action, Actor
from rentals.models import FulfillmentStatus, Rental
from tests.support.rentals import completed, reserved
from tests.support.samples import IDENTITY_SECRET
from tests.support.sources import REGION
from tests.support.tables import Shop
from tools.ops import upgrading
from tools.ops.promise import violations
from tools.ops.upgrading import CARRIED_OVER

Json = dict[str, Any]

# What rows of version 0.1 have not.
_NEW_OF_RENTALS = (
    "fulfillmentStatus", "readyBy", "dueAt", "fulfillmentExecution", "fulfillmentStartedAt",
    "nextDeadlineAt", "fulfillmentClock", "fulfillmentDueAt", "customerKey", "phoneKey",
)  # fmt: skip


@pytest.fixture(autouse=True)
def identity(shop: Shop) -> Any:
    """The secret that customers' keys are made under."""
    secrets, name = (
        boto3.client("secretsmanager", region_name=REGION),
        setting("IDENTITY_SECRET_ID"),
    )
    secrets.create_secret(Name=name, SecretString=IDENTITY_SECRET.decode())
    yield
    secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


def as_before(shop: Shop, rental: Rental, **changes: Any) -> None:
    """The rows of a rental and its unit as version 0.1 wrote them."""
    row = shop.row("Rentals", rental.id)
    kept = {name: value for name, value in row.items() if name not in _NEW_OF_RENTALS}
    shop.put("Rentals", kept | changes)
    if rental.unit_id is not None:
        unit_as_before(shop, rental.unit_id)


def unit_as_before(shop: Shop, unit_id: str, **changes: Any) -> None:
    unit = shop.row("Units", unit_id)
    shop.put("Units", {name: value for name, value in unit.items() if name != "status"} | changes)


def forget(shop: Shop, *tables: str) -> None:
    """There were no such tables."""
    for table in tables:
        for row in shop.rows(table):
            key = shop._key(table, row)
            boto3.client("dynamodb", region_name=REGION).delete_item(
                TableName=f"MongoCollectibles-{table}", Key=key
            )


def paid_before(shop: Shop, **ago: float) -> Rental:
    """A rental that was completed so long ago, in version 0.1."""
    rental = completed(shop)
    at = clock.timestamp(clock.now() - timedelta(**ago))
    as_before(shop, rental, completedAt=at)
    forget(shop, "Lookups", "Notices")
    return rental


def test_a_unit_that_may_still_be_on_its_way_is_awaited(shop: Shop) -> None:
    rental = paid_before(shop, hours=1)

    done = upgrading.upgrade()

    now = repository.get(rental.id)
    assert (done.units, done.rentals, done.unknown, done.left) == (1, 1, [], {})
    assert now.fulfillment_status is FulfillmentStatus.AWAITING_ARRIVAL
    assert (now.is_carried_over, now.fulfillment_attention) == (False, None)
    assert str(now.ready_by) > clock.now_timestamp()
    assert shop.row("Units", str(now.unit_id))["status"] == "to_store"
    assert_found(now)
    assert_agrees(shop)


def test_where_the_unit_of_an_older_rental_is_the_desk_has_to_say(shop: Shop) -> None:
    rental = paid_before(shop, days=40)

    done = upgrading.upgrade()

    now = repository.get(rental.id)
    assert done.unknown == [rental.id]
    assert now.fulfillment_status is FulfillmentStatus.READY_FOR_PICKUP
    assert (now.is_carried_over, now.fulfillment_attention) == (True, CARRIED_OVER)
    assert str(now.arrived_at) > clock.timestamp_in(-60)
    assert [each.id for each in lookups.list_attention()] == [rental.id]
    assert_found(now)
    assert_agrees(shop)

    desk.act(now, Action.PICKED_UP, Actor("ana"))
    assert lookups.list_attention() == []


def assert_found(rental: Rental) -> None:
    """By whatever people know, and in the list of its store."""
    for words in (rental.number, rental.id, rental.unit_id, rental.customer.email, "0917 000 0000"):
        assert [each.id for each in lookups.find(str(words))] == [rental.id]
    assert rental.fulfillment_status
    assert lookups.in_store(rental.store_id, rental.fulfillment_status) == [rental]


def assert_agrees(shop: Shop) -> None:
    """The promise, but for the money, which these rentals have not really cost."""
    found = violations(shop.rows("Rentals"), shop.rows("Units"), shop.rows("Customers"), [])
    assert [each for each in found if each.rule != "completed is paid once"] == []
    assert shop.rows("Notices") == []


def test_an_imported_rental_goes_on_at_its_stage_and_what_has_passed_is_not_told(
    shop: Shop,
) -> None:
    rental = paid_before(shop, days=40)
    stage = {
        "fulfillmentStatus": "picked_up",
        "pickedUpAt": clock.timestamp_in(-30 * 86_400),
        "dueAt": clock.timestamp_in(-20 * 86_400),
        "importedAt": clock.now_timestamp(),
    }
    shop.put("Rentals", shop.row("Rentals", rental.id) | stage)

    assert upgrading.upgrade().rentals == 1

    now = repository.get(rental.id)
    assert (now.fulfillment_status, now.due_at) == (FulfillmentStatus.PICKED_UP, stage["dueAt"])
    assert (now.fulfillment_attention, now.is_carried_over) == ("Overdue", False)
    assert shop.row("Units", str(now.unit_id))["status"] == "with_customer"
    assert_found(now)
    assert_agrees(shop)
    assert fulfillment_clock.meet_deadlines(now) == now
    assert shop.rows("Notices") == []


def test_every_rental_gets_a_time_at_which_its_personal_data_is_looked_at(shop: Shop) -> None:
    rentals = [paid_before(shop, days=40), shop.add_rental(2), shop.add_rental(3)]
    forget(shop, "Lookups")
    dynamo.transact([retention.first_look(rentals[2])])

    assert upgrading.upgrade().retained == 2

    looks = [row for row in shop.rows("Lookups") if row["lookup"] in retention.look_keys()]
    assert sorted(row["rentalId"] for row in looks) == sorted(each.id for each in rentals)
    assert upgrading.upgrade().retained == 0


def test_running_again_changes_nothing(shop: Shop) -> None:
    paid_before(shop, days=40)
    upgrading.upgrade()
    before = {table: shop.rows(table) for table in ("Rentals", "Units", "Lookups", "Notices")}

    done = upgrading.upgrade()

    assert (done.units, done.rentals, done.left) == (0, 0, {})
    assert before == {table: shop.rows(table) for table in before}


def test_an_interrupted_run_is_finished_by_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    rental = paid_before(shop, days=40)

    def interrupt(_: Rental) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(upgrading, "_upgrade_rental", interrupt)
        with pytest.raises(KeyboardInterrupt):
            upgrading.upgrade()
    assert shop.row("Units", str(rental.unit_id))["status"] == "reserved"

    assert upgrading.upgrade().rentals == 1
    assert_agrees(shop)


def test_units_get_the_status_that_they_have(shop: Shop) -> None:
    on_shelf, put_away = shop.add_units(2, "wh-far")
    unit_as_before(shop, on_shelf)
    unit_as_before(shop, put_away, isAvailable="false")
    row = shop.row("Units", put_away)
    shop.put("Units", {k: v for k, v in row.items() if k != "availableCollectibleId"})
    pending = reserved(shop)
    unit_as_before(shop, str(pending.unit_id))

    assert upgrading.upgrade().units == 3

    status = {row["id"]: row["status"] for row in shop.rows("Units")}
    assert status == {
        on_shelf: "available", put_away: "maintenance", pending.unit_id: "reserved",
    }  # fmt: skip
    assert repository.get(pending.id) == pending


def test_what_disagrees_is_left_and_named(shop: Shop) -> None:
    rental = paid_before(shop, days=40)
    unit_as_before(shop, str(rental.unit_id), reservedBy="another")
    before = shop.row("Rentals", rental.id)

    done = upgrading.upgrade()

    assert done.left.keys() == {rental.id}
    assert shop.row("Rentals", rental.id) == before
    unit_as_before(shop, str(rental.unit_id), reservedBy=rental.id)


def test_what_has_gone_on_meanwhile_is_left_alone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    rental = paid_before(shop, days=40)
    seen = repository.get(rental.id)
    upgrading.upgrade()
    desk.act(repository.get(rental.id), Action.PICKED_UP, Actor("ana"))
    before = shop.row("Rentals", rental.id)

    _, left = upgrading._each([seen], upgrading._upgrade_rental)

    assert left.keys() == {rental.id}
    assert shop.row("Rentals", rental.id) == before


@pytest.mark.parametrize("status", ["expired", "refunded"])
def test_a_rental_that_has_ended_stays_as_it_is(shop: Shop, status: str) -> None:
    row = shop.row("Rentals", shop.add_rental().id)
    shop.put("Rentals", row | {"paymentStatus": status})
    before = shop.rows("Rentals")

    upgrading.upgrade()

    assert shop.rows("Rentals") == before
    shop.put("Rentals", row)
