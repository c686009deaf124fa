"""PayMongo's resources, read in one place for its answers and its events (docs/paymongo.md).

`note` is called with each field that is not as PayMongo documents it, never with its value, and
with whether something is missing for it: an optional field that is odd is as good as none. The rest
is read all the same, so that one odd field hides no payment; a caller that must not go on raises an
error in `note`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

# JSON's largest integer that everybody reads as it is written (RFC 8259, 6).
_MOST = 2**53 - 1
# Also what a row's key and the name of an execution can hold.
ID = re.compile(r"[A-Za-z0-9_-]{1,100}")

Note = Callable[[str, bool], None]
Value = TypeVar("Value")


class Unreadable(Exception):
    """A field that is needed is missing or of another kind; the message names it."""


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment; `amount` is centavos, `status` pending, paid or failed, `paid_at` Unix seconds,
    `method` PayMongo's name of what it was paid with.
    """

    id: str
    amount: int
    currency: str
    status: str
    payment_intent_id: str | None = None
    method: str | None = None
    paid_at: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def is_paid(self) -> bool:
        """Whether the money was received."""
        return self.status == "paid"


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund; `amount` is centavos, `status` pending, processing, succeeded or failed,
    `created_at` Unix seconds.
    """

    id: str
    payment_id: str
    amount: int
    status: str
    created_at: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute; `amount` is centavos, `status` lost once the money was taken."""

    id: str
    payment_id: str
    amount: int
    status: str
    metadata: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class CheckoutSession:
    """A checkout session. `status` is `active` or `expired`; a paid one stays `active`."""

    id: str
    status: str
    checkout_url: str
    payment_intent_id: str | None
    payments: tuple[Payment, ...]
    metadata: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def is_expired(self) -> bool:
        """Whether the session can no longer be paid."""
        return self.status == "expired"

    @property
    def paid_payment(self) -> Payment | None:
        """The payment that was received, if any."""
        return next((payment for payment in self.payments if payment.is_paid), None)


def read_session(resource: Any, note: Note, at: str = "session") -> CheckoutSession:
    """Its payments stand in it and in its payment intent; both are read, each payment once.

    Raises Unreadable.
    """
    session = _object(resource, at, note)
    attributes = session.required("attributes", session.object_at)
    intent = attributes.optional("payment_intent", session.object_at, is_needed=True)
    inside = intent.optional("attributes", session.object_at, is_needed=True) if intent else None
    intent_id = intent.expected("id", _id) if intent else None
    payments: dict[str, Payment] = {}
    for place in filter(None, (attributes, inside)):
        for payment in place.every("payments", lambda each, at: read_payment(each, note, at)):
            if payment.is_paid or payment.id not in payments:
                payments[payment.id] = payment
    return CheckoutSession(
        id=session.expected("id", _text) or "",
        status=attributes.expected("status", _text) or "",
        checkout_url=attributes.expected("checkout_url", _text) or "",
        payment_intent_id=intent_id,
        payments=tuple(payments.values()),
        metadata=_metadata(attributes),
    )


def read_payment(resource: Any, note: Note, at: str = "payment") -> Payment:
    """Raises Unreadable."""
    payment = _object(resource, at, note)
    payment_id = payment.required("id", _id)
    attributes = payment.required("attributes", payment.object_at)
    source = attributes.optional("source", attributes.object_at)
    return Payment(
        id=payment_id,
        amount=attributes.required("amount", _centavos),
        currency=attributes.required("currency", _text),
        status=attributes.required("status", _text),
        payment_intent_id=attributes.optional("payment_intent_id", _id),
        method=source.optional("type", _text) if source else None,
        paid_at=attributes.optional("paid_at", _time),
        metadata=_metadata(attributes),
    )


def read_refund(resource: Any, note: Note, at: str = "refund") -> Refund:
    """Raises Unreadable."""
    return _refund(_object(resource, at, note), None)


def read_refunds_of(resource: Any, note: Note, at: str = "payment") -> list[Refund]:
    """The refunds that a payment carries. One that does not say so is of that payment, and has its
    metadata besides its own: one that was made on PayMongo's dashboard has none. Raises Unreadable.
    """
    payment = _object(resource, at, note)
    attributes = payment.required("attributes", payment.object_at)
    payment_id = payment.expected("id", _id)
    named = _metadata(attributes)
    refunds = attributes.every(
        "refunds", lambda each, at: _refund(_object(each, at, note), payment_id)
    )
    return [
        replace(each, metadata={**named, **each.metadata})
        if payment_id in (None, each.payment_id)
        else each
        for each in refunds
    ]


def read_dispute(resource: Any, note: Note, at: str = "dispute") -> Dispute:
    """Raises Unreadable."""
    dispute = _object(resource, at, note)
    attributes = dispute.required("attributes", dispute.object_at)
    return Dispute(
        id=dispute.required("id", _id),
        payment_id=attributes.required("payment_id", _id),
        amount=attributes.required("amount", _centavos),
        status=attributes.required("status", _id),
        metadata=_metadata(attributes),
    )


@dataclass(frozen=True, slots=True)
class _Object:
    """A JSON object, its path, and what is called with each mistake in it."""

    fields: Mapping[str, Any]
    at: str
    note: Note

    def required(self, name: str, read: Callable[[Any, str], Value]) -> Value:
        """Raises Unreadable."""
        if name not in self.fields:
            raise Unreadable(f"{self.at}.{name}: missing")
        return read(self.fields[name], f"{self.at}.{name}")

    def expected(self, name: str, read: Callable[[Any, str], Value]) -> Value | None:
        """None, and a note, when it cannot be read."""
        return self._read_or_note(name, read, is_needed=True)

    def optional(
        self, name: str, read: Callable[[Any, str], Value], *, is_needed: bool = False
    ) -> Value | None:
        """None when it is missing or null, and a note when it is something else."""
        if self.fields.get(name) is None:
            return None
        return self._read_or_note(name, read, is_needed=is_needed)

    def every(self, name: str, read: Callable[[Any, str], Value]) -> list[Value]:
        """The items of an optional list that can be read, a note for each that cannot."""
        items = self.optional(name, _list, is_needed=True) or []
        found = {str(index): item for index, item in enumerate(items)}
        each = _Object(found, f"{self.at}.{name}", self.note)
        read_items = (each.expected(index, read) for index in found)
        return [item for item in read_items if item is not None]

    def _read_or_note(
        self, name: str, read: Callable[[Any, str], Value], *, is_needed: bool
    ) -> Value | None:
        try:
            return self.required(name, read)
        except Unreadable as mistake:
            self.note(str(mistake), is_needed)
            return None

    def object_at(self, value: Any, at: str) -> "_Object":
        """An object inside this one. Raises Unreadable."""
        return _object(value, at, self.note)


def _refund(refund: _Object, payment_id: str | None) -> Refund:
    refund_id = refund.required("id", _id)
    attributes = refund.required("attributes", refund.object_at)
    if payment_id is not None:
        payment_id = attributes.optional("payment_id", _id) or payment_id
    return Refund(
        id=refund_id,
        payment_id=payment_id or attributes.required("payment_id", _id),
        amount=attributes.required("amount", _centavos),
        status=attributes.required("status", _text),
        created_at=attributes.optional("created_at", _time),
        metadata=_metadata(attributes),
    )


def _metadata(attributes: _Object) -> dict[str, str]:
    found = attributes.optional("metadata", attributes.object_at)
    if found is None:
        return {}
    # Noted without its name: whoever made the session chose it.
    every = _Object(
        found.fields, found.at, lambda *_: attributes.note(f"{found.at}: not text", False)
    )
    values = {name: every.optional(name, _text) for name in found.fields}
    return {name: value for name, value in values.items() if value is not None}


def _object(value: Any, at: str, note: Note) -> _Object:
    if not isinstance(value, dict):
        raise Unreadable(f"{at}: not an object")
    return _Object(value, at, note)


def _list(value: Any, at: str) -> list[Any]:
    if not isinstance(value, list):
        raise Unreadable(f"{at}: not a list")
    return value


def _text(value: Any, at: str) -> str:
    try:
        return str(value.encode(), "utf-8")  # refuses lone surrogates: they are no text
    except (AttributeError, UnicodeEncodeError):
        raise Unreadable(f"{at}: not text") from None


def _id(value: Any, at: str) -> str:
    if not isinstance(value, str) or not ID.fullmatch(value):
        raise Unreadable(f"{at}: not an id")
    return value


def _centavos(value: Any, at: str) -> int:
    return _whole_number(value, at, "an amount")


def _time(value: Any, at: str) -> int:
    return _whole_number(value, at, "a time")


def _whole_number(value: Any, at: str, what: str) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        raise Unreadable(f"{at}: not {what}")
    return value
