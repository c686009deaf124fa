"""The body of an action at the desk, checked all at once (pydantic)."""

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from api.bodies import CLEAN, PRINTABLE, Body, Id
from rentals.desk import Action, Condition

# Nothing costs more; and it keeps a slip of the finger from becoming a debt.
MOST_PESOS = 1_000_000
Pesos = Annotated[int, Field(strict=True, ge=0, le=MOST_PESOS)]
# The number of a paper receipt.
Receipt = Id
_MAY_COST = {Action.LOST, Action.INSPECTED}


def _is_seen_at_hand_over(id_seen: bool, info: ValidationInfo) -> bool:
    if info.data.get("action") is Action.PICKED_UP and not id_seen:
        raise ValueError("must be true: see an ID of the customer before you hand it over")
    return id_seen


def _is_said_of_an_inspection(
    condition: Condition | None, info: ValidationInfo
) -> Condition | None:
    if info.data.get("action") is Action.INSPECTED and condition is None:
        raise ValueError("is required: say how it came back")
    return condition


def _is_owed_for_something(amount: int | None, info: ValidationInfo) -> int | None:
    said = info.data
    is_fine = said.get("condition") is Condition.FINE
    if amount is not None and (said.get("action") not in _MAY_COST or is_fine):
        raise ValueError("is for what came back damaged or incomplete, or is lost")
    return amount


class DeskAction(Body):
    """POST /api/desk/rentals/{rental_id}/actions; `store_id` is where somebody of several is,
    `amount` pesos that the customer owes for damage or loss, `receipt` that of a deposit taken at
    the counter.
    """

    action: Action
    store_id: Id | None = None
    condition: Annotated[
        Condition | None, Field(validate_default=True), AfterValidator(_is_said_of_an_inspection)
    ] = None
    note: Annotated[str, Field(max_length=500), CLEAN, PRINTABLE] = ""
    id_seen: Annotated[
        bool, Field(strict=True, validate_default=True), AfterValidator(_is_seen_at_hand_over)
    ] = False
    amount: Annotated[Pesos | None, AfterValidator(_is_owed_for_something)] = None
    receipt: Receipt | None = None
