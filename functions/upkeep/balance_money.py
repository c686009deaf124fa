"""Every day: money received, less rentals completed, less what was given back, must be zero."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from infra.telemetry import count, logger, measure, metrics
from rentals.balance import money_balance


@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers the sums in centavos and the ids of rentals that nothing accounts for."""
    logger.structure_logs(append=False, state="BalanceMoney")
    found = money_balance()
    measure("MoneyOutOfBalance", found.difference, MetricUnit.NoUnit)
    count("RentalsOutOfBalance", len(found.unaccounted))
    for rental_id in found.unaccounted:
        logger.error("nothing accounts for its money", extra={"rental_id": rental_id})
    logger.info(
        "balanced",
        extra={
            "difference": found.difference,
            "received": found.received,
            "settled_outside": found.settled_outside,
        },
    )
    return {**asdict(found), "difference": found.difference}
