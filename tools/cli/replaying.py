"""The command that sends a sample event: replay."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from tools.cli.session import Session
from tools.cli.text import coloured, table, timeline
from tools.ops import rows
from tools.replay.facts import choose_rental, prepare
from tools.replay.running import Outcome, run
from tools.replay.samples import load
from tools.replay.sending import Answer, sender

app = typer.Typer()
_LONGEST_BODY = 2000


@app.command()
def replay(  # noqa: PLR0913, PLR0917 - each is one way of replaying
    ctx: typer.Context,
    event: Annotated[
        str, typer.Argument(help="A file of events/, or its name: PostCheckoutFunction/gcash.")
    ],
    rental_id: Annotated[
        str | None,
        typer.Argument(metavar="[RENTAL]", help="By default the newest that the event fits."),
    ] = None,
    http: Annotated[
        bool, typer.Option("--http", help="Through the site, not by invoking the function.")
    ] = False,
    times: Annotated[int, typer.Option(min=1, help="The same event, one after the other.")] = 1,
    at_once: Annotated[int, typer.Option(min=1, help="The same event, at the same time.")] = 1,
    as_it_is: Annotated[
        bool, typer.Option("--as-it-is", help="Fill in nothing and sign nothing.")
    ] = False,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to watch the rental's executions.")
    ] = 20.0,
) -> None:
    """Send a sample event to its function, and show what came of it.

    Webhooks and redirects are filled in with a rental's ids and amount and signed with the stack's
    secrets; beside the sandbox the payment they report is made first, without its own webhook. So
    `replay PostPayMongoWebhookFunction/payment-paid --at-once 5` is one payment that PayMongo
    reports five times at once. Without RENTAL the newest one that waits for its payment is taken.
    """
    session: Session = ctx.obj
    target = session.target
    sample = load(event)
    session.note_target()
    send = sender(target, sample, over_http=http)
    row = None
    if not as_it_is:
        if sample.is_about_a_rental:
            row = rows.rental(target, rental_id) if rental_id else choose_rental(target, sample)
            which = "" if rental_id else " (the newest that fits)"
            session.note(f"Rental {row['id']}, {row['paymentStatus']}{which}")
        sample, notes = prepare(target, sample, row)
        for each in notes:
            session.note(each)
    with session.working("Watching"):
        outcome = run(target, sample, row, send, times=times, at_once=at_once, wait_seconds=wait)
    session.show(outcome.to_json(), *render(outcome, is_terminal=session.console.is_terminal))


def render(outcome: Outcome, *, is_terminal: bool = True) -> list[Any]:
    """For people; what is no terminal gets bodies whole and on one line, for other programs."""
    parts: list[Any] = [_answers(outcome.answers, _LONGEST_BODY if is_terminal else None)]
    now = datetime.now(UTC)
    for each in outcome.executions:
        before = outcome.steps_before.get(each.arn, 0)
        if len(each.visits) == before and not each.is_running:
            continue  # it was over before
        parts.append(timeline(each, now, since_step=max(before - 1, 0)))
    if outcome.before and outcome.after:
        was, now_is = (_status(row) for row in (outcome.before, outcome.after))
        is_same = was == now_is
        parts.append(
            Text.assemble("The rental is still ", now_is)
            if is_same
            else Text.assemble("The rental was ", was, ", is ", now_is)
        )
    return parts


def _status(row: Mapping[str, Any]) -> Text:
    stage = row.get("fulfillmentStatus")
    return coloured(row["paymentStatus"]).append(f", {stage.replace('_', ' ')}" if stage else "")


def _answers(answers: list[Answer], longest: int | None) -> Any:
    if len(answers) == 1:
        answer = answers[0]
        text = Text(f"{answer.status} ", "bold").append(answer.body[:longest])
        return text.append(f"  {answer.seconds:.2f} s", "dim")
    shown = table("answers", "status", "body")
    counted = Counter((each.status, each.body[:longest]) for each in answers)
    for (status, body), count in counted.most_common():
        shown.add_row(str(count), status, body)
    return shown
