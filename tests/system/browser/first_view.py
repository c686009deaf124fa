"""What a page costs a customer who has never been here: requests, bytes, time, jumps.

python -m tests.system.browser.first_view, which is `make site-report`, prints it for every page.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Request, sync_playwright
from rich.console import Console
from rich.table import Table

from tests.system.browser.launch import launch
from tests.system.browser.states import RENTAL_ID, RENTALS
from tests.system.browser.visitor import Device, Visitor
from tools.local.stack import Settings, free_port, running

# As sent, pictures, fonts and the API's answers included.
BUDGET_BYTES = 100_000
# "Good" by Core Web Vitals is 0.1; a page that reserves room for what it loads can do better.
BUDGET_SHIFT = 0.05

PAGES = {
    "collection": "/",
    "form": "/rent.html?collectible_id=col-002&store_id=store-a&duration=3",
    "on hold": f"/rental.html?rental_id={RENTAL_ID}",
    "confirmed": f"/success.html?rental_id={RENTAL_ID}",
    "not paid": f"/failed.html?rental_id={RENTAL_ID}",
    "rentals": "/rentals.html",
    "not found": "/no-such-page",
}
_STATES = {"on hold": "held", "confirmed": "completed", "not paid": "declined"}

_OBSERVE = """
window.vitals = { shift: 0, paint: 0 };
const observe = (type, note) =>
  new PerformanceObserver((list) => list.getEntries().forEach(note))
    .observe({ type, buffered: true });
observe("layout-shift", (it) => { if (!it.hadRecentInput) vitals.shift += it.value; });
observe("largest-contentful-paint", (it) => { vitals.paint = it.startTime; });
"""
# A phone of the middle range on a slow mobile network, as Lighthouse has it.
_PHONE_SLOWDOWN = 4
_SLOW_NETWORK = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_600_000 / 8,
    "uploadThroughput": 750_000 / 8,
}


@dataclass(frozen=True, slots=True)
class FirstView:
    """One visit with an empty cache; `paint_ms` is when the largest element was there (LCP), and
    `shift` how much moved after it was shown (CLS).
    """

    requests: int
    sent_bytes: int
    unpacked_bytes: int
    paint_ms: float
    shift: float


def first_view(visitor: Visitor, page: str) -> FirstView:
    """Open one of PAGES and wait until nothing more is loading."""
    finished: list[Request] = []

    def note(request: Request) -> None:
        finished.append(request)

    if page in _STATES:
        rental = {"success": True, "data": RENTALS[_STATES[page]]}
        visitor.answer(f"**/api/rentals/{RENTAL_ID}", 200, rental)
    visitor.page.add_init_script(_OBSERVE)
    visitor.page.on("requestfinished", note)
    visitor.page.goto(PAGES[page])
    visitor.page.wait_for_load_state("networkidle")
    responses = [response for each in finished if (response := each.response())]
    vitals = visitor.page.evaluate("vitals")
    return FirstView(
        requests=len(finished),
        sent_bytes=sum(each.sizes()["responseBodySize"] for each in finished),
        unpacked_bytes=sum(len(each.body()) for each in responses),
        paint_ms=vitals["paint"],
        shift=vitals["shift"],
    )


@contextmanager
def a_stack() -> Iterator[Settings]:
    """A stack of its own for the time being."""
    with TemporaryDirectory() as log_dir:
        settings = Settings(
            port=free_port(),
            aws_port=free_port(),
            paymongo_port=free_port(),
            log_dir=Path(log_dir),
        )
        with running(settings):
            yield settings


def main() -> None:
    """Print what every page costs, on a desk and on a slow phone."""
    devices: list[Device] = ["desktop", "phone"]
    table = Table("page", "on", "requests", "KB sent", "KB unpacked", "LCP ms", "CLS")
    with a_stack() as settings, sync_playwright() as playwright:
        browser = launch(playwright)
        Visitor(browser, settings).open_catalogue()  # every function has started once
        for page in PAGES:
            for device in devices:
                visitor = Visitor(browser, settings, device=device)
                if device == "phone":
                    visitor.slow_down(_PHONE_SLOWDOWN, _SLOW_NETWORK)
                seen = first_view(visitor, page)
                visitor.leave()
                table.add_row(
                    page,
                    device,
                    str(seen.requests),
                    f"{seen.sent_bytes / 1000:.1f}",
                    f"{seen.unpacked_bytes / 1000:.1f}",
                    f"{seen.paint_ms:.0f}",
                    f"{seen.shift:.3f}",
                )
        browser.close()
    console = Console()
    console.print(table)
    console.print(
        f"phone: CPU {_PHONE_SLOWDOWN} times slower, "
        f"{_SLOW_NETWORK['downloadThroughput'] * 8 / 1_000_000:.1f} Mbit/s, "
        f"{_SLOW_NETWORK['latency']} ms. The answers of the API are included."
    )


if __name__ == "__main__":
    main()
