"""For each new row of the Notices table: tell customers and the event bus."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws import describe
from infra.errors import TransientFailure
from infra.telemetry import logger, metrics
from rentals import outbox


@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Answers the records that the stream has to hand over again; when that is all of them, the
    invocation fails, so that it is counted.
    """
    failures: list[dict[str, str]] = []
    for record in event["Records"]:
        notice_id = record["dynamodb"]["Keys"]["id"]["S"]
        logger.structure_logs(append=False, state="SendNotices", notice=notice_id)
        try:
            status = outbox.tell(notice_id)
        except (TransientFailure, ClientError, BotoCoreError) as error:
            logger.warning("not told yet", extra={"error": describe(error)})
            failures.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
            if len(failures) == len(event["Records"]):
                raise
        else:
            logger.info("told", extra={"status": status})
    return {"batchItemFailures": failures}
