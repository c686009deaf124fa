"""Pictures of collectibles that an import brought: in the site's bucket, beside its own files."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from tools.ops import rows
from tools.ops.target import Target
from tools.sources.site import KEEP_FOR_EVER, STATIC, SiteFile

IMAGES = "/images/"
FULL_WIDTH = 1600
# Besides, as static/js/dom.js asks for.
WIDTHS = (480, 960)
_MEDIA_TYPE = "image/jpeg"


def widths_of(path: str) -> dict[str, int]:
    """The paths of a photograph, with the width of each: `a-480.jpg`, `a-960.jpg`, `a.jpg`."""
    stem, dot, kind = path.rpartition(".")
    return {f"{stem}-{width}{dot}{kind}": width for width in WIDTHS} | {path: FULL_WIDTH}


def there(target: Target) -> set[str]:
    """The paths of every picture that the site has."""
    pages = target.client("s3").get_paginator("list_objects_v2")
    listed = pages.paginate(Bucket=_bucket(target), Prefix=IMAGES.removeprefix("/"))
    stored = {f"/{each['Key']}" for page in listed for each in page.get("Contents", ())}
    return stored | {f"{IMAGES}{file.name}" for file in (STATIC / "images").iterdir()}


def in_use(target: Target) -> set[str]:
    """The paths of every picture that a collectible has now."""
    return {path for row in rows.scan(target, "Collectibles") for path in _named(row)}


def _named(row: Mapping[str, Any]) -> Iterator[str]:
    for named in (row.get("imageUrl"), *(row.get("pictures") or ())):
        if named:
            yield from widths_of(named)


def store(target: Target, files: Iterable[tuple[str, bytes]]) -> None:
    """Put pictures where the site serves them. A path always has the same content."""
    for path, content in files:
        target.client("s3").put_object(
            Bucket=_bucket(target),
            Key=path.removeprefix("/"),
            Body=content,
            ContentType=_MEDIA_TYPE,
            CacheControl=KEEP_FOR_EVER,
        )


def stored(target: Target, path: str) -> SiteFile | None:
    """A picture of the bucket."""
    try:
        found = target.client("s3").get_object(Bucket=_bucket(target), Key=path.removeprefix("/"))
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        return None
    return SiteFile(found["Body"].read(), found["ContentType"], KEEP_FOR_EVER)


def _bucket(target: Target) -> str:
    return target.stack.physical_id("SiteBucket")
