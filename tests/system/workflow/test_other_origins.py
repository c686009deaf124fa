"""Who may call the API from elsewhere: pages of allowed origins, partners with a key."""

import httpx
import pytest

from tests.support.shop import Shop

PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type,idempotency-key",
}


@pytest.mark.parametrize("path", ["/api/rentals/checkout", "/api/rentals/some-id", "/api/stores"])
def test_the_sites_own_origin_passes_the_preflight(shop: Shop, path: str) -> None:
    site = shop.stack.settings.site_url

    answer = shop.site.options(path, headers={"Origin": site, **PREFLIGHT})

    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == site
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert {"content-type", "idempotency-key", "prefer", "x-rental-key"} <= set(allowed.split(", "))
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Origin" in answer.headers["Vary"].split(", ")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "", "*"])
def test_other_origins_are_told_nothing(shop: Shop, origin: str) -> None:
    for answer in (
        shop.site.options("/api/stores", headers={"Origin": origin, **PREFLIGHT}),
        shop.site.get("/api/stores", headers={"Origin": origin}),
    ):
        assert answer.is_success
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Origin" in answer.headers["Vary"].split(", ")


def test_answers_can_be_read_by_the_sites_origin(shop: Shop) -> None:
    site = shop.stack.settings.site_url

    found = shop.site.get("/api/stores", headers={"Origin": site})
    failed = shop.site.get("/api/rentals/unknown", headers={"Origin": site})

    assert failed.status_code == 404
    for answer in (found, failed):
        assert answer.headers["Access-Control-Allow-Origin"] == site


def test_the_catalogue_may_be_shared_for_seconds_and_nothing_else_is_kept(shop: Shop) -> None:
    kept = {
        path: shop.site.get(path).headers["Cache-Control"]
        for path in ("/api/collectibles", "/api/stores", "/api/rentals/unknown")
    }

    assert kept == {
        "/api/collectibles": "public, max-age=0, s-maxage=5",
        "/api/stores": "public, max-age=0, s-maxage=5",
        "/api/rentals/unknown": "no-store",
    }


def partners(shop: Shop, key: str | None) -> httpx.Response:
    return shop.site.get(
        "/api/partners/collectibles", headers={} if key is None else {"X-Api-Key": key}
    )


def test_partners_read_the_catalogue_with_their_key(shop: Shop) -> None:
    collectible = shop.add_collectible()
    key = shop.stack.client("apigateway").get_api_key(
        apiKey=shop.stack.outputs["PartnerApiKeyId"], includeValue=True
    )["value"]

    answer = partners(shop, key)

    assert answer.status_code == 200
    assert collectible in {each["id"] for each in answer.json()["data"]}


@pytest.mark.parametrize("key", [None, "", "guessed"])
def test_partners_routes_are_closed_without_the_key(shop: Shop, key: str | None) -> None:
    answer = partners(shop, key)

    assert answer.status_code == 401
    assert answer.json()["code"] == "INVALID_API_KEY"
