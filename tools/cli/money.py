"""Commands about a rental's money after its checkout: charge, pay, waive, given."""

import uuid
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from rentals.charges import ChargeKind
from rentals.models import CENTAVOS_PER_PESO
from rentals.statement import Statement
from tools.cli.session import Session
from tools.cli.text import coloured, table
from tools.ops import money
from tools.ops.words import pesos, when, zone

app = typer.Typer()
RentalId = Annotated[
    str, typer.Argument(metavar="RENTAL", help="The rental's id, or its number once it is paid.")
]
ChargeId = Annotated[str, typer.Argument(metavar="CHARGE", help="As ./rentals show has it.")]
Amount = Annotated[int, typer.Option(metavar="PESOS", min=1, max=1_000_000)]
Reason = Annotated[str, typer.Option(help="Why. The customer reads it; it names nobody.")]
Receipt = Annotated[str, typer.Option(help="The number of the paper receipt.")]
Key = Annotated[str, typer.Option(help="The same one again changes nothing; by default a new one.")]


class Kind(StrEnum):
    """What people are charged for by hand."""

    DAMAGE = ChargeKind.DAMAGE
    LOSS = ChargeKind.LOSS


@app.command()
def charge(  # noqa: PLR0913, PLR0917 - what a charge is made of
    ctx: typer.Context,
    rental_id: RentalId,
    kind: Kind,
    amount: Amount,
    reason: Reason,
    key: Key = "",
) -> None:
    """Charge a paid rental's customer for damage or loss that is found later.

    The customer pays on the rental's page, or at the counter; it never blocks the unit's way.
    """
    session: Session = ctx.obj
    session.note_target()
    centavos = amount * CENTAVOS_PER_PESO
    found = money.charge(
        session.target, rental_id, ChargeKind(kind), centavos, reason, key=key or str(uuid.uuid4())
    )
    show_statement(session, found)


@app.command()
def pay(ctx: typer.Context, rental_id: RentalId, charge_id: ChargeId, receipt: Receipt) -> None:
    """A charge was paid at the counter."""
    session: Session = ctx.obj
    session.note_target()
    show_statement(session, money.pay(session.target, rental_id, charge_id, receipt))


@app.command()
def waive(ctx: typer.Context, rental_id: RentalId, charge_id: ChargeId, reason: Reason) -> None:
    """What is outstanding of a charge need not be paid."""
    session: Session = ctx.obj
    session.note_target()
    show_statement(session, money.waive(session.target, rental_id, charge_id, reason))


@app.command()
def given(
    ctx: typer.Context,
    rental_id: RentalId,
    refund: Annotated[str, typer.Argument(metavar="REFUND", help="As ./rentals show has it.")],
    receipt: Receipt,
) -> None:
    """What was to go back was handed out at the counter: PayMongo is not asked for it any more."""
    session: Session = ctx.obj
    session.note_target()
    show_statement(session, money.given(session.target, rental_id, refund, receipt))


def show_statement(session: Session, found: Statement) -> None:
    """How a rental's money stands."""
    session.show({"rental_id": found.rental.id, "money": money.to_json(found)}, statement(found))


def statement(found: Statement) -> Group:
    """The same for people."""
    sums = {
        "outstanding": found.outstanding,
        "deposit held": found.deposit_held,
        "given back": found.given_back,
    }
    told = [f"{name} {pesos(centavos)}" for name, centavos in sums.items() if centavos]
    shown = table("money", "amount", "status", f"at ({zone()})", "by", "why", "id")
    for each in money.entries(found):
        shown.add_row(
            each.what,
            pesos(each.centavos),
            coloured(each.status),
            when(each.at),
            Text(each.by),
            Text(each.why),
            each.id,
        )
    return Group(Text("Money", "bold"), *([Text(", ".join(told))] if told else []), shown)
