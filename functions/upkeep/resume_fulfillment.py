"""When a fulfillment's execution was stopped, failed or timed out: another one goes on."""

import json
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from infra.telemetry import logger, metrics
from rentals import fulfillment_executions, repository


@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """An event of Step Functions, "Execution Status Change"; may come twice."""
    detail = event["detail"]
    rental = repository.get(json.loads(detail["input"])["rental_id"])
    logger.structure_logs(append=False, state="ResumeFulfillment", rental_id=rental.id)
    has_failed = detail["status"] == "FAILED"
    fulfillment_executions.ended(rental, detail["name"], has_failed=has_failed)
    logger.info("execution ended", extra={"status": detail["status"]})
