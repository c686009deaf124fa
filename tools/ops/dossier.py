"""Everything about one rental: its row, its executions, its money at PayMongo, its log lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Group
from rich.text import Text

from rentals.errors import PaymentProviderRejected, PaymentProviderUnavailable
from tools.cli.session import pesos, table
from tools.ops import account, executions, logs, rows
from tools.ops.errors import CommandError, NotUnderstood
from tools.ops.executions import Execution
from tools.ops.logs import LogLine
from tools.ops.target import Target

Json = dict[str, Any]

_BEFORE = timedelta(minutes=1)
_COLOURS = {
    "RUNNING": "cyan", "SUCCEEDED": "green", "FAILED": "red", "ABORTED": "yellow",
    "TIMED_OUT": "red", "pending": "cyan", "completed": "green", "paid": "green",
    "succeeded": "green", "failed": "red", "ERROR": "red", "CRITICAL": "red", "WARNING": "yellow",
}  # fmt: skip


@dataclass(frozen=True)
class Dossier:
    """`payments` is None when PayMongo did not say, and `paymongo_problem` why."""

    row: Json
    executions: list[Execution]
    payments: list[Json] | None
    session_status: str | None
    paymongo_problem: str | None
    lines: list[LogLine]

    def to_json(self, *, personal_data: bool) -> Json:
        """For scripts."""
        return {
            "rental": rows.shown(self.row, personal_data=personal_data),
            "executions": [each.to_json() for each in self.executions],
            "checkout_session_status": self.session_status,
            "payments": [_money(each) for each in self.payments or ()],
            "paymongo_problem": self.paymongo_problem,
            "log": [each.to_json() for each in self.lines],
        }


def gather(target: Target, rental_id: str, *, with_logs: bool) -> Dossier:
    """Ask everybody. Raises CommandError when there is no such rental."""
    row = rows.rental(target, rental_id)
    since = rows.moment(row["createdAt"]) - _BEFORE
    payments, status, problem = None, None, None
    try:
        client = account.account_of(target)
        payments = client.payments_of(row)
        if session_id := row.get("checkoutSessionId"):
            status = client.session(session_id)["attributes"]["status"]
    except (PaymentProviderUnavailable, PaymentProviderRejected, CommandError) as error:
        problem = str(error)
    return Dossier(
        row=row,
        executions=executions.of_rental(target, rental_id, since),
        payments=payments,
        session_status=status,
        paymongo_problem=problem,
        lines=logs.of_rental(target, rental_id, since) if with_logs else [],
    )


def render(dossier: Dossier, *, personal_data: bool, now: datetime | None = None) -> Group:
    """For people."""
    now = now or datetime.now(UTC)
    parts = [_row(rows.shown(dossier.row, personal_data=personal_data))]
    parts += [timeline(each, now) for each in dossier.executions]
    if not dossier.executions:
        parts.append(Text("No execution (any more).", "dim"))
    parts.append(_payments(dossier))
    if dossier.lines:
        parts.append(log_table(dossier.lines, title="[bold]Log[/bold]"))
    return Group(*_spaced(parts))


def _spaced(parts: Sequence[Any]) -> list[Any]:
    return [each for part in parts for each in (part, Text())][:-1]


def _row(row: Mapping[str, Any]) -> Any:
    shown = table("", "", title=f"[bold]Rental {row['id']}[/bold]")
    shown.show_header = False
    for name, value in row.items():
        if name != "id":
            shown.add_row(Text(name, "dim"), coloured(_in_words(value)))
    return shown


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_in_words(each)}" for name, each in value.items())
    if isinstance(value, list):
        separator = "\n" if value and isinstance(value[0], dict) else ", "
        return separator.join(map(_in_words, value))
    return str(value)


def timeline(execution: Execution, now: datetime, *, since_step: int = 0) -> Any:
    """An execution's states from one on, with times, attempts and errors."""
    title = Text(f"{execution.machine.capitalize()} execution ", "bold")
    title.append(execution.status, _COLOURS.get(execution.status, ""))
    title.append(f"  {execution.name}", "dim")
    shown = table("state", "entered", "took", "attempts", "errors")
    for step in execution.steps[since_step:]:
        shown.add_row(
            step.state,
            moment(step.entered_at),
            duration(step.seconds(now)) + (" …" if step.left_at is None else ""),
            str(step.attempts or ""),
            Text(_counted(step.errors), "red").append(f" {step.why}" if step.why else "", "dim"),
        )
    ending = f"{execution.error}: {execution.cause or ''}" if execution.error else ""
    return Group(title, shown, *([Text(ending, "red")] if ending else []))


def _counted(errors: Sequence[str]) -> str:
    kinds = dict.fromkeys(errors)
    return ", ".join(
        f"{kind} x{errors.count(kind)}" if errors.count(kind) > 1 else kind for kind in kinds
    )


def _payments(dossier: Dossier) -> Any:
    if dossier.payments is None:
        return Text(f"PayMongo: {dossier.paymongo_problem}", "red")
    status = f", session {dossier.session_status}" if dossier.session_status else ""
    shown = table(
        "payment", "status", "amount", "method", "refunds",
        title=f"[bold]At PayMongo[/bold]{status}",
    )  # fmt: skip
    for each in map(_money, dossier.payments):
        refunds = "\n".join(
            f"{r['id']} {r['status']} {pesos(r['amount'])}" for r in each["refunds"]
        )
        amount = pesos(each["amount"])
        shown.add_row(each["id"], coloured(each["status"]), amount, each["method"], refunds)
    if not dossier.payments:
        return Group(shown.title or "", Text("no payment attempt", "dim"))
    return shown


def _money(payment: Mapping[str, Any]) -> Json:
    """A payment without who paid."""
    attributes = payment["attributes"]
    return {
        "id": payment["id"],
        "status": attributes["status"],
        "amount": attributes["amount"],
        "currency": attributes["currency"],
        "method": (attributes.get("source") or {}).get("type"),
        "failed_code": attributes.get("failed_code"),
        "refunds": [
            {
                "id": each["id"],
                "status": each["attributes"]["status"],
                "amount": each["attributes"]["amount"],
            }
            for each in attributes.get("refunds") or ()
        ],
    }


def log_table(lines: Sequence[LogLine], *, title: str | None = None) -> Any:
    """Log lines of one rental, with what each says beside its message."""
    shown = table("time", "state or route", "level", "message", title=title)
    for line in lines:
        shown.add_row(moment(line.at), line.where, coloured(line.level), _said(line))
    return shown


def log_line(line: LogLine) -> Text:
    """One line by itself."""
    text = Text(f"{moment(line.at)}  {line.where}  ").append_text(coloured(line.level)).append("  ")
    return text.append_text(_said(line)).append(f" {line.rental_id or ''}".rstrip(), "cyan")


def moment(at: datetime) -> str:
    """UTC to the millisecond, with the date unless it is today's."""
    at = at.astimezone(UTC)
    is_today = at.date() == datetime.now(UTC).date()
    return f"{at:{'' if is_today else '%Y-%m-%d '}%H:%M:%S.%f}"[:-3]


def _said(line: LogLine) -> Text:
    details = "".join(f" {name}={value}" for name, value in line.details.items())
    return Text(line.message).append(details, "dim")


def coloured(text: str) -> Text:
    """A status in its colour, anything else as it is."""
    return Text(text, _COLOURS.get(text, ""))


def duration(seconds: float) -> str:
    """`0.4 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def seconds_of(text: str) -> float:
    """`90s`, `30m`, `2h` or `1d` in seconds. Raises NotUnderstood."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
    number, unit = text[:-1], text[-1:]
    if unit not in units or not number.isdecimal():
        raise NotUnderstood(f"{text!r} is no length of time", "write 30m, 2h or 1d")
    return float(number) * units[unit]
