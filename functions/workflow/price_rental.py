"""PriceRental: write what the rental costs."""

from rentals import catalogue, repository
from rentals.models import Rental
from rentals.pricing import price_rental
from workflow.task import Event, task


@task
def handler(rental: Rental, event: Event) -> dict[str, object]:
    """Answers in centavos. Raises CollectibleNotFound, RentalEnded."""
    price = price_rental(catalogue.collectible(rental.collectible_id).size, rental.duration)
    repository.set_price(rental, price)
    return {"daily_rate": price.daily_rate, "total_fee": price.total_fee}
