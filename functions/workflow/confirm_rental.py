"""ConfirmRental: complete a rental that is paid and holds a unit; its fulfillment begins."""

from infra.telemetry import count
from rentals import endings, fulfillment_executions, payment_check
from rentals.models import PaymentStatus, Rental
from workflow.task import Event, task


@task
def handler(rental: Rental, event: Event) -> dict[str, object]:
    """Raises PaymentUnknown, PaymentNotReceived, PaymentMismatch, UnitNotHeld, RentalEnded,
    PaymentProviderUnavailable, PaymentProviderRejected, WriteContended.
    """
    was_completed = rental.payment_status is PaymentStatus.COMPLETED
    payment_check.require_known(rental)
    confirmed = endings.confirm_rental(rental)
    if not was_completed:
        count("RentalPaid")
    if confirmed.is_out:
        fulfillment_executions.start(confirmed)
    return {"payment_status": confirmed.payment_status}
