"""The rental of a request, and whether the request has its access key."""

from api.requests import ACCESS_KEY_HEADER, Event, header
from infra.telemetry import logger
from rentals import repository
from rentals.access_keys import access_secret, verify_access_key
from rentals.errors import InvalidAccessKey
from rentals.models import Rental


def rental_in_path(event: Event) -> Rental:
    """The rental that the path names. Raises RentalNotFound."""
    rental = repository.get(event["pathParameters"]["rental_id"][:64])
    # Only what a row has: a caller must not choose what stands in the log that alarms read.
    logger.append_keys(rental_id=rental.id)
    return rental


def has_access(event: Event, rental: Rental) -> bool:
    """Whether the request has the rental's key. Raises InvalidAccessKey for another one."""
    key = header(event, ACCESS_KEY_HEADER)
    if key is None:
        return False
    verify_access_key(rental.id, key, access_secret())
    return True


def require_access(event: Event, rental: Rental) -> None:
    """Raises InvalidAccessKey unless the request has the rental's key."""
    if not has_access(event, rental):
        raise InvalidAccessKey
