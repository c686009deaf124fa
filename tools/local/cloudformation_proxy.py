"""A proxy before the engine, for clients that deploy as they would on AWS, such as the SAM CLI.

A template that is given by its address is adapted to the engine (package.py) on its way. Everything
else passes as it is; the engine does not verify signatures that its root credentials make.

python -m tools.local.cloudformation_proxy --port 4567 --engine-url http://127.0.0.1:4566 \\
    --default SiteUrl=http://127.0.0.1:8000
"""

import argparse
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, urlencode, urlsplit

import boto3
import httpx
import uvicorn
from samtranslator.yaml_helper import yaml_parse
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tools.local.front_door import KEEP_ALIVE_SECONDS, VERBS
from tools.local.package import adapt, download, upload

_ACTIONS = {"CreateChangeSet", "CreateStack", "UpdateStack"}
_TIMEOUT_SECONDS = 120


def create_app(engine_url: str, defaults: Mapping[str, str]) -> Starlette:
    """The proxy. `defaults` are of template parameters whose own mean AWS or the internet."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS) as client:
            app.state.client = client
            yield

    async def carry(request: Request) -> Response:
        body = await request.body()
        form = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        if form.get("Action") in _ACTIONS and "TemplateURL" in form:
            url = await run_in_threadpool(_adapted, form["TemplateURL"], engine_url, defaults)
            body = urlencode(form | {"TemplateURL": url}).encode()
        return await _forward(request, body, engine_url)

    return Starlette(lifespan=lifespan, routes=[Route("/{path:path}", carry, methods=VERBS)])


def _adapted(url: str, engine_url: str, defaults: Mapping[str, str]) -> str:
    """The address of the template that the engine gets in place of the one at `url`."""
    s3 = boto3.client("s3", endpoint_url=engine_url)
    address = f"s3:/{urlsplit(url).path}"
    template = adapt(yaml_parse(download(s3, address)), s3, aws_endpoint_url=engine_url)
    for name, value in defaults.items():
        template["Parameters"][name]["Default"] = value
    folder = address.rpartition("/")[0]
    place = upload(s3, folder, "template.json", json.dumps(template).encode())
    return place.replace("s3:/", engine_url, 1)


async def _forward(request: Request, body: bytes, engine_url: str) -> Response:
    client: httpx.AsyncClient = request.app.state.client
    target = request.scope["raw_path"] + b"?" + request.scope["query_string"]
    answer = await client.send(
        client.build_request(
            request.method,
            httpx.URL(engine_url).copy_with(raw_path=target.removesuffix(b"?")),
            content=body,
            # The host goes on as it came: the engine tells S3's buckets by it, too.
            headers=_passed_on(request.headers.raw, b"content-length"),
        ),
        stream=True,
    )
    response = StreamingResponse(
        answer.aiter_raw(), answer.status_code, background=BackgroundTask(answer.aclose)
    )
    response.raw_headers = _passed_on(answer.headers.raw)
    return response


def _passed_on(headers: Iterable[tuple[bytes, bytes]], *but: bytes) -> list[tuple[bytes, bytes]]:
    dropped = {b"connection", b"expect", b"transfer-encoding", *but}
    return [(name.lower(), value) for name, value in headers if name.lower() not in dropped]


def main() -> None:
    """Serve until a signal."""
    parser = argparse.ArgumentParser(description="deploys to the engine as one deploys to AWS")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--engine-url", required=True)
    parser.add_argument("--default", action="append", default=[], metavar="NAME=VALUE")
    arguments = parser.parse_args()
    uvicorn.run(
        create_app(arguments.engine_url, dict(each.split("=", 1) for each in arguments.default)),
        host="127.0.0.1",
        port=arguments.port,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        date_header=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()
