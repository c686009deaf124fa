"""Commands that look at the whole stack: attention, audit, redrive, resend, log."""

from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.progress import Progress
from rich.text import Text

from tools.cli.session import Session, Wait
from tools.cli.text import log_line, table
from tools.ops import account, attention, auditing, logs, notices, queues, rows
from tools.ops.errors import FOUND
from tools.ops.words import counted, duration, pesos, seconds_of, when, zone

app = typer.Typer()


@app.command("attention")
def attention_(ctx: typer.Context) -> None:
    """What needs attention now? Rentals that could not be settled or wait too long, and the stack.

    Looks at rentals that could not be settled or are overdue, units that are late, mails that did
    not arrive, messages in the queues, alarms, whether the reconciler and the clock run, whether
    PayMongo delivers. Exit code 1 when there is anything.
    """
    session: Session = ctx.obj
    findings = attention.look(session.target)
    shown = table("what", "status", "why", "since", "what to do")
    now = datetime.now(UTC)
    for each in findings:
        since = f"{duration(rows.age(each.since, now))} ago" if each.since else ""
        shown.add_row(each.subject, each.status, each.problem, since, each.advice)
    session.show(
        {"findings": list(map(asdict, findings))},
        shown if findings else "[green]Nothing needs attention.[/green]",
    )
    if findings:
        raise typer.Exit(FOUND)


@app.command("audit")
def audit_(
    ctx: typer.Context,
    second_look: Annotated[
        float, typer.Option(min=0, help="Seconds until a violation is checked again.")
    ] = 10.0,
) -> None:
    """Do units and money agree, and are deadlines kept? Checks the promise over all rentals,
    units and PayMongo.

    A violation is checked twice: a rental may have been in the middle of something.
    Reads every row, and asks PayMongo about every rental. Exit code 1 when anything is wrong.
    """
    session: Session = ctx.obj
    client = account.account_of(session.target)
    with Progress(console=session.messages, transient=True, disable=session.as_json) as progress:
        bar = progress.add_task("Asking PayMongo", total=None)
        result = auditing.audit(
            session.target,
            client,
            on_start=lambda total: progress.reset(bar, total=total),
            on_progress=lambda: progress.advance(bar),
            second_look_after=second_look,
        )
    shown = table("rule", "what", "in which way")
    for violation in result.violations:
        shown.add_row(f"[red]{violation.rule}[/red]", violation.subject, violation.detail)
    outside = table("rental", "payment", "settled outside", f"when ({zone()})", "by", "note")
    for each in result.settled_outside:
        outside.add_row(
            each.rental_id,
            each.payment_id,
            pesos(each.amount),
            when(each.at),
            each.by,
            Text(each.note),
        )
    total = pesos(sum(each.amount for each in result.settled_outside))
    agree = "[green]Units and money agree[/green]" + (
        f", counting {total} that was given back outside PayMongo."
        if result.settled_outside
        else "[green].[/green]"
    )
    session.show(
        asdict(result),
        f"{counted(result.rentals, 'rental')}, {counted(result.units, 'unit')},"
        f" {counted(result.payments, 'payment')}",
        *([outside] if result.settled_outside else []),
        shown if result.violations else agree,
    )
    if result.violations:
        raise typer.Exit(FOUND)


@app.command()
def redrive(ctx: typer.Context, wait: Wait = 60.0) -> None:
    """Empty the queues: start the settlements that were not started, delete what is done.

    A message in the dead-letter queue starts the settlement that EventBridge could not start. One
    in the needs-attention queue is deleted when its rental needs no attention any more, and left
    there otherwise. One of notices has what was not told told again. Exit code 1 when something is
    left.
    """
    session: Session = ctx.obj
    session.note_target()
    done = list(queues.redrive(session.target, wait_seconds=wait))
    shown = table("rental", "queue", "what was done")
    messages = []
    for each in done:
        rental_id, queue = each.message.rental_id, each.message.queue
        messages.append({"rental_id": rental_id, "queue": queue, "outcome": each.outcome})
        shown.add_row(rental_id or "?", queue, each.outcome)
    session.show({"messages": messages}, shown if done else "[green]All queues are empty.[/green]")
    if any(each.is_left for each in done):
        raise typer.Exit(FOUND)


@app.command()
def resend(
    ctx: typer.Context,
    rental_id: Annotated[
        str | None, typer.Argument(metavar="[RENTAL]", help="By default all.", show_default=False)
    ] = None,
) -> None:
    """Send mails that SES refused, and tell notices that were given up, once the cause is gone."""
    session: Session = ctx.obj
    session.note_target()
    if rental_id is not None:
        rental_id = rows.rental(session.target, rental_id)["id"]
    resent = list(notices.resend(session.target, rental_id))
    session.show({"notices": resent}, *(resent or ["[green]Everything has been told.[/green]"]))


@app.command()
def log(
    ctx: typer.Context,
    text: Annotated[
        str | None, typer.Argument(help="Only lines that contain this: Reconcile, a payment id.")
    ] = None,
    errors: Annotated[
        bool, typer.Option("--errors", help="Only errors, crashes and time-outs included.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            help="How far back: 30m, 2h, 1d; by default 1h, with --follow 1m.", show_default=False
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new lines, until Ctrl-C.")
    ] = False,
) -> None:
    """What the functions logged, all in one place, oldest first.

    With `--follow --json`, a JSON document a line.
    """
    session: Session = ctx.obj
    far_back = since or ("1m" if follow else "1h")
    start = datetime.now(UTC) - timedelta(seconds=seconds_of(far_back))
    session.note(f"Times of {zone()}")
    if follow:
        with suppress(KeyboardInterrupt):
            for line in logs.follow(
                lambda at: logs.recent(session.target, at, term=text, only_errors=errors), start
            ):
                session.add(line.to_json(), log_line(line))
        return
    with session.working("Reading the log"):
        lines = logs.recent(session.target, start, term=text, only_errors=errors)
    session.show(
        {"log": [each.to_json() for each in lines]},
        *(map(log_line, lines) if lines else ["no such line"]),
    )
