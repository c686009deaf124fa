"""What the API shows of a rental's money after its checkout: pesos, each field listed."""

from typing import TYPE_CHECKING, Any

from api.views import pesos
from infra import clock
from rentals import given_back, terms
from rentals.charges import Charge
from rentals.models import CENTAVOS_PER_PESO, Rental
from rentals.statement import Statement

if TYPE_CHECKING:  # the rental's page asks for no quote
    from rentals.extensions import Quote

Json = dict[str, Any]


def money_view(statement: Statement, *, may_pay: bool) -> Json:
    """Deposit, charges, and what went back of a rental."""
    rental = statement.rental
    return {
        "deposit": pesos(rental.deposit_centavos) or 0,
        "counter_deposit": pesos(rental.counter_deposit_centavos) or 0,
        "amount_due": pesos(rental.amount_due_centavos),
        "deposit_held": pesos(statement.deposit_held),
        "deposit_kept": pesos(statement.deposit_kept),
        "charges": [charge_view(each, may_pay=may_pay) for each in statement.charges],
        "outstanding": pesos(statement.outstanding),
        "refunds": [_refund_view(each) for each in statement.going_back],
        "given_back": _exact_pesos(statement.given_back),
        "refund_if_cancelled": _pesos_or_none(statement.refund_if_cancelled),
        "late_fee_per_day": pesos(terms.base_daily_rate(rental)),
        "late_fee_now": pesos(_late_fee_now(rental)),
    }


def _late_fee_now(rental: Rental) -> int:
    """What it would be charged if it was inspected now; once it is closed, that is a charge."""
    if rental.closed_reason is not None:
        return 0
    return terms.late_fee(rental, rental.returned_at or clock.now_timestamp())


def _pesos_or_none(centavos: int | None) -> float | int | None:
    return None if centavos is None else _exact_pesos(centavos)


def _exact_pesos(centavos: int) -> float | int:
    """Somebody may have given back centavos at PayMongo's dashboard."""
    whole, rest = divmod(centavos, CENTAVOS_PER_PESO)
    return centavos / CENTAVOS_PER_PESO if rest else whole


def charge_view(charge: Charge, *, may_pay: bool) -> Json:
    """A charge, and where to pay it for who may."""
    return {
        "charge_id": charge.id,
        "kind": charge.kind,
        "amount": pesos(charge.centavos),
        "outstanding": pesos(charge.outstanding),
        "from_deposit": pesos(charge.from_deposit),
        "status": charge.status,
        "reason": charge.reason,
        "days": charge.days or None,
        "payment_url": charge.payment_url if may_pay else None,
        "created_at": charge.created_at,
        "paid_at": charge.paid_at,
    }


def _refund_view(each: "given_back.GoingBack") -> Json:
    return {
        "refund": each.key,
        "amount": _exact_pesos(each.centavos),
        "purpose": each.purpose,
        "reason": each.reason,
        "status": each.status,
        "at": each.at,
    }


def extension_view(quote: "Quote") -> Json:
    """What more days cost."""
    return {"days": quote.days, "amount": pesos(quote.centavos), "due_at": quote.due_at}
