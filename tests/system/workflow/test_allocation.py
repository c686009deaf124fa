"""Which unit a customer gets, and what the shop says before and afterwards."""

from datetime import timedelta

from infra.clock import parse, timestamp
from tests.support.sandbox import Json
from tests.support.shop import Shop


def offer_of(shop: Shop, collectible: str, store_id: str) -> Json:
    """The collectible as the catalogue shows it for a store."""
    answer = shop.site.get("/api/collectibles", params={"store_id": store_id})
    assert answer.status_code == 200
    offers: list[Json] = answer.json()["data"]
    found = next(offer for offer in offers if offer["id"] == collectible)
    # And so its own page says it.
    answer = shop.site.get("/api/collectibles", params={"collectible_id": collectible})
    [one] = answer.json()["data"]
    at_store = {"store_id": store_id, "stock": found["stock"], "eta": found["eta"]}
    assert at_store in one["availability"]
    return found


def quote_of(shop: Shop, collectible: str, store_id: str, duration: int) -> Json:
    body = {"collectible_id": collectible, "store_id": store_id, "duration": duration}
    answer = shop.site.post("/api/rentals/quote", json=body)
    assert answer.status_code == 200
    data: Json = answer.json()["data"]
    return data


def test_nearest_warehouse_first_and_the_next_one_when_it_is_empty(shop: Shop) -> None:
    """store-a: wh-001 is 10 km away, wh-003 48 km and wh-004 92 km."""
    collectible = shop.add_collectible({"wh-004": 1, "wh-003": 1, "wh-001": 1})

    for warehouse, eta, left in (("wh-001", 2, 2), ("wh-003", 3, 1), ("wh-004", 5, 0)):
        before = offer_of(shop, collectible, "store-a")
        assert (before["stock"], before["eta"]) == (left + 1, eta)
        assert quote_of(shop, collectible, "store-a", 3)["eta"] == eta
        rental = shop.checkout(collectible)
        assert rental["eta"] == eta
        assert shop.rental_row(rental["rental_id"])["warehouseId"] == warehouse

    sold_out = offer_of(shop, collectible, "store-a")
    assert (sold_out["stock"], sold_out["eta"]) == (0, None)
    assert shop.post_checkout(shop.body(collectible)).json()["code"] == "NO_UNIT_AVAILABLE"


def test_nearest_depends_on_the_store(shop: Shop) -> None:
    """store-b: wh-002 is 12 km away and wh-001 25 km, both two days."""
    collectible = shop.add_collectible({"wh-001": 1, "wh-002": 1})

    rental = shop.checkout(collectible, store_id="store-b")

    assert shop.rental_row(rental["rental_id"])["warehouseId"] == "wh-002"


def test_a_released_unit_is_offered_again(shop: Shop) -> None:
    collectible, rental = shop.rent({"wh-001": 1, "wh-004": 1})
    assert offer_of(shop, collectible, "store-a")["eta"] == 5

    shop.cancel_and_end(rental)

    assert offer_of(shop, collectible, "store-a")["eta"] == 2
    assert shop.rental_row(shop.checkout(collectible)["rental_id"])["warehouseId"] == "wh-001"


def test_what_is_sold_out_says_when_the_rented_one_is_expected(shop: Shop) -> None:
    collectible, rental = shop.rent()
    assert quote_of(shop, collectible, "store-a", 3)["next_expected"] is None
    shop.pay_and_complete(rental)

    paid = shop.rental(rental["rental_id"])
    quote = quote_of(shop, collectible, "store-a", 3)

    way_home = timedelta(days=rental["eta"])
    assert quote["next_expected"] == timestamp(parse(paid["due_at"]) + way_home)
    assert offer_of(shop, collectible, "store-a")["next_expected"] == quote["next_expected"]
    assert quote["ready_by"] is quote["due_at"] is None


def test_price_is_the_quoted_one_and_what_paymongo_asks_for(shop: Shop) -> None:
    """Fewer than seven days cost twice the daily rate (docs/architecture.md, Rules)."""
    for size, duration, daily_rate, total in (
        ("Small", 6, 2_000, 12_000),
        ("Small", 7, 1_000, 7_000),
        ("Medium", 1, 10_000, 10_000),
        ("Large", 30, 10_000, 300_000),
    ):
        collectible = shop.add_collectible(size=size)
        quote = quote_of(shop, collectible, "store-a", duration)
        assert (quote["daily_rate"], quote["total_fee"]) == (daily_rate, total)
        assert quote["is_special_rate"] is (duration < 7)
        rental = shop.checkout(collectible, duration=duration)
        assert (rental["daily_rate"], rental["total_fee"]) == (daily_rate, total)
        assert shop.session(rental["rental_id"])["total"] == total * 100
