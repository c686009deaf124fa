"""Bringing a rental to its end by hand: always by a settlement, as the system does it itself.

Nothing here writes to a table or asks PayMongo for anything: a settlement may run twice, also at
once, and writes its intent before it gives money back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rentals.models import EndReason, PaymentStatus, settled_outside
from tools.ops import executions, rows
from tools.ops.errors import CommandError
from tools.ops.executions import Execution
from tools.ops.target import Target

Json = dict[str, Any]


@dataclass(frozen=True)
class Settlement:
    """What a settlement did; `execution` is None when nobody waited for it."""

    row: Json
    arn: str
    execution: Execution | None

    @property
    def is_done(self) -> bool:
        """Whether the settlement came to its end."""
        return self.execution is not None and self.execution.status == "SUCCEEDED"

    def to_json(self) -> Json:
        """For scripts."""
        return {
            "rental": rows.shown(self.row, personal_data=False),
            "settlement": self.execution.to_json() if self.execution else {"arn": self.arn},
        }


def is_waiting_for_customer(target: Target, row: Mapping[str, Any]) -> bool:
    """Whether the rental's own execution is under way: settling would cut it short."""
    if row["paymentStatus"] != PaymentStatus.PENDING:
        return False
    own = executions.read(target, executions.execution_arn(target, row["id"]))
    return own is not None and own.is_running


def must_request_refund(row: Mapping[str, Any]) -> bool:
    """Whether a settlement gives this rental's payment back only if it is told to: a completed
    rental's. Any other payment it refunds by itself.

    Raises CommandError when there is nothing to give back.
    """
    rental_id, status = row["id"], row["paymentStatus"]
    if "importedAt" in row:
        raise CommandError(
            f"rental {rental_id} was imported: its payment is not at our PayMongo account",
            "give it back where it was received",
        )
    if "paymentId" not in row:
        raise CommandError(
            f"nobody has paid for rental {rental_id} ({status}): there is nothing to give back",
            f"if the customer says otherwise, let PayMongo be asked: ./rentals settle {rental_id}",
        )
    if row["paymentId"] in settled_outside(row.get("acknowledgements", ())):
        last = row["acknowledgements"][-1]
        raise CommandError(
            f"rental {rental_id} was settled outside PayMongo ({last['at']}: {last['note']})",
            "PayMongo would give the money back a second time",
        )
    if row.get("refundStatus") == "succeeded":
        raise CommandError(f"rental {rental_id} was refunded ({row.get('refundId')})")
    return "refundRequestedAt" not in row and status == PaymentStatus.COMPLETED


def settle(
    target: Target,
    rental_id: str,
    *,
    refund: bool,
    wait_seconds: float,
    on_change: Callable[[Execution], None] = lambda _: None,
) -> Settlement:
    """Start a settlement and watch it, for `wait_seconds` at most; 0 doesn't wait."""
    arn = start(target, rental_id, refund=refund)
    execution = (
        executions.follow(target, arn, seconds=wait_seconds, on_change=on_change)
        if wait_seconds
        else None
    )
    return Settlement(rows.rental(target, rental_id), arn, execution)


def start(target: Target, rental_id: str, *, refund: bool = False) -> str:
    """Start a settlement; its ARN. Raises CommandError when there is no such rental."""
    reason = _reason(rows.rental(target, rental_id))
    return executions.start_settlement(target, rental_id, reason=reason, refund=refund)


def _reason(row: Mapping[str, Any]) -> EndReason | None:
    """Why the rental ends, if nobody has paid for it: as the reconciler says it, where it would."""
    if row["paymentStatus"] != PaymentStatus.PENDING:
        return None
    is_over = "holdExpiresAt" in row and rows.age(row["holdExpiresAt"]) > 0
    return EndReason.HOLD_EXPIRED if is_over else EndReason.STOPPED
