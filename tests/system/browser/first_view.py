"""What a page costs a customer who has never been here: requests, bytes, jumps."""

from dataclasses import dataclass

from playwright.sync_api import Request

from tests.system.browser.states import RENTAL_ID, RENTALS
from tests.system.browser.visitor import Visitor

# As sent, pictures, fonts and the API's answers included.
BUDGET_BYTES = 100_000
# "Good" by Core Web Vitals is 0.1; a page that reserves room for what it loads can do better.
BUDGET_SHIFT = 0.05

PAGES = {
    "collection": "/",
    "collectible": "/collectibles/col-005",
    "form": "/rent.html?collectible_id=col-002&store_id=store-a&duration=3",
    "on hold": f"/rental.html?rental_id={RENTAL_ID}",
    "confirmed": f"/success.html?rental_id={RENTAL_ID}",
    "not paid": f"/failed.html?rental_id={RENTAL_ID}",
    "rentals": "/rentals.html",
    "not found": "/no-such-page",
    "desk": "/desk/",
}
_STATES = {"on hold": "held", "confirmed": "completed", "not paid": "declined"}

_OBSERVE = """
window.shift = 0;
new PerformanceObserver((list) => list.getEntries().forEach((it) => {
  if (!it.hadRecentInput) window.shift += it.value;
})).observe({ type: "layout-shift", buffered: true });
"""


@dataclass(frozen=True, slots=True)
class FirstView:
    """One visit with an empty cache; `shift` is how much moved after it was shown (CLS)."""

    requests: int
    sent_bytes: int
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
    return FirstView(
        requests=len(finished),
        sent_bytes=sum(each.sizes()["responseBodySize"] for each in finished),
        shift=visitor.page.evaluate("shift"),
    )
