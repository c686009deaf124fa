"""Every exception of the project. Class names are the error names in `statemachines/*.asl.json`.

RentalError
├── NotFound
│   ├── CollectibleNotFound
│   ├── StoreNotFound
│   └── RentalNotFound
├── Refused                       the request cannot be granted; asking again won't help
│   ├── NoUnitAvailable           every unit of the collectible is taken
│   ├── RentalEnded               the rental has an ending already
│   ├── IdempotencyKeyReused      the key was used with another body
│   ├── TooManyHolds              the customer holds as many unpaid units as allowed
│   └── InvalidSignature          a webhook or redirect was not signed by us or by PayMongo
├── PaymentOutcome                what a payment did, as seen by the workflow
│   ├── PaymentFailed             declined for the last time
│   ├── PaymentCancelled          the customer gave up
│   ├── PaymentReceived           money arrived while the rental was being ended
│   ├── PaymentMismatch           paid, but not the rental's total in pesos
│   ├── PaymentNotReceived        asked to confirm a rental that nobody paid for
│   └── UnitNotHeld               paid, but the rental holds no unit any more
├── PaymentProviderError          PayMongo
│   ├── PaymentProviderUnavailable  no answer, 429 or 5xx: ask again later
│   ├── PaymentProviderRejected     4xx: asking again gives the same answer
│   ├── PaymentSessionOpen          the session can still be paid, so nothing may be released
│   └── RefundFailed                PayMongo refused or failed a refund: somebody must look
└── TransientFailure              ours or AWS's; a retry cures it
    ├── InfrastructureUnavailable an AWS call failed
    └── WriteContended            another writer won every race we entered
"""

from collections.abc import Sequence


class RentalError(Exception):
    """Base of every error the project raises on purpose."""


class NotFound(RentalError):
    """Something named by the caller does not exist."""


class CollectibleNotFound(NotFound):
    """No collectible has this id."""

    def __init__(self, collectible_id: str) -> None:
        super().__init__(f"there is no collectible {collectible_id!r}")


class StoreNotFound(NotFound):
    """No store has this id."""

    def __init__(self, store_id: str) -> None:
        super().__init__(f"there is no store {store_id!r}")


class RentalNotFound(NotFound):
    """No rental has this id."""

    def __init__(self, rental_id: str) -> None:
        super().__init__(f"there is no rental {rental_id!r}")


class Refused(RentalError):
    """The request cannot be granted as things stand."""


class NoUnitAvailable(Refused):
    """Every unit of the collectible is taken."""

    def __init__(self, collectible_id: str) -> None:
        super().__init__(f"no unit of {collectible_id} is available")


class RentalEnded(Refused):
    """The rental has an ending already; `status` names it."""

    def __init__(self, rental_id: str, status: str) -> None:
        super().__init__(f"rental {rental_id} has ended: {status}")
        self.status = status


class IdempotencyKeyReused(Refused):
    """The same idempotency key came with another body."""

    def __init__(self) -> None:
        super().__init__("this Idempotency-Key was used with another body; use a new key")


class TooManyHolds(Refused):
    """The customer holds `limit` unpaid units already."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"you have {limit} unpaid rentals already; pay for one, cancel one or let one expire"
        )
        self.limit = limit


class InvalidSignature(Refused):
    """A webhook or redirect whose signature does not verify."""


class PaymentOutcome(RentalError):
    """What a payment did."""


class PaymentFailed(PaymentOutcome):
    """The last attempt allowed was declined."""


class PaymentCancelled(PaymentOutcome):
    """The customer cancelled."""


class PaymentReceived(PaymentOutcome):
    """Money arrived while the rental was being ended: it must not be released unpaid."""

    def __init__(self, rental_id: str) -> None:
        super().__init__(f"rental {rental_id} was paid after all")


class PaymentMismatch(PaymentOutcome):
    """The payment is not the rental's total in pesos.

    `expected` and `received` are centavos.
    """

    def __init__(self, rental_id: str, expected: int, received: int, currency: str) -> None:
        super().__init__(
            f"rental {rental_id} costs {expected} centavos PHP, received {received} {currency}"
        )


class PaymentNotReceived(PaymentOutcome):
    """Nobody paid for the rental that was to be confirmed."""

    def __init__(self, rental_id: str) -> None:
        super().__init__(f"rental {rental_id} has no payment on record")


class UnitNotHeld(PaymentOutcome):
    """The rental is paid but holds no unit."""

    def __init__(self, rental_id: str) -> None:
        super().__init__(f"rental {rental_id} is paid and holds no unit")


class PaymentProviderError(RentalError):
    """PayMongo did not do what was asked."""


class PaymentProviderUnavailable(PaymentProviderError):
    """No answer, an unreadable one, 429 or 5xx."""


class PaymentProviderRejected(PaymentProviderError):
    """PayMongo refused: `status` is the HTTP status, `codes` PayMongo's own error codes."""

    def __init__(self, operation: str, status: int, codes: Sequence[str]) -> None:
        super().__init__(f"{operation}: PayMongo answered {status} {', '.join(codes)}".rstrip())
        self.status = status
        self.codes = tuple(codes)


class PaymentSessionOpen(PaymentProviderError):
    """The checkout session can still be paid."""

    def __init__(self, checkout_session_id: str) -> None:
        super().__init__(f"checkout session {checkout_session_id} is still open")


class RefundFailed(PaymentProviderError):
    """A refund was refused or failed: the money is still here and somebody must look."""

    def __init__(self, rental_id: str, why: str) -> None:
        super().__init__(f"the refund of rental {rental_id} failed: {why}")


class TransientFailure(RentalError):
    """Something that a retry cures."""


class InfrastructureUnavailable(TransientFailure):
    """An AWS call failed: throttled, unreachable, or an error of the service."""


class WriteContended(TransientFailure):
    """Other writers won every race that was entered."""
