"""The outbox as operators see it: what nobody was told, and telling it again."""

from collections.abc import Iterator

from boto3.dynamodb.conditions import Attr
from botocore.exceptions import ClientError

from infra.clock import now_timestamp
from rentals.notices import NoticeStatus
from rentals.outbox import ON_PURPOSE
from tools.ops import rows
from tools.ops.target import Target


def untold(target: Target) -> list[rows.Json]:
    """The rows that were tried in vain, or not at all, the oldest first."""
    found = [row for row in rows.scan(target, "Notices") if _is_untold(row)]
    return sorted(map(rows.plain, found), key=lambda row: str(row["createdAt"]))


def _is_untold(row: rows.Json) -> bool:
    is_refused = row["status"] == NoticeStatus.NOT_SENT and row.get("problem") not in ON_PURPOSE
    return is_refused or row["status"] == NoticeStatus.PENDING


def resend(target: Target, rental_id: str | None) -> Iterator[str]:
    """Have what was not told of one rental, or of all, told now: the ids of these notices.

    The table's stream hands over rows that are written as pending.
    """
    for row in untold(target):
        if rental_id not in (None, row["rentalId"]):
            continue
        try:
            target.table("Notices").update_item(
                Key={"id": row["id"]},
                UpdateExpression="SET #status = :pending, resentAt = :now REMOVE problem",
                ConditionExpression=Attr("status").eq(row["status"]),
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={
                    ":pending": NoticeStatus.PENDING.value,
                    ":now": now_timestamp(),
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            continue  # it has just been told
        yield str(row["id"])
