"""MeetDeadlines: do what a rental's passed deadlines ask for, and say where the rental is."""

from rentals import fulfillment_clock
from rentals.models import Rental
from workflow.task import Event, task

# Another execution has taken over: this one ends.
_CONTINUED = "continued"


@task
def handler(rental: Rental, event: Event) -> dict[str, object]:
    """`event["execution"]` is the name of the execution that asks. Raises WriteContended."""
    if event["execution"] != rental.fulfillment_execution:
        return {"fulfillment_status": _CONTINUED}
    rental = fulfillment_clock.meet_deadlines(rental)
    return {
        "fulfillment_status": rental.fulfillment_status,
        "closed_reason": rental.closed_reason,
    }
