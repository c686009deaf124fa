"""RefundPayment: refund payments that bought nothing, or that an operator wants given back."""

from rentals import refund_records, refunds
from rentals.models import Rental
from workflow.task import Event, task


@task
def handler(rental: Rental, event: Event) -> dict[str, object]:
    """`event["refund_requested"]` is whether an operator asked for the rental's payment back.

    Raises RefundFailed, PaymentProviderUnavailable, PaymentProviderRejected, WriteContended.
    """
    if event.get("refund_requested"):
        rental = refund_records.request_refund(rental)
    settled = refunds.refund_unused_payments(rental)
    return {"payment_status": settled.payment_status, "refund_status": settled.refund_status}
