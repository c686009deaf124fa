"""Photographs of a unit's condition, in a bucket of their own: the staff's browsers send and read
them by requests that are signed here.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from infra import clock
from infra.aws import s3
from infra.settings import setting
from rentals.errors import NotPossibleNow
from rentals.models import Rental

MOST_BYTES = 5_000_000
MEDIA_TYPE = "image/jpeg"
# Long enough for a slow line, short enough that a copied address is soon worth nothing.
_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Photograph:
    """`url` is good for five minutes; `stage` is the rental's when it was taken."""

    url: str
    taken_at: str
    stage: str


def form(rental: Rental) -> dict[str, Any]:
    """`url` and `fields` of the form that stores a new photograph of a rental's unit.

    Raises NotPossibleNow.
    """
    if rental.fulfillment_status is None:
        raise NotPossibleNow("there is nothing to photograph: the rental is not paid")
    taken = (rental.id, clock.now_timestamp(), rental.fulfillment_status, uuid.uuid4().hex)
    signed: dict[str, Any] = s3().generate_presigned_post(
        Bucket=setting("PHOTOGRAPHS_BUCKET"),
        Key=f"{'/'.join(taken)}.jpg",
        Fields={"Content-Type": MEDIA_TYPE},
        Conditions=[{"Content-Type": MEDIA_TYPE}, ["content-length-range", 1, MOST_BYTES]],
        ExpiresIn=_SECONDS,
    )
    return signed


def photographs_of(rental: Rental) -> list[Photograph]:
    """The photographs of a rental's unit, the oldest first."""
    bucket = setting("PHOTOGRAPHS_BUCKET")
    listed = s3().list_objects_v2(Bucket=bucket, Prefix=f"{rental.id}/")
    found = []
    for key in (each["Key"] for each in listed.get("Contents", ())):
        _, taken_at, stage, _ = key.split("/")
        url = s3().generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=_SECONDS
        )
        found.append(Photograph(url, taken_at, stage))
    return found
