"""The command that writes the shop to files: export-shop."""

from pathlib import Path
from typing import Annotated

import typer

from tools.cli.session import Session
from tools.cli.text import table
from tools.importing import exporting

app = typer.Typer()


@app.command("export-shop")
def export_shop(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(file_okay=False, help="A new folder.")],
    as_json: Annotated[bool, typer.Option("--as-json", help="JSON files instead of CSV.")] = False,
    personal_data: Annotated[
        bool, typer.Option("--personal-data", help="Who rented, as well.")
    ] = False,
) -> None:
    """Write collectibles, stores, warehouses and units as ./rentals import takes them; and lists of
    rentals, their money, sales by month, store and collectible, and the days that units were out.

    Pictures are not copied. Months and times are Manila's, sums pesos.
    """
    session: Session = ctx.obj
    session.note_target()
    with session.working("Reading the tables"):
        written = exporting.export(
            session.target, folder, as_json=as_json, personal_data=personal_data
        )
    shown = table("file", "rows")
    for name, count in written.items():
        shown.add_row(name, str(count))
    session.show({"folder": str(folder), "rows": written}, shown)
