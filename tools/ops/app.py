"""The commands: what each one takes, and in which order things are said and done."""

from typing import Annotated

import typer

from tools.ops import account, webhook
from tools.ops.cli import EPILOG, Commands, Session, table
from tools.ops.errors import FOUND
from tools.ops.target import DEFAULT_STACK_NAME, choose

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    epilog=EPILOG,
)
webhook_app = typer.Typer(no_args_is_help=True, help="The endpoint that PayMongo tells its events.")
app.add_typer(webhook_app, name="webhook")

Context = typer.Context


@app.callback()
def program(  # noqa: PLR0913, PLR0917 - the options of every command
    ctx: Context,
    profile: Annotated[str | None, typer.Option(help="AWS profile.", show_default=False)] = None,
    region: Annotated[
        str | None,
        typer.Option(help="AWS region; by default the profile's.", show_default=False),
    ] = None,
    endpoint_url: Annotated[
        str | None,
        typer.Option(
            envvar="AWS_ENDPOINT_URL",
            help="AWS endpoint, for a local stack on another port.",
            show_default=False,
        ),
    ] = None,
    stack_name: Annotated[
        str, typer.Option(envvar="STACK_NAME", help="CloudFormation stack.")
    ] = DEFAULT_STACK_NAME,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, for scripts.")] = False,
) -> None:
    """Look after rentals: see what needs attention, settle, refund, audit, import.

    Exit codes: 0 all is well; 1 something was found, refused or failed; 2 the command was not
    understood; 3 the stack, AWS or PayMongo could not be reached, or did not allow it.
    """
    target = choose(
        stack_name=stack_name, profile=profile, region=region, endpoint_url=endpoint_url
    )
    ctx.obj = Session(target, as_json)


@webhook_app.command("check")
def webhook_check(ctx: Context) -> None:
    """Does PayMongo deliver to this stack? Compares the registration with what is needed.

    Changes nothing. Exit code 1 when something is wrong.
    """
    session: Session = ctx.obj
    target = session.target
    state = webhook.check(
        account.account_of(target), account.keys_of(target), target.stack.webhook_url
    )
    endpoint = state.endpoint
    shown = table("endpoint", "status", "events")
    if endpoint is not None:
        shown.add_row(f"{endpoint.id}\n{endpoint.url}", endpoint.status, "\n".join(endpoint.events))
    session.show(
        {
            "url": state.url,
            "id": endpoint and endpoint.id,
            "status": endpoint and endpoint.status,
            "events": list(endpoint.events) if endpoint else [],
            "problems": list(state.problems),
        },
        *([shown] if endpoint else []),
        *(f"[red]{problem}[/red]" for problem in state.problems),
        *([] if state.problems else ["[green]PayMongo delivers to this stack.[/green]"]),
    )
    if state.problems:
        session.note("Put it right with: ./rentals webhook register")
        raise typer.Exit(FOUND)


@webhook_app.command("register")
def webhook_register(
    ctx: Context,
    replace: Annotated[
        bool, typer.Option(help="Disable the endpoint that is there and make a new one.")
    ] = False,
) -> None:
    """Register the stack's webhook endpoint and store its secret; repairs what is wrong.

    Safe to run again: an endpoint that is all right is left alone. Functions keep a secret for
    five minutes, so what PayMongo sends just after `--replace` may be refused once, and is sent
    again by PayMongo.
    """
    session: Session = ctx.obj
    target = session.target
    session.note(f"On {target.describe()}")
    done = webhook.register(
        account.account_of(target),
        account.keys_of(target),
        target.stack.webhook_url,
        replace=replace,
    )
    _show_done(session, done)


@webhook_app.command("enable")
def webhook_enable(ctx: Context) -> None:
    """Have PayMongo deliver again, after it turned off an endpoint that kept failing.

    Mend the cause first: three more failures turn it off again. What was missed is not sent again;
    the reconciler finds those payments by itself.
    """
    session: Session = ctx.obj
    target = session.target
    session.note(f"On {target.describe()}")
    _show_done(session, webhook.enable(account.account_of(target), target.stack.webhook_url))


def _show_done(session: Session, done: list[str]) -> None:
    session.show(
        {"done": done},
        *(f"[green]{each}[/green]" for each in done or ["nothing had to be done"]),
    )
