"""What payments of charges do: a charge is paid, an extension applies, the rest goes back."""

from typing import TYPE_CHECKING

from infra import clock, dynamo
from infra.telemetry import count
from paymongo import CURRENCY
from rentals import charges, extensions, given_back, lookups, payments, repository
from rentals.charges import Charge, ChargeKind, ChargeStatus
from rentals.errors import NotPossibleNow, WriteContended
from rentals.models import Rental
from rentals.notices import NoticeKind, new_notice
from rentals.payments import Outcome

if TYPE_CHECKING:  # the desk takes money as well, and hears nothing of PayMongo
    from paymongo.resources import Payment

UNPAID = "ChargeUnpaid"
_TRIES = 5


def payment_received(rental: Rental, charge: Charge, payment: "Payment") -> Outcome:
    """Money arrived for a charge. Durable before this returns; what pays for nothing goes back."""
    for _ in range(_TRIES):
        if charge.payment_id == payment.id:
            return Outcome.DUPLICATE
        if not _pays(charge, payment):
            break
        try:
            _write_paid(rental, charge, payment)
        except dynamo.ConditionFailed:
            rental, charge = repository.get(rental.id), charges.get(charge.id)
        except NotPossibleNow:
            break
        else:
            count("ChargePaid")
            return Outcome.RECORDED
    else:
        raise WriteContended(f"charge {charge.id} keeps changing")
    back = {each.payment_id for each in given_back.refunds(rental) if each.is_live}
    if payment.id in rental.surplus_payment_ids | rental.settled_outside.keys() | back:
        return Outcome.DUPLICATE
    repository.record_surplus(rental.id, payment.id)
    count("SurplusPayment")
    payments.start_settlement(rental.id, payment.id)
    return Outcome.SETTLING


def _pays(charge: Charge, payment: "Payment") -> bool:
    is_late_extension = (
        charge.kind is ChargeKind.EXTENSION and charge.status is ChargeStatus.EXPIRED
    )
    wanted = charge.centavos if is_late_extension else charge.outstanding
    return payment.amount == wanted and payment.currency == CURRENCY and wanted > 0


def _write_paid(rental: Rental, charge: Charge, payment: "Payment") -> None:
    paid = charges.change(
        charge,
        {
            "status": ChargeStatus.PAID,
            "paymentId": payment.id,
            "amountPaid": payment.amount,
            "paidWith": payment.method,
            "paidAt": clock.now_timestamp(),
            "paymentUrl": None,
            **charges.NOT_LOOKED_AT,
        },
    )
    if charge.kind is ChargeKind.EXTENSION:
        extensions.apply(rental, charge, paid, payment.paid_at)
    else:
        dynamo.transact(
            [paid, new_notice(rental, NoticeKind.CHARGE_PAID, charge.id), *no_attention(rental)]
        )


def no_attention(rental: Rental) -> list[dynamo.Write]:
    """What ends the attention that an unpaid charge has asked for."""
    if rental.fulfillment_attention != UNPAID:
        return []
    calm = repository.change(
        rental.id, {"fulfillmentAttention": None}, dynamo.equal("fulfillmentAttention", UNPAID)
    )
    return [calm, lookups.out_of_attention(rental.id)]
