"""The console's pages, as one application to be mounted at `/console`."""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from rentals.models import FollowUp
from rentals.numbers import number_of
from tools.console import words
from tools.console.aws import (
    MOST_FOUND,
    SEARCHED,
    Account,
    NotFoundError,
    is_web_address,
    replayable,
)
from tools.console.layout import NODE_HEIGHT, draw
from tools.ops import finding, rows
from tools.ops.errors import CommandError
from tools.ops.executions import Execution
from tools.ops.explaining import EXPLAINED, explain
from tools.ops.facts import facts_of
from tools.ops.finding import Lists
from tools.ops.history import Status, message_of
from tools.ops.loopback import LOOPBACK
from tools.ops.words import counted, duration, pesos, when, zone
from tools.sources.site import STATIC

Json = dict[str, Any]

STATUSES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
EVENTS_A_PAGE = 100
MOST_AT_ONCE = 20
# What rentals are found by: words, and the lists of stores.
_ASKED = ("q", "store", "stage", "day")
_HERE = Path(__file__).parent
# The site's own, under the paths by which its style sheet finds its fonts.
_ASSETS = {
    path.relative_to(STATIC).as_posix(): path
    for pattern in ("css/*.css", "fonts/*.woff2", "favicon.svg")
    for path in STATIC.glob(pattern)
} | {path.name: path for path in (_HERE / "assets").iterdir()}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cache-Control": "no-store",
}


def _environment() -> Environment:
    templates = Environment(
        loader=PackageLoader("tools.console"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., Any]] = {
        "arn": lambda arn: quote(arn, safe=":"),
        "cause": message_of,
        "counted": counted,
        "duration": duration,
        "pesos": pesos,
        "when": when,
        "by_function": lambda names: [
            (function, list(found))
            for function, found in groupby(names, lambda name: name.partition("/")[0])
        ],
    }
    for name in (
        "clock", "details", "inline", "moment", "pretty", "stack_trace",
    ):  # fmt: skip
        filters[name] = getattr(words, name)
    templates.filters |= filters
    templates.globals |= {
        "between": words.between,
        "is_overdue": rows.is_overdue,
        "is_web_address": is_web_address,
        "most": MOST_FOUND,
        "node_height": NODE_HEIGHT,
        "number_of": number_of,
        "stages": finding.STAGES,
        "statuses": STATUSES,
        "all_states": list(Status),
        "searched": SEARCHED,
        "stage_since": rows.stage_since,
        "zone": zone,
    }
    return templates


_TEMPLATES = _environment()


def create_app(account: Account, *, read_only: bool = False) -> Starlette:
    """The console of an account. Read-only, it refuses what would change something."""
    console = _Console(account, read_only)
    return Starlette(
        routes=console.routes(),
        exception_handlers=dict.fromkeys((HTTPException, *EXPLAINED), console.problem),
        middleware=[
            # A web page must not reach it under a name of its own (DNS rebinding).
            Middleware(TrustedHostMiddleware, allowed_hosts=LOOPBACK),
            Middleware(BaseHTTPMiddleware, dispatch=_secure),
        ],
    )


async def _secure(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await call_next(request)
    response.headers.update(_HEADERS)
    if request.url.path.endswith(".woff2"):
        # The style sheet does without those that come late.
        response.headers["Cache-Control"] = "max-age=86400"
    return response


class _Console:
    def __init__(self, account: Account, read_only: bool) -> None:
        self._account = account
        self._read_only = read_only
        # CSRF token.
        self._form_token = secrets.token_urlsafe(32)
        self._context: Json = {
            "label": account.label,
            "read_only": read_only,
            "form_token": self._form_token,
            "stack_name": account.target.stack_name,
            "place": _place(account),
        }

    def routes(self) -> list[Route]:
        """Where the pages are."""
        return [
            Route("/", self.overview),
            Route("/rentals", self.find),
            Route("/machines/{name}", self.executions),
            Route("/machines/{name}/definition", self.definition),
            Route("/executions/{arn:path}/stop", self.ask_to_stop),
            Route("/executions/{arn:path}/stop", self.stop, methods=["POST"]),
            Route("/executions/{arn:path}", self.execution),
            Route("/rentals/{rental_id:path}/settle", self.ask_to_settle),
            Route("/rentals/{rental_id:path}/settle", self.settle, methods=["POST"]),
            Route("/rentals/{rental_id:path}/refund", self.ask_to_refund),
            Route("/rentals/{rental_id:path}/refund", self.refund, methods=["POST"]),
            Route("/rentals/{rental_id:path}/replay", self.choose_event),
            Route("/rentals/{rental_id:path}/replay", self.replay, methods=["POST"]),
            Route("/rentals/{rental_id:path}/log", self.log),
            Route("/rentals/{rental_id:path}", self.rental),
            Route("/assets/{name:path}", self.asset),
        ]

    # --- pages ---

    def overview(self, request: Request) -> Response:
        """The rentals that need somebody; the state machines, and how many of their executions run
        or failed.
        """
        machines = []
        for machine in self._account.machines():
            counts = {
                status: self._account.count(machine, status) for status in ("RUNNING", "FAILED")
            }
            definition = self._account.definition(machine)
            machines.append(
                {
                    "machine": machine,
                    "counts": counts,
                    "definition": definition,
                    "picture": draw(definition),
                }
            )
        findings = self._account.attention()
        return self._page(request, "overview.html", machines=machines, findings=findings)

    def find(self, request: Request) -> Response:
        """The paid rentals that somebody means, or those that stores wait for and have."""
        asked = {each: request.query_params.get(each, "").strip()[:200] for each in _ASKED}
        stores = self._account.names("Stores")
        wanted = [asked["store"]] if asked["store"] in stores else list(stores)
        stage = asked["stage"] if asked["stage"] in finding.STAGES else ""
        found = self._account.find(
            asked["q"],
            Lists(wanted, stage, asked["day"]),
            may_read_secret=not self._read_only,
        )
        return self._page(request, "rentals.html", asked=asked, stores=stores, found=found)

    def executions(self, request: Request) -> Response:
        """A machine's executions."""
        machine = self._account.machine(request.path_params["name"])
        status = request.query_params.get("status")
        status = status if status in STATUSES else None
        text = self._account.id_of(request.query_params.get("q", "").strip())
        token = request.query_params.get("token")
        if text:
            page = self._account.search(machine, text, status)
        else:
            page = self._account.executions(machine, status, token)
        is_of_rentals = machine.arn == self._account.arn_of("RentalStateMachine")
        rental_of = {
            each.arn: each.name if is_of_rentals else self._account.rental_id_of(each)
            for each in page.executions
        }
        return self._page(
            request,
            "executions.html",
            machine=machine,
            page=page,
            rental_of=rental_of,
            rentals=self._rentals(each for each in rental_of.values() if each),
            stores=self._account.names("Stores"),
            is_of_fulfillment=machine.arn == self._account.arn_of("FulfillmentStateMachine"),
            status=status,
            text=text,
            is_first=token is None,
        )

    def definition(self, request: Request) -> Response:
        """A machine's states, explained."""
        machine = self._account.machine(request.path_params["name"])
        definition = self._account.definition(machine)
        selected = request.query_params.get("state")
        return self._page(
            request,
            "definition.html",
            machine=machine,
            definition=definition,
            picture=draw(definition),
            state=definition.states.get(selected or definition.start),
        )

    def execution(self, request: Request) -> Response:
        """One execution: its graph, its states, its rental, its events."""
        execution = self._account.execution(request.path_params["arn"])
        timeline = self._account.timeline(execution)
        definition = self._account.definition_of(execution)
        selected = request.query_params.get("state", "")
        if selected not in definition.states:
            selected = timeline.visits[-1].state if timeline.visits else definition.start
        pages = max(1, -(-len(timeline.steps) // EVENTS_A_PAGE))
        page = min(max(1, _number(request.query_params.get("events"), 1)), pages)
        return self._page(
            request,
            "execution.html",
            execution=execution,
            machine=execution.machine,
            timeline=timeline,
            definition=definition,
            picture=draw(definition),
            state=definition.states[selected],
            steps=timeline.steps[(page - 1) * EVENTS_A_PAGE : page * EVENTS_A_PAGE],
            steps_page=page,
            steps_pages=pages,
            **self._rental_of(execution),
        )

    def rental(self, request: Request) -> Response:
        """Lead to the execution of a rental."""
        rental_id = self._account.id_of(request.path_params["rental_id"])
        execution = self._account.rental_execution(rental_id)
        if execution is None:
            raise NotFoundError("there is no execution of this rental")
        return self._go_to(request, execution.arn)

    def log(self, request: Request) -> Response:
        """What the functions logged about a rental."""
        rental_id = request.path_params["rental_id"]
        lines = self._account.log(rental_id)
        return self._page(request, "log.html", rental_id=rental_id, lines=lines)

    def asset(self, request: Request) -> Response:
        """Styles and script."""
        path = _ASSETS.get(request.path_params["name"])
        if path is None:
            raise HTTPException(404)
        return FileResponse(path)

    # --- what changes something ---

    def ask_to_stop(self, request: Request) -> Response:
        """Ask before an execution is stopped."""
        self._refuse_if_read_only()
        execution = self._account.execution(request.path_params["arn"])
        return self._page(
            request,
            "stop.html",
            execution=execution,
            machine=execution.machine,
            is_of_fulfillment=execution.machine.arn
            == self._account.arn_of("FulfillmentStateMachine"),
        )

    async def stop(self, request: Request) -> Response:
        """Stop an execution."""
        await self._require_our_form(request)
        execution = await run_in_threadpool(self._account.execution, request.path_params["arn"])
        await run_in_threadpool(self._account.stop, execution)
        return self._go_to(request, execution.arn)

    def ask_to_settle(self, request: Request) -> Response:
        """Ask before a settlement is started."""
        self._refuse_if_read_only()
        return self._page(request, "settle.html", rental_id=request.path_params["rental_id"])

    async def settle(self, request: Request) -> Response:
        """Start a settlement, and show it."""
        await self._require_our_form(request)
        arn = await run_in_threadpool(self._account.settle, request.path_params["rental_id"])
        return self._go_to(request, arn)

    def ask_to_refund(self, request: Request) -> Response:
        """Ask how much is given back, and why; sent twice, the same form gives it back once."""
        self._refuse_if_read_only()
        return self._page(
            request,
            "refund.html",
            rental_id=request.path_params["rental_id"],
            left=self._account.refundable(request.path_params["rental_id"]),
            key=secrets.token_hex(8),
        )

    async def refund(self, request: Request) -> Response:
        """Order a part of a payment back, and show the settlement that carries it out."""
        form = await self._require_our_form(request)
        arn = await run_in_threadpool(
            self._account.refund_part,
            request.path_params["rental_id"],
            _number(form.get("amount"), 0),
            form.get("reason", ""),
            form.get("key", ""),
        )
        return self._go_to(request, arn)

    def choose_event(self, request: Request) -> Response:
        """Ask which sample event is sent, and how often."""
        self._refuse_if_read_only()
        return self._page(
            request,
            "replay.html",
            rental_id=request.path_params["rental_id"],
            events=replayable(),
            most=MOST_AT_ONCE,
            replay=None,
        )

    async def replay(self, request: Request) -> Response:
        """Send a sample event, and show what came back."""
        form = await self._require_our_form(request)
        rental_id = request.path_params["rental_id"]
        times = min(max(1, _number(form.get("times"), 1)), MOST_AT_ONCE)
        name = form.get("event", "")
        replay = await run_in_threadpool(self._account.replay, name, rental_id, times)
        return await run_in_threadpool(
            self._page,
            request,
            "replay.html",
            rental_id=rental_id,
            events=replayable(),
            most=MOST_AT_ONCE,
            replay=replay,
        )

    def _refuse_if_read_only(self) -> None:
        if self._read_only:
            raise HTTPException(403, "this console is read-only")

    async def _require_our_form(self, request: Request) -> dict[str, str]:
        """Only a form of ours, sent from a page of ours, changes anything; its fields."""
        self._refuse_if_read_only()
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
            raise HTTPException(403, "the request comes from another site")
        form = dict(parse_qsl((await request.body()).decode("ascii", "replace")))
        sent = form.get("form_token", "")
        if not hmac.compare_digest(sent.encode(), self._form_token.encode()):
            raise HTTPException(403, "this form is out of date: go back, reload, try again")
        return form

    # --- parts ---

    def _rental_of(self, execution: Execution) -> Json:
        """The rental that an execution is about, and what belongs to it."""
        rental_id = execution.rental_id
        found: Json = {
            "rental_id": rental_id,
            "rental": None,
            "unit": None,
            "facts": [],
            "stores": self._account.names("Stores"),
            "money": [],
            "is_unsettled": False,
            "rental_execution": None,
            "settlements": [],
            "fulfillments": [],
            "rental_problem": "",
        }
        if rental_id is None:
            return found
        is_own = execution.machine.arn == self._account.arn_of("RentalStateMachine")
        try:
            found["rental"] = rental = self._account.rental(rental_id)
            if rental and (unit_id := rental.get("unitId") or rental.get("lastUnitId")):
                found["unit"] = self._account.unit(unit_id)
            if rental:
                names = found["stores"] | self._account.names("Warehouses")
                found["facts"] = facts_of(rental, found["unit"], names)
                found["fulfillments"] = self._account.fulfillments(rental)
                found["money"] = self._account.money(rental)
            of_rental = execution if is_own else self._account.rental_execution(rental_id)
            found["rental_execution"] = of_rental
            found["is_unsettled"] = rental is not None and _is_unsettled(rental, of_rental)
            since = of_rental.started_at if of_rental else execution.started_at
            found["settlements"] = self._account.settlements(rental_id, since, of_rental)
        except ClientError as error:  # whoever may see executions need not be allowed the tables
            found["rental_problem"] = _explain(error)
        return found

    def _rentals(self, rental_ids: Any) -> dict[str, Json]:
        try:
            return self._account.rentals(rental_ids)
        except ClientError:
            return {}

    def _go_to(self, request: Request, arn: str) -> Response:
        url = f"{request.scope['root_path']}/executions/{quote(arn, safe=':')}"
        return RedirectResponse(url, 303)

    def _page(
        self, request: Request, template: str, http_status: int = 200, **context: Any
    ) -> Response:
        base = request.scope["root_path"]
        html = _TEMPLATES.get_template(template).render(
            base=base, nav=self._machines(), **self._context, **context
        )
        return Response(html, http_status, media_type="text/html")

    def _machines(self) -> list[Any]:
        try:
            return self._account.machines()
        except (ClientError, BotoCoreError):
            return []

    def problem(self, request: Request, error: Exception) -> Response:
        """A page that says what is wrong."""
        if isinstance(error, HTTPException):
            status, text, hint = error.status_code, error.detail, None
        else:
            status = (
                404
                if isinstance(error, NotFoundError)
                else 400
                if isinstance(error, CommandError)
                else 502
            )
            failure = explain(error, self._account.target)
            text, hint = str(failure), failure.hint
        return self._page(request, "problem.html", status, text=text, hint=hint)


def _is_unsettled(rental: Json, execution: Execution | None) -> bool:
    """Whether nothing but a settlement will bring the rental to its end."""
    if rental["paymentStatus"] == "pending":
        return execution is None or not execution.is_running
    is_paid_for_nothing = "paymentId" in rental and rental["paymentStatus"] not in (
        "completed",
        "refunded",
    )
    is_refunding = rental.get("followUp", "").startswith(FollowUp.REFUND)
    return is_paid_for_nothing or "attention" in rental or is_refunding


def _place(account: Account) -> str:
    """Where the stack is, in a few words."""
    target = account.target
    if target.endpoint_url is not None:
        return urlsplit(target.endpoint_url).netloc
    return f"AWS {target.session.region_name}"


def _explain(error: ClientError) -> str:
    return f"{error.operation_name}: {error.response['Error']['Code']}"


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() else otherwise
