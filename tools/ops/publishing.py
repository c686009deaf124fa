"""Uploading the site to its bucket, with the headers that say for how long each file may be kept.

Assets have a path that changes with their content (tools/sources/site.py). They are uploaded
before the pages that refer to them, and stay for a while after: a visitor may have an old page
open.
"""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rentals.models import Collectible
from rentals.rows import from_row
from tools.ops import rows, site_pictures
from tools.ops.target import Target
from tools.sources.site import Site, SiteFile

_KEEP_OLD_ASSETS = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Publication:
    """What was done: paths, and whether the distribution was told to forget what it keeps."""

    uploaded: tuple[str, ...]
    unchanged: int
    deleted: tuple[str, ...]
    invalidation: str | None


def site_of(target: Target) -> Site:
    """The site as it is for a stack."""
    return Site(target.stack.site_url, target.stack.parameters)


def files_of(target: Target) -> dict[str, SiteFile]:
    """Its files by path, with a page for each collectible that it has now."""
    site = site_of(target)
    pages = (page_of(site, row) for row in rows.scan(target, "Collectibles"))
    return site.files | dict(filter(None, pages))


def page_of(site: Site, row: dict[str, Any]) -> tuple[str, SiteFile] | None:
    """The path and the page of a row of the Collectibles table; none of what was withdrawn."""
    item = from_row(Collectible, row)
    return None if item.is_withdrawn else site.collectible(item)


def publish(target: Target) -> Publication:
    """Bring the bucket of a stack up to date. Safe to run again: uploads what has changed.

    Raises CommandError when the stack has no bucket.
    """
    s3, bucket = target.client("s3"), target.stack.physical_id("SiteBucket")
    there = _objects(s3, bucket)
    files = files_of(target)
    changed = sorted(
        (path for path in files if there.get(_key(path), {}).get("ETag") != _etag(files[path])),
        key=lambda path: (files[path].media_type == "text/html", path),
    )
    for path in changed:
        s3.put_object(
            Bucket=bucket,
            Key=_key(path),
            Body=files[path].content,
            ContentType=_content_type(files[path]),
            CacheControl=files[path].cache_control,
        )
    current = {_key(path) for path in files.keys() | site_pictures.in_use(target)}
    deleted = _delete_old(s3, bucket, there, current)
    invalidation = _invalidate(target) if changed else None
    return Publication(tuple(changed), len(files) - len(changed), deleted, invalidation)


def _objects(s3: Any, bucket: str) -> dict[str, Any]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {each["Key"]: each for page in pages for each in page.get("Contents", ())}


def _key(path: str) -> str:
    return path.removeprefix("/")


def _etag(file: SiteFile) -> str:
    """As S3 makes it of an object that is uploaded in one piece; not for security."""
    return f'"{hashlib.md5(file.content, usedforsecurity=False).hexdigest()}"'


def _content_type(file: SiteFile) -> str:
    is_text = file.media_type.startswith("text/") or file.media_type.endswith(("script", "+xml"))
    return f"{file.media_type}; charset=utf-8" if is_text else file.media_type


def _delete_old(s3: Any, bucket: str, there: dict[str, Any], current: set[str]) -> tuple[str, ...]:
    """Files that are no longer of the site: pages at once, assets and pictures when nobody can need
    them.
    """
    oldest = datetime.now(UTC) - _KEEP_OLD_ASSETS
    old = [
        key
        for key, each in there.items()
        if key not in current
        and (not key.startswith(("assets/", "images/")) or each["LastModified"] < oldest)
    ]
    for key in old:
        s3.delete_object(Bucket=bucket, Key=key)
    return tuple(old)


def _invalidate(target: Target) -> str | None:
    """Have the distribution ask for everything again: one path, whatever has changed."""
    distribution = target.stack.physical_id("SiteDistribution")
    answer = target.client("cloudfront").create_invalidation(
        DistributionId=distribution,
        InvalidationBatch={
            "Paths": {"Quantity": 1, "Items": ["/*"]},
            "CallerReference": uuid.uuid4().hex,
        },
    )
    invalidation: str = answer["Invalidation"]["Id"]
    return invalidation
