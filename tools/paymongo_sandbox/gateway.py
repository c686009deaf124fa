"""What PayMongo does with sessions and payments.

No method awaits: each call is one step in the event loop, so no two can interleave.
"""

from tools.paymongo_sandbox import wire
from tools.paymongo_sandbox.errors import refused
from tools.paymongo_sandbox.resources import (
    CheckoutSession,
    Event,
    Json,
    Payment,
    PaymentIntent,
    random_token,
)
from tools.paymongo_sandbox.settings import Settings
from tools.paymongo_sandbox.store import Store
from tools.paymongo_sandbox.webhooks import Webhooks

DECLINES = {
    "generic_decline": "The payment was declined by the issuer.",
    "card_expired": "The card has expired.",
    "insufficient_funds": "The account has insufficient funds.",
    "payment_cancelled": "The customer did not authorise the payment.",
}
_DAYS_UNTIL_AVAILABLE = 7


class AlreadyPaidError(Exception):
    """The session has a successful payment."""


class Gateway:
    """The account's state and the events that its changes cause."""

    def __init__(self, settings: Settings, store: Store, webhooks: Webhooks) -> None:
        self._settings = settings
        self._store = store
        self._webhooks = webhooks

    def create_session(self, attributes: Json, *, livemode: bool) -> CheckoutSession:
        """A new session with its payment intent, from validated attributes."""
        intent = PaymentIntent(livemode=livemode, session_id="", client_key="", amount=0)
        session = CheckoutSession(
            livemode=livemode,
            intent_id=intent.id,
            attributes=attributes,
            client_key="",
            url_fragment=f"{random_token(88)}=",
        )
        session.client_key = f"{session.id}_client_{random_token()}"
        intent.session_id = session.id
        intent.client_key = f"{intent.id}_client_{random_token()}"
        intent.amount = session.total
        self._store.save(session, intent)
        return session

    def intent_of(self, session: CheckoutSession) -> PaymentIntent:
        return self._store.get(PaymentIntent, session.intent_id)

    def payments_of(self, session: CheckoutSession) -> list[Payment]:
        return [self._store.get(Payment, payment_id) for payment_id in session.payment_ids]

    def is_paid(self, session: CheckoutSession) -> bool:
        return any(payment.status == "paid" for payment in self.payments_of(session))

    def pending_payment(self, session: CheckoutSession) -> Payment | None:
        """The payment in progress, of which there is one at most."""
        payments = self.payments_of(session)
        return next((payment for payment in payments if payment.status == "pending"), None)

    def expire_session(self, session: CheckoutSession) -> None:
        """Closes an unpaid session and cancels its intent. Raises ApiError."""
        if session.status == "expired":
            raise refused("resource_failed_state", "The checkout session is already expired.")
        if self.is_paid(session):
            raise refused("resource_failed_state", "The checkout session is already paid.")
        if self.pending_payment(session) is not None:
            raise refused("resource_processing_state", "A payment is in progress.")
        intent = self.intent_of(session)
        session.status = "expired"
        intent.status = "cancelled"
        self._store.save(session, intent)

    def start_payment(
        self,
        session: CheckoutSession,
        *,
        method: str | None = None,
        amount: int | None = None,
        currency: str | None = None,
    ) -> Payment:
        """Puts a payment in progress (a wallet's authorisation), or finds the one that is."""
        payment = self._begin(session, method, amount, currency)
        intent = self.intent_of(session)
        intent.status = "processing"
        self._store.save(payment, intent, session)
        return payment

    def pay(  # noqa: PLR0913 (each is one thing that can go unexpectedly)
        self,
        session: CheckoutSession,
        *,
        method: str | None = None,
        amount: int | None = None,
        currency: str | None = None,
        again: bool = False,
        silently: bool = False,
    ) -> tuple[Payment, list[Event]]:
        """Settles a payment, whether or not the session was expired, and tells the webhooks.

        Amount (centavos) and currency are the session's unless given; `again` lets a second
        payment happen; `silently` sends no events. Raises AlreadyPaidError.
        """
        if self.is_paid(session) and not again:
            raise AlreadyPaidError
        payment = self._begin(session, method, amount, currency)
        intent = self.intent_of(session)
        payment.status = "paid"
        payment.paid_at = self._store.clock.now()
        payment.available_at = payment.paid_at + _DAYS_UNTIL_AVAILABLE * 86_400
        payment.balance_transaction_id = f"bal_txn_{random_token()}"
        intent.status = "succeeded"
        intent.last_payment_error = None
        session.paid_at = session.paid_at or payment.paid_at
        session.payment_method_used = session.payment_method_used or str(payment.source["type"])
        self._store.save(payment, intent, session)
        if silently:
            return payment, []
        session_data = wire.session_resource(self._store, session, self._settings)
        payment_data = wire.payment_resource(self._store, payment)
        mode = session.livemode
        return payment, [
            self._webhooks.publish("checkout_session.payment.paid", session_data, livemode=mode),
            self._webhooks.publish("payment.paid", payment_data, livemode=mode),
        ]

    def decline(
        self,
        session: CheckoutSession,
        *,
        method: str | None = None,
        code: str = "generic_decline",
        silently: bool = False,
    ) -> tuple[Payment, list[Event]]:
        """One failed attempt; the session stays as open as it was. Raises AlreadyPaidError."""
        if self.is_paid(session):
            raise AlreadyPaidError
        payment = self._begin(session, method, None, None)
        intent = self.intent_of(session)
        payment.status = "failed"
        payment.failed_code = code
        payment.failed_message = DECLINES.get(code, DECLINES["generic_decline"])
        if intent.status != "cancelled":
            intent.status = "awaiting_payment_method"
        intent.last_payment_error = {
            "payment_id": payment.id,
            "failed_code": code,
            "failed_message": payment.failed_message,
        }
        self._store.save(payment, intent, session)
        if silently:
            return payment, []
        data = wire.payment_resource(self._store, payment)
        return payment, [self._webhooks.publish("payment.failed", data, livemode=session.livemode)]

    def _begin(
        self,
        session: CheckoutSession,
        method: str | None,
        amount: int | None,
        currency: str | None,
    ) -> Payment:
        """The payment in progress or a new one, not saved yet."""
        payment = self.pending_payment(session)
        if payment is None:
            method = method or str(session.attributes["payment_method_types"][0])
            payment = Payment(
                livemode=session.livemode,
                intent_id=session.intent_id,
                session_id=session.id,
                amount=session.total,
                currency="PHP",
                fee=0,
                source=_source(method),
            )
            session.payment_ids.append(payment.id)
        payment.amount = payment.amount if amount is None else amount
        payment.currency = currency or payment.currency
        payment.fee = _fee(str(payment.source["type"]), payment.amount)
        return payment


def _source(method: str) -> Json:
    if method == "card":
        return {
            "id": f"card_{random_token()}",
            "type": "card",
            "brand": "visa",
            "country": "PH",
            "last4": "4345",
        }
    return {
        "id": f"{method}_{random_token()}",
        "type": method,
        "provider": {"id": None},
        "provider_id": None,
    }


def _fee(method: str, amount: int) -> int:
    """Roughly PayMongo's price list: 3.5% and 15 pesos for cards, 2.5% for the rest."""
    return min(amount, amount * 35 // 1000 + 1_500 if method == "card" else amount * 25 // 1000)
