"""`./rentals`: the options of every command, and the commands by group."""

import tomllib
from pathlib import Path
from typing import Annotated

import typer

from tools.cli import (
    catalogue,
    console,
    customer,
    deployment,
    desk,
    exporting,
    money,
    rental,
    replaying,
    staff,
    watching,
)
from tools.cli.session import EPILOG, Commands, Session
from tools.ops.target import DEFAULT_STACK_NAME, choose
from tools.ops.words import MANILA, ZONE_VARIABLE, choose_zone

_PROJECT = Path(__file__).parents[2] / "pyproject.toml"

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    epilog=EPILOG,
)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        print(tomllib.loads(_PROJECT.read_text())["project"]["version"])
        raise typer.Exit


@app.callback()
def program(  # noqa: PLR0913, PLR0917 - the options of every command
    ctx: typer.Context,
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
    time_zone: Annotated[
        str, typer.Option(envvar=ZONE_VARIABLE, help="Whose clocks times are shown by.")
    ] = MANILA,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, for scripts.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Operate rentals: see what needs attention, settle, refund, audit, import.

    Exit codes: 0 all is well; 1 something was found, refused or failed; 2 the command was not
    understood; 3 the stack, AWS or PayMongo could not be reached, or did not allow it.
    """
    choose_zone(time_zone)
    target = choose(
        stack_name=stack_name, profile=profile, region=region, endpoint_url=endpoint_url
    )
    ctx.obj = Session(target, as_json)


GROUPS = (
    watching,
    rental,
    money,
    desk,
    customer,
    exporting,
    replaying,
    console,
    staff,
    catalogue,
    deployment,
)
for group in GROUPS:
    app.add_typer(group.app)
