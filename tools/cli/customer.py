"""Commands about a customer's personal data: export, erase."""

import json
from typing import Annotated

import typer

from tools.cli.session import Session, Yes
from tools.cli.text import table
from tools.ops import personal_data
from tools.ops.domain import domain_of
from tools.ops.errors import FOUND

app = typer.Typer()
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The customer's address.")]


@app.command()
def export(ctx: typer.Context, email: Email) -> None:
    """Everything that is stored about a customer, as JSON on stdout."""
    session: Session = ctx.obj
    session.note_target()
    with domain_of(session.target):
        found = personal_data.export(session.target, email)
    print(json.dumps(found, indent=2, ensure_ascii=False, default=str))


@app.command()
def erase(ctx: typer.Context, email: Email, yes: Yes = False) -> None:
    """Erase who a customer is from all their rentals and waiting lists. Asks first: it cannot be
    undone.

    What was rented and paid stays, without a name. A rental that is under way is erased by itself
    once it is over, and its reason is said; exit code 1 then. Safe to run twice.
    """
    session: Session = ctx.obj
    session.note_target()
    session.confirm("Erase this customer from every rental?", assume_yes=yes)
    with session.working("Erasing"), domain_of(session.target):
        done = personal_data.erase(email)
    shown = table("rental", "")
    for rental_id, outcome in done.items():
        shown.add_row(rental_id, outcome)
    nothing = "[green]No rental names this customer.[/green]"
    session.show({"rentals": done}, shown if done else nothing)
    if any(outcome != personal_data.ERASED for outcome in done.values()):
        raise typer.Exit(FOUND)
