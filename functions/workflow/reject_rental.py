"""RejectRental: end a rental whose unit went to somebody else since checkout saw it."""

from infra.telemetry import count
from rentals import endings
from rentals.models import EndReason, Rental
from workflow.task import Event, task


@task
def handler(rental: Rental, event: Event) -> dict[str, object]:
    """Raises PaymentReceived, WriteContended."""
    was_pending = rental.is_pending
    ended = endings.end_unpaid(rental, EndReason.NO_UNIT)
    if was_pending:
        count("NoUnitAvailable")
    return {"payment_status": ended.payment_status}
