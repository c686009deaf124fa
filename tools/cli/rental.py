"""Commands about one rental: show, settle, refund, acknowledge."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from rentals import given_back, money_desk
from rentals.models import BEFORE_HAND_OVER, CENTAVOS_PER_PESO, PaymentStatus, Rental
from tools.cli.money import Key, RentalId, statement
from tools.cli.session import Session, Wait, Yes
from tools.cli.text import coloured, log_table, table, timeline
from tools.ops import account, acknowledging, dossier, money, rows, settling
from tools.ops.acknowledging import Acknowledgement
from tools.ops.dossier import Dossier
from tools.ops.errors import FOUND, CommandError
from tools.ops.facts import amount_paid, facts_of
from tools.ops.words import pesos, when, zone

app = typer.Typer()


@app.command()
def show(
    ctx: typer.Context,
    rental_id: RentalId,
    log: Annotated[bool, typer.Option(help="The functions' log lines.")] = True,
    personal_data: Annotated[
        bool, typer.Option("--personal-data", help="Also the customer, and the customer's links.")
    ] = False,
) -> None:
    """Everything about one rental: stage, desk, notices, executions, money, log lines.

    With --json, its row and unit as they are stored.
    """
    session: Session = ctx.obj
    with session.working("Asking AWS and PayMongo"):
        found = dossier.gather(session.target, rental_id, with_logs=log)
    session.show(
        found.to_json(personal_data=personal_data), render(found, personal_data=personal_data)
    )


@app.command()
def settle(ctx: typer.Context, rental_id: RentalId, wait: Wait = 60.0, yes: Yes = False) -> None:
    """Bring a rental to a consistent end now, instead of when the reconciler comes.

    Unpaid: its session is closed at PayMongo, its unit released. Paid: it is completed, with
    another unit if need be; if there is none, the payment is refunded. Safe to run twice. Asks
    first when the customer may still be paying.
    """
    session: Session = ctx.obj
    row = rows.rental(session.target, rental_id)
    session.note_target()
    if settling.is_waiting_for_customer(session.target, row):
        session.confirm(
            "The customer may still be paying. End this rental, unless it is paid by now?",
            assume_yes=yes,
        )
    _settle(session, row["id"], refund=False, wait_seconds=wait)


@app.command()
def refund(  # noqa: PLR0913, PLR0917 - what a refund is made of
    ctx: typer.Context,
    rental_id: RentalId,
    amount: Annotated[
        int | None,
        typer.Option(metavar="PESOS", min=1, help="A part; by default all.", show_default=False),
    ] = None,
    reason: Annotated[str, typer.Option(help="Of a part; the customer reads it.")] = "",
    key: Key = "",
    wait: Wait = 60.0,
    yes: Yes = False,
) -> None:
    """Refund a rental's payment, or a part of it. Asks first, and says what PayMongo no longer
    allows.

    The intent is written on the rental before PayMongo is asked, PayMongo's refunds are looked up
    before another one is made, and the reconciler follows it up: running this twice refunds once.
    Before the unit is handed over this cancels the rental, and the unit goes home; from then on it
    moves money only. Either way the rental stays completed: it was paid. A part (`--amount`, with
    `--reason`) never changes where the rental is; the same `--key` gives it back once.
    """
    session: Session = ctx.obj
    row = rows.rental(session.target, rental_id)
    if amount is not None:
        _refund_part(session, row, amount, reason, key=key or str(uuid.uuid4()), yes=yes)
        _settle(session, row["id"], refund=False, wait_seconds=wait)
        return
    must_request = settling.must_request_refund(row)
    session.note_target()
    session.confirm(refund_question(row), assume_yes=yes)
    _settle(session, row["id"], refund=must_request, wait_seconds=wait)


def _refund_part(  # noqa: PLR0913 - what a part is made of
    session: Session, row: Mapping[str, Any], amount: int, reason: str, *, key: str, yes: bool
) -> None:
    if not reason:
        raise CommandError("a part refund needs --reason", "the customer reads it")
    if why := money_desk.why_not_refundable(Rental.from_row(row)):
        raise CommandError(why, f"then say so: ./rentals acknowledge {row['id']} --note ...")
    session.note_target()
    centavos = amount * CENTAVOS_PER_PESO
    session.confirm(part_question(row, centavos), assume_yes=yes)
    found = money.give_back(session.target, row["id"], centavos, reason, key)
    session.messages.print(statement(found))
    session.note(f"Ordered as {key}")


def part_question(row: Mapping[str, Any], centavos: int) -> str:
    """What somebody agrees to who gives a part back."""
    left = given_back.left_of_own(Rental.from_row(row))
    return f"Refund {pesos(centavos)} of {pesos(left)} for {row['collectibleName']}?"


@app.command()
def acknowledge(
    ctx: typer.Context,
    rental_id: RentalId,
    note: Annotated[
        str,
        typer.Option(help="What was done instead, for whoever looks later; names no customer."),
    ],
    yes: Yes = False,
) -> None:
    """Record that a refund that PayMongo cannot make was made in another way. Asks first.

    Of a rental whose money needs nobody, it records that a mail that came back, or an execution
    that failed, was dealt with.

    For a rental that needs attention because a refund can never be made: the customer was paid back
    by bank transfer, say. PayMongo is not asked for that refund again, and the rental no longer
    needs attention; `show`, `audit` and the daily check of the money say that it was settled
    outside, by whom, when and how. Refused while a refund or a settlement is under way. A new
    payment or error makes it need attention again.
    """
    session: Session = ctx.obj
    target = session.target
    row = rows.rental(target, rental_id)
    session.note_target()
    if "attention" not in row and "fulfillmentAttention" in row:
        session.confirm(f"{row['fulfillmentAttention']} is dealt with?", assume_yes=yes)
        row = acknowledging.acknowledge_fulfillment(target, row, note)
        session.show({"rental": rows.shown(row, personal_data=False)}, _acknowledged(row))
        return
    with session.working("Asking AWS and PayMongo"):
        acknowledgement = acknowledging.prepare(target, account.account_of(target), row, note)
    session.confirm(acknowledge_question(row, acknowledgement), assume_yes=yes)
    row = acknowledging.write(target, row, acknowledgement)
    session.show({"rental": rows.shown(row, personal_data=False)}, _acknowledged(row))
    session.note("Delete its messages with: ./rentals redrive")


def _acknowledged(row: Mapping[str, Any]) -> str:
    problem = row.get("fulfillmentAttention")
    needs = f"still needs attention: {problem}" if problem else "needs no attention"
    return f"Rental {row['id']} is [bold]{row['paymentStatus']}[/bold], and {needs}."


def _settle(session: Session, rental_id: str, *, refund: bool, wait_seconds: float) -> None:
    """Start a settlement, show it while it runs, and what came of it."""
    with Live(console=session.messages, transient=True) as live:
        result = settling.settle(
            session.target,
            rental_id,
            refund=refund,
            wait_seconds=wait_seconds,
            on_change=lambda seen: live.update(timeline(seen, datetime.now(UTC))),
        )
    row, execution = result.row, result.execution
    text = f"Rental {row['id']} is [bold]{row['paymentStatus']}[/bold]"
    if "refundStatus" in row:
        text += f", refund {row.get('refundId', 'not made')} {row['refundStatus']}"
    if execution is None:
        session.show(result.to_json(), text, f"Settlement started: {result.arn}")
        return
    session.show(result.to_json(), timeline(execution, datetime.now(UTC)), text)
    if result.is_done:
        return
    if execution.is_running:
        session.note(f"The settlement is still running; see ./rentals show {row['id']}")
    else:
        session.note(f"[red]Not settled: {row.get('attention')}.[/red] See docs/runbook.md.")
    raise typer.Exit(FOUND)


def refund_question(row: Mapping[str, Any]) -> str:
    """What somebody agrees to who refunds this rental's payment."""
    status = row["paymentStatus"]
    total = amount_paid(row)
    if "refundRequestedAt" in row:
        return f"Follow up the refund of {total}, requested at {when(row['refundRequestedAt'])}?"
    if status == PaymentStatus.COMPLETED:
        why = money_desk.why_not_refundable(Rental.from_row(row))
        warning = f" PayMongo will refuse it: {why}" if why else ""
        return f"Refund {total} for {row['collectibleName']}? {_then(row)}{warning}"
    return f"Settle this rental ({status})? {total} is refunded unless a unit is available"


def _then(row: Mapping[str, Any]) -> str:
    """What a full refund does besides."""
    if row.get("fulfillmentStatus") in BEFORE_HAND_OVER:
        return f"The rental is cancelled, and unit {row['unitId']} goes home"
    if "unitId" in row:
        return f"That moves money only: the rental goes on, and unit {row['unitId']} stays out"
    return "That moves money only: the rental is closed"


def acknowledge_question(row: Mapping[str, Any], acknowledgement: Acknowledgement) -> str:
    """What somebody agrees to who acknowledges."""
    if not acknowledgement.payments:
        return f"{acknowledgement.attention} is dealt with, and no money is left to refund?"
    money = "; ".join(
        f"{pesos(amount)} ({each})" for each, amount in acknowledgement.payments.items()
    )
    ending = (
        f" The rental ends as refunded and unit {row['unitId']} goes back on the shelf."
        if "unitId" in row and acknowledging.ends_rental(row, acknowledgement)
        else ""
    )
    return f"{money} was given back outside PayMongo, which must not refund it any more?{ending}"


def render(found: Dossier, *, personal_data: bool, now: datetime | None = None) -> Group:
    """A dossier for people."""
    now = now or datetime.now(UTC)
    parts: list[Any] = [_facts(found, personal_data=personal_data), *_second_half(found)]
    parts += [timeline(each, now) for each in found.executions]
    if not found.executions:
        parts.append(Text("No execution (any more).", "dim"))
    if found.row["paymentStatus"] == PaymentStatus.COMPLETED:
        parts.append(statement(found.money))
    parts += _payments(found)
    if found.lines:
        parts.append(log_table(found.lines, title="[bold]Log[/bold]"))
    return Group(*[each for part in parts for each in (part, Text())][:-1])


def _facts(found: Dossier, *, personal_data: bool) -> Any:
    title = Text(f"Rental {found.row['id']}", "bold").append(f"  times of {zone()}", "dim")
    shown = table("", "")
    shown.show_header = False
    for each in facts_of(found.row, found.unit, found.names):
        name = f"{each.text} ({each.id})" if each.text and each.id else each.text or each.id
        shown.add_row(
            Text(each.name, "dim"), Text(name, "red") if each.is_wrong else coloured(name)
        )
    for name, text in _personal(found.row) if personal_data else ():
        shown.add_row(Text(name, "dim"), Text(text))
    return Group(title, shown)


def _personal(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Who rents, and the links that act for them."""
    yield from (row.get("customer") or {}).items()
    links = {"payment page": "paymentUrl", "checkout page": "checkoutUrl"}
    yield from ((name, row[attribute]) for name, attribute in links.items() if attribute in row)


def _second_half(found: Dossier) -> Iterator[Any]:
    """Of a paid rental: who did what at the desk, what was told."""
    row = found.row
    if row.get("deskLog"):
        yield _desk_log(row["deskLog"])
    if found.notices:
        told = table(
            "notice", "status", f"written ({zone()})", "problem", title="[bold]Notices[/bold]"
        )
        for each in found.notices:
            told.add_row(
                each["kind"],
                coloured(each["status"]),
                when(each["createdAt"]),
                each.get("problem", ""),
            )
        yield told


def _desk_log(entries: Sequence[Mapping[str, Any]]) -> Any:
    shown = table(
        "desk", f"at ({zone()})", "by", "store", "condition", "note", title="[bold]Desk[/bold]"
    )
    for each in entries:
        details = (each.get(name, "") for name in ("by", "store", "condition", "note"))
        shown.add_row(each["action"], when(each["at"]), *map(Text, details))
    return shown


def _payments(found: Dossier) -> Iterator[Any]:
    if found.payments is None:
        yield Text(f"PayMongo: {found.paymongo_problem}", "red")
        return
    status = f", session {found.session_status}" if found.session_status else ""
    shown = table(
        "payment", "status", "amount", "method", "refunds",
        title=f"[bold]At PayMongo[/bold]{status}",
    )  # fmt: skip
    for each in map(dossier.payment_view, found.payments):
        refunds = "\n".join(
            f"{r['id']} {r['status']} {pesos(r['amount'])}" for r in each["refunds"]
        )
        amount = pesos(each["amount"])
        shown.add_row(each["id"], coloured(each["status"]), amount, each["method"], refunds)
    if not found.payments:
        shown.add_row(Text("no payment attempt", "dim"))
    yield shown
