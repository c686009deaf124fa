"""What can be rented, with live stock."""

import json
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from api.catalogue_views import offer_view
from infra import clock
from rentals import catalogue, desk, endings, expected, fulfillment_executions, repository, units
from rentals.desk import Action, Actor
from rentals.errors import CollectibleNotFound, StoreNotFound
from rentals.models import Rental, Size
from rentals.pricing import price_rental
from tests.support.rentals import paid
from tests.support.tables import Shop
from workflow.price_rental import handler


def test_a_collectible_and_a_store_are_read(shop: Shop) -> None:
    assert catalogue.collectible("col-001").size is Size.SMALL
    assert catalogue.store("store-a").name == "STORE-A"


@pytest.mark.parametrize("unknown", ["col-999", "", "x" * 5_000])
def test_what_does_not_exist_is_said_to_be_missing(shop: Shop, unknown: str) -> None:
    with pytest.raises(CollectibleNotFound):
        catalogue.collectible(unknown)
    with pytest.raises(StoreNotFound):
        catalogue.store(unknown)
    with pytest.raises(CollectibleNotFound):
        catalogue.offer(unknown, "store-a")
    with pytest.raises(StoreNotFound):
        catalogue.offer("col-001", unknown)
    with pytest.raises(StoreNotFound):
        catalogue.offers(unknown)


def test_what_was_withdrawn_is_offered_nowhere_and_its_rentals_are_priced(shop: Shop) -> None:
    shop.put("Collectibles", {"id": "col-001", "name": "X", "size": "Small", "isWithdrawn": True})

    assert catalogue.offers(None) == []
    for ask in (catalogue.offered, catalogue.offer_at_every_store):
        with pytest.raises(CollectibleNotFound):
            ask("col-001")
    with pytest.raises(CollectibleNotFound):
        catalogue.offer("col-001", "store-a")
    assert catalogue.collectible("col-001").is_withdrawn


def test_a_rate_of_its_own_is_shown_and_charged(shop: Shop) -> None:
    row = {"id": "col-001", "name": "X", "size": "Small", "dailyRate": 1_500}
    shop.put("Collectibles", row)
    rental = shop.add_rental()

    handler({"rental_id": rental.id}, LambdaContext())

    [offer] = catalogue.offers(None)
    assert (offer_view(offer)["daily_rate"], offer_view(offer)["special_daily_rate"]) == (
        1_500,
        3_000,
    )
    priced = shop.row("Rentals", rental.id)
    assert (priced["dailyRate"], priced["baseDailyRate"]) == (3_000, 1_500)


def test_lists_are_in_the_order_of_ids(shop: Shop) -> None:
    for number in (3, 2):
        shop.put("Collectibles", {"id": f"col-00{number}", "name": "X", "size": "Large"})

    assert [each.id for each in catalogue.stores()] == ["store-a", "store-b"]
    assert [each.collectible.id for each in catalogue.offers(None)] == [
        "col-001",
        "col-002",
        "col-003",
    ]


def test_stock_without_a_store_is_everything_and_has_no_eta(shop: Shop) -> None:
    shop.add_units(1, "wh-near")
    shop.add_units(2, "wh-elsewhere")

    [offer] = catalogue.offers(None)

    assert (offer.stock, offer.eta) == (3, None)


def test_stock_for_a_store_is_what_can_be_delivered_there(shop: Shop) -> None:
    shop.add_units(1, "wh-middle")
    shop.add_units(2, "wh-elsewhere")

    assert (catalogue.offer("col-001", "store-a").stock) == 1
    assert (catalogue.offer("col-001", "store-a").eta) == 3  # 1 + ceil(25.1 / 25)
    assert (catalogue.offer("col-001", "store-b").stock) == 2
    assert (catalogue.offer("col-001", "store-b").eta) == 2
    assert catalogue.offers("store-a") == [catalogue.offer("col-001", "store-a")]


def test_one_collectible_is_told_with_what_every_store_can_have_of_it(shop: Shop) -> None:
    shop.add_units(1, "wh-middle")
    shop.add_units(2, "wh-elsewhere")

    offer, by_store = catalogue.offer_at_every_store("col-001")

    assert (offer.stock, offer.eta) == (3, None)
    assert by_store == {"store-a": (1, 3), "store-b": (2, 2)}
    with pytest.raises(CollectibleNotFound):
        catalogue.offer_at_every_store("col-999")


def test_what_is_known_of_a_collectible_is_shown_and_the_rest_is_empty(shop: Shop) -> None:
    known = {
        "category": "Figure",
        "pictures": ["/images/a.svg", "/images/b.jpg"],
        "measurements": "24 by 12 cm",
        "weightKg": Decimal("0.6"),
        "condition": "Played with",
        "year": 1958,
        "inTheBox": "Robot, key",
        "needsTwoPeople": True,
    }
    shop.put("Collectibles", {"id": "col-002", "name": "X", "size": "Large", **known})

    nothing, everything = map(offer_view, catalogue.offers(None))

    names = [re.sub("[A-Z]", lambda it: f"_{it[0].lower()}", each) for each in known]
    assert json.loads(json.dumps([everything[each] for each in names])) == [
        float(each) if isinstance(each, Decimal) else each for each in known.values()
    ]
    assert [nothing[each] for each in names] == ["", [], "", None, "", None, "", False]


def test_sold_out_has_no_eta(shop: Shop) -> None:
    offer = catalogue.offer("col-001", "store-a")

    assert (offer.stock, offer.eta) == (0, None)


def test_a_unit_in_an_unknown_warehouse_is_not_promised_to_a_store(shop: Shop) -> None:
    shop.add_units(1, "wh-closed")

    assert catalogue.offer("col-001", "store-a").stock == 0


# --- sold out: when the next one is expected ---


def rented(shop: Shop, *durations: int) -> list[Rental]:
    """A paid rental for each of these numbers of days; no unit is left."""
    shop.add_units(len(durations))
    rentals = []
    for number, duration in enumerate(durations):
        rental = shop.add_rental(number, duration=duration, customer_key=f"customer-{number}")
        repository.set_price(rental, price_rental(Size.SMALL, duration))
        rental = paid(units.reserve_unit(repository.get(rental.id)), f"pay_{number}")
        rentals.append(endings.confirm_rental(rental))
    return rentals


def on_the_shelf_after(due_at: str | None) -> str:
    """Two days, the sample's way home, after it is due."""
    assert due_at is not None
    return clock.timestamp(clock.parse(due_at) + timedelta(days=2))


def test_what_is_sold_out_says_when_the_first_of_those_that_are_rented_is_expected(
    shop: Shop,
) -> None:
    _, sooner = rented(shop, 30, 3)

    offers = [catalogue.offer("col-001", "store-a"), *catalogue.offers(None)]

    assert {each.next_expected for each in offers} == {on_the_shelf_after(sooner.due_at)}


def test_what_can_be_had_is_not_asked_about(shop: Shop) -> None:
    rented(shop, 3)
    shop.add_units(1, "wh-far")

    assert catalogue.offer("col-001", "store-a").next_expected is None
    assert shop.calls_of(lambda: catalogue.offers(None)).count("Query") == 1


def test_a_unit_is_expected_by_its_due_date_until_its_rental_is_closed(
    shop: Shop, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(fulfillment_executions, "tell", lambda *_: None)
    (rental,), staff = rented(shop, 3), Actor("staff", "store-a")
    handed_over_at = clock.now() + timedelta(days=5)

    rental = desk.act(rental, Action.ARRIVED, staff).rental
    environment.setattr(clock, "now", lambda: handed_over_at)
    rental = desk.act(rental, Action.PICKED_UP, staff).rental
    assert expected.next_at("col-001") == on_the_shelf_after(rental.due_at)
    assert len([row for row in shop.rows("Lookups") if row["lookup"] == "expected#col-001"]) == 1

    rental = desk.act(rental, Action.RETURNED, staff).rental
    assert expected.next_at("col-001") == on_the_shelf_after(rental.due_at)
    desk.act(rental, Action.INSPECTED, staff)

    assert expected.next_at("col-001") is None


def test_nobody_counts_on_a_unit_that_is_late(shop: Shop, environment: pytest.MonkeyPatch) -> None:
    rented(shop, 3)
    much_later = clock.now() + timedelta(days=30)

    environment.setattr(clock, "now", lambda: much_later)

    assert expected.next_at("col-001") is None
