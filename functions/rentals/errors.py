"""Every error that crosses a boundary. Class names are the error names in
`statemachines/*.asl.json`; `code` is the word for it in the API's answers.

ApplicationError                    infra/errors.py
├── NotFound
│   ├── CollectibleNotFound
│   ├── StoreNotFound
│   ├── UnitNotFound
│   ├── ChargeNotFound
│   └── RentalNotFound
├── NoUnitAvailable                 every unit of the collectible is taken
├── RentalEnded                     the rental has an ending already
├── IdempotencyKeyReused            the key was used with another body
├── TooManyOpenRentals              the source has as many unpaid rentals as allowed
├── TooManyRequests                 the source has asked for as many mails as allowed
├── InvalidAccessKey                a request for a rental without its access key, or with another
├── InvalidSignature                a webhook or link was not signed by PayMongo or by us
├── PaymentFailed                   declined for the last time
├── PaymentCancelled                the customer gave up
├── HoldExpired                     a hold that was shorter than usual ran out
├── PaymentReceived                 money arrived while the rental was being ended
├── PaymentMismatch                 paid, but not the rental's total in pesos
├── PaymentUnknown                  paid, says a webhook; PayMongo has no such payment
├── PaymentNotReceived              asked to confirm a rental that nobody paid for
├── UnitNotHeld                     paid, but the rental holds no unit any more
├── NotPossibleNow                  a rental or unit is not where this can be done
├── RefundChanged                   another sum would go back than the customer was shown
├── WrongStore                      receiving or handing over at another store than the rental's
├── NotAllowed                      only managers may do this
├── AmbiguousNumber                 more than one rental has this number
├── FulfillmentChanged              the desk did something that the execution does not wait for
├── ExecutionTooOld                 an execution that must end before its year does
├── DeadlinePassed                  what a rental's deadlines tell its execution (deadlines.py)
│   ├── DeliveryLate
│   ├── NotCollected
│   ├── DueSoon
│   ├── Overdue
│   └── NotInspected
├── PaymentProviderError            PayMongo (paymongo/errors.py)
│   ├── PaymentProviderUnavailable  no answer or 5xx: ask again later
│   │   └── PaymentProviderThrottled  429: ask again sooner, and more often
│   ├── PaymentProviderRejected     4xx: asking again gives the same answer
│   ├── PaymentMethodRefused        PayMongo opens no session for the chosen method
│   ├── PaymentSessionOpen          the session can still be paid, so nothing may be released
│   └── RefundFailed                PayMongo refused or failed a refund: somebody must look
└── TransientFailure                ours or AWS's; a retry cures it
    ├── InfrastructureUnavailable   an AWS call failed
    └── WriteContended              another writer won every race we entered
"""

from infra.errors import (
    ApplicationError,
    InfrastructureUnavailable,
    InvalidSignature,
    TransientFailure,
    WriteContended,
)
from paymongo.errors import (
    PaymentProviderError,
    PaymentProviderRejected,
    PaymentProviderThrottled,
    PaymentProviderUnavailable,
)

__all__ = [
    "AmbiguousNumber",
    "ApplicationError",
    "ChargeNotFound",
    "CollectibleNotFound",
    "DeadlinePassed",
    "DeliveryLate",
    "DueSoon",
    "ExecutionTooOld",
    "FulfillmentChanged",
    "HoldExpired",
    "IdempotencyKeyReused",
    "InfrastructureUnavailable",
    "InvalidAccessKey",
    "InvalidSignature",
    "NoUnitAvailable",
    "NotAllowed",
    "NotCollected",
    "NotFound",
    "NotInspected",
    "NotPossibleNow",
    "Overdue",
    "PaymentCancelled",
    "PaymentFailed",
    "PaymentMethodRefused",
    "PaymentMismatch",
    "PaymentNotReceived",
    "PaymentProviderError",
    "PaymentProviderRejected",
    "PaymentProviderThrottled",
    "PaymentProviderUnavailable",
    "PaymentReceived",
    "PaymentSessionOpen",
    "PaymentUnknown",
    "RefundChanged",
    "RefundFailed",
    "RentalEnded",
    "RentalNotFound",
    "StoreNotFound",
    "TooManyOpenRentals",
    "TooManyRequests",
    "TransientFailure",
    "UnitNotFound",
    "UnitNotHeld",
    "WriteContended",
    "WrongStore",
]


class NotFound(ApplicationError):
    """Something named by the caller does not exist."""


class CollectibleNotFound(NotFound):
    """No collectible has this id."""

    def __init__(self, collectible_id: str) -> None:
        super().__init__(f"there is no collectible {collectible_id!r}")


class StoreNotFound(NotFound):
    """No store has this id."""

    def __init__(self, store_id: str) -> None:
        super().__init__(f"there is no store {store_id!r}")


class UnitNotFound(NotFound):
    """No unit has this id."""

    def __init__(self, unit_id: str) -> None:
        super().__init__(f"there is no unit {unit_id!r}")


class ChargeNotFound(NotFound):
    """No charge has this id."""

    def __init__(self, charge_id: str) -> None:
        super().__init__(f"there is no charge {charge_id!r}")


class RentalNotFound(NotFound):
    """No rental has this id."""

    def __init__(self, rental_id: str) -> None:
        super().__init__(f"there is no rental {rental_id!r}")


class NoUnitAvailable(ApplicationError):
    """Every unit of the collectible is taken."""

    def __init__(self, collectible_id: str) -> None:
        super().__init__(f"no unit of {collectible_id} is available")


class RentalEnded(ApplicationError):
    """The rental has an ending already."""

    def __init__(self, rental_id: str, status: str) -> None:
        super().__init__(f"rental {rental_id} has ended: {status}")


class IdempotencyKeyReused(ApplicationError):
    """The same idempotency key came with another body."""

    def __init__(self) -> None:
        super().__init__("this Idempotency-Key was used with another body; use a new key")


class TooManyOpenRentals(ApplicationError):
    """The source has as many unpaid rentals as allowed."""

    def __init__(self) -> None:
        super().__init__(
            "too many unpaid rentals from your network; pay for or cancel one of yours,"
            " or try again in some minutes"
        )


class TooManyRequests(ApplicationError):
    """The source has asked for as many mails as allowed."""

    def __init__(self) -> None:
        super().__init__("too many requests from your network; try again in an hour")


class InvalidAccessKey(ApplicationError):
    """Paying and cancelling need the rental's access key."""

    def __init__(self) -> None:
        super().__init__("this needs the rental's access key, in the header X-Rental-Key")


class PaymentFailed(ApplicationError):
    """The last attempt allowed was declined."""


class PaymentCancelled(ApplicationError):
    """The customer cancelled."""


class HoldExpired(ApplicationError):
    """A hold that was shorter than usual ran out."""


class PaymentReceived(ApplicationError):
    """Money arrived while the rental was being ended: it must not be released unpaid."""

    def __init__(self, rental_id: str) -> None:
        super().__init__(f"rental {rental_id} was paid after all")


class PaymentMismatch(ApplicationError):
    """The payment is not what was due for the rental, in pesos.

    `expected` and `received` are centavos.
    """

    def __init__(self, rental_id: str, expected: int, received: int, currency: str) -> None:
        super().__init__(
            f"rental {rental_id} costs {expected} centavos PHP, received {received} {currency}"
        )


class PaymentUnknown(ApplicationError):
    """A webhook told of a payment that PayMongo does not have for this rental."""

    def __init__(self, rental_id: str) -> None:
        super().__init__(f"PayMongo has no such payment of rental {rental_id}")


class PaymentNotReceived(ApplicationError):
    """Nobody paid for the rental that was to be confirmed."""

    def __init__(self, rental_id: str) -> None:
        super().__init__(f"rental {rental_id} has no payment on record")


class UnitNotHeld(ApplicationError):
    """The rental is paid but holds no unit."""

    def __init__(self, rental_id: str) -> None:
        super().__init__(f"rental {rental_id} is paid and holds no unit")


class NotPossibleNow(ApplicationError):
    """A rental or unit is not where this can be done; the message says where it is."""


class RefundChanged(ApplicationError):
    """Another sum would go back than the customer was shown; `refund` is centavos."""

    def __init__(self, refund: int) -> None:
        super().__init__(f"{refund / 100:,.0f} pesos would go back now; look again")


class WrongStore(ApplicationError):
    """Units are received and handed over at the rental's store only."""

    def __init__(self, store_id: str) -> None:
        super().__init__(f"this rental's unit is received and handed over at {store_id} only")


class NotAllowed(ApplicationError):
    """Only managers may do this."""

    def __init__(self, what: str) -> None:
        super().__init__(f"only managers may do this: {what}")


class AmbiguousNumber(ApplicationError):
    """More than one rental has this number."""

    def __init__(self, number: str) -> None:
        super().__init__(f"more than one rental has the number {number}; use the id")


class FulfillmentChanged(ApplicationError):
    """The rental's row is elsewhere than its execution waits for: it looks at the row."""


class ExecutionTooOld(ApplicationError):
    """An execution lives a year at most: another one goes on."""


class DeadlinePassed(ApplicationError):
    """A deadline of a rental has passed."""


class DeliveryLate(DeadlinePassed):
    """The unit has not arrived at the store by the day after it should have."""


class NotCollected(DeadlinePassed):
    """The customer has not fetched the unit."""


class DueSoon(DeadlinePassed):
    """The unit is due back tomorrow."""


class Overdue(DeadlinePassed):
    """The unit was due back."""


class NotInspected(DeadlinePassed):
    """A unit that came back was not looked at."""


class PaymentMethodRefused(PaymentProviderError):
    """PayMongo opens no session for the chosen method; the customer can choose another."""

    def __init__(self, method: str, why: str) -> None:
        super().__init__(f"no session for {method}: {why}")


class PaymentSessionOpen(PaymentProviderError):
    """The checkout session can still be paid."""

    def __init__(self, checkout_session_id: str) -> None:
        super().__init__(f"checkout session {checkout_session_id} is still open")


class RefundFailed(PaymentProviderError):
    """A refund was refused or failed: the money is still here and somebody must look."""

    def __init__(self, rental_id: str, why: str) -> None:
        super().__init__(f"the refund of rental {rental_id} failed: {why}")
