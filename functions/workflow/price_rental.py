"""PriceRental: write what the rental costs, and whether its unit is held for a shorter time."""

from rentals import catalogue, repository, units
from rentals.models import Rental
from rentals.pricing import price_rental
from workflow.task import Event, task


@task
def handler(rental: Rental, event: Event) -> dict[str, object]:
    """Raises CollectibleNotFound, NoUnitAvailable, RentalEnded."""
    price = price_rental(catalogue.collectible(rental.collectible_id).size, rental.duration)
    repository.set_price(rental, price, units.short_hold_seconds(rental))
    return {
        "daily_rate_centavos": price.daily_rate_centavos,
        "total_fee_centavos": price.total_fee_centavos,
    }
