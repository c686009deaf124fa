"""Every minute: follow up what is due, and check whether PayMongo still delivers webhooks."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from infra.telemetry import count, logger, measure, metrics
from rentals.errors import PaymentProviderError
from rentals.reconciliation import follow_charges, is_webhook_enabled, reconcile

# Enough for one look that has to wait for PayMongo.
_RESERVE_MILLISECONDS = 25_000


@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Safe when two runs overlap, and when one is cut off."""
    logger.structure_logs(append=False, state="Reconcile")

    def has_time() -> bool:
        return context.get_remaining_time_in_millis() > _RESERVE_MILLISECONDS

    looked = reconcile(has_time) + follow_charges(has_time)
    # Report 0 when nothing is overdue, so that the alarm returns to OK.
    measure("OldestOverdueHoldSeconds", 0, MetricUnit.Seconds)
    count("RentalsLookedAt", looked)
    try:
        count("WebhookEndpointDisabled", 0 if is_webhook_enabled() else 1)
    except PaymentProviderError as error:
        logger.warning("PayMongo did not say whether it delivers", extra={"error": str(error)})
    logger.info("reconciled", extra={"looked_at": looked})
    return {"looked_at": looked}
