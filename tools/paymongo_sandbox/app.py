"""Puts the sandbox together."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tools.paymongo_sandbox.account import Account
from tools.paymongo_sandbox.api import Api, Call
from tools.paymongo_sandbox.background import Background
from tools.paymongo_sandbox.checkout_page import CheckoutPage
from tools.paymongo_sandbox.clock import Clock
from tools.paymongo_sandbox.control import Control
from tools.paymongo_sandbox.control_payments import PaymentControl
from tools.paymongo_sandbox.control_requests import routes
from tools.paymongo_sandbox.dashboard import Dashboard
from tools.paymongo_sandbox.disputes import Disputes
from tools.paymongo_sandbox.errors import ApiError, Problem
from tools.paymongo_sandbox.gateway import Gateway
from tools.paymongo_sandbox.refunds import Refunds
from tools.paymongo_sandbox.settings import Settings
from tools.paymongo_sandbox.store import Store
from tools.paymongo_sandbox.webhooks import Webhooks

_ROUTING_CODES = {404: "resource_not_found", 405: "method_not_allowed"}


def create_app(settings: Settings) -> Starlette:
    """A sandbox of its own. Raises StateFileError when its state file cannot be used."""
    account = Account.of(settings)
    store = Store(Clock(settings.time), settings.state_file)
    background = Background()
    webhooks = Webhooks(settings, store, background)
    gateway = Gateway(settings, store, webhooks)
    refunds = Refunds(settings, account, store, webhooks, background)
    api = Api(settings, account, store, gateway, refunds)
    page = CheckoutPage(settings, store, gateway)
    actions = [
        *Control(account, store, background, webhooks, gateway, refunds, api).table(),
        *PaymentControl(store, refunds, Disputes(store, webhooks)).table(),
    ]
    dashboard = Dashboard(settings, store, gateway, refunds, webhooks, actions)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        refunds.resume()
        webhooks.resume()
        yield
        await background.cancel()
        await webhooks.close()
        store.close()

    async def refuse_route(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        path, status = request.url.path, error.status_code
        if path.startswith("/v1/"):
            api.calls.record(Call(time.time(), request.method, path, None, status))
        problem = Problem(_ROUTING_CODES.get(status, "parameter_invalid"), str(error.detail))
        return JSONResponse(ApiError(status, problem).to_json(), status, headers=error.headers)

    app = Starlette(
        routes=[*api.routes(), *page.routes(), *routes(actions), *dashboard.routes()],
        exception_handlers={HTTPException: refuse_route},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app
