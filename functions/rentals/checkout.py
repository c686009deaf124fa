"""Checkout: one rental and one execution for each request, however often it is repeated."""

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, replace

from infra import clock, dynamo
from infra.settings import setting
from infra.telemetry import count, logger
from rentals import allocation, executions, repository
from rentals.errors import (
    CollectibleNotFound,
    IdempotencyKeyReused,
    NoUnitAvailable,
    StoreNotFound,
)
from rentals.identity import (
    customer_key,
    identity_secret,
    normalized,
    phone_key,
    rental_id_for,
    source_key,
)
from rentals.models import Collectible, Customer, PaymentMethod, PaymentStatus, Rental
from rentals.rows import from_row

# API Gateway answers for us after 29 s, and a customer should not stare at a spinner that long.
WAIT_SECONDS = 8.0
# The fewest reads that find the payment URL less than 50 ms late on average, for as long as it
# usually takes; after that, something is slow (docs/performance.md, Waiting).
_FIRST_POLL_SECONDS = 0.25
_POLL_SECONDS = 0.1
_USUAL_SECONDS = 2.0
_POLL_BACKOFF = 1.3
_LONGEST_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """What a customer asks for; `duration` is days."""

    collectible_id: str
    store_id: str
    duration: int
    payment_method: PaymentMethod
    customer: Customer

    def digest(self) -> str:
        """Same for the same customer's same request: a key with another body is noticed.

        An optional field counts only when it is given: a release that adds one must know the
        requests that were made before.
        """
        *order, customer = (getattr(self, each.name) for each in fields(self))
        customer = replace(customer, email=normalized(customer.email))
        values = {each: getattr(customer, each.name) for each in fields(customer)}
        required = [value for each, value in values.items() if each.default is MISSING]
        given = [
            [each.name, value]
            for each, value in values.items()
            if each.default is not MISSING and value != each.default
        ]
        return hashlib.sha256(json.dumps([*order, *required, *given]).encode()).hexdigest()


def start_checkout(
    request: CheckoutRequest, idempotency_key: str | None, client_address: str
) -> Rental:
    """Write the rental and start its execution, or find the one that this key started before.

    Raises CollectibleNotFound, StoreNotFound, NoUnitAvailable, IdempotencyKeyReused,
    TooManyOpenRentals, WriteContended.
    """
    secret = identity_secret()
    rental_id = rental_id_for(request.customer.email, idempotency_key, secret)
    logger.append_keys(rental_id=rental_id)
    found = _earlier_rental_or_offer(request, rental_id if idempotency_key else None)
    rental = (
        repository.create(_new_rental(rental_id, request, found, secret, client_address))
        if isinstance(found, Collectible)
        else found
    )
    if rental.request_hash != request.digest():
        raise IdempotencyKeyReused
    if rental.is_pending and rental.payment_url is None:
        _start_execution(rental_id)
    return rental


def _earlier_rental_or_offer(
    request: CheckoutRequest, rental_id: str | None
) -> Rental | Collectible:
    """The rental with this id, whatever became of its collectible, or else what can be rented.

    Most who come to a sale are refused: for them two cheap reads are all, no row and no execution.
    Whoever sees a unit here may still lose it: ReserveUnit decides.
    """
    collectibles, stores = setting("COLLECTIBLES_TABLE"), setting("STORES_TABLE")
    keys = [(collectibles, request.collectible_id), (stores, request.store_id)]
    if rental_id is not None:
        keys.append((setting("RENTALS_TABLE"), rental_id))
    row, store, *earlier = dynamo.get_each(keys, perhaps_old={collectibles, stores})
    if earlier and earlier[0] is not None:
        return Rental.from_row(earlier[0])
    collectible = from_row(Collectible, row) if row else None
    if collectible is None or collectible.is_withdrawn:
        raise CollectibleNotFound(request.collectible_id)
    if store is None:
        raise StoreNotFound(request.store_id)
    if allocation.is_sold_out(collectible.id):
        count("NoUnitAvailable")
        raise NoUnitAvailable(collectible.id)
    return collectible


def _new_rental(
    rental_id: str,
    request: CheckoutRequest,
    collectible: Collectible,
    secret: bytes,
    client_address: str,
) -> Rental:
    now = clock.now_timestamp()
    return Rental(
        id=rental_id,
        collectible_id=collectible.id,
        collectible_name=collectible.name,
        store_id=request.store_id,
        customer=request.customer,
        customer_key=customer_key(request.customer.email, secret),
        phone_key=phone_key(request.customer.phone, secret),
        source_key=source_key(client_address, secret),
        duration=request.duration,
        payment_method=request.payment_method,
        payment_status=PaymentStatus.PENDING,
        request_hash=request.digest(),
        created_at=now,
        updated_at=now,
    )


def poll_times() -> Iterator[float]:
    """When to look for the payment URL, in seconds after the execution was started."""
    at, pause = _FIRST_POLL_SECONDS, _POLL_SECONDS
    while True:
        yield at
        if at >= _USUAL_SECONDS:
            pause = min(pause * _POLL_BACKOFF, _LONGEST_POLL_SECONDS)
        at += pause


def wait_until_payable(rental: Rental, seconds: float = WAIT_SECONDS) -> Rental:
    """Poll the row until it has a payment URL or an ending, at most `seconds`.

    Returns the rental as it was last seen.
    """
    started = time.monotonic()
    for at in poll_times():
        if not rental.is_pending or rental.payment_url is not None or at > seconds:
            break
        time.sleep(max(0.0, started + at - time.monotonic()))
        rental = repository.get(rental.id)
    return rental


def _start_execution(rental_id: str) -> None:
    given = {"rental_id": rental_id}
    if not executions.start(setting("RENTAL_STATE_MACHINE_ARN"), rental_id, given):
        logger.info("execution was started before")
