"""How times, statuses, executions and log lines look in a terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Group
from rich.table import Table
from rich.text import Text

from tools.ops.executions import Execution
from tools.ops.logs import LogLine
from tools.ops.words import duration, local, zone

_COLOURS = {
    "RUNNING": "cyan", "SUCCEEDED": "green", "FAILED": "red", "ABORTED": "yellow",
    "TIMED_OUT": "red", "pending": "cyan", "completed": "green", "paid": "green",
    "succeeded": "green", "failed": "red", "ERROR": "red", "CRITICAL": "red", "WARNING": "yellow",
}  # fmt: skip


def table(*columns: str, title: str | None = None) -> Table:
    """A plain table; the first column, an id, is never cut or broken."""
    plain = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        plain.add_column(column, no_wrap=number == 0, overflow="fold")
    return plain


def coloured(text: str) -> Text:
    """A status in its colour, anything else as it is."""
    return Text(text, _COLOURS.get(text, ""))


def moment(at: datetime) -> str:
    """To the millisecond, with the date unless it is today's."""
    at = local(at)
    is_today = at.date() == local(datetime.now(UTC)).date()
    return f"{at:{'' if is_today else '%Y-%m-%d '}%H:%M:%S.%f}"[:-3]


def timeline(execution: Execution, now: datetime, *, since_step: int = 0) -> Group:
    """An execution's states from one on, with times, attempts and errors."""
    title = Text(f"{execution.machine.kind.capitalize()} execution ", "bold")
    title.append_text(coloured(execution.status)).append(f"  {execution.name}", "dim")
    shown = table("state", f"entered ({zone()})", "took", "attempts", "errors")
    ended_at = execution.stopped_at
    for visit in execution.visits[since_step:]:
        is_open = visit.left_at is None and ended_at is None
        shown.add_row(
            visit.state,
            moment(visit.entered_at),
            duration(visit.seconds(ended_at or now)) + (" …" if is_open else ""),
            str(len(visit.attempts) or ""),
            Text(_counted(visit.errors), "red").append(f" {visit.why}" if visit.why else "", "dim"),
        )
    ending = f"{execution.error}: {execution.cause or ''}" if execution.error else ""
    return Group(title, shown, *([Text(ending, "red")] if ending else []))


def _counted(errors: Sequence[str]) -> str:
    kinds = dict.fromkeys(errors)
    return ", ".join(
        f"{kind} x{errors.count(kind)}" if errors.count(kind) > 1 else kind for kind in kinds
    )


def log_table(lines: Sequence[LogLine], *, title: str | None = None) -> Table:
    """Log lines of one rental, with the fields of each beside its message."""
    shown = table(f"time ({zone()})", "state or route", "level", "message", title=title)
    for line in lines:
        shown.add_row(moment(line.at), line.where, coloured(line.level), _message(line))
    return shown


def log_line(line: LogLine) -> Text:
    """One line by itself."""
    text = Text(f"{moment(line.at)}  {line.where}  ").append_text(coloured(line.level)).append("  ")
    return text.append_text(_message(line)).append(f" {line.rental_id or ''}".rstrip(), "cyan")


def _message(line: LogLine) -> Text:
    details = "".join(f" {name}={value}" for name, value in line.details.items())
    return Text(line.message).append(details, "dim")
