"""Bringing a rental to its end by hand: always by a settlement, the way the system does it itself.

Nothing here writes to a table or asks PayMongo for anything but answers: a settlement may run
twice, also at once, and writes its intent before it gives money back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.live import Live

from paymongo.resources import CURRENCY
from rentals.models import CENTAVOS_PER_PESO, EndReason, PaymentStatus, settled_outside
from tools.cli.session import Session, pesos
from tools.ops import dossier, executions, rows
from tools.ops.attention import Message, delete
from tools.ops.errors import CommandError
from tools.ops.executions import Execution
from tools.ops.target import Target

Json = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """What a settlement did; `execution` is None when nobody waited for it."""

    row: Json
    arn: str
    execution: Execution | None

    @property
    def is_settled(self) -> bool:
        """Whether the settlement came to its end."""
        return self.execution is not None and self.execution.status == "SUCCEEDED"

    def to_json(self) -> Json:
        """For scripts."""
        return {
            "rental": rows.shown(self.row, personal_data=False),
            "settlement": self.execution.to_json() if self.execution else {"arn": self.arn},
        }


def is_waiting_for_customer(session: Session, row: Mapping[str, Any]) -> bool:
    """Whether the rental's own execution is under way: settling would cut it short."""
    if row["paymentStatus"] != PaymentStatus.PENDING:
        return False
    own = executions.read(session.target, executions.execution_arn(session.target, row["id"]))
    return own is not None and own.is_running


def refund_question(row: Mapping[str, Any]) -> tuple[str, bool]:
    """What a refund of this rental means, for somebody to agree to; and whether it has to be asked
    for (a settlement gives back by itself what bought nothing).

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
    if row.get("paymentId") in settled_outside(row.get("acknowledgements", ())):
        told = row["acknowledgements"][-1]
        raise CommandError(
            f"rental {rental_id} was settled outside PayMongo ({told['at']}: {told['note']})",
            "PayMongo would give the money back a second time",
        )
    if row.get("refundStatus") == "succeeded":
        raise CommandError(f"rental {rental_id} was refunded ({row.get('refundId')})")
    money = (
        pesos(int(row["amountPaid"]))
        if row.get("paymentCurrency", CURRENCY) == CURRENCY
        else f"{row['amountPaid'] / CENTAVOS_PER_PESO} {row['paymentCurrency']}"
    )
    if "refundRequestedAt" in row:
        return f"Look again at the refund of {money}, asked for {row['refundRequestedAt']}?", False
    if status == PaymentStatus.COMPLETED:
        return (
            f"Give {money} back for {row['collectibleName']}? The rental ends as refunded and"
            f" unit {row.get('unitId')} goes back on the shelf",
            True,
        )
    return f"Settle this rental ({status})? {money} goes back unless a unit can be had", False


def settle(session: Session, rental_id: str, *, refund: bool, wait_seconds: float) -> Result:
    """Start a settlement and watch it, for `wait_seconds` at most; 0 doesn't wait."""
    target = session.target
    arn = executions.start_settlement(
        target, rental_id, reason=reason_of(rows.rental(target, rental_id)), refund=refund
    )
    execution = None
    if wait_seconds:
        with Live(console=session.messages, transient=True) as live:
            execution = executions.follow(
                target,
                arn,
                seconds=wait_seconds,
                on_change=lambda seen: live.update(dossier.timeline(seen, datetime.now(UTC))),
            )
    return Result(rows.rental(target, rental_id), arn, execution)


def reason_of(row: Mapping[str, Any]) -> EndReason | None:
    """Why the rental ends, if nobody has paid for it: as the reconciler says it, where it would."""
    if row["paymentStatus"] != PaymentStatus.PENDING:
        return None
    is_over = "holdExpiresAt" in row and rows.age(row["holdExpiresAt"]) > 0
    return EndReason.HOLD_EXPIRED if is_over else EndReason.STOPPED


def redrive(target: Target, message: Message, *, wait_seconds: float) -> str:
    """Do what a queue's message asks for and delete it when that is done; what was done."""
    if message.rental_id is None:
        return "left: it names no rental; read it in the SQS console"
    try:
        row = rows.rental(target, message.rental_id)
    except CommandError:
        delete(target, message)
        return "deleted: there is no such rental"
    if message.queue == "SettlementDeadLetterQueue":
        arn = executions.start_settlement(target, message.rental_id)
        execution = executions.follow(target, arn, seconds=wait_seconds) if wait_seconds else None
        delete(target, message)  # started is enough: a settlement that fails makes itself known
        return f"settlement {execution.status.lower() if execution else 'started'}"
    if "attention" in row:
        return f"left: needs attention ({row['attention']})"
    delete(target, message)
    return f"deleted: the rental is {row['paymentStatus']}"
