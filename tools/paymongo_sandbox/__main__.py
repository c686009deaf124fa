"""`python -m tools.paymongo_sandbox` runs the sandbox as a server."""

import argparse
import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

import httpx
import uvicorn
from starlette.middleware.trustedhost import TrustedHostMiddleware

from tools.paymongo_sandbox.app import create_app
from tools.paymongo_sandbox.connection import DroppableProtocol, interruptible
from tools.paymongo_sandbox.settings import Settings
from tools.paymongo_sandbox.store import StateFileError

_SECONDS_TO_SHUT_DOWN = 1
# Longer than clients keep idle connections, so that none is closed under a request.
_KEEP_ALIVE_SECONDS = 60


def main() -> None:
    """Serves until SIGTERM or SIGINT; exits with 1 and a sentence when it cannot start."""
    arguments = _parser().parse_args()
    # uvicorn raises the signal it was stopped with once more when it has shut down.
    signal.signal(signal.SIGTERM, _exit)
    signal.signal(signal.SIGINT, _exit)
    try:
        listener = _listen(arguments.host, arguments.port)
        address = f"http://{arguments.host}:{listener.getsockname()[1]}"
        settings = Settings(
            secret_key=arguments.secret_key,
            live_secret_key=arguments.live_secret_key,
            public_url=arguments.public_url or address,
            state_file=arguments.state_file,
            inactive_payment_methods=frozenset(arguments.inactive_payment_method),
            whole_refunds_only=frozenset(arguments.whole_refunds_only),
            refund_seconds=arguments.refund_seconds,
            webhook_timeout_seconds=arguments.webhook_timeout_seconds,
            webhook_retry_seconds=arguments.webhook_retry_seconds,
        )
        app = create_app(settings)
        # A web page must not reach this machine under a name of its own (DNS rebinding).
        hosts = {arguments.host, "127.0.0.1", "localhost", httpx.URL(settings.public_url).host}
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=sorted(hosts))
    except (ValueError, StateFileError) as error:
        sys.exit(f"paymongo sandbox: {error}")
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        sys.exit(
            f"paymongo sandbox: cannot listen on {arguments.host}:{arguments.port}: "
            f"{reason} (choose another --port)"
        )
    config = uvicorn.Config(
        interruptible(app),
        http=DroppableProtocol,
        ws="none",
        log_level="warning",
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SECONDS_TO_SHUT_DOWN,
    )
    print(f"PayMongo sandbox on {address}", flush=True)
    uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=1024)


def _exit(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def _parser() -> argparse.ArgumentParser:
    defaults = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m tools.paymongo_sandbox", description="A PayMongo account on this machine."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001, help="0 picks a free one")
    parser.add_argument("--public-url", help="where browsers reach it (default: host and port)")
    parser.add_argument("--state-file", type=Path, help="keep everything in this file")
    parser.add_argument("--secret-key", default=defaults.secret_key)
    parser.add_argument("--live-secret-key", help="a second key, for live mode")
    parser.add_argument("--inactive-payment-method", action="append", default=[], metavar="TYPE")
    parser.add_argument("--whole-refunds-only", action="append", default=[], metavar="TYPE")
    parser.add_argument("--refund-seconds", type=float, default=defaults.refund_seconds)
    parser.add_argument(
        "--webhook-timeout-seconds", type=float, default=defaults.webhook_timeout_seconds
    )
    parser.add_argument(
        "--webhook-retry-seconds", type=float, default=defaults.webhook_retry_seconds
    )
    return parser


if __name__ == "__main__":
    main()
