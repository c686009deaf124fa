"""The console by itself, of any stack."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route

from tools.console.app import create_app
from tools.console.aws import Account, allow_reading_only
from tools.ops.target import Target


def standalone(target: Target, *, read_only: bool) -> Starlette:
    """The console under /console; read-only, nothing but reads reach AWS with this target."""
    if read_only:
        allow_reading_only(target)
    console = create_app(Account(target), read_only=read_only)
    return Starlette(routes=[Route("/", _to_console), Mount("/console", console)])


async def _to_console(request: Request) -> RedirectResponse:
    return RedirectResponse("/console/")
