"""Pictures that an import brought, in the site's bucket: stored once, kept while they are shown."""

from collections.abc import Iterator
from datetime import UTC, datetime
from unittest.mock import MagicMock

import boto3
import pytest

from tests.support.sources import REGION
from tests.support.tables import PREFIX, Shop
from tools.ops import publishing, site_pictures
from tools.ops.target import Stack, Target

BUCKET = "shop-site"
SHOWN = {"/images/robot-1.jpg", "/images/robot-1-480.jpg", "/images/robot-1-960.jpg"}
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def target(shop: Shop) -> Iterator[Target]:
    bucket = boto3.resource("s3", region_name=REGION).Bucket(BUCKET)
    bucket.create(CreateBucketConfiguration={"LocationConstraint": "ap-southeast-1"})
    target = Target(region=REGION)
    resources = {
        "SiteBucket": BUCKET,
        "SiteDistribution": "E1",
        "CollectiblesTable": f"{PREFIX}Collectibles",
    }
    target.__dict__["stack"] = Stack({"SiteUrl": "https://shop.example"}, {}, resources, {})
    target._clients["cloudfront"] = MagicMock()
    yield target
    bucket.objects.delete()
    bucket.delete()


def test_pictures_are_served_from_where_they_were_stored(target: Target) -> None:
    site_pictures.store(target, [("/images/robot-1.jpg", b"jpeg")])

    found = site_pictures.stored(target, "/images/robot-1.jpg")
    assert found
    assert (found.content, found.media_type) == (b"jpeg", "image/jpeg")
    assert site_pictures.stored(target, "/images/robot-2.jpg") is None
    assert {"/images/robot-1.jpg", "/images/col-001.svg"} <= site_pictures.there(target)


def test_publishing_keeps_pictures_that_are_shown_and_forgets_old_ones(
    shop: Shop, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.put(
        "Collectibles",
        {"id": "own-1", "name": "Robot", "size": "Small", "pictures": ["/images/robot-1.jpg"]},
    )
    site_pictures.store(target, [(path, b"jpeg") for path in [*SHOWN, "/images/replaced-1.jpg"]])
    monkeypatch.setattr(
        publishing,
        "_objects",
        lambda s3, bucket: {
            path[1:]: {"ETag": "", "LastModified": LONG_AGO} for path in site_pictures.there(target)
        },
    )
    monkeypatch.setattr(publishing, "files_of", lambda target: {})

    done = publishing.publish(target)

    assert "images/replaced-1.jpg" in done.deleted
    assert not {path[1:] for path in SHOWN} & {*done.deleted}
    assert site_pictures.stored(target, "/images/robot-1.jpg")
