"""Every five minutes: tell those who asked that something can be rented again."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from infra.telemetry import logger, metrics
from rentals import waiting_list

# Enough for the mails of one collectible.
_RESERVE_MILLISECONDS = 30_000


@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Safe when it is cut off: who was told is on the list no more."""
    logger.structure_logs(append=False, state="TellWaiting")
    told = waiting_list.tell(lambda: context.get_remaining_time_in_millis() > _RESERVE_MILLISECONDS)
    logger.info("told", extra={"told": told})
    return {"told": told}
