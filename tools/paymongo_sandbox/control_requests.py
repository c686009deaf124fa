"""How a control endpoint reads its request and answers."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.paymongo_sandbox.errors import ApiError
from tools.paymongo_sandbox.gateway import AlreadyPaidError
from tools.paymongo_sandbox.resources import Event, Json, Record
from tools.paymongo_sandbox.store import Store

M = TypeVar("M", bound=BaseModel)
R = TypeVar("R", bound=Record)
Handler = Callable[[Request], Awaitable[Json]]
Table = list[tuple[str, str, Handler]]
"""Method, path below /_sandbox, handler."""


class Options(BaseModel):
    """A body; a field that does not exist is refused."""

    model_config = ConfigDict(extra="forbid")


class ControlError(Exception):
    """A control request that makes no sense."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def routes(table: Table) -> list[Route]:
    """For each method, path and handler."""
    return [
        Route(f"/_sandbox{path}", _endpoint(handler), methods=[method])
        for method, path, handler in table
    ]


async def read(request: Request, model: type[M]) -> M:
    """The request's JSON body, where no body is an empty object. Raises ControlError."""
    try:
        return model.model_validate_json(await request.body() or b"{}")
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ControlError(400, "; ".join(problems)) from None


def find(store: Store, kind: type[R], request: Request) -> R:
    """The record that the path names. Raises ControlError."""
    record = store.find(kind, request.path_params["id"])
    if record is None:
        raise ControlError(404, f"no such {kind.KIND}")
    return record


def caused(name: str, resource: Json, events: list[Event]) -> Json:
    """What became of a resource, and the events that were sent."""
    return {name: resource, "event_ids": [event.id for event in events]}


async def answer(request: Request, handler: Handler) -> Response:
    """What the handler says, or why it refuses."""
    # A page that a browser on this machine shows must not tell the sandbox what to do.
    origin = request.headers.get("origin")
    if origin and httpx.URL(origin).netloc != request.url.netloc.encode():
        return JSONResponse({"error": "not for pages of another origin"}, 403)
    try:
        return JSONResponse(await handler(request))
    except ControlError as error:
        return JSONResponse({"error": str(error)}, error.status)
    except ApiError as error:
        return JSONResponse(error.to_json(), error.status)
    except AlreadyPaidError:
        return JSONResponse({"error": "the session is paid already"}, 409)


def _endpoint(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await answer(request, handler)

    return endpoint
