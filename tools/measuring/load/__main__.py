"""`make load`: send customers, wait until things are quiet, check the promise."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from tools.local.stack import (
    ONE_ADDRESS,
    Settings,
    running,
)

# Of the local stack: long enough to pay, short enough that those who left are over at the end.
HOLD_SECONDS = 30
_LOCUSTFILE = Path(__file__).with_name("locustfile.py")


def main(
    users: Annotated[int, typer.Option(min=1, help="Customers at once")] = 8,
    seconds: Annotated[int, typer.Option(min=1, help="How long they come")] = 60,
    site: Annotated[
        str | None, typer.Option(help="A deployed site; its audit uses AWS's environment variables")
    ] = None,
) -> None:
    """Customers against a local stack of their own, or a deployed one; ends with the audit."""
    if site is not None:
        failures = _locust(site, users, seconds)
        raise typer.Exit(_audit({}) or failures)
    settings = Settings.on_free_ports(
        hold_seconds=HOLD_SECONDS,
        log_dir=Path(tempfile.mkdtemp(prefix="load-logs-")),
        parameters=ONE_ADDRESS,
    )
    with running(settings, print):
        failures = _locust(settings.site_url, users, seconds, "--payment-page")
        time.sleep(HOLD_SECONDS + 10)  # the last who left
        broken = _audit(settings.client_environment)
    raise typer.Exit(broken or failures)


def _locust(site: str, users: int, seconds: int, *options: str) -> int:
    command = [
        sys.executable, "-m", "locust", "--locustfile", str(_LOCUSTFILE), "--host", site,
        "--headless", "--only-summary", "--users", str(users), "--spawn-rate", "2",
        "--run-time", f"{seconds}s", "--stop-timeout", "60", *options,
    ]  # fmt: skip
    return subprocess.run(command, check=False).returncode


def _audit(environment: dict[str, str]) -> int:
    return subprocess.run(
        [sys.executable, "-m", "tools.cli", "audit"], env=os.environ | environment, check=False
    ).returncode


if __name__ == "__main__":
    typer.run(main)
