"""`python -m tools.console`: the console by itself, of any stack."""

from typing import Annotated

import typer
import uvicorn
from rich.console import Console
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route

from tools.console.app import create_app
from tools.console.aws import Account, allow_reading_only
from tools.ops.target import DEFAULT_STACK_NAME, choose


def main(  # noqa: PLR0913, PLR0917 - one option each
    port: Annotated[int, typer.Option(help="Where the console is, on loopback")] = 8010,
    profile: Annotated[str | None, typer.Option(help="AWS profile")] = None,
    region: Annotated[str | None, typer.Option(help="AWS region, by default the profile's")] = None,
    endpoint_url: Annotated[
        str | None, typer.Option(envvar="AWS_ENDPOINT_URL", help="AWS endpoint of a local stack")
    ] = None,
    stack_name: Annotated[
        str, typer.Option(envvar="STACK_NAME", help="CloudFormation stack")
    ] = DEFAULT_STACK_NAME,
    read_only: Annotated[
        bool | None,
        typer.Option(help="Refuse to change anything; the default but for a local stack"),
    ] = None,
) -> None:
    """Look at executions as in the Step Functions console, of a stack on AWS or on this machine.

    Reading takes states:List*, states:Describe*, states:GetExecutionHistory, dynamodb:BatchGetItem
    on Rentals and Units, and cloudformation:DescribeStacks and ListStackResources.
    """
    target = choose(
        stack_name=stack_name, profile=profile, region=region, endpoint_url=endpoint_url
    )
    is_read_only = not target.is_local if read_only is None else read_only
    if is_read_only:
        allow_reading_only(target)
    console = create_app(Account(target), read_only=is_read_only)
    app = Starlette(routes=[Route("/", _to_console), Mount("/console", console)])
    Console(highlight=False).print(
        f"http://127.0.0.1:{port}/console/ shows {target.describe()}"
        + (", read-only" if is_read_only else "")
    )
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


async def _to_console(request: Request) -> RedirectResponse:
    return RedirectResponse("/console/")


if __name__ == "__main__":
    typer.run(main)
