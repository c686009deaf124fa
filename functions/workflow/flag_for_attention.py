"""FlagForAttention: mark a rental that could not be settled, for operators and the reconciler."""

from infra.telemetry import count, logger
from rentals import follow_ups
from rentals.models import Rental
from workflow.task import Event, task


@task
def handler(rental: Rental, event: Event) -> dict[str, object]:
    """`event["problem"]` is the name of the error that stopped the settlement."""
    follow_ups.need_attention(rental, event["problem"])
    count("NeedsAttention")
    logger.error("rental needs attention", extra={"problem": event["problem"]})
    return {"attention": event["problem"]}
