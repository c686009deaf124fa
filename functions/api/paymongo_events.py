"""PayMongo's events (docs/paymongo.md, Webhooks): the envelope, and the resource inside.

What is not as PayMongo documents it is logged by field and counted (`WebhookUnreadable`); the rest
is read, so that one unreadable field hides no payment of the same event.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, StrictBool, ValidationError

from api.requests import Event, header, raw_body
from infra.errors import InvalidSignature
from infra.secret_values import verify_with_any
from infra.settings import integer_setting
from infra.telemetry import count, logger
from paymongo.keys import other_webhook_secrets, paymongo_keys
from paymongo.resources import ID, Note, Unreadable
from paymongo.signatures import verify_webhook

Resource = TypeVar("Resource")

# An event holds every payment of its session, and each of these every refund: more than a customer
# can send, and still hashed in a few milliseconds.
MAX_EVENT_BYTES = 2**20
_MOST_LOGGED = 20


class _Attributes(BaseModel):
    type: Annotated[str, Field(pattern=r"^[a-z_.]{1,100}$")]
    livemode: StrictBool
    data: dict[str, Any]


class _Data(BaseModel):
    attributes: _Attributes
    id: Any = None


class _Body(BaseModel):
    data: _Data


@dataclass(frozen=True, slots=True)
class PayMongoEvent:
    """What happened to which resource. A manual resend repeats the id."""

    id: str | None
    type: str
    livemode: bool
    resource: dict[str, Any]


def verified_event(event: Event) -> PayMongoEvent | None:
    """The event of a request, parsed only after its signature is verified; None when it cannot be
    read. Raises InvalidSignature.
    """
    body, keys = raw_body(event, MAX_EVENT_BYTES), paymongo_keys()
    verify_with_any(
        lambda secret: verify_webhook(
            header(event, "Paymongo-Signature") or "",
            body,
            secret,
            is_live=keys.is_live,
            now=time.time(),
            tolerance=integer_setting("WEBHOOK_TOLERANCE_SECONDS"),
        ),
        keys.webhook_secret,
        other_webhook_secrets(),
    )
    news = read_event(body)
    if news is not None and news.livemode is not keys.is_live:
        raise InvalidSignature("the event is of the other mode")
    return news


def read_event(body: bytes) -> PayMongoEvent | None:
    """Read what PayMongo posted; None when it is no event, which is logged and counted."""
    try:
        # json.loads, because pydantic's JSON parser refuses a whole body for one lone surrogate.
        data = _Body.model_validate(json.loads(body.decode(errors="surrogateescape"))).data
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_context=False, include_input=False)
        _report([".".join(map(str, ("body", *e["loc"]))) + f": {e['type']}" for e in mistakes])
        return None
    except (ValueError, RecursionError):
        _report(["body: not JSON"])
        return None
    event_id = data.id if isinstance(data.id, str) and ID.fullmatch(data.id) else None
    event = PayMongoEvent(
        event_id, data.attributes.type, data.attributes.livemode, data.attributes.data
    )
    if event_id is None:
        _report(["body.data.id: not an id"], event)
    return event


def read_resource(
    event: PayMongoEvent, read: Callable[[Any, Note, str], Resource]
) -> Resource | None:
    """The event's resource, with what of it can be read; None when it is not enough."""
    mistakes: list[str] = []
    resource = None
    try:
        resource = read(
            event.resource, lambda mistake, _: mistakes.append(mistake), "body.data.attributes.data"
        )
    except Unreadable as mistake:
        mistakes.append(str(mistake))
    if mistakes:
        _report(mistakes, event)
    return resource


def _report(mistakes: Sequence[str], event: PayMongoEvent | None = None) -> None:
    """Log and count: signed by PayMongo and not as documented, so an operator should know."""
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
