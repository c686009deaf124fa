"""What can be rented, with live stock."""

import pytest

from rentals import catalogue
from rentals.errors import CollectibleNotFound, StoreNotFound
from rentals.models import Size
from tests.support.tables import Shop


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


def test_sold_out_has_no_eta(shop: Shop) -> None:
    offer = catalogue.offer("col-001", "store-a")

    assert (offer.stock, offer.eta) == (0, None)


def test_a_unit_in_an_unknown_warehouse_is_not_promised_to_a_store(shop: Shop) -> None:
    shop.add_units(1, "wh-closed")

    assert catalogue.offer("col-001", "store-a").stock == 0
