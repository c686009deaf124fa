"""The console by itself, of any stack, on loopback."""

import uvicorn
from rich.console import Console
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route

from tools.console.app import create_app
from tools.console.aws import Account, allow_reading_only
from tools.ops.target import Target


def serve(target: Target, port: int, *, read_only: bool | None) -> None:
    """Serve until a signal. Unless it is said, only a stack on this machine can be changed."""
    if read_only is None:
        read_only = not target.is_local
    if read_only:
        allow_reading_only(target)
    console = create_app(Account(target), read_only=read_only)
    app = Starlette(routes=[Route("/", _to_console), Mount("/console", console)])
    Console(highlight=False, soft_wrap=True).print(
        f"http://127.0.0.1:{port}/console/ shows {target.describe()}"
        + (", read-only" if read_only else "")
    )
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


async def _to_console(request: Request) -> RedirectResponse:
    return RedirectResponse("/console/")
