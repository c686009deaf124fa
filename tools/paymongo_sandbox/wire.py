"""Records as PayMongo's API and events show them."""

from tools.paymongo_sandbox.resources import (
    CheckoutSession,
    Json,
    Payment,
    PaymentIntent,
    Record,
    Refund,
    Webhook,
)
from tools.paymongo_sandbox.settings import Settings
from tools.paymongo_sandbox.store import Store

_NEVER_SET = (
    "access_url", "external_reference_number", "instant_settlement", "payout", "promotion",
    "tax_amount",
)  # fmt: skip


def _resource(record: Record, attributes: Json) -> Json:
    times = {"created_at": record.created_at, "updated_at": record.updated_at}
    attributes = {**attributes, "livemode": record.livemode, **times}
    return {"id": record.id, "type": record.KIND, "attributes": attributes}


def session_resource(store: Store, session: CheckoutSession, settings: Settings) -> Json:
    """The whole session with its intent and every payment attempt.

    `paid_at` and `payment_method_used` exist only once it was paid.
    """
    attributes: Json = {
        **session.attributes,
        "billing_information_fields_editable": "enabled",
        "checkout_url": checkout_url(session, settings.public_url),
        "client_key": session.client_key,
        "merchant": settings.merchant_name,
        "payment_intent": intent_resource(store, store.get(PaymentIntent, session.intent_id)),
        "payments": _payments(store, session),
        "status": session.status,
    }
    if session.paid_at is not None:
        attributes["paid_at"] = session.paid_at
        attributes["payment_method_used"] = session.payment_method_used
    return _resource(session, attributes)


def checkout_url(session: CheckoutSession, public_url: str) -> str:
    """Where the customer pays; the fragment is part of it."""
    return f"{public_url.rstrip('/')}/checkout/{session.id}#{session.url_fragment}"


def _payments(store: Store, session: CheckoutSession) -> list[Json]:
    payments = (store.get(Payment, payment_id) for payment_id in session.payment_ids)
    return [payment_resource(store, payment) for payment in payments]


def intent_resource(store: Store, intent: PaymentIntent) -> Json:
    """A payment intent with every payment attempt."""
    session = store.get(CheckoutSession, intent.session_id)
    return _resource(
        intent,
        {
            **dict.fromkeys(("next_action", "payment_method_options", "setup_future_usage")),
            "amount": intent.amount,
            "capture_type": "automatic",
            "client_key": intent.client_key,
            "currency": intent.currency,
            "description": session.attributes["description"],
            "last_payment_error": intent.last_payment_error,
            "metadata": session.attributes["metadata"],
            "original_amount": intent.amount,
            "payment_method_allowed": session.attributes["payment_method_types"],
            "payments": _payments(store, session),
            "statement_descriptor": session.attributes["statement_descriptor"],
            "status": intent.status,
        },
    )


def payment_resource(store: Store, payment: Payment) -> Json:
    """A payment with its refunds; it does not tell which session it belongs to."""
    session = store.get(CheckoutSession, payment.session_id)
    refunds = (store.get(Refund, refund_id) for refund_id in payment.refund_ids)
    return _resource(
        payment,
        {
            **dict.fromkeys(_NEVER_SET),
            "amount": payment.amount,
            "available_at": payment.available_at,
            "balance_transaction_id": payment.balance_transaction_id,
            "billing": session.attributes["billing"],
            "credited_at": payment.available_at,
            "currency": payment.currency,
            "description": session.attributes["description"],
            "disputed": payment.is_disputed,
            "failed_code": payment.failed_code,
            "failed_message": payment.failed_message,
            "fee": payment.fee,
            "foreign_fee": 0,
            "metadata": session.attributes["metadata"],
            "net_amount": payment.amount - payment.fee,
            "origin": "api",
            "paid_at": payment.paid_at,
            "payment_intent_id": payment.intent_id,
            "refunds": [refund_resource(refund) for refund in refunds],
            "source": payment.source,
            "statement_descriptor": session.attributes["statement_descriptor"],
            "status": payment.status,
            "taxes": [],
        },
    )


def refund_resource(refund: Refund) -> Json:
    """A refund."""
    return _resource(
        refund,
        {
            "amount": refund.amount,
            "available_at": refund.available_at,
            "balance_transaction_id": refund.balance_transaction_id,
            "currency": refund.currency,
            "metadata": refund.metadata,
            "notes": refund.notes,
            "payment_id": refund.payment_id,
            "payout_id": None,
            "reason": refund.reason,
            "refunded_at": refund.refunded_at,
            "status": refund.status,
        },
    )


def dispute_resource(payment: Payment) -> Json:
    """A payment's dispute."""
    dispute = payment.dispute or {}
    attributes = {
        "amount": dispute["amount"],
        "currency": payment.currency,
        "livemode": payment.livemode,
        "payment_id": payment.id,
        "status": dispute["status"],
        "created_at": dispute["created_at"],
        "updated_at": payment.updated_at,
    }
    return {"id": dispute["id"], "type": "dispute", "attributes": attributes}


def webhook_resource(webhook: Webhook, *, with_secret: bool = False) -> Json:
    """A webhook endpoint; only the answer to its creation shows the secret."""
    attributes: Json = {"events": webhook.events, "status": webhook.status, "url": webhook.url}
    if with_secret:
        attributes["secret_key"] = webhook.secret_key
    return _resource(webhook, attributes)
