"""Every day: money received, less what it bought, less what was given back, must be zero."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from infra.telemetry import count, logger, measure, metrics
from rentals import unseen_refunds
from rentals.balance import balance, statements
from rentals.statement import Statement
from rentals.unseen_refunds import Asked

# Enough for a question that has to wait for PayMongo.
_RESERVE_MILLISECONDS = 30_000


@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers the sums in centavos and the ids of rentals that nothing accounts for."""
    logger.structure_logs(append=False, state="BalanceMoney")
    candidates: list[Asked] = []
    found = balance(_noting(statements(), candidates))
    unseen_refunds.look(
        candidates, lambda: context.get_remaining_time_in_millis() > _RESERVE_MILLISECONDS
    )
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


def _noting(every: Iterator[Statement], candidates: list[Asked]) -> Iterator[Statement]:
    for each in every:
        if (asked := unseen_refunds.asked_about(each.rental)) is not None:
            candidates.append(asked)
        yield each
