"""Reserving a unit: one transaction changes the unit and its rental, so they cannot disagree."""

from infra import dynamo
from infra.dynamo import Change, absent, either, equal, present
from infra.settings import integer_setting
from infra.telemetry import count
from rentals import allocation, catalogue, repository, unit_moves
from rentals.errors import NoUnitAvailable, RentalEnded, WriteContended
from rentals.models import PaymentStatus, Rental, Warehouse

# Query the index again after each lost race: a query costs 0.5 read units; another unit of the page
# that is as old as the lost one would probably be gone too, and a failed write costs 4 write units.
_RESERVATION_TRIES = 16


def reserve_unit(rental: Rental) -> Rental:
    """Hold the nearest available unit for a pending rental, or for one that was paid too late.

    Returns the rental as it was written. Raises NoUnitAvailable, RentalEnded, WriteContended.
    """
    if rental.unit_id is not None:
        return rental
    _require_reservable(rental)
    warehouses = catalogue.warehouses()
    excluded: set[str] = set()
    for _ in range(_RESERVATION_TRIES):
        found = allocation.candidate(
            rental.collectible_id, warehouses, rental.store_id, excluded
        ) or _from_a_new_warehouse(rental, warehouses, excluded)
        if found is None:
            raise NoUnitAvailable(rental.collectible_id)
        unit_id, warehouse = found
        hold = _hold(rental, unit_id, warehouse)
        try:
            dynamo.transact([unit_moves.reserve(unit_id, rental), hold])
        except dynamo.ConditionFailed as failure:
            if 1 in failure.failed:
                now = repository.get(rental.id)
                if now.unit_id is not None:
                    return now
                _require_reservable(now)
            if 0 in failure.failed:
                excluded.add(unit_id)
        else:
            return rental.after(hold)
    raise WriteContended(f"every unit of {rental.collectible_id} that was tried went elsewhere")


def short_hold_seconds(rental: Rental) -> int | None:
    """How long the unit of a rental is held, if that is shorter than usual: when many units of the
    collectible are held unpaid. Raises NoUnitAvailable when its source has others then.
    """
    if not allocation.is_share_exceeded(rental.collectible_id):
        return None
    count("UnpaidShareExceeded")
    if rental.open_before:
        raise NoUnitAvailable(rental.collectible_id)
    return min(integer_setting("SHORT_HOLD_SECONDS"), integer_setting("HOLD_SECONDS"))


def _from_a_new_warehouse(
    rental: Rental, known: dict[str, Warehouse], excluded: set[str]
) -> tuple[str, Warehouse] | None:
    warehouses = catalogue.warehouses(anew=True)
    if warehouses == known:
        return None
    return allocation.candidate(rental.collectible_id, warehouses, rental.store_id, excluded)


def _require_reservable(rental: Rental) -> None:
    is_open = rental.is_pending or rental.payment_id is not None
    if not is_open or rental.refund_requested_at is not None:
        raise RentalEnded(rental.id, rental.payment_status)


def _hold(rental: Rental, unit_id: str, warehouse: Warehouse) -> Change:
    return repository.change(
        rental.id,
        {
            "unitId": unit_id,
            "warehouseId": warehouse.id,
            "eta": allocation.eta_days(warehouse.distances[rental.store_id]),
        },
        absent("unitId"),
        absent("refundRequestedAt"),
        either(equal("paymentStatus", PaymentStatus.PENDING), present("paymentId")),
    )
