"""ReserveUnit: hold the nearest available unit for the rental."""

from infra.telemetry import count
from rentals import units
from rentals.models import Rental
from workflow.task import Event, task


@task
def handler(rental: Rental, event: Event) -> dict[str, object]:
    """Raises NoUnitAvailable, RentalEnded, WriteContended."""
    held = units.reserve_unit(rental)
    if rental.unit_id is None:
        count("UnitReserved")
    return {"unit_id": held.unit_id, "warehouse_id": held.warehouse_id, "eta": held.eta}
