"""RefundPayment: give back what buys nothing, or what an operator wants given back."""

from rentals import inventory, refunds
from rentals.models import Rental
from workflow.task import Event, task


@task
def handler(rental: Rental, event: Event) -> dict[str, object]:
    """`event["refund_requested"]` is whether an operator asked for the rental's payment back.

    Raises RefundFailed, PaymentProviderUnavailable, PaymentProviderRejected, WriteContended.
    """
    if event.get("refund_requested"):
        rental = inventory.request_refund(rental)
    settled = refunds.refund_what_buys_nothing(rental)
    return {"payment_status": settled.payment_status, "refund_status": settled.refund_status}
