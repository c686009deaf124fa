"""The body of an action at the desk, checked all at once (pydantic)."""

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from api.bodies import CLEAN, PRINTABLE, Body, Id
from rentals.desk import Action, Condition


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


class DeskAction(Body):
    """POST /api/desk/rentals/{rental_id}/actions; `store_id` is where somebody of several is,
    `amount` what the customer owes for damage or loss, in pesos, `receipt` that of a deposit.
    """

    action: Action
    store_id: Id | None = None
    condition: Annotated[
        Condition | None, Field(validate_default=True), AfterValidator(_is_said_of_an_inspection)
    ] = None
    note: Annotated[str, Field(max_length=500), CLEAN, PRINTABLE] = ""
    amount: Annotated[int | None, Field(strict=True, ge=0, le=1_000_000)] = None
    receipt: Annotated[str | None, Field(min_length=1, max_length=50), CLEAN, PRINTABLE] = None
    id_seen: Annotated[
        bool, Field(strict=True, validate_default=True), AfterValidator(_is_seen_at_hand_over)
    ] = False
