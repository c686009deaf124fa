"""The checkout sessions that charges are paid on, and what no event tells of them: the reconciler
asks, closes what was open for an hour, reminds, and has somebody look.
"""

from collections.abc import Mapping

from infra import clock, dynamo
from paymongo.client import LineItem, SessionRequest, paymongo
from paymongo.resources import CheckoutSession, Payment
from rentals import charge_payments, charges, follow_ups, fulfillment, payment_sessions, terms
from rentals.charges import Charge, ChargeKind, ChargeStatus
from rentals.errors import NotPossibleNow, PaymentSessionOpen, WriteContended
from rentals.links import redirect_path, url_signing_key
from rentals.models import CENTAVOS_PER_PESO, Rental
from rentals.notices import NoticeKind, new_notice

SESSION_SECONDS = 3600
# PayMongo takes no less (docs/paymongo.md).
LEAST_CENTAVOS = 2_000
_TRIES = 5


def open_session(rental: Rental, charge: Charge, site_url: str) -> Charge:
    """The charge with the checkout session that it can be paid on, an open one or a new one, which
    leads back to the site.

    Raises NotPossibleNow, PaymentProviderUnavailable, PaymentProviderRejected, WriteContended.
    """
    for _ in range(_TRIES):
        if charge.payment_url is not None and not _is_over(charge):
            return charge
        if not charge.is_payable:
            raise NotPossibleNow(f"this charge is {charge.status}")
        if charge.outstanding < LEAST_CENTAVOS:
            least = LEAST_CENTAVOS // CENTAVOS_PER_PESO
            raise NotPossibleNow(f"less than {least} pesos is paid at the counter")
        client = paymongo()
        if charge.status is ChargeStatus.PAYING:
            _require_unpaid(client.close_checkout_session(str(charge.checkout_session_id)))
        session = client.create_checkout_session(_request(rental, charge, site_url))
        opened = {
            "status": ChargeStatus.PAYING,
            "checkoutSessionId": session.id,
            "paymentIntentId": session.payment_intent_id,
            "paymentUrl": session.checkout_url,
            "sessionExpiresAt": clock.timestamp_in(SESSION_SECONDS),
            **charges.looked_at(charge.id, clock.timestamp_in(follow_ups.PAYMENT_SECONDS)),
        }
        try:
            return charges.update(charges.change(charge, opened))
        except dynamo.ConditionFailed:
            client.close_checkout_session(session.id)
            charge = charges.get(charge.id)
    raise WriteContended(f"charge {charge.id} keeps changing")


def _require_unpaid(session: CheckoutSession) -> None:
    if session.paid_payment is not None or not session.is_expired:
        raise NotPossibleNow("its payment is being looked at; try again in a minute")


def _request(rental: Rental, charge: Charge, site: str) -> SessionRequest:
    key = url_signing_key()
    what = f"{charge.kind.capitalize()}: {rental.collectible_name}"
    return SessionRequest(
        reference=rental.number,
        idempotency_key=f"{charge.id}-{charge.updated_at}",
        description=f"Rental {rental.number}: {charge.kind}",
        line_items=[
            LineItem(
                name=what,
                description=charge.reason or what,
                amount=charge.outstanding,
                quantity=1,
            )
        ],
        payment_method_types=[e.paymongo_type for e in terms.methods_of_account()],
        billing=payment_sessions.billing(rental.customer),
        metadata={"rental_id": rental.id, "charge_id": charge.id},
        success_url=site + redirect_path("success", rental.id, key, charge.id),
        cancel_url=site + redirect_path("failed", rental.id, key, charge.id),
    )


def follow(rental: Rental, charge: Charge) -> Charge:
    """Ask PayMongo about a charge's session, close one that nobody waits for any more, remind the
    customer, and have somebody look. Returns the charge as it is then.

    Raises PaymentSessionOpen, PaymentProviderUnavailable, PaymentProviderRejected, WriteContended.
    """
    is_over = _is_over(charge) or not charge.is_payable
    payment = ask(charge, close=is_over) if charge.payment_id is None else None
    if payment is not None:
        charge_payments.payment_received(rental, charge, payment)
        charge = charges.get(charge.id)
    if charge.status is ChargeStatus.PAYING:
        if not is_over:
            soon = clock.timestamp_in(follow_ups.REFUND_SECONDS)
            return _look_again(charge, {}, min(soon, str(charge.session_expires_at)))
        is_extension = charge.kind is ChargeKind.EXTENSION
        return _closed(charge, ChargeStatus.EXPIRED if is_extension else ChargeStatus.OPEN)
    if charge.status is ChargeStatus.OPEN:
        return _remind(rental, charge)
    if charge.session_expires_at is not None and charge.payment_id is None:
        return _closed(charge, charge.status)
    return charges.update(charges.change(charge, charges.NOT_LOOKED_AT))


def _closed(charge: Charge, status: ChargeStatus) -> Charge:
    """Its session is closed; a wallet may settle after that, so it is asked about once more."""
    closed = {"status": status, "paymentUrl": None, "sessionExpiresAt": None}
    return _look_again(charge, closed, clock.timestamp_in(follow_ups.LAST_CHECK_SECONDS))


def ask(charge: Charge, *, close: bool = False) -> Payment | None:
    """The payment that PayMongo received for a charge, whose session is closed if you say so.

    Raises PaymentSessionOpen, PaymentProviderUnavailable, PaymentProviderRejected.
    """
    if charge.checkout_session_id is None:
        return None
    session_id, client = str(charge.checkout_session_id), paymongo()
    if charge.session_expires_at is None or not close:  # closed before, or to stay open
        return client.retrieve_checkout_session(session_id).paid_payment
    session = client.close_checkout_session(session_id)
    if session.paid_payment is None and not session.is_expired:
        raise PaymentSessionOpen(session.id)
    return session.paid_payment


def _is_over(charge: Charge) -> bool:
    return (charge.session_expires_at or "") <= clock.now_timestamp()


def _remind(rental: Rental, charge: Charge) -> Charge:
    now = clock.now_timestamp()
    if charge.overdue_at <= now:
        if not charge.needs_somebody:
            fulfillment.flag(rental.id, charge_payments.UNPAID)
        done = {"needsSomebody": True, "isReminded": True, **charges.NOT_LOOKED_AT}
        return charges.update(charges.change(charge, done))
    if charge.remind_at <= now and not charge.is_reminded:
        later = {"isReminded": True, **charges.looked_at(charge.id, charge.overdue_at)}
        reminded = charges.change(charge, later)
        notice = new_notice(rental, NoticeKind.CHARGE_REMINDER, charge.id)
        dynamo.transact([reminded, notice])
        return charge.after(reminded)
    at = charge.overdue_at if charge.is_reminded else charge.remind_at
    return _look_again(charge, {}, at)


def _look_again(charge: Charge, attributes: Mapping[str, object], at: str) -> Charge:
    later = charges.looked_at(charge.id, at)
    return charges.update(charges.change(charge, {**attributes, **later}))
