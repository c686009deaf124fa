"""PayMongo's events, as far as rentals need them (docs/paymongo.md, Webhooks).

Read leniently: money is never hidden by the shape of something else. What is not as PayMongo
documents it is logged by field and counted (`WebhookUnreadable`), and the rest is read.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic_core import CoreSchema, core_schema

from api.validation import Shape, expected, object_schema, optional
from infra.telemetry import count, logger
from rentals.models import Payment, Refund

Json = dict[str, Any]
Resource = TypeVar("Resource")

# An event holds every payment of its session, and each of these every refund: more than a customer
# can send, and still hashed in a few milliseconds.
MAX_EVENT_BYTES = 2**20
_MOST_LOGGED = 20


@dataclass(frozen=True, slots=True)
class PayMongoEvent:
    """What happened to which resource. A manual resend repeats the id."""

    id: str | None
    type: str
    livemode: bool
    resource: Json


@dataclass(frozen=True, slots=True)
class PaymentResource:
    """A payment, and the rental that its metadata names."""

    payment: Payment
    rental_id: str | None


@dataclass(frozen=True, slots=True)
class RefundResource:
    """A refund, and the rental that its metadata names."""

    refund: Refund
    rental_id: str | None


@dataclass(frozen=True, slots=True)
class SessionResource:
    """A checkout session: its payments, its payment intent's, and what they name."""

    payments: Sequence[PaymentResource]
    rental_ids: Sequence[str | None]
    payment_intent_ids: Sequence[str | None]


def read_event(body: bytes) -> PayMongoEvent | None:
    """Read what PayMongo posted; None when it is no event, which is logged and counted."""
    try:
        # Not pydantic's parser: one character that is no text would hide everything else.
        posted = json.loads(body.decode(errors="surrogateescape"))
    except (ValueError, RecursionError):
        _report(["body: json_invalid"])
        return None
    event, mistakes = _EVENT.read_leniently(posted, at="body")
    if mistakes:
        _report(mistakes)
    return event


def read_resource(event: PayMongoEvent, shape: Shape[Resource]) -> Resource | None:
    """What of the event's resource can be read; None when it is not enough."""
    resource, mistakes = shape.read_leniently(event.resource, at="body.data.attributes.data")
    if mistakes:
        _report(mistakes, event)
    return resource


def _report(mistakes: Sequence[str], event: PayMongoEvent | None = None) -> None:
    """Signed by PayMongo, and not what it documents: an operator should know."""
    count("WebhookUnreadable")
    logger.warning(
        "an event could not be read in full",
        extra={
            "event_id": event and event.id,
            "event_type": event and event.type,
            "unreadable": mistakes[:_MOST_LOGGED],
            "unreadable_count": len(mistakes),
        },
    )


# --- what is made of PayMongo's objects ---


def _event(data: Json) -> PayMongoEvent:
    attributes = data["attributes"]
    return PayMongoEvent(
        id=data["id"],
        type=attributes["type"],
        livemode=attributes["livemode"],
        resource=attributes["data"],
    )


def _payment(id: str, attributes: Json) -> PaymentResource:  # noqa: A002 - PayMongo's name
    return PaymentResource(Payment.from_attributes(id, attributes), _rental_id(attributes))


def _refund(id: str, attributes: Json) -> RefundResource:  # noqa: A002 - PayMongo's name
    return RefundResource(Refund.from_attributes(id, attributes), _rental_id(attributes))


def _refunds(id: str | None, attributes: Json) -> list[RefundResource]:  # noqa: A002 - PayMongo's name
    """A nested refund that does not say so is of the payment that it is nested in, and of its
    rental: one that was made on PayMongo's dashboard names none.
    """
    nested = [
        _refund(each["id"], each["attributes"] | {"payment_id": payment_id})
        for each in attributes["refunds"] or ()
        if (payment_id := each["attributes"]["payment_id"] or id)
    ]
    named = _rental_id(attributes)
    return [
        replace(each, rental_id=each.rental_id or named)
        if id in (None, each.refund.payment_id)
        else each
        for each in nested
    ]


def _session(attributes: Json) -> SessionResource:
    intent = attributes["payment_intent"] or {"id": None, "attributes": None}
    of_intent = (intent["attributes"] or {}).get("payments")
    payments = [*(attributes["payments"] or ()), *(of_intent or ())]
    return SessionResource(
        payments=payments,
        rental_ids=[_rental_id(attributes), *(each.rental_id for each in payments)],
        payment_intent_ids=[
            intent["id"],
            *(each.payment.payment_intent_id for each in payments),
        ],
    )


def _rental_id(attributes: Json) -> str | None:
    rental_id: str | None = (attributes["metadata"] or {}).get("rental_id")
    return rental_id


# --- PayMongo's objects ---


def _shape(make: Callable[..., Resource], **fields: CoreSchema) -> Shape[Resource]:
    return Shape(make, fields, extra="ignore")


def _object(**fields: CoreSchema) -> CoreSchema:
    return object_schema(dict, fields, extra="ignore")


# Also what a row and the name of an execution can hold.
_ID = core_schema.str_schema(pattern=r"^[A-Za-z0-9_-]{1,100}$")
# A length, though no body is as long, so that what is no text (lone surrogates) is refused.
_TEXT = core_schema.str_schema(max_length=2**16)
# Centavos. JSON's largest integer that everybody reads as it is written (RFC 8259, 6).
_AMOUNT = core_schema.int_schema(ge=0, le=2**53 - 1)
_METADATA = optional(_object(rental_id=optional(_TEXT)))

PAYMENT = _shape(
    _payment,
    id=_ID,
    attributes=_object(
        amount=_AMOUNT,
        currency=_TEXT,
        status=_TEXT,
        payment_intent_id=optional(_ID),
        metadata=_METADATA,
    ),
)
_PAYMENTS = optional(core_schema.list_schema(PAYMENT.schema))
SESSION = _shape(
    _session,
    attributes=_object(
        payments=_PAYMENTS,
        payment_intent=optional(
            _object(id=expected(_ID), attributes=optional(_object(payments=_PAYMENTS)))
        ),
        metadata=_METADATA,
    ),
)
_REFUND = {"amount": _AMOUNT, "status": _TEXT, "metadata": _METADATA}
REFUND = _shape(_refund, id=_ID, attributes=_object(payment_id=_ID, **_REFUND))
REFUNDED_PAYMENT = _shape(
    _refunds,
    id=expected(_ID),
    attributes=_object(
        metadata=_METADATA,
        refunds=optional(
            core_schema.list_schema(
                _object(id=_ID, attributes=_object(payment_id=optional(_ID), **_REFUND))
            )
        ),
    ),
)
_EVENT = _shape(
    _event,
    data=_object(
        id=expected(_ID),
        attributes=_object(
            type=_TEXT,
            livemode=core_schema.bool_schema(),
            data=core_schema.dict_schema(),
        ),
    ),
)
