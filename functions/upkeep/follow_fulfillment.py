"""Every minute: deadlines of paid rentals, executions that fell behind, units back home."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from infra.telemetry import count, logger, metrics
from rentals import fulfillment_clock

# Enough for one look.
_RESERVE_MILLISECONDS = 10_000


@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Safe when two runs overlap, and when one is cut off."""
    logger.structure_logs(append=False, state="FollowFulfillment")
    looked = fulfillment_clock.tick(
        lambda: context.get_remaining_time_in_millis() > _RESERVE_MILLISECONDS
    )
    count("FulfillmentsLookedAt", looked)
    logger.info("followed", extra={"looked_at": looked})
    return {"looked_at": looked}
