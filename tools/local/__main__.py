"""`python -m tools.local`, which is `make run`."""

import signal
import time
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console

from tools.local.stack import (
    STAFF_EMAIL,
    STAFF_PASSWORD,
    LocalStack,
    Settings,
)
from tools.local.state import StartupError
from tools.ops.errors import NotUnderstood
from tools.ops.words import MANILA, ZONE_VARIABLE, choose_zone

console = Console(highlight=False)

# What the template's clock does by itself.
_SCHEDULE_SECONDS = 60


def _port(envvar: str, what: str) -> Any:
    return typer.Option(envvar=envvar, min=1, max=65_535, help=what)


def _checked_zone(name: str) -> str:
    try:
        choose_zone(name)
    except NotUnderstood as error:
        raise typer.BadParameter(f"{error}; {error.hint}") from None
    return name


def main(  # noqa: PLR0913, PLR0917 - a setting each
    port: Annotated[int, _port("PORT", "Site and API")] = 8000,
    aws_port: Annotated[int, _port("AWS_PORT", "AWS endpoint")] = 4566,
    paymongo_port: Annotated[int, _port("PAYMONGO_PORT", "PayMongo")] = 8001,
    hold_seconds: Annotated[
        int,
        typer.Option(
            envvar="HOLD_SECONDS", min=1, max=86_400, help="How long a unit waits for its payment"
        ),
    ] = 900,
    day_seconds: Annotated[
        int,
        typer.Option(envvar="DAY_SECONDS", min=10, max=86_400, help="How long a day lasts"),
    ] = 86_400,
    state_dir: Annotated[
        Path | None,
        typer.Option(
            envvar="STATE_DIR", file_okay=False, help="Keep state in this folder between starts"
        ),
    ] = None,
    time_zone: Annotated[
        str,
        typer.Option(
            envvar=ZONE_VARIABLE, callback=_checked_zone, help="Whose clocks the console shows"
        ),
    ] = MANILA,
) -> None:
    """Run the whole system on this machine until Ctrl-C."""
    settings = Settings(
        port=port,
        aws_port=aws_port,
        paymongo_port=paymongo_port,
        hold_seconds=hold_seconds,
        day_seconds=day_seconds,
        state_dir=state_dir,
        log_dir=Path(".local") / f"logs-{port}",
    )
    signal.signal(signal.SIGTERM, _interrupt)
    started = time.monotonic()
    try:
        with console.status("Starting") as status:
            stack = LocalStack(settings)
            try:
                stack.start(lambda step: _report(status, step, started))
            except BaseException:
                stack.stop()
                raise
        _welcome(settings, time.monotonic() - started)
        try:
            _watch(stack)
            died = stack.has_died()
            console.print(f"[red]{died} has ended; its log is {stack.log_of(str(died))}[/red]")
            raise typer.Exit(1)
        finally:
            with console.status("Stopping"):
                stack.stop()
    except StartupError as error:
        console.print(f"[red]Cannot start: {error}[/red]")
        raise typer.Exit(1) from None
    except OSError as error:
        said = f"{error.filename}: {error.strerror}"
        console.print(f"[red]Cannot start: {said}; is STATE_DIR one that can be written?[/red]")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("Stopped.")


def _watch(stack: LocalStack) -> None:
    """Until a process dies. Where a day is short, its deadlines cannot wait for the next minute."""
    pause = stack.settings.day_seconds / 10
    next_tick = time.monotonic() + pause
    while stack.has_died() is None:
        time.sleep(0.5)
        if pause < _SCHEDULE_SECONDS and time.monotonic() >= next_tick:
            stack.tick()
            next_tick = time.monotonic() + pause


def _report(status: object, step: str, started: float) -> None:
    console.print(f"[dim]{time.monotonic() - started:5.1f} s[/dim]  {step}")


def _welcome(settings: Settings, seconds: float) -> None:
    console.print(f"\n[bold green]Ready after {seconds:.1f} s[/bold green]\n")
    console.print(f"  Site              [bold]{settings.site_url}[/bold]")
    console.print(f"  Store desk        [bold]{settings.site_url}/desk/[/bold]")
    console.print(f"                    {STAFF_EMAIL}, {STAFF_PASSWORD}: a manager, of every store")
    console.print(f"  Console           [bold]{settings.site_url}/console/[/bold]")
    console.print(f"  Mails             [bold]{settings.site_url}/mail[/bold]")
    console.print(f"  PayMongo sandbox  [bold]{settings.paymongo_url}[/bold], a dashboard")
    console.print(f"  AWS endpoint      {settings.aws_url}\n")
    console.print("  To use the AWS CLI in another terminal (`make setup` brings .venv/bin/aws):\n")
    # Each short enough for a terminal of 80 columns: a line that is broken exports half.
    for name, value in settings.client_environment.items():
        console.print(f"    export {name}={value}")
    console.print("    aws stepfunctions list-state-machines\n")
    console.print(f"  A unit is held for {settings.hold_seconds} s. Ctrl-C stops everything.\n")


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    typer.run(main)
