"""PriceRental: write what the rental costs: rent, deposit, and its terms."""

from rentals import catalogue, repository, terms, units
from rentals.models import Rental
from rentals.pricing import base_daily_rate, price_rental
from workflow.task import Event, task


@task
def handler(rental: Rental, event: Event) -> dict[str, object]:
    """Raises CollectibleNotFound, NoUnitAvailable, RentalEnded."""
    collectible = catalogue.collectible(rental.collectible_id)
    own_rate = collectible.daily_rate_centavos
    price = price_rental(collectible.size, rental.duration, own_rate)
    wanted = terms.deposit_wanted(collectible)
    deposit = terms.deposit_for(wanted, rental.payment_method, rental.eta or 1, rental.duration)
    more = {
        "baseDailyRate": base_daily_rate(collectible.size, own_rate),
        "deposit": deposit.online,
        "counterDeposit": deposit.at_counter,
        "replacementValue": collectible.replacement_value_centavos,
    }
    repository.set_price(rental, price, units.short_hold_seconds(rental), terms=more)
    return {
        "daily_rate_centavos": price.daily_rate_centavos,
        "total_fee_centavos": price.total_fee_centavos,
        "deposit_centavos": deposit.online,
    }
