"""Where the money is: received = rentals completed + refunds + what operators gave back in another
way than by PayMongo + what is still being settled.

A whole scan of the Rentals table, so that a rental which no index and no follow-up knows of is
found as well.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from infra import clock, dynamo
from infra.settings import setting
from rentals.models import CENTAVOS_PER_PESO, PaymentStatus, settled_outside

# Settling takes seconds; the reconciler looks again after minutes. What stands still for an hour
# is not under way.
SETTLING_SECONDS = 3600

_GIVEN_BACK = {"pending", "processing", "succeeded"}
_REFUNDABLE = {PaymentStatus.COMPLETED, PaymentStatus.REFUNDED}

_ATTRIBUTES = (
    "id, paymentStatus, paymentId, amountPaid, totalFee, refundStatus, surplusPaymentIds,"
    " acknowledgements, updatedAt"
)


@dataclass(slots=True)
class Balance:
    """Sums in centavos. `settled_outside` is what PayMongo keeps of what the customers have back;
    `unaccounted` holds the ids of rentals whose money bought nothing and is not on its way back
    either, was given back twice, or is another rental's as well.
    """

    received: int = 0
    completed: int = 0
    refunded: int = 0
    settled_outside: int = 0
    settling: int = 0
    unaccounted: list[str] = field(default_factory=list)

    @property
    def difference(self) -> int:
        """Centavos received that nothing accounts for; zero when all is well."""
        accounted = self.completed + self.refunded + self.settled_outside + self.settling
        return self.received - accounted


def money_balance() -> Balance:
    """The balance of all rentals as they are now."""
    return balance(
        dynamo.scan_where(
            setting("RENTALS_TABLE"), "attribute_exists(paymentId)", attributes=_ATTRIBUTES
        ),
        clock.timestamp_in(-SETTLING_SECONDS),
    )


def balance(paid: Iterable[dynamo.Item], settling_since: str) -> Balance:
    """The balance of rows that have a payment; changes before `settling_since` are over."""
    total, seen = Balance(), set[str]()
    for row in paid:
        if row["paymentId"] in seen:
            total.unaccounted.append(row["id"])
        seen.add(row["paymentId"])
        amount, status = int(row["amountPaid"]), row["paymentStatus"]
        is_settling = row["updatedAt"] >= settling_since
        total.received += amount
        outside = settled_outside(row.get("acknowledgements", ()))
        own = outside.pop(row["paymentId"], None)
        total.received += sum(outside.values())
        total.settled_outside += sum(outside.values())
        if own is not None:
            is_refunded_too = row.get("refundStatus") in _GIVEN_BACK
            total.settled_outside += own
            total.refunded += amount if is_refunded_too else amount - own
            if is_refunded_too:
                total.unaccounted.append(row["id"])
                continue
        elif status in _REFUNDABLE and row.get("refundStatus") in _GIVEN_BACK:
            total.refunded += amount
        elif status == PaymentStatus.COMPLETED and amount == row["totalFee"] * CENTAVOS_PER_PESO:
            total.completed += amount
        elif is_settling:
            total.settling += amount
        else:
            total.unaccounted.append(row["id"])
            continue
        if row.get("surplusPaymentIds") and not is_settling:
            total.unaccounted.append(row["id"])
    return total
