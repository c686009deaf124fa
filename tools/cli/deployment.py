"""Commands about what is deployed: smoke, upgrade, site, secrets, webhook."""

from dataclasses import asdict
from typing import Annotated

import typer

from tools.cli.session import Session, Yes
from tools.cli.text import table
from tools.ops import publishing, secret_store, smoke, upgrading, webhook
from tools.ops.domain import domain_of
from tools.ops.errors import FOUND
from tools.ops.words import counted

app = typer.Typer()
webhook_app = typer.Typer(no_args_is_help=True, help="The endpoint that PayMongo sends events to.")
app.add_typer(webhook_app, name="webhook")
site_app = typer.Typer(no_args_is_help=True, help="The site's files.")
app.add_typer(site_app, name="site")
secrets_app = typer.Typer(no_args_is_help=True, help="PayMongo's keys, and the key of our links.")
app.add_typer(secrets_app, name="secrets")


@app.command("smoke")
def smoke_(ctx: typer.Context) -> None:
    """After a deploy: check what no test without an account can prove (docs/deploying.md).

    Starts a rental of a made-up customer and cancels it. Exit code 1 when anything is wrong.
    """
    session: Session = ctx.obj
    session.note_target()
    outcomes = []
    shown = table("check", "", "seen")
    colours = {"ok": "green", "wrong": "red", "not here": "dim"}
    with session.working("Checking"):
        for each in smoke.run(session.target):
            outcomes.append(each)
            colour = colours[each.status]
            shown.add_row(each.name, f"[{colour}]{each.status}[/{colour}]", each.detail)
    session.show({"checks": [asdict(each) for each in outcomes]}, shown)
    if any(each.status == "wrong" for each in outcomes):
        raise typer.Exit(FOUND)


@app.command("upgrade")
def upgrade_(ctx: typer.Context, yes: Yes = False) -> None:
    """After deploying over version 0.1: units and paid rentals of that time go on in this one.

    Units get their status, paid rentals the second half of their life: those whose unit may still
    be on its way await it; of all others somebody has to say where the unit is, at the desk or by
    ./rentals desk. No customer is told anything. Safe to interrupt and to run again.
    """
    session: Session = ctx.obj
    target = session.target
    session.confirm(
        f"Carry over the units and rentals of {target.describe()}?",
        assume_yes=yes or target.is_local,
    )
    with session.working("Carrying over"), domain_of(target):
        done = upgrading.upgrade()
    left = table("left as it was", "why")
    for subject, why in done.left.items():
        left.add_row(subject, why)
    session.show(
        asdict(done),
        f"{counted(done.units, 'unit')} and {counted(done.rentals, 'rental')} go on; where the"
        f" units of {len(done.unknown)} are, the desk has to say (./rentals attention);"
        f" {done.retained} got a time at which their personal data is looked at",
        *([left] if done.left else []),
    )
    if done.left:
        raise typer.Exit(FOUND)


@site_app.command("publish")
def site_publish(ctx: typer.Context) -> None:
    """Upload the site to its bucket, with the headers that say for how long files may be kept.

    Safe to run again: uploads what has changed, assets before the pages that refer to them.
    """
    session: Session = ctx.obj
    session.note_target()
    with session.working("Uploading"):
        done = publishing.publish(session.target)
    session.show(
        asdict(done),
        f"{counted(len(done.uploaded), 'file')} uploaded, {done.unchanged} unchanged,"
        f" {len(done.deleted)} old ones deleted",
        f"[green]{session.target.stack.site_url}[/green]",
    )


@secrets_app.command("store")
def secrets_store(
    ctx: typer.Context,
    secret_key: Annotated[
        str,
        typer.Option(
            envvar="PAYMONGO_SECRET_KEY", prompt="Secret key (sk_...)", hide_input=True, metavar=""
        ),
    ],
    public_key: Annotated[
        str, typer.Option(envvar="PAYMONGO_PUBLIC_KEY", prompt="Public key (pk_...)", metavar="")
    ],
) -> None:
    """Store PayMongo's keys where the functions read them; asks for them.

    From PayMongo's dashboard, Developers, API keys. Functions use new ones within five minutes.
    """
    session: Session = ctx.obj
    session.note_target()
    name = secret_store.store_keys(session.target, secret_key.strip(), public_key.strip())
    _show_done(session, [f"stored in {name}"])


@secrets_app.command("rotate-url-key")
def secrets_rotate_url_key(ctx: typer.Context) -> None:
    """Make a new key for the links that PayMongo sends customers back to.

    Links signed with the previous key stay valid until the next rotation: leave at least a hold's
    time between two.
    """
    session: Session = ctx.obj
    session.note_target()
    _show_done(session, [f"a new key is in {secret_store.rotate_url_key(session.target)}"])


@secrets_app.command("rotate-origin-key")
def secrets_rotate_origin_key(ctx: typer.Context) -> None:
    """Make a new key for what the distribution sends to the API, and have it sent.

    Requests with the previous key are accepted until the next rotation.
    """
    session: Session = ctx.obj
    session.note_target()
    name = secret_store.rotate_origin_key(session.target)
    _show_done(session, [f"a new key is in {name}; the distribution sends it within minutes"])


@webhook_app.command("check")
def webhook_check(ctx: typer.Context) -> None:
    """Does PayMongo deliver to this stack? Compares the registration with what is needed.

    Changes nothing. Exit code 1 when something is wrong.
    """
    session: Session = ctx.obj
    state = webhook.check(*webhook.of_stack(session.target))
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
        session.note("Repair it with: ./rentals webhook register")
        raise typer.Exit(FOUND)


@webhook_app.command("register")
def webhook_register(
    ctx: typer.Context,
    replace: Annotated[
        bool, typer.Option(help="Disable the existing endpoint and create a new one.")
    ] = False,
) -> None:
    """Register the stack's webhook endpoint and store its secret; repairs what is wrong.

    Safe to run again: an endpoint that is correct is left alone. Functions keep a secret for
    five minutes, so what PayMongo sends just after `--replace` may be refused once, and is sent
    again by PayMongo.
    """
    session: Session = ctx.obj
    session.note_target()
    _show_done(session, webhook.register(*webhook.of_stack(session.target), replace=replace))


@webhook_app.command("enable")
def webhook_enable(ctx: typer.Context) -> None:
    """Enable an endpoint that PayMongo disabled because it kept failing.

    Fix the cause first: three more failures disable it again. Missed events are not sent again;
    the reconciler finds those payments.
    """
    session: Session = ctx.obj
    session.note_target()
    account, _, url = webhook.of_stack(session.target)
    _show_done(session, webhook.enable(account, url))


def _show_done(session: Session, done: list[str]) -> None:
    session.show(
        {"done": done},
        *(f"[green]{each}[/green]" for each in done or ["nothing had to be done"]),
    )
