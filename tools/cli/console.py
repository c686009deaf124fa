"""The command that opens the console: console."""

import os
import socket
from typing import Annotated

import typer
import uvicorn

from tools.cli.session import Session
from tools.ops.errors import CommandError

app = typer.Typer()


@app.command("console")
def console_(
    ctx: typer.Context,
    port: Annotated[
        int, typer.Option(min=1, max=65_535, help="Where it listens, on loopback.")
    ] = 8010,
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
    dynamodb:BatchGetItem on Rentals, Units and Charges, dynamodb:Query on Rentals and Lookups,
    dynamodb:Scan on Stores and Warehouses, cloudformation:DescribeStacks and
    ListStackResources, and logs:FilterLogEvents.
    """
    from tools.console.server import standalone  # noqa: PLC0415 - Graphviz takes a while to load

    session: Session = ctx.obj
    target = session.target
    if read_only is None:
        read_only = not target.is_local
    app = standalone(target, read_only=read_only)
    try:
        listening = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise CommandError(
            f"port {port} cannot be used: {os.strerror(error.errno or 0)}",
            "give another one with --port",
        ) from None
    session.console.print(
        f"http://127.0.0.1:{port}/console/ shows {target.describe()}"
        + (", read-only" if read_only else ""),
        soft_wrap=True,
    )
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])
