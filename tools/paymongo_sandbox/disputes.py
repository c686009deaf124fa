"""What a cardholder's bank does: it disputes a payment, and decides.

PayMongo's pages name the events and no more. What they carry is a guess.
"""

from tools.paymongo_sandbox import wire
from tools.paymongo_sandbox.resources import DisputeStatus, Event, Payment, random_token
from tools.paymongo_sandbox.store import Store
from tools.paymongo_sandbox.webhooks import Webhooks


class Disputes:
    """A payment has one dispute at most."""

    def __init__(self, store: Store, webhooks: Webhooks) -> None:
        self._store = store
        self._webhooks = webhooks

    def open(self, payment: Payment, amount: int | None, *, silently: bool) -> list[Event]:
        """The whole payment is disputed unless an amount (centavos) is given."""
        payment.dispute = {
            "id": f"dispute_{random_token()}",
            "amount": payment.amount if amount is None else amount,
            "status": "open",
            "created_at": self._store.clock.now(),
            "resolved_at": None,
        }
        return self._tell("dispute.created", payment, silently=silently)

    def resolve(self, payment: Payment, status: DisputeStatus, *, silently: bool) -> list[Event]:
        """The shop has won, or has lost: then its bank takes the money back, without a refund."""
        payment.dispute = {
            **(payment.dispute or {}),
            "status": status,
            "resolved_at": self._store.clock.now(),
        }
        return self._tell("dispute.resolved", payment, silently=silently)

    def _tell(self, event_type: str, payment: Payment, *, silently: bool) -> list[Event]:
        self._store.save(payment)
        if silently:
            return []
        data = wire.dispute_resource(payment)
        return [self._webhooks.publish(event_type, data, livemode=payment.livemode)]
