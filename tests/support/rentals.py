"""Rentals as they may stand, and a PayMongo that only gives money back."""

from collections.abc import Callable
from dataclasses import dataclass, field

from paymongo.resources import Payment, Refund
from rentals import endings, refunds, repository, units
from rentals.errors import PaymentProviderRejected, PaymentProviderUnavailable
from rentals.models import EndReason, Rental, Size
from rentals.pricing import price_rental
from tests.support.tables import Shop

# What the sample rental costs, in centavos.
TOTAL = 600_000


def reserved(shop: Shop, number: int = 1) -> Rental:
    """A pending, priced rental that holds the only unit."""
    shop.add_units(1)
    rental = shop.add_rental(number)
    repository.set_price(rental, price_rental(Size.SMALL, 3))
    return units.reserve_unit(repository.get(rental.id))


def paid(rental: Rental, payment_id: str = "pay_1", amount: int | None = None) -> Rental:
    """The rental after its payment was received; `amount` centavos, by default the total."""
    total = rental.total_fee_centavos or 0 if amount is None else amount
    return repository.record_payment(rental.id, Payment(payment_id, total, "PHP", "paid"))


def completed(shop: Shop) -> Rental:
    """Paid and confirmed."""
    return endings.confirm_rental(paid(reserved(shop)))


def late(shop: Shop) -> Rental:
    """Expired, its unit back on the shelf, then paid."""
    return paid(endings.end_unpaid(reserved(shop), EndReason.HOLD_EXPIRED), amount=TOTAL)


def give_back(rental: Rental) -> Rental:
    """As the state machine does: with the row as it is now."""
    return refunds.refund_unused_payments(repository.get(rental.id))


def refund(status: str, amount: int = TOTAL, payment_id: str = "pay_1") -> Refund:
    """A refund as PayMongo tells of it."""
    return Refund("ref_1", payment_id, amount, status)


@dataclass
class Refunding:
    """PayMongo's refunds: as the client sees them, with troubles that strike once each."""

    refunds: list[Refund] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    status: str = "pending"
    trouble: list[Callable[[], None]] = field(default_factory=list)
    forged: list[str] = field(default_factory=list)

    def list_refunds(self, payment_id: str) -> list[Refund]:
        """As the client has it."""
        return [each for each in self.refunds if each.payment_id == payment_id]

    def retrieve_payment(self, payment_id: str) -> Payment:
        """As the client has it."""
        if payment_id in self.forged:
            raise PaymentProviderRejected("retrieve payment", 404, [])
        return Payment(payment_id, TOTAL, "PHP", "paid", metadata={"rental_id": "rental-1"})

    def create_refund(
        self,
        payment_id: str,
        amount: int,
        *,
        notes: str,
        metadata: dict[str, str],
        idempotency_key: str,
    ) -> Refund:
        """As the client has it; the next trouble strikes first."""
        assert len(notes) <= 255
        attempt = len(self.list_refunds(payment_id)) + 1
        assert idempotency_key == f"{metadata['rental_id']}-{payment_id}-{attempt}"
        self.asked.append(payment_id)
        if self.trouble:
            self.trouble.pop(0)()
        return self.add(payment_id, amount)

    def add(self, payment_id: str, amount: int = TOTAL) -> Refund:
        """A refund that somebody made."""
        refund = Refund(f"ref_{len(self.refunds)}", payment_id, amount, self.status)
        self.refunds.append(refund)
        return refund

    def refuse(self, code: str) -> None:
        """Trouble: a 400 with this code."""
        raise PaymentProviderRejected("create refund", 400, [code])

    def answer_gets_lost(self) -> None:
        """Trouble: the refund is made, and its answer lost."""
        self.add(self.asked[-1])
        raise PaymentProviderUnavailable("create refund: ReadTimeout")
