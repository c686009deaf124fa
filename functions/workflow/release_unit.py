"""ReleaseUnit: end a rental that nobody paid for and put its unit back on the shelf."""

from infra.telemetry import metrics
from rentals import endings
from rentals.models import EndReason, Rental
from workflow.task import Event, task


@task
def handler(rental: Rental, event: Event) -> dict[str, object]:
    """`event["reason"]` is an EndReason. Raises PaymentReceived, PaymentSessionOpen,
    WriteContended.
    """
    reason = EndReason(event["reason"])
    was_pending = rental.is_pending
    ended = endings.end_unpaid(rental, reason)
    if was_pending:
        metrics.add_dimension(name="reason", value=reason)
        metrics.add_metric(name="UnitReleased", unit="Count", value=1)
    return {"payment_status": ended.payment_status}
