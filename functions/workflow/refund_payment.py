"""RefundPayment: give back what buys nothing."""

from rentals import refunds
from rentals.models import Rental
from workflow.task import Event, task


@task
def handler(rental: Rental, event: Event) -> dict[str, object]:
    """Raises RefundFailed, PaymentProviderUnavailable, PaymentProviderRejected."""
    settled = refunds.refund_what_buys_nothing(rental)
    return {"payment_status": settled.payment_status, "refund_status": settled.refund_status}
