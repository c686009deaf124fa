"""CloudFront's part on this machine: the site at `/`, the API stage behind `/api` and `/payment`;
and beside it, only here, the operators' console at `/console`, and mails at `/mail`.

python -m tools.local.front_door --port 8000 --api-url http://.../prod --engine-url http://...
--distribution-id E...
"""

import argparse
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache, lru_cache
from typing import Any
from urllib.parse import unquote

import boto3
import httpx
import uvicorn
from samtranslator.yaml_helper import yaml_parse
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tools.local import mail
from tools.ops.loopback import LOOPBACK
from tools.ops.publishing import page_of, site_of
from tools.ops.site_pictures import IMAGES, stored
from tools.ops.target import Target, choose
from tools.ops.words import MANILA, ZONE_VARIABLE, choose_zone
from tools.sources import ROOT
from tools.sources.site import COLLECTIBLES, STATIC, Site, SiteFile

VERBS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
# API Gateway's own limit is 29 s; ours must not be the shorter one.
_API_TIMEOUT_SECONDS = 35.0
# Longer than clients keep idle connections, so that none is closed under a request.
KEEP_ALIVE_SECONDS = 60
_PHOTOGRAPHS = "https://${PhotographsBucket.RegionalDomainName}"
_HOP_BY_HOP = {
    b"connection",
    b"content-length",
    b"date",
    b"host",
    b"keep-alive",
    b"transfer-encoding",
}
_KEEP_SECONDS = 5


class _AnyPath(PathConvertor):
    """A path with whatever is in it; Starlette's own takes no line break."""

    regex = r"[\s\S]*"


register_url_convertor("any", _AnyPath())


def create_app(api_url: str, engine_url: str, distribution_id: str) -> Starlette:
    """The front door of the API stage at `api_url`, for a distribution that the engine knows;
    browsers find S3 at `engine_url`.
    """
    headers = site_headers(engine_url)

    async def send_site_headers(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await call_next(request)
        if not request.url.path.startswith(("/api/", "/payment/")):
            response.headers.update(headers)
        return response

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(
            base_url=api_url,
            timeout=_API_TIMEOUT_SECONDS,
            limits=httpx.Limits(max_connections=None),
        ) as client:
            app.state.api, app.state.distribution_id = client, distribution_id
            yield

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/api/{path:any}", _forward, methods=VERBS),
            Route("/payment/{path:any}", _forward, methods=VERBS),
            Route("/console", _to_console),
            Mount("/console", _serve_console),
            Route("/mail", _mail),
            Route("/mail/{message_id}", _mail),
            Route("/{path:any}", _serve, methods=["GET", "HEAD"]),
        ],
        middleware=[
            # A web page must not reach this machine under a name of its own (DNS rebinding).
            Middleware(TrustedHostMiddleware, allowed_hosts=LOOPBACK),
            Middleware(GZipMiddleware, minimum_size=1024),
            Middleware(BaseHTTPMiddleware, dispatch=send_site_headers),
        ],
    )


def site_headers(engine_url: str) -> dict[str, str]:
    """The headers of `SiteHeadersPolicy` in template.yaml, as CloudFront sends them, with the
    engine in the place of the photographs' bucket.
    """
    template = yaml_parse((ROOT / "template.yaml").read_text())
    policy: dict[str, Any] = template["Resources"]["SiteHeadersPolicy"]["Properties"]
    config = policy["ResponseHeadersPolicyConfig"]
    security = config["SecurityHeadersConfig"]
    policy_text = security["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Sub"]
    return {
        "Content-Security-Policy": policy_text.replace(_PHOTOGRAPHS, engine_url),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": security["FrameOptions"]["FrameOption"],
        "Referrer-Policy": security["ReferrerPolicy"]["ReferrerPolicy"],
        **{item["Header"]: item["Value"] for item in config["CustomHeadersConfig"]["Items"]},
    }


async def _serve(request: Request) -> Response:
    path = "/" + request.path_params["path"]
    file = await run_in_threadpool(_file, "/index.html" if path == "/" else path)
    status = 200 if file else 404
    file = file or _site().files["/404.html"]
    return Response(
        file.content,
        status,
        {"Cache-Control": file.cache_control if status == 200 else "no-cache"},
        media_type=file.media_type,
    )


def _file(path: str) -> SiteFile | None:
    """A collectible's page is made when it is asked for: publishing stores it on AWS."""
    collectible_id = path.removeprefix(COLLECTIBLES)
    if not collectible_id or collectible_id == path:
        there = _site().files.get(path)
        return stored(_target(), path) if there is None and path.startswith(IMAGES) else there
    row = _target().table("Collectibles").get_item(Key={"id": collectible_id}).get("Item")
    page = page_of(_site(), row) if row else None
    return page[1] if page else None


@cache
def _target() -> Target:
    return choose()


def _site() -> Site:
    """The site, read anew when something in its folder has changed."""
    return _site_of(max(path.stat().st_mtime_ns for path in STATIC.rglob("*")))


@lru_cache(maxsize=1)
def _site_of(changed_at: int) -> Site:
    return site_of(_target())


async def _mail(request: Request) -> Response:
    api: httpx.AsyncClient = request.app.state.api
    answer = await api.get(api.base_url.join(mail.MESSAGES))
    page = mail.page(
        mail.newest_first(answer.raise_for_status().json()),
        request.path_params.get("message_id"),
        stylesheet=next(path for path in _site().files if path.endswith("/css/site.css")),
    )
    return HTMLResponse(page) if page else RedirectResponse("/mail")


async def _to_console(request: Request) -> Response:
    return RedirectResponse("/console/")


@cache
def _console() -> ASGIApp:
    """The console of the stack that the environment names; loaded when it is first asked for."""
    from tools.console.app import create_app as create_console  # noqa: PLC0415
    from tools.console.aws import Account  # noqa: PLC0415

    return create_console(Account(_target()))


async def _serve_console(scope: Scope, receive: Receive, send: Send) -> None:
    app = await run_in_threadpool(_console)
    await app(scope, receive, send)


@cache
def _cloudfront() -> Any:
    return boto3.client("cloudfront")


@lru_cache(maxsize=1)
def _origin_headers(distribution_id: str, moment: int) -> dict[bytes, bytes]:
    """What the distribution adds to requests for the API, as it is at this moment."""
    answer = _cloudfront().get_distribution_config(Id=distribution_id)
    origins = answer["DistributionConfig"]["Origins"]["Items"]
    (api,) = (origin for origin in origins if origin["Id"] == "api")
    added = api["CustomHeaders"]["Items"]
    return {each["HeaderName"].lower().encode(): each["HeaderValue"].encode() for each in added}


async def _forward(request: Request) -> Response:
    api: httpx.AsyncClient = request.app.state.api
    path = request.scope["raw_path"].decode()
    # httpx would resolve dots, and so lead past the API's stage; the engine's policies allow no
    # path with a line break.
    if {".", ".."} & set(unquote(path).split("/")) or "\n" in unquote(path):
        return JSONResponse(
            {"success": False, "error": "there is no such route", "code": "ROUTE_NOT_FOUND"}, 404
        )
    if request.url.query:
        path += f"?{request.url.query}"
    moment = int(time.monotonic() // _KEEP_SECONDS)
    added = await run_in_threadpool(_origin_headers, request.app.state.distribution_id, moment)
    peer = request.client.host if request.client else ""
    site = str(request.base_url).rstrip("/")
    added = {**added, b"x-client-address": peer.encode(), b"x-site-url": site.encode()}
    headers = [each for each in request.headers.raw if each[0] not in _HOP_BY_HOP | added.keys()]
    try:
        answer = await api.request(
            request.method,
            path.lstrip("/"),
            content=await request.body(),
            headers=[*headers, *added.items()],
        )
    except httpx.HTTPError:
        return JSONResponse(
            {"success": False, "error": "the API does not answer", "code": "BAD_GATEWAY"}, 502
        )
    response = Response(answer.content, answer.status_code)
    for name, value in answer.headers.items():
        if name.encode() not in _HOP_BY_HOP | {b"content-encoding"}:
            response.headers[name] = value
    return response


def main() -> None:
    """Serve until a signal."""
    parser = argparse.ArgumentParser(description="site and API on one origin")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api-url", required=True)
    parser.add_argument("--engine-url", required=True)
    parser.add_argument("--distribution-id", required=True)
    arguments = parser.parse_args()
    choose_zone(os.environ.get(ZONE_VARIABLE, MANILA))
    api_url = arguments.api_url.rstrip("/") + "/"
    uvicorn.run(
        create_app(api_url, arguments.engine_url, arguments.distribution_id),
        host="127.0.0.1",
        port=arguments.port,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )


if __name__ == "__main__":
    main()
