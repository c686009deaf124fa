"""What PayMongo does with refunds.

No method awaits: each call is one step in the event loop, so no two can interleave.
"""

import asyncio
import time
from collections.abc import Sequence

from tools.paymongo_sandbox import wire
from tools.paymongo_sandbox.account import Account
from tools.paymongo_sandbox.background import Background
from tools.paymongo_sandbox.errors import refused
from tools.paymongo_sandbox.resources import Event, Json, Payment, Refund, random_token
from tools.paymongo_sandbox.rules import RefundRule, RuleBook
from tools.paymongo_sandbox.settings import Settings
from tools.paymongo_sandbox.store import Store
from tools.paymongo_sandbox.webhooks import Webhooks

_DAY = 86_400
# For how many days after the payment; docs/paymongo.md, Refunds. Those it does not name: for ever.
_REFUNDABLE_DAYS = {
    "card": 60, "dob": 30, "gcash": 180, "grab_pay": 90, "paymaya": 365, "qrph": 30
}  # fmt: skip
_NEVER_REFUNDABLE = ("dob_ubp",)


class Refunds:
    """The account's refunds and the events that they cause."""

    def __init__(
        self,
        settings: Settings,
        account: Account,
        store: Store,
        webhooks: Webhooks,
        background: Background,
    ) -> None:
        self.rules: RuleBook[RefundRule] = RuleBook()
        self._settings = settings
        self._account = account
        self._store = store
        self._webhooks = webhooks
        self._background = background

    def create(
        self, attributes: Json, *, livemode: bool | None = None, silently: bool = False
    ) -> Refund:
        """A pending refund, from validated attributes; `silently` sends no events.

        Raises ApiError.
        """
        payment = self._store.find(Payment, attributes["payment_id"], livemode)
        if payment is None:
            detail = f"No such payment with id {attributes['payment_id']}."
            raise refused("resource_not_found", detail, "payment_id")
        self._check_payment(payment)
        self._check_amount(payment, attributes["amount"])
        rule = self.rules.take(lambda _: True) or RefundRule()
        seconds = self._settings.refund_seconds if rule.seconds is None else rule.seconds
        refund = Refund(
            livemode=payment.livemode,
            currency=payment.currency,
            status=rule.status,
            outcome=rule.outcome,
            due_at=time.time() + seconds,
            is_silent=silently,
            **attributes,
        )
        payment.refund_ids.append(refund.id)
        self._store.save(refund, payment)
        self._schedule(refund)
        return refund

    def of(self, payment: Payment) -> list[Refund]:
        """A payment's refunds, oldest first."""
        return [self._store.get(Refund, refund_id) for refund_id in payment.refund_ids]

    def left(self, payment: Payment) -> int:
        """Centavos that can still be given back."""
        return payment.amount - given_back(self.of(payment))

    def finish(self, refund: Refund, *, succeed: bool) -> list[Event]:
        """Decides a refund that is under way and tells the webhooks; one that is over stays."""
        if not refund.is_under_way:
            return []
        payment = self._store.get(Payment, refund.payment_id)
        refund.status = "succeeded" if succeed else "failed"
        if succeed:
            refund.refunded_at = refund.available_at = self._store.clock.now()
            refund.balance_transaction_id = f"bal_txn_{random_token()}"
        self._store.save(refund, payment)
        if refund.is_silent:
            return []
        mode = refund.livemode
        events = []
        if succeed:
            data = wire.payment_resource(self._store, payment)
            events.append(self._webhooks.publish("payment.refunded", data, livemode=mode))
        data = wire.refund_resource(refund)
        events.append(self._webhooks.publish("payment.refund.updated", data, livemode=mode))
        return events

    def resume(self) -> None:
        """Takes up the refunds that a restart interrupted."""
        for refund in self._store.all(Refund):
            if refund.is_under_way:
                self._schedule(refund)

    def _check_payment(self, payment: Payment) -> None:
        if payment.status != "paid":
            raise refused("resource_failed_state", "The payment is not paid.", "payment_id")
        if payment.is_disputed:
            raise refused("resource_disputed_state", "The payment is disputed.", "payment_id")
        under_way = next((each for each in self.of(payment) if each.is_under_way), None)
        if under_way is not None:
            detail = f"An earlier refund of the payment is {under_way.status}."
            raise refused(f"resource_{under_way.status}_state", detail, "payment_id")
        method = str(payment.source["type"])
        if method in _NEVER_REFUNDABLE:
            detail = f"A {method} payment cannot be refunded here: pay the customer back yourself."
            raise refused("payment_method_not_allowed", detail, "payment_id")
        days = _REFUNDABLE_DAYS.get(method)
        if days is not None and self._store.clock.now() > (payment.paid_at or 0) + days * _DAY:
            detail = f"Not allowed to refund a {method} payment after {days} days."
            raise refused("allowed_date_exceeded", detail, "payment_id")

    def _check_amount(self, payment: Payment, amount: int) -> None:
        left, method = self.left(payment), str(payment.source["type"])
        detail = None
        if amount > left:
            detail = f"The amount cannot be greater than {left}."
        elif amount < payment.amount and method in self._account.whole_refunds_only:
            detail = f"Only the full amount of a {method} payment can be refunded."
        if detail is not None:
            raise refused("parameter_above_maximum", detail, "amount")

    def _schedule(self, refund: Refund) -> None:
        if refund.outcome != "hold":
            self._background.spawn(self._finish_when_due(refund))

    async def _finish_when_due(self, refund: Refund) -> None:
        await asyncio.sleep(max(0.0, refund.due_at - time.time()))
        self.finish(refund, succeed=refund.outcome == "succeed")


def given_back(refunds: Sequence[Refund]) -> int:
    """Centavos that went back or are on their way."""
    return sum(refund.amount for refund in refunds if refund.status != "failed")
