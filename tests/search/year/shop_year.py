"""A shop for a year: real handlers, definitions and sandbox under a virtual clock, customers with
plans of their own, staff, bad days of AWS and PayMongo, and two releases.
"""

import heapq
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from typing import Any

from infra.settings import integer_setting
from rentals import charges, desk, money_desk, repository, unit_desk
from rentals.identity import rental_id_for
from rentals.models import Rental, UnitStatus
from rentals.statement import Statement
from rentals.unit_desk import UnitAction
from tests.search.interleavings import money
from tests.search.interleavings.invocations import Invocation
from tests.search.interleavings.simulation import Fresh, Replayed, Simulation, Visit
from tests.search.interleavings.stores import desk_request, staff_for
from tests.search.interleavings.world import World
from tests.search.year.stories import DAY, HOUR, MINUTE, Story, plan_of, story
from tests.support.samples import IDENTITY_SECRET, checkout_body
from tests.support.sandbox import ledger_payments
from tools.importing.seed import new_unit

Json = dict[str, Any]

# Six collectibles of six units each: 36.
SHELF: tuple[Json, ...] = (
    {"id": "col-001", "name": "Tin Robot No. 7", "size": "Small"},
    {"id": "col-002", "name": "Vinyl Kaiju", "size": "Small", "deposit": 1_000},
    {"id": "col-003", "name": "Starship Model", "size": "Medium", "replacementValue": 60_000},
    {"id": "col-004", "name": "Puppet Theatre", "size": "Medium", "deposit": 5_000},
    {"id": "col-005", "name": "Pinball Machine", "size": "Large", "deposit": 20_000,
     "replacementValue": 250_000},
    {"id": "col-006", "name": "Arcade Cabinet", "size": "Large"},
)  # fmt: skip
UNITS_EACH = 6
CUSTOMERS_A_DAY = 5.5
_BAD_DAYS_PERCENT = 4
_RELEASES = (120, 240)
_METHODS = ("card", "gcash", "gcash", "gcash", "maya", "grabpay", "bpi", "qrph")
_QUIET_DAYS = 60


@dataclass(slots=True)
class Out:
    """A unit on its way for a rental: days since the first one."""

    unit_id: str
    left: float
    back: float | None = None


@dataclass(slots=True)
class Books:
    """What the year was like."""

    plans: Counter[str] = field(default_factory=Counter)
    outs: list[Out] = field(default_factory=list)


class ShopYear(Simulation):
    """The random search's machinery, with people who know what they want."""

    def __init__(self, world: World, seed: str, days: int) -> None:
        super().__init__(world, seed)
        self.random = Random(seed)
        self.days = days
        self.is_quiet = True
        self.unhappy = 0
        self._is_sold_out = False
        self.books = Books()
        self._stories: list[tuple[float, int, Story]] = []
        self._archive: dict[str, list[Json]] = {"Rentals": [], "Charges": []}
        self._rows: dict[str, Json] = {}
        self._started = 0
        self._stock()

    def _stock(self) -> None:
        for table in ("Collectibles", "Units"):
            self.world.empty(table)
        for collectible in SHELF:
            self.world.put("Collectibles", collectible)
            for number in range(UNITS_EACH):
                warehouse = ("wh-near", "wh-far")[number % 3 == 2]
                unit_id = f"{collectible['id']}-{number + 1}"
                self.world.put("Units", new_unit(unit_id, collectible["id"], warehouse))

    # --- the year ---

    def live(self) -> None:
        """Every day, and then until everything is home and paid."""
        for day in range(self.days):
            self._dawn(day)
            self._arrivals(day)
            self._until((day + 1) * DAY)
            self._put_away()
        self.is_quiet = True
        days = 0
        while self._stories or self._is_something_due():
            days += 1
            assert days < _QUIET_DAYS, "never at rest"
            self._until(self.now + DAY)
            self._erase_old()
            self._put_away()
        self._settle_down()
        self._bring_back()

    @property
    def now(self) -> float:
        return self.world.clock.seconds

    def _dawn(self, day: int) -> None:
        self.is_quiet = self.random.uniform(0, 100) >= _BAD_DAYS_PERCENT
        self._erase_old()
        self._repair()
        if day in _RELEASES:
            self.release(Replayed([]))

    def _repair(self) -> None:
        """What is broken comes back from repair some day."""
        for row in list(self.world.rows("Units")):
            if row["status"] == UnitStatus.MAINTENANCE and self.random.randrange(10) == 0:
                unit_desk.act(row["id"], UnitAction.BACK, by="mia")

    def _arrivals(self, day: int) -> None:
        count = int(self.random.gauss(CUSTOMERS_A_DAY, 2.3) + 0.5)
        for _ in range(max(0, count)):
            self._started += 1
            plan = plan_of(self.random)
            self.books.plans[plan.name] += 1
            at = day * DAY + self.random.uniform(8, 22) * HOUR
            self._tell(story(self, plan, self._body(), self._started), at)

    def _body(self) -> Json:
        duration = self.random.choices(
            (1, 2, 3, self.random.randint(4, 7), self.random.randint(8, 30)), (30, 30, 18, 18, 4)
        )[0]
        if self._started in (20, 60):
            duration = 65 if self._started == 20 else 305
        return checkout_body(
            collectible_id=self.random.choice(SHELF)["id"],
            store_id="store-b" if self.random.randrange(5) == 0 else "store-a",
            duration=min(duration, max(1, self.days)),
            payment_method=self.random.choice(_METHODS),
            customer={"email": f"customer-{self.random.randrange(900)}@example.com"},
        )

    def _tell(self, told: Story, at: float) -> None:
        heapq.heappush(self._stories, (at, len(self.log), told))
        self.log.append("")

    def _until(self, at: float) -> None:
        """Whatever is due until then, in its order."""
        while True:
            next_story = self._stories[0][0] if self._stories else at
            due = self._next_due()
            moment = min(at, max(self.now, min(next_story, due)))
            if moment > self.now:
                self.let_time_pass(moment - self.now)
            if due <= self.now:
                self._look(due)
            elif self._stories and next_story <= self.now:
                self._go_on_with(heapq.heappop(self._stories)[2])
            else:
                return
            self._settle_down()

    def _go_on_with(self, told: Story) -> None:
        wait = next(told, None)
        if wait is not None:
            self._tell(told, self.now + wait)

    def _next_due(self) -> float:
        """When the clock, the reconciler or a hold has something to do: within a minute of it."""
        waits = [
            self._seconds_until(row[name])
            for table, names in (
                ("Rentals", ("fulfillmentDueAt", "followUpAt")),
                ("Units", ("shelveAt",)),
                ("Charges", ("followUpAt",)),
            )
            for row in self.world.rows(table)
            for name in names
            if name in row
        ]
        waits += [e.deadline - self.now for e in self.steps.executions if e.deadline is not None]
        waits = [max(each, 0.0) for each in waits]
        return self.now + min(waits, default=DAY) + MINUTE / 2

    def _is_something_due(self) -> bool:
        return self._next_due() < self.now + DAY / 2

    def _look(self, _due: float) -> None:
        draw = Fresh(self.random)
        self.start(draw, "reconcile", "upkeep.reconcile.handler", {}, lambda _: None, 300.0)
        self._tick(draw)

    def _settle_down(self) -> None:
        """Until executions wait, and every event was delivered, or lost on a bad day."""
        finishers = (
            self._finish_one,
            self.advance,
            self.deliver,
            self.tell_eventbridge,
            lambda _: self._succeed_refund(),
        )
        draw = Fresh(self.random)
        progress = True
        while progress:
            self._collect_mail()
            if not self.is_quiet and self.random.randrange(4) == 0:
                self.lose(draw)
            progress = any(finish(draw) for finish in finishers)

    def check_safety(self) -> None:
        """The books are closed each month and at the end."""

    # --- rows of long ago ---

    def _put_away(self) -> None:
        """Rows that nothing will change any more, so that a year takes minutes."""
        for row in list(self.world.rows("Rentals")):
            is_over = row.get("fulfillmentStatus") == "closed" or "endedAt" in row
            if is_over and not {"followUp", "fulfillmentDueAt"} & row.keys():
                theirs = [e for e in self.world.rows("Charges") if e["rentalId"] == row["id"]]
                if any("followUp" in e or e["status"] in ("open", "paying") for e in theirs):
                    continue
                self._archive["Rentals"].append(row)
                self._archive["Charges"] += theirs
                self._rows[row["id"]] = row
                self.world.remove("Rentals", row["id"])
                for each in theirs:
                    self.world.remove("Charges", each["id"])
        running = [each for each in self.steps.executions if each.is_running]
        self.steps.executions[:] = running

    def _erase_old(self) -> None:
        """Rows of whom nobody has paid come back on the day on which they are erased."""
        rows = self._archive["Rentals"]
        period = integer_setting("UNPAID_RETENTION_DAYS") * DAY
        old = [e for e in rows if -self._seconds_until(e["createdAt"]) > period]
        for row in old:
            if not {"paymentId", "erasedAt"} & row.keys():
                rows.remove(row)
                self.world.put("Rentals", row)
        self._erase()

    def _bring_back(self) -> None:
        for table, rows in self._archive.items():
            for row in rows:
                self.world.put(table, row)
            rows.clear()
        self._rows.clear()

    def row(self, rental_id: str) -> Json:
        """A rental's row as it is now."""
        found = (e for e in self.world.rows("Rentals") if e["id"] == rental_id)
        return next(found, self._rows.get(rental_id, {}))

    def seconds_until(self, at: str) -> float:
        return self._seconds_until(at)

    # --- what people do ---

    def visit(self, body: Json, number: int) -> Visit:
        email, key = body["customer"]["email"], f"key-{number}"
        address = f"198.51.{number // 250 % 250}.{number % 250}"
        return Visit(rental_id_for(email, key, IDENTITY_SECRET), key, body, address)

    def answered(self, invocation: Invocation) -> None:
        super().answered(invocation)
        self._is_sold_out |= (invocation.result or {}).get("statusCode") == HTTPStatus.CONFLICT

    def checkout_of(self, visit: Visit) -> bool:
        """Whether it is known what became of it; of what is sold out there is no row."""
        self._is_sold_out = False
        self._post_checkout(visit, Replayed([0, 0]) if self.is_quiet else Fresh(self.random))
        self._settle_down()
        row = self.row(visit.rental_id)
        if not row:
            return self._is_sold_out
        return "paymentUrl" in row or row["paymentStatus"] != "pending"

    def pay_session(self, rental_id: str) -> bool:
        row = self.row(rental_id)
        if "paymentUrl" not in row:
            return False
        self._settle_at_paymongo(row["checkoutSessionId"])
        self._settle_down()
        return True

    def _settle_at_paymongo(self, session_id: str) -> None:
        self.world.sandbox.post(f"/_sandbox/checkout_sessions/{session_id}/settle")

    def decline_session(self, rental_id: str) -> None:
        if "paymentUrl" in (row := self.row(rental_id)):
            session_id = row["checkoutSessionId"]
            self.world.sandbox.post(f"/_sandbox/checkout_sessions/{session_id}/decline")
            self._settle_down()

    def follow_redirect(self, rental_id: str, outcome: str) -> bool:
        self.published = {str(self.row(rental_id).get("checkoutSessionId"))}
        self._redirected(Replayed([]), outcome)
        self._settle_down()
        return self.row(rental_id).get("paymentStatus") != "pending"

    def cancel_paid(self, rental_id: str) -> bool:
        rental = Rental.from_row(self.row(rental_id))
        shown = Statement(rental).refund_if_cancelled
        event = money.request(rental_id, refund=(shown or 0) // 100)
        return self._asked("api.post_cancel.handler", event)

    def extend(self, rental_id: str, days: int) -> bool:
        event = money.request(rental_id, days=days)
        return self._asked("api.post_extension.handler", event, (200, 409))

    def open_charge_sessions(self, rental_id: str) -> bool:
        return all(
            self._asked(
                "api.post_charge_payment.handler",
                money.request(rental_id, path={"charge_id": each["id"]}),
                (200, 409),
            )
            for each in self._charges(rental_id)
        )

    def pay_charges(self, rental_id: str) -> None:
        for each in self._charges(rental_id):
            if "paymentUrl" in each:
                self._settle_at_paymongo(each["checkoutSessionId"])
        self._settle_down()

    def settle_charges(self, rental_id: str, what: str) -> None:
        for each in self._charges(rental_id):
            rental, charge = repository.get(rental_id), charges.get(each["id"])
            if charge.kind is charges.ChargeKind.EXTENSION:
                continue
            if what == "paid":
                money_desk.paid_at_counter(rental, charge, f"OR-{each['id'][-4:]}", money.MANAGER)
            else:
                money_desk.waive(rental, charge, "goodwill", money.MANAGER)

    def _charges(self, rental_id: str) -> list[Json]:
        rows = self.world.rows("Charges")
        return [e for e in rows if e["rentalId"] == rental_id and e["status"] in ("open", "paying")]

    def give_back_part(self, rental_id: str, centavos: int, key: str) -> None:
        money_desk.give_back(repository.get(rental_id), centavos, "sorry", money.MANAGER, key)

    def give_back_at_dashboard(self, rental_id: str, centavos: int) -> None:
        payment_id = self.row(rental_id)["paymentId"]
        attributes = {"amount": centavos, "payment_id": payment_id, "reason": "others"}
        self.refunded_by_owner.add(rental_id)
        self.world.sandbox.post("/v1/refunds", data={"attributes": attributes})
        self._settle_down()

    def desk_does(self, rental_id: str, action: str, **more: Any) -> bool:
        """A manager at the rental's store; whether it is done now."""
        row = self.row(rental_id)
        if row.get("fulfillmentStatus") == "closed" and action != desk.Action.FOUND:
            return True  # cancelled, or somebody was faster
        condition = more.pop("condition", "fine")
        receipt = {"receipt": "OR-1"} if row.get("counterDeposit") else {}
        claims = staff_for(row["storeId"])[2]
        event = desk_request(rental_id, action, claims, condition, **receipt, **more)
        unit_id, before = row.get("unitId"), self.now / DAY
        is_done = self._asked("api.post_desk_action.handler", event)
        if is_done and action == desk.Action.PICKED_UP:
            self.books.outs.append(Out(str(unit_id), before))
        if is_done and action in (desk.Action.RETURNED, desk.Action.LOST):
            mine = [e for e in self.books.outs if e.unit_id == unit_id and e.back is None]
            for each in mine:
                each.back = before
        return is_done

    def _asked(self, function: str, event: Json, enough: tuple[int, ...] = (200,)) -> bool:
        answers: list[Any] = []
        draw = Fresh(self.random)
        self.start(draw, function, function, event, lambda done: answers.append(done.result))
        self._settle_down()
        return bool(answers and answers[0]) and answers[0]["statusCode"] in enough

    # --- the books ---

    def close_the_books(self) -> list[str]:
        """What does not agree with the promise, or with PayMongo's ledger."""
        self.log.clear()
        ledger = ledger_payments(self.world.sandbox.rentals())
        found = [str(each) for each in self._violations(ledger)]
        found += self._unseen_lateness()
        return found

    def _unseen_lateness(self) -> list[str]:
        """Nobody was late and nobody noticed."""
        late = [
            row
            for row in self.world.rows("Rentals")
            if row.get("returnedAt", "") > row.get("dueAt", "~")
        ]
        return [
            f"{row['id']} was late, and nobody was told"
            for row in late
            if not any(met.startswith("Overdue") for met in row.get("deadlinesMet", ()))
        ]
