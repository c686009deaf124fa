"""Commands of the store desk and the warehouses: desk, find, unit."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.table import Table

from rentals.desk import Action, Condition, Moved
from rentals.models import CENTAVOS_PER_PESO
from rentals.unit_desk import UnitAction
from tools.cli.money import RentalId
from tools.cli.session import Session
from tools.cli.text import coloured, table
from tools.ops import desk, rows
from tools.ops.desk import Listed, listed
from tools.ops.errors import CommandError
from tools.ops.words import when, zone

app = typer.Typer()
desk_app = typer.Typer(
    no_args_is_help=True, help="What store staff do: receive, hand over, take back, inspect."
)
app.add_typer(desk_app, name="desk")
StoreId = Annotated[
    str | None, typer.Option("--store", help="The store where it happens.", show_default=False)
]
Owed = Annotated[
    int | None,
    typer.Option("--amount", metavar="PESOS", min=0, max=1_000_000, show_default=False),
]
Note = Annotated[str, typer.Option(help="For colleagues; names no customer.")]

_HELP = {
    Action.ARRIVED: "The unit has arrived at the store: it is ready for pick-up.",
    Action.RETURNED: "The unit is back, at --store if that is not the rental's.",
    Action.FOUND: "A lost unit is found: it goes home, from --store if that is given.",
    Action.CANCELLED: "Cancel before the unit is handed over: it goes home, the money goes back.",
}


def _command_of(action: Action) -> Callable[..., None]:
    def command(
        ctx: typer.Context, rental: RentalId, store: StoreId = None, note: Note = ""
    ) -> None:
        session: Session = ctx.obj
        session.note_target()
        _show_moved(session, desk.act(session.target, rental, action, store_id=store, note=note))

    return command


for _action, _help in _HELP.items():
    desk_app.command(_action.replace("_", "-"), help=_help)(_command_of(_action))


@desk_app.command("picked-up")
def picked_up(
    ctx: typer.Context,
    rental: RentalId,
    receipt: Annotated[
        str | None, typer.Option(help="That of a deposit taken at the counter.", show_default=False)
    ] = None,
    store: StoreId = None,
    note: Note = "",
) -> None:
    """The customer has the unit; due is counted from today."""
    session: Session = ctx.obj
    session.note_target()
    moved = desk.act(
        session.target, rental, Action.PICKED_UP, store_id=store, note=note, receipt=receipt
    )
    _show_moved(session, moved)


@desk_app.command()
def lost(
    ctx: typer.Context,
    rental: RentalId,
    amount: Owed = None,
    store: StoreId = None,
    note: Note = "",
) -> None:
    """The unit is lost: this ends the rental.

    Whoever had it owes --amount, by default its replacement value.
    """
    session: Session = ctx.obj
    session.note_target()
    moved = desk.act(
        session.target, rental, Action.LOST, store_id=store, note=note, centavos=_centavos(amount)
    )
    _show_moved(session, moved)


@desk_app.command()
def inspected(  # noqa: PLR0913, PLR0917 - what is said of it
    ctx: typer.Context,
    rental: RentalId,
    condition: Annotated[Condition, typer.Option(help="How it came back.")] = Condition.FINE,
    amount: Owed = None,
    store: StoreId = None,
    note: Note = "",
) -> None:
    """The unit was looked at: this ends the rental.

    A fine unit goes home to its warehouse, any other one to maintenance. The customer owes --amount
    for the damage: the deposit pays what it can.
    """
    session: Session = ctx.obj
    session.note_target()
    if amount and condition is Condition.FINE:
        raise CommandError("a fine unit costs nothing more", "say --condition damaged")
    moved = desk.act(
        session.target,
        rental,
        Action.INSPECTED,
        store_id=store,
        condition=condition,
        note=note,
        centavos=_centavos(amount),
    )
    _show_moved(session, moved)


def _centavos(pesos: int | None) -> int | None:
    return None if pesos is None else pesos * CENTAVOS_PER_PESO


@desk_app.command()
def today(ctx: typer.Context, store: StoreId = None) -> None:
    """What a store, or every store, waits for, has and misses: at most 50 a stage."""
    session: Session = ctx.obj
    found = desk.today(session.target, store)
    _show_list(session, found, "Nothing is on the way, waits, is out or came back.")


@app.command()
def find(
    ctx: typer.Context,
    words: Annotated[str, typer.Argument(help="A number, id, unit, e-mail address or phone.")],
) -> None:
    """Find paid rentals by what people know of them. Shows nobody's data."""
    session: Session = ctx.obj
    _show_list(session, desk.find(session.target, words))


@app.command()
def unit(
    ctx: typer.Context,
    unit_id: Annotated[str, typer.Argument(metavar="UNIT")],
    action: Annotated[
        UnitAction | None, typer.Argument(help="By default the unit is shown.", show_default=False)
    ] = None,
    warehouse: Annotated[str | None, typer.Argument(help="Of a move.", show_default=False)] = None,
    reason: Annotated[str, typer.Option(help="Of maintenance, lost, retire.")] = "",
) -> None:
    """Show a unit, or take it out of what can be rented and put it back.

    For units that no rental has; one that a rental has is moved by ./rentals desk. `maintenance`,
    `lost` and `retire` take it away, `retire` for good. `back` sends it home from maintenance or
    when it is found, `move` to another warehouse; the clock puts it on the shelf when it is there,
    `shelved` at once.
    """
    session: Session = ctx.obj
    if action is None:
        _show_unit(session, desk.unit(session.target, unit_id))
        return
    session.note_target()
    moved = desk.act_on_unit(session.target, unit_id, action, reason=reason, warehouse_id=warehouse)
    if not moved.is_new:
        session.note("That was done before: nothing is changed.")
    _show_unit(session, desk.unit(session.target, unit_id))


def _show_moved(session: Session, moved: Moved) -> None:
    line = listed(moved.rental)
    if not moved.is_new:
        session.note("That was done before: nothing is changed.")
    session.show({"rental": asdict(line), "is_new": moved.is_new}, _table_of(session, [line]))


def _show_list(session: Session, found: Sequence[Listed], otherwise: str = "") -> None:
    data = {"rentals": list(map(asdict, found))}
    session.show(data, _table_of(session, found) if found else otherwise)


def _table_of(session: Session, found: Sequence[Listed]) -> Table:
    stores = rows.names(session.target, "Stores")
    shown = table("number", "what", "unit", "store", "status", f"since ({zone()})", "due", "id")
    for each in found:
        status = "overdue" if each.is_overdue else each.status.replace("_", " ")
        shown.add_row(
            each.number,
            each.collectible,
            each.unit_id or "",
            stores.get(each.store_id, each.store_id),
            coloured(status),
            when(each.since),
            when(each.due_at),
            each.rental_id,
        )
    return shown


def _show_unit(session: Session, row: dict[str, Any]) -> None:
    shown = table("", "", title=f"[bold]Unit {row['id']}[/bold]")
    shown.show_header = False
    for name, value in row.items():
        if name != "id":
            shown.add_row(name, str(value))
    session.show({"unit": row}, shown)
