"""What people do after `make deploy`, on the local stack: keys, site, smoke test, next release."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.shop import Shop
from tools.local.stack import SECRET_NAME, LocalStack
from tools.ops import account, publishing, secret_store, smoke
from tools.ops.errors import CommandError
from tools.ops.target import Target


@pytest.fixture
def target(stack: LocalStack) -> Target:
    return Target(endpoint_url=stack.settings.aws_url)


def test_the_site_is_uploaded_with_its_headers_and_only_what_has_changed(target: Target) -> None:
    s3, bucket = target.client("s3"), target.stack.physical_id("SiteBucket")
    s3.put_object(Bucket=bucket, Key="of-long-ago.html", Body=b"old")
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"old")

    first = publishing.publish(target)
    again = publishing.publish(target)
    files = publishing.files_of(target)

    assert {"/index.html", "/collectibles/col-001"} <= {*first.uploaded}
    assert first.deleted == ("of-long-ago.html",)
    assert first.invalidation
    is_page = [files[path].media_type == "text/html" for path in first.uploaded]
    assert is_page == sorted(is_page), "pages come after what they refer to"
    assert (again.uploaded, again.deleted, again.invalidation) == ((), (), None)
    for path, file in files.items():
        there = s3.get_object(Bucket=bucket, Key=path.removeprefix("/"))
        assert there["Body"].read() == file.content
        assert there["CacheControl"] == file.cache_control
        assert there["ContentType"].startswith(file.media_type)


def test_keys_are_stored_and_the_webhooks_secret_stays(target: Target) -> None:
    secrets = target.client("secretsmanager")
    before = json.loads(secrets.get_secret_value(SecretId=SECRET_NAME)["SecretString"])

    secret_store.store_keys(target, before["secretKey"], "pk_test_other")

    after = json.loads(secrets.get_secret_value(SecretId=SECRET_NAME)["SecretString"])
    assert after == before | {"publicKey": "pk_test_other"}


@pytest.mark.parametrize(
    ("secret_key", "public_key"),
    [("sk_test_1", "pk_live_1"), ("pk_test_1", "sk_test_1"), ("whsk_1", "pk_test_1"), ("", "")],
)
def test_what_is_no_pair_of_keys_is_refused(
    target: Target, secret_key: str, public_key: str
) -> None:
    with pytest.raises(CommandError):
        secret_store.store_keys(target, secret_key, public_key)


def test_the_smoke_test_finds_nothing_wrong(shop: Shop, target: Target) -> None:
    outcomes = list(smoke.run(target))

    assert [each for each in outcomes if each.status == "wrong"] == []
    assert [each.name for each in outcomes] == smoke.names()
    assert sum(each.status == "ok" for each in outcomes) >= 13


def test_the_smoke_test_tells_what_is_wrong(shop: Shop, target: Target) -> None:
    paymongo = account.account_of(target)
    [endpoint] = [each for each in paymongo.webhooks() if each.is_enabled]
    paymongo.disable_webhook(endpoint.id)
    try:
        found = [each for each in smoke.run(target) if each.status == "wrong"]
    finally:
        paymongo.enable_webhook(endpoint.id)

    [wrong] = found
    assert wrong.name.startswith("PayMongo: its webhook")
    assert "disabled" in wrong.detail


# --- the next release ---


@pytest.fixture
def next_release(stack: LocalStack) -> Iterator[Any]:
    """Deploys again with another value of a parameter that every function is told."""
    before = stack.settings

    def deploy() -> None:
        stack.settings = dataclasses.replace(
            before, parameters=before.parameters | {"PayMongoTimeoutSeconds": "9"}
        )
        stack.deploy()

    yield deploy
    stack.settings = before
    stack.deploy()


def version_of(target: Target, function: str) -> int:
    alias = target.client("lambda").get_alias(
        FunctionName=target.stack.physical_id(function), Name="live"
    )
    return int(alias["FunctionVersion"])


def test_running_rentals_survive_a_release(shop: Shop, target: Target, next_release: Any) -> None:
    collectible = shop.add_collectible(units=3)
    to_pay, to_cancel = shop.checkout(collectible), shop.checkout(collectible)
    before = version_of(target, "ConfirmRentalFunction")

    next_release()

    assert version_of(target, "ConfirmRentalFunction") > before
    shop.pay(to_pay)
    shop.cancel(to_cancel)
    shop.wait_for_status(to_pay["rental_id"], "completed")
    shop.wait_for_status(to_cancel["rental_id"], "cancelled")
    for rental in (to_pay, to_cancel):
        assert shop.wait_for_execution(rental["rental_id"])["status"] == "SUCCEEDED"
    assert shop.available(collectible) == 2
    # And so do those that start after it.
    after = shop.checkout(collectible)
    shop.pay(after)
    shop.wait_for_status(after["rental_id"], "completed")
