"""The commands: what each one takes, and in which order things are said and done."""

from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress
from rich.text import Text

from tools import replay
from tools.cli.session import EPILOG, Commands, Session, pesos, table
from tools.importing import seed
from tools.ops import (
    account,
    acknowledging,
    attention,
    auditing,
    dossier,
    loading,
    logs,
    publishing,
    replaying,
    rows,
    secret_store,
    settling,
    smoke,
    webhook,
)
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
site_app = typer.Typer(no_args_is_help=True, help="The site's files.")
app.add_typer(site_app, name="site")
secrets_app = typer.Typer(no_args_is_help=True, help="PayMongo's keys, and the key of our links.")
app.add_typer(secrets_app, name="secrets")

Context = typer.Context
RentalId = Annotated[str, typer.Argument(metavar="RENTAL", help="The rental's id.")]
Wait = Annotated[
    float, typer.Option(min=0, help="Seconds to watch the settlement; 0 returns at once.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]


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


@app.command("attention")
def attention_(ctx: Context) -> None:
    """What should somebody look at now? Rentals in trouble or waiting too long, and the machinery.

    Looks at rentals that could not be settled or are overdue, messages in the queues, alarms,
    whether the reconciler runs, and whether PayMongo delivers. Exit code 1 when there is anything.
    """
    session: Session = ctx.obj
    findings = attention.look(session.target)
    shown = table("what", "status", "problem", "since", "what to do")
    now = datetime.now(UTC)
    for each in findings:
        since = f"{dossier.duration(rows.age(each.since, now))} ago" if each.since else ""
        shown.add_row(each.subject, each.status, each.problem, since, each.advice)
    session.show(
        {"findings": attention.to_json(findings)},
        shown if findings else "[green]Nothing needs attention.[/green]",
    )
    if findings:
        raise typer.Exit(FOUND)


@app.command()
def show(
    ctx: Context,
    rental_id: RentalId,
    log: Annotated[bool, typer.Option(help="The functions' log lines.")] = True,
    personal_data: Annotated[
        bool, typer.Option("--personal-data", help="Also who rents, and the links that they have.")
    ] = False,
) -> None:
    """Everything about one rental: row, executions, payments and refunds, log lines."""
    session: Session = ctx.obj
    with session.working("Asking AWS and PayMongo"):
        found = dossier.gather(session.target, rental_id, with_logs=log)
    session.show(
        found.to_json(personal_data=personal_data),
        dossier.render(found, personal_data=personal_data),
    )


@app.command()
def log(
    ctx: Context,
    text: Annotated[
        str | None, typer.Argument(help="Only lines with this in them: Reconcile, a payment id.")
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
        bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")
    ] = False,
) -> None:
    """What the functions logged, all in one place, oldest first.

    With `--follow --json`, a JSON document a line.
    """
    session: Session = ctx.obj
    far_back = since or ("1m" if follow else "1h")
    start = datetime.now(UTC) - timedelta(seconds=dossier.seconds_of(far_back))
    if follow:
        with suppress(KeyboardInterrupt):
            for line in logs.follow(
                lambda at: logs.recent(session.target, at, term=text, only_errors=errors), start
            ):
                session.add(line.to_json(), dossier.log_line(line))
        return
    with session.working("Reading the log"):
        lines = logs.recent(session.target, start, term=text, only_errors=errors)
    session.show(
        {"log": [each.to_json() for each in lines]},
        *(map(dossier.log_line, lines) if lines else ["no such line"]),
    )


@app.command()
def settle(ctx: Context, rental_id: RentalId, wait: Wait = 60.0, yes: Yes = False) -> None:
    """Bring a rental to a consistent end now, instead of when the reconciler comes.

    Unpaid: its session is closed at PayMongo, its unit released. Paid: it is completed, with
    another unit if need be; if there is none, the money goes back. Safe to run twice. Asks first
    when the customer may still be paying.
    """
    session: Session = ctx.obj
    row = rows.rental(session.target, rental_id)
    session.note(f"On {session.target.describe()}")
    if settling.is_waiting_for_customer(session, row):
        session.confirm(
            "The customer may still be paying. End this rental, unless it is paid by now?",
            assume_yes=yes,
        )
    _finish(session, settling.settle(session, rental_id, refund=False, wait_seconds=wait))


@app.command()
def refund(ctx: Context, rental_id: RentalId, wait: Wait = 60.0, yes: Yes = False) -> None:
    """Give a rental's payment back. Asks first.

    The intent is written on the rental before PayMongo is asked, PayMongo's refunds are looked up
    before another one is made, and the reconciler sees it through: running this twice refunds once.
    The rental ends as `refunded` and its unit goes back on the shelf.
    """
    session: Session = ctx.obj
    row = rows.rental(session.target, rental_id)
    question, must_ask = settling.refund_question(row)
    session.note(f"On {session.target.describe()}")
    session.confirm(question, assume_yes=yes)
    _finish(session, settling.settle(session, rental_id, refund=must_ask, wait_seconds=wait))


@app.command()
def acknowledge(
    ctx: Context,
    rental_id: RentalId,
    note: Annotated[
        str,
        typer.Option(help="What was done instead, for whoever looks later; names no customer."),
    ],
    yes: Yes = False,
) -> None:
    """Say that what PayMongo will not do was done in another way. Asks first.

    For a rental that needs attention because a refund can never be made: the customer was paid back
    by bank transfer, say. Nobody asks PayMongo for that refund again, and the rental is no longer
    listed or told; `show`, `audit` and the daily check of the money say that it was settled
    outside, by whom, when and how. Refused while a refund or a settlement is under way. A new
    payment, or other new trouble, is told as ever.
    """
    session: Session = ctx.obj
    target = session.target
    row = rows.rental(target, rental_id)
    session.note(f"On {target.describe()}")
    with session.working("Asking AWS and PayMongo"):
        said = acknowledging.prepare(target, account.account_of(target), row, note)
    session.confirm(said.question(row), assume_yes=yes)
    row = acknowledging.write(target, row, said)
    session.show(
        {"rental": rows.shown(row, personal_data=False)},
        f"Rental {rental_id} is [bold]{row['paymentStatus']}[/bold], and needs no attention.",
    )
    session.note("Its messages go with: ./rentals redrive")


def _finish(session: Session, result: settling.Result) -> None:
    row = result.row
    shown = [f"Rental {row['id']} is [bold]{row['paymentStatus']}[/bold]"]
    if "refundStatus" in row:
        shown[0] += f", refund {row.get('refundId', 'not made')} {row['refundStatus']}"
    if result.execution is None:
        shown.append(f"Settlement started: {result.arn}")
    else:
        shown.insert(0, dossier.timeline(result.execution, datetime.now(UTC)))
    session.show(result.to_json(), *shown)
    if result.execution is None or result.is_settled:
        return
    if result.execution.is_running:
        session.note(
            f"The settlement goes on by itself (PayMongo may be slow): ./rentals show {row['id']}"
        )
    else:
        session.note(f"[red]Not settled: {row.get('attention')}.[/red] See docs/runbook.md.")
    raise typer.Exit(FOUND)


@app.command("replay")
def replay_(  # noqa: PLR0913, PLR0917 - each is one way of replaying
    ctx: Context,
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
    times: Annotated[int, typer.Option(min=1, help="Again and again, the same event.")] = 1,
    at_once: Annotated[int, typer.Option(min=1, help="So many at the same time.")] = 1,
    as_it_is: Annotated[
        bool, typer.Option("--as-it-is", help="Fill in nothing and sign nothing.")
    ] = False,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to watch what its execution does of it.")
    ] = 20.0,
) -> None:
    """Send a sample event to what it is for, and show what came of it.

    Webhooks and redirects are filled in with a rental's ids and amount and signed with the stack's
    secrets; beside the sandbox what they tell is made true first (the customer pays, silently). So
    `replay PostPayMongoWebhookFunction/payment-paid --at-once 5` is one payment that PayMongo
    tells five times at once. Without RENTAL the newest one that waits for its payment is taken.
    """
    session: Session = ctx.obj
    sample = replay.load(event)
    session.note(f"On {session.target.describe()}")
    outcome = replaying.run(
        session,
        sample,
        rental_id=rental_id,
        over_http=http,
        times=times,
        at_once=at_once,
        as_it_is=as_it_is,
        wait_seconds=wait,
    )
    is_terminal = session.console.is_terminal
    session.show(outcome.to_json(), *replaying.render(outcome, is_terminal=is_terminal))


@app.command("console")
def console_(
    ctx: Context,
    port: Annotated[int, typer.Option(help="Where it is, on loopback.")] = 8010,
    read_only: Annotated[
        bool | None,
        typer.Option(
            "--read-only/--no-read-only",
            help="Refuse to change anything; the default but for a stack on this machine.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Watch executions in the browser, as in the Step Functions console. Ctrl-C ends it.

    `make run` has it already, at /console; this is for other stacks. What it may do is what the
    profile may: reading takes states:List*, states:Describe*, states:GetExecutionHistory,
    dynamodb:BatchGetItem on Rentals and Units, cloudformation:DescribeStacks and
    ListStackResources, and logs:FilterLogEvents.
    """
    from tools.console.server import serve  # noqa: PLC0415 - Graphviz takes a while to load

    session: Session = ctx.obj
    serve(session.target, port, read_only=read_only)


@app.command("audit")
def audit_(
    ctx: Context,
    second_look: Annotated[
        float, typer.Option(min=0, help="Seconds until what is wrong is looked at again.")
    ] = 10.0,
) -> None:
    """Do units and money agree? Checks the promise over all rentals, units and PayMongo.

    What is wrong is looked at a second time: a rental may have been in the middle of something.
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
    for each in result.violations:
        shown.add_row(f"[red]{each.rule}[/red]", each.subject, each.detail)
    outside = table("rental", "payment", "settled outside", "when", "by", "note")
    for told in result.settled_outside:
        outside.add_row(
            told.rental_id, told.payment_id, pesos(told.amount), told.at, told.by, Text(told.note)
        )
    total = pesos(sum(each.amount for each in result.settled_outside))
    agree = "[green]Units and money agree[/green]" + (
        f", given that {total} was given back in other ways than by PayMongo."
        if result.settled_outside
        else "[green].[/green]"
    )
    session.show(
        result.to_json(),
        f"{result.rentals} rentals, {result.units} units, {result.payments} payments",
        *([outside] if result.settled_outside else []),
        shown if result.violations else agree,
    )
    if result.violations:
        raise typer.Exit(FOUND)


@app.command()
def redrive(ctx: Context, wait: Wait = 60.0) -> None:
    """Empty the queues: start the settlements that were not started, drop what is solved.

    A message in the dead-letter queue starts the settlement that EventBridge could not start. One
    in the needs-attention queue is deleted when its rental needs no attention any more, and left
    there otherwise. Exit code 1 when something is left.
    """
    session: Session = ctx.obj
    target = session.target
    session.note(f"On {target.describe()}")
    shown = table("rental", "queue", "what was done")
    done: list[dict[str, str | None]] = []
    for queue in attention.QUEUES:
        for message in attention.messages(target, queue):
            outcome = settling.redrive(target, message, wait_seconds=wait)
            done.append({"rental_id": message.rental_id, "queue": queue, "outcome": outcome})
            shown.add_row(message.rental_id or "?", queue, outcome)
    session.show({"messages": done}, shown if done else "[green]Both queues are empty.[/green]")
    if any(str(each["outcome"]).startswith("left") for each in done):
        raise typer.Exit(FOUND)


@app.command("import")
def import_(  # noqa: PLR0913, PLR0917 - each is one way of importing
    ctx: Context,
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Where the files are.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check, and write nothing.")] = False,
    skip_rejects: Annotated[
        bool, typer.Option("--skip-rejects", help="Import the rest when some rows are refused.")
    ] = False,
    rejects_file: Annotated[
        Path | None, typer.Option("--rejects", help="Write what is refused to this file.")
    ] = None,
    yes: Yes = False,
) -> None:
    """Import collectibles, stores, warehouses, units and past rentals from JSON files.

    Reads `collectibles.json`, `stores.json`, `warehouses.json`, `units.json` and `rentals.json` (an
    array of rows, or `.jsonl`, a row a line), as far as they are there; docs/importing.md has the
    fields. Everything is checked first, and nothing is written while anything is refused. A unit
    that is held and a rental that exists are never changed. Interrupted, run it again: it writes
    what is missing. At the end every row is counted and a sample is read back.
    """
    session: Session = ctx.obj
    report = loading.load(
        session,
        folder,
        dry_run=dry_run,
        skip_rejects=skip_rejects,
        rejects_file=rejects_file,
        assume_yes=yes,
    )
    session.show(report.to_json(), *loading.render(report))
    if not report.is_well:
        raise typer.Exit(FOUND)


@app.command("seed")
def seed_(
    ctx: Context,
    folder: Annotated[
        Path, typer.Option(exists=True, file_okay=False, help="Where the catalogue is.")
    ] = seed.CATALOGUE,
) -> None:
    """Load the catalogue of this repository: six collectibles, three stores, four warehouses.

    Safe to run again: units that exist are left as they are.
    """
    session: Session = ctx.obj
    session.note(f"On {session.target.describe()}")
    written = seed.seed_tables(loading.tables_of(session.target), folder)
    session.show({"written": written}, f"[green]{written} rows written[/green]")


@app.command("smoke")
def smoke_(ctx: Context) -> None:
    """After a deploy: check what no test without an account can prove (docs/deploying.md).

    Starts a rental of a made-up customer and cancels it. Exit code 1 when anything is wrong.
    """
    session: Session = ctx.obj
    session.note(f"On {session.target.describe()}")
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


@site_app.command("publish")
def site_publish(ctx: Context) -> None:
    """Upload the site to its bucket, with the headers that say for how long files may be kept.

    Safe to run again: uploads what has changed, assets before the pages that refer to them.
    """
    session: Session = ctx.obj
    session.note(f"On {session.target.describe()}")
    with session.working("Uploading"):
        done = publishing.publish(session.target)
    session.show(
        asdict(done),
        f"{len(done.uploaded)} files uploaded, {done.unchanged} unchanged,"
        f" {len(done.deleted)} old ones deleted",
        f"[green]{session.target.stack.site_url}[/green]",
    )


@secrets_app.command("store")
def secrets_store(
    ctx: Context,
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
    session.note(f"On {session.target.describe()}")
    name = secret_store.store_keys(session.target, secret_key.strip(), public_key.strip())
    _show_done(session, [f"stored in {name}"])


@secrets_app.command("rotate-url-key")
def secrets_rotate_url_key(ctx: Context) -> None:
    """Make a new key for the links that PayMongo sends customers back to.

    Links signed with the key before stay good until the next rotation: leave at least a hold's
    time between two.
    """
    session: Session = ctx.obj
    session.note(f"On {session.target.describe()}")
    _show_done(session, [f"a new key is in {secret_store.rotate_url_key(session.target)}"])


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
