"""Control endpoints for what happens to a payment later: refunds and disputes."""

from typing import Literal

from pydantic import Field, PositiveInt
from starlette.requests import Request

from tools.paymongo_sandbox import wire
from tools.paymongo_sandbox.control_requests import (
    ControlError,
    Options,
    Table,
    caused,
    find,
    read,
)
from tools.paymongo_sandbox.disputes import Disputes
from tools.paymongo_sandbox.refunds import Refunds
from tools.paymongo_sandbox.resources import Json, Payment, Refund
from tools.paymongo_sandbox.store import Store
from tools.paymongo_sandbox.validation import MINIMUM_REFUND


class _Refund(Options):
    amount: int | None = Field(default=None, ge=MINIMUM_REFUND)
    notes: str | None = None
    silently: bool = False


class _SettleRefund(Options):
    outcome: Literal["succeed", "fail"] = "succeed"


class _Dispute(Options):
    amount: PositiveInt | None = None
    silently: bool = False


class _Resolve(Options):
    outcome: Literal["won", "lost"] = "lost"
    silently: bool = False


class PaymentControl:
    """What the account's owner does on the dashboard, and what banks do."""

    def __init__(self, store: Store, refunds: Refunds, disputes: Disputes) -> None:
        self._store = store
        self._refunds = refunds
        self._disputes = disputes

    def table(self) -> Table:
        return [
            ("POST", "/payments/{id}/refund", self.refund),
            ("POST", "/payments/{id}/dispute", self.dispute),
            ("POST", "/payments/{id}/resolve_dispute", self.resolve_dispute),
            ("POST", "/refunds/{id}/settle", self.settle_refund),
        ]

    async def refund(self, request: Request) -> Json:
        """Somebody gives money back on the dashboard: by PayMongo's rules, without metadata."""
        payment = find(self._store, Payment, request)
        options = await read(request, _Refund)
        attributes = {
            "amount": self._refunds.left(payment) if options.amount is None else options.amount,
            "payment_id": payment.id,
            "reason": "others",
            "notes": options.notes,
            "metadata": None,
        }
        refund = self._refunds.create(attributes, silently=options.silently)
        return caused("refund", wire.refund_resource(refund), [])

    async def settle_refund(self, request: Request) -> Json:
        refund = find(self._store, Refund, request)
        options = await read(request, _SettleRefund)
        if not refund.is_under_way:
            raise ControlError(409, f"the refund is {refund.status}")
        events = self._refunds.finish(refund, succeed=options.outcome == "succeed")
        return caused("refund", wire.refund_resource(refund), events)

    async def dispute(self, request: Request) -> Json:
        payment = find(self._store, Payment, request)
        options = await read(request, _Dispute)
        if payment.status != "paid" or payment.dispute is not None:
            raise ControlError(409, "the payment is not paid, or was disputed before")
        if options.amount is not None and options.amount > payment.amount:
            raise ControlError(400, f"amount: the payment is {payment.amount}")
        events = self._disputes.open(payment, options.amount, silently=options.silently)
        return caused("dispute", wire.dispute_resource(payment), events)

    async def resolve_dispute(self, request: Request) -> Json:
        payment = find(self._store, Payment, request)
        options = await read(request, _Resolve)
        if payment.dispute is None or payment.dispute["status"] != "open":
            raise ControlError(409, "the payment has no open dispute")
        events = self._disputes.resolve(payment, options.outcome, silently=options.silently)
        return caused("dispute", wire.dispute_resource(payment), events)
