"""The bodies of what staff do with money, one for each action (pydantic)."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from api.bodies import CLEAN, PRINTABLE, Body, Id, parse
from api.desk_bodies import MOST_PESOS, Receipt
from rentals.charges import ChargeKind

Pesos = Annotated[int, Field(strict=True, ge=1, le=MOST_PESOS)]
Reason = Annotated[str, Field(min_length=1, max_length=500), CLEAN, PRINTABLE]
ChargeId = Annotated[str, Field(min_length=1, max_length=128), CLEAN, PRINTABLE]
# Chosen by the caller: the same one again changes nothing.
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,36}$")]


class MoneyAction(StrEnum):
    """What may be done."""

    CHARGE = "charge"
    PAID = "paid"
    WAIVE = "waive"
    REFUND = "refund"
    GIVEN = "given"


class _Money(Body):
    store_id: Id | None = None


class Charge(_Money):
    """The customer owes `amount` pesos for damage or loss."""

    action: Literal[MoneyAction.CHARGE]
    kind: Literal[ChargeKind.DAMAGE, ChargeKind.LOSS]
    amount: Pesos
    reason: Reason
    key: Key


class Paid(_Money):
    """A charge was paid at the counter."""

    action: Literal[MoneyAction.PAID]
    charge_id: ChargeId
    receipt: Receipt


class Waive(_Money):
    """A charge need not be paid."""

    action: Literal[MoneyAction.WAIVE]
    charge_id: ChargeId
    reason: Reason


class Refund(_Money):
    """`amount` pesos of the rental's payment go back."""

    action: Literal[MoneyAction.REFUND]
    amount: Pesos
    reason: Reason
    key: Key


class Given(_Money):
    """What was to go back, `refund`, was handed out at the counter."""

    action: Literal[MoneyAction.GIVEN]
    refund: Id
    receipt: Receipt


Money = Charge | Paid | Waive | Refund | Given
_BODIES: dict[MoneyAction, type[Charge | Paid | Waive | Refund | Given]] = {
    MoneyAction.CHARGE: Charge,
    MoneyAction.PAID: Paid,
    MoneyAction.WAIVE: Waive,
    MoneyAction.REFUND: Refund,
    MoneyAction.GIVEN: Given,
}


class _Action(Body):
    model_config = ConfigDict(extra="ignore")

    action: MoneyAction


def parse_money(body: dict[str, Any]) -> Money:
    """Check a body by what its action takes. Raises HttpError 400."""
    return parse(_BODIES[parse(_Action, body).action], body)
