"""Every day: personal data that is older than its period is erased."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from infra.telemetry import logger, metrics
from rentals import erasing

# Enough for one rental.
_RESERVE_MILLISECONDS = 10_000


@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Safe when two runs overlap, and when one is cut off: the next one goes on."""
    logger.structure_logs(append=False, state="ErasePersonalData")
    looked, erased = erasing.erase_due(
        lambda: context.get_remaining_time_in_millis() > _RESERVE_MILLISECONDS
    )
    logger.info("erased", extra={"looked_at": looked, "erased": erased})
    return {"looked_at": looked, "erased": erased}
