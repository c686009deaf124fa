"""Deploying what `make build` has built, with the settings of samconfig.toml.

    python -m tools.building.release prod ShiftReleases=false

A release is named by what is deployed and with which parameters. The name is written into every
function's environment, because that is what makes SAM publish a version and move the alias: with a
parameter's new value alone, callers would keep the old one.
"""

import argparse
import hashlib
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from tools.building import tables, versions
from tools.building.build import BUILD, SAM
from tools.ops.explaining import EXPLAINED, explain
from tools.ops.target import Target
from tools.sources import ROOT

_DIGITS = 12
_PLACE = re.compile(r"^(\s+RELEASE: ).*$", flags=re.MULTILINE)


def release_of(parameters: Mapping[str, str], *contents: bytes) -> str:
    """The name of a release: the same for the same contents and parameters."""
    digest = hashlib.sha256()
    for name, value in sorted(parameters.items()):
        digest.update(f"{name}={value}\0".encode())
    for content in contents:
        digest.update(len(content).to_bytes(8, "big") + content)
    return "r" + digest.hexdigest()[:_DIGITS]


def stamped(template: str, release: str) -> str:
    """The template with the release's name in the functions' environment."""
    found, places = _PLACE.subn(rf"\g<1>{release}", template)
    if places != 1:
        raise ValueError(f"{places} places for the release's name instead of one")
    return found


def settings_of(environment: str) -> dict[str, Any]:
    """The section of samconfig.toml. Raises KeyError for an unknown environment."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    settings: dict[str, Any] = config[environment]["deploy"]["parameters"]
    return settings


def parameters_of(environment: str, overrides: list[str]) -> dict[str, str]:
    """Parameters of the template: samconfig.toml's, then those given. Raises ValueError."""
    found = {}
    for each in [*settings_of(environment)["parameter_overrides"], *overrides]:
        name, is_given, value = each.partition("=")
        if not is_given:
            raise ValueError(f"{each!r} is not Name=value")
        found[name] = value
    return found


def target_of(environment: str, sam_options: list[str]) -> Target:
    """The stack that sam acts on: samconfig.toml's, unless its options say otherwise."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    for option in ("--profile", "--region", "--stack-name"):
        parser.add_argument(option)
    given, _ = parser.parse_known_args(sam_options)
    settings = settings_of(environment)
    return Target(
        given.stack_name or settings["stack_name"],
        given.profile,
        given.region or settings["region"],
        os.environ.get("AWS_ENDPOINT_URL"),
    )


def main(
    environment: Annotated[
        str, typer.Argument(envvar="ENV", help="A section of samconfig.toml: dev, prod")
    ],
    parameters: Annotated[
        list[str] | None, typer.Argument(envvar="PARAMETERS", help="Name=value, for this time")
    ] = None,
) -> None:
    """Deploy what `make build` has built. The variable SAM_OPTIONS holds more for sam."""
    wanted = parameters_of(environment, parameters or [])
    options = shlex.split(os.environ.get("SAM_OPTIONS", ""))
    target = target_of(environment, options)
    template = BUILD / "template.yaml"
    plain = stamped(template.read_text(), "none")
    files = [ROOT / "openapi.yaml", *sorted((ROOT / "statemachines").glob("*.json"))]
    files += sorted(path for path in BUILD.rglob("*") if path.is_file() and path != template)
    release = release_of(wanted, plain.encode(), *(path.read_bytes() for path in files))
    template.write_text(stamped(plain, release))
    typer.echo(f"Release {release} to {environment}")
    command = [
        # Without --template-file: SAM looks for samconfig.toml beside the template that is named.
        str(SAM), "deploy", "--config-env", environment,
        "--parameter-overrides", *(f"{name}={value}" for name, value in wanted.items()),
        *options,
    ]  # fmt: skip
    try:
        sys.exit(_deploy(target, wanted, command))
    except EXPLAINED as error:
        failure = explain(error, target)
    typer.echo(f"{failure}\n{failure.hint or ''}".rstrip(), err=True)
    sys.exit(failure.exit_code)


def _deploy(target: Target, parameters: Mapping[str, str], command: list[str]) -> int:
    only_shows = "--no-execute-changeset" in command
    if not only_shows:
        for name in tables.take_over(target, parameters):
            typer.echo(f"Takes over the table {name}, which no stack owns")
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code == 0 and not only_shows:
        count = versions.prune(target.client("lambda"), [*target.stack.functions.values()])
        typer.echo(f"Deleted {count} versions of functions that nothing calls any more")
    return code


if __name__ == "__main__":
    typer.run(main)
