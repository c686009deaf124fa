"""How a paid rental's money stands: what was received, what it pays for, what went back. API, page,
mails, operators' commands and the audit all say what this says.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rentals import charges, given_back, terms
from rentals.charges import Charge
from rentals.given_back import GoingBack
from rentals.models import BEFORE_HAND_OVER, PaymentStatus, Rental


@dataclass(frozen=True, slots=True)
class Statement:
    """Sums in centavos, gross of PayMongo's fees.

    Of each payment: received = what it pays for + given back. What a charge takes from the deposit
    counts there only.
    """

    rental: Rental
    charges: Sequence[Charge] = ()

    @property
    def payments(self) -> dict[str, int]:
        """What was received at PayMongo and pays for something, by payment."""
        own = {str(self.rental.payment_id): self.rental.amount_paid or 0}
        is_bought = self.rental.payment_status is PaymentStatus.COMPLETED
        paid = {e.payment_id: e.amount_paid or 0 for e in self.charges if e.payment_id}
        return (own if is_bought else {}) | paid

    @property
    def kept(self) -> dict[str, int]:
        """What is kept of each payment: received, less given back."""
        return {
            payment_id: max(0, amount - given_back.given(self.rental, payment_id))
            for payment_id, amount in self.payments.items()
        }

    @property
    def given_back(self) -> int:
        """What certainly went back, of all payments and at the counter."""
        return sum(e.centavos for e in self.going_back if e.status in ("succeeded", "at_counter"))

    @property
    def taken_back(self) -> int:
        """What a lost dispute took of what is kept; PayMongo still counts it as paid."""
        return min(
            given_back.taken_back(self.rental), self.kept.get(str(self.rental.payment_id), 0)
        )

    @property
    def going_back(self) -> list[GoingBack]:
        """Each refund, and each that was ordered and not sent yet, the oldest first."""
        return given_back.going_back(self.rental)

    @property
    def deposit_held(self) -> int:
        """Of the deposit, what was neither kept nor ordered back."""
        return max(0, given_back.deposit_held(self.rental) - self.deposit_kept)

    @property
    def deposit_kept(self) -> int:
        """Of the deposit, what paid charges."""
        return sum(each.from_deposit for each in self.charges)

    @property
    def refund_if_cancelled(self) -> int | None:
        """What goes back if the customer cancels now; None when that is not possible."""
        if self.rental.fulfillment_status not in BEFORE_HAND_OVER:
            return None
        kept = terms.cancellation_fee(self.rental)
        return max(0, given_back.left_of_own(self.rental) - kept)

    @property
    def outstanding(self) -> int:
        """What the customer still owes; an extension that is not paid is no debt."""
        return sum(
            e.outstanding for e in self.charges if e.kind is not charges.ChargeKind.EXTENSION
        )


def of(rental: Rental) -> Statement:
    """A rental's statement as it is now."""
    return Statement(rental, charges.of(rental))
