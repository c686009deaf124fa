"""A drop: everybody wants one of the same few units in the same minute.

The real handlers and definitions under a virtual clock. Each outgoing call of a function takes its
time and may be throttled; each function needs an environment, cold or warm; each request passes API
Gateway; each state costs a transition. Browsing is requests and environments only.
"""

import heapq
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from random import Random
from typing import Any

from infra import aws
from rentals import catalogue, repository
from tests.search.drop.limits import CHECKOUT, WEBHOOK, Calls, Gateway, Lambda
from tests.search.interleavings.invocations import Fault, FaultPlan, Invocation, current
from tests.search.interleavings.simulation import Context, task_error
from tests.search.interleavings.stepfunctions import Execution, TaskError
from tests.search.interleavings.world import COLLECTIBLE, WAREHOUSES, World, handler
from tests.support.samples import checkout_body
from tests.support.sandbox import ledger_payments
from tests.support.sources import resources
from tools.importing.seed import new_unit
from tools.measuring.cost import model
from tools.ops.promise import Violation, violations

Json = dict[str, Any]

# So many come under the whole quotas; fewer under their share of them, but for a handful: of a
# fiftieth nothing would be left to save up.
ALL, _FEWEST_SCALED = 10_000, 1_000
# Half of those who have not come yet come in the next ten seconds: 700 in the first.
_HALF_SECONDS = 10.0
BROWSING_SECONDS = 120.0
_BROWSING = ("GetStoresFunction", "GetCollectiblesFunction", "PostQuoteFunction")
# Between a phone and the API, there and back.
_NETWORK_SECONDS = 0.1
# Of Lambda's own, before a handler is imported; in place of both, from a snapshot (SnapStart); of
# Step Functions, from one state to the next.
_SANDBOX_SECONDS = 0.2
_RESTORE_SECONDS = 0.3
_STATE_SECONDS = 0.03
# As the site does (static/js/rent/checkout.js): first 250 ms after the answer, then more slowly.
_POLL = (0.25, 1.3, 2.0)
_GIVE_UP_SECONDS = 60.0
_BUSY_PAUSE = (3.0, 8.0)
_PAYING_SECONDS = (20.0, 180.0)
_PAYING_SHARE = 0.9
_COMING_BACK_SHARE = 0.05
_COMING_BACK_SECONDS = (120.0, 300.0)
_AWS_TRIES = 3
# What docs/drop.md tells to set before, with SnapStart.
WARM_WRITE_UNITS = 16_000
_FUNCTIONS = {
    each["Handler"]: name for name, each in resources("AWS::Serverless::Function").items()
}


@dataclass(slots=True)
class Buyer:
    """Somebody who presses once, and again when the site is busy or, later, to look again."""

    number: int
    came_at: float
    pays: bool
    comes_back: bool
    answers: list[int] = field(default_factory=list)
    presses: int = 0
    presses_until_answered: int = 0
    rental_id: str = ""
    access_key: str = ""
    refused_at: float | None = None
    payable_at: float | None = None
    paid_at: float | None = None
    gave_up: bool = False

    @property
    def waited(self) -> float | None:
        """Seconds from the first press to a payment page, or to being told that there is none."""
        answered = [each for each in (self.refused_at, self.payable_at) if each is not None]
        return min(answered) - self.came_at if answered else None


class _Timed(Invocation):
    """An invocation that stops before each call, and says which."""

    pending = ""
    parameters: Json

    def next_fault(self, call: str) -> Fault | None:
        self.pending = call
        return super().next_fault(call)


@dataclass(slots=True)
class _Run:
    function: str
    work: _Timed
    started: float
    done: Callable[[Invocation | None], None]


class Drop:
    """One sale, from the minutes before until what was held is sold. With `is_prepared` the stack
    has the parameters of docs/drop.md: SnapStart, WarmWriteUnits.
    """

    def __init__(
        self,
        world: World,
        seed: str,
        *,
        buyers: int,
        units: int,
        seconds: float,
        at_paymongo: int = 0,
        is_prepared: bool = False,
    ) -> None:
        world.reset(seed)
        self.scale = scale = buyers / ALL if buyers >= _FEWEST_SCALED else 1.0
        self.world, self.steps, self.random = world, world.steps, Random(seed)
        self.seconds, self.units, self._has_snapshots = seconds, units, is_prepared
        self.gateway = Gateway(scale)
        self.calls = Calls(scale, WARM_WRITE_UNITS if is_prepared else 0)
        self.functions = Lambda(scale, at_paymongo)
        self.usage = Counter[str]()
        self.invocations = Counter[str]()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._known = 0
        self._waiting: list[Execution] = []
        self.buyers = [self._buyer(number) for number in range(buyers)]
        self._stock()

    def _buyer(self, number: int) -> Buyer:
        at = self.seconds
        while at >= self.seconds:
            at = self.random.expovariate(0.693 / _HALF_SECONDS)
        draw = self.random.random
        return Buyer(
            number,
            BROWSING_SECONDS + at,
            draw() < _PAYING_SHARE,
            draw() < _COMING_BACK_SHARE,
        )

    def _stock(self) -> None:
        self.world.empty("Units")
        catalogue._warehouses = None
        for number in range(self.units):
            warehouse = list(WAREHOUSES)[number % 2]
            self.world.put("Units", new_unit(f"unit-{number:04}", COLLECTIBLE, warehouse))

    @property
    def now(self) -> float:
        return self.world.clock.seconds

    # --- time ---

    def live(self, until: float) -> None:
        """The minutes before, the drop, and what follows, for so many seconds."""
        self._watch_calls()
        for buyer in self.buyers:
            for function in _BROWSING:
                at = self.random.uniform(0, BROWSING_SECONDS)
                self._at(at, lambda function=function: self._browse(function))  # type: ignore[misc]
            self._at(buyer.came_at, lambda buyer=buyer: self._press(buyer))  # type: ignore[misc]
        for minute in range(1, int(until // 60)):
            self._at(minute * 60.0, self._reconcile)
        while self._due and self._due[0][0] <= until:
            at, _, do = heapq.heappop(self._due)
            self.world.clock.seconds = at
            do()

    def _at(self, at: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._due, (at, next(self._order), do))

    def _in(self, seconds: float, do: Callable[[], None]) -> None:
        self._at(self.now + seconds, do)

    def _about(self, milliseconds: float) -> float:
        """Seconds, more or less."""
        return milliseconds / 1000 * self.random.uniform(0.7, 1.6)

    # --- customers ---

    def _browse(self, function: str) -> None:
        self.usage["api_request"] += 1
        if not self.gateway.admits(function, self.now):
            self.calls.refused["browsing"] += 1
            return
        is_cold = self.functions.begin(function, self.now)
        if is_cold is None:
            return
        scenario = {"GetStores": "stores", "GetCollectibles": "catalogue", "PostQuote": "quote"}
        used = model.counts()[scenario[function.removesuffix("Function")]]["functions"][function]
        busy = self._cpu(function, is_cold=is_cold)
        busy += self._about(model.waiting_milliseconds(used))
        self.usage.update(model.usage_of_function(function, used))
        self._in(busy, lambda: self.functions.end(function))

    def _press(self, buyer: Buyer) -> None:
        buyer.presses += 1
        buyer.presses_until_answered += buyer.waited is None
        email, address = f"buyer-{buyer.number}@example.com", _address(buyer.number)
        event = {
            "headers": {
                "Content-Type": "application/json",
                "Idempotency-Key": f"key-{buyer.number}",
                "X-Client-Address": address,
                "Prefer": "respond-async",
            },
            "body": json.dumps(
                checkout_body(collectible_id=COLLECTIBLE, customer={"email": email})
            ),
        }
        self._ask(CHECKOUT, "api.post_checkout.handler", event, lambda a: self._told(buyer, a))

    def _ask(
        self, route: str, function: str, event: Json, answered: Callable[[Json], None]
    ) -> None:
        self.usage["api_request"] += 1
        if not self.gateway.admits(route, self.now):
            self._in(_NETWORK_SECONDS, lambda: answered({"statusCode": 429, "body": "{}"}))
            return

        def done(work: Invocation | None) -> None:
            failed = work is None or work.error is not None
            answer = {"statusCode": 500, "body": "{}"} if failed else work.result  # type: ignore[union-attr]
            self._in(_NETWORK_SECONDS, lambda: answered(answer))

        self._invoke(function, event, done)

    def _told(self, buyer: Buyer, answer: Json) -> None:
        status, said = answer["statusCode"], json.loads(answer["body"])
        buyer.answers.append(status)
        if status in (200, 202):
            buyer.rental_id = said["data"]["rental_id"]
            buyer.access_key = said["data"]["access_key"]
            self._look(buyer, said["data"], _POLL[0])
        elif status == 409:
            self._refused(buyer)
        elif self.now - buyer.came_at < _GIVE_UP_SECONDS:
            self._in(self.random.uniform(*_BUSY_PAUSE), lambda: self._press(buyer))
        else:
            buyer.gave_up = True

    def _look(self, buyer: Buyer, seen: Json, pause: float) -> None:
        """What the page does until there is somewhere to pay, or an ending."""
        if seen.get("payment_url"):
            if buyer.payable_at is None:
                buyer.payable_at = self.now
            if buyer.pays or buyer.presses > 1:
                self._in(self.random.uniform(*_PAYING_SECONDS), lambda: self._pay(buyer))
        elif seen.get("status") == "rejected":
            self._refused(buyer)
        elif seen.get("status", "pending") != "pending":
            buyer.answers.append(502)
            buyer.gave_up = True
        else:
            self._in(pause, lambda: self._poll(buyer, pause))

    def _poll(self, buyer: Buyer, pause: float) -> None:
        event = {
            "pathParameters": {"rental_id": buyer.rental_id},
            "headers": {"X-Rental-Key": buyer.access_key},
        }
        longer = min(pause * _POLL[1], _POLL[2])

        def answered(answer: Json) -> None:
            buyer.answers.append(answer["statusCode"])
            body = json.loads(answer["body"]) if answer["statusCode"] == 200 else {"data": {}}
            self._look(buyer, body["data"], longer)

        self._ask("/api/rentals/{rental_id}", "api.get_rental.handler", event, answered)

    def _refused(self, buyer: Buyer) -> None:
        if buyer.refused_at is None:
            buyer.refused_at = self.now
            self._browse("PostQuoteFunction")
        if buyer.comes_back:
            self._in(self.random.uniform(*_COMING_BACK_SECONDS), lambda: self._press(buyer))

    def _pay(self, buyer: Buyer) -> None:
        session = repository.get(buyer.rental_id).checkout_session_id
        self.world.sandbox.post(f"/_sandbox/checkout_sessions/{session}/settle")
        buyer.paid_at = self.now
        for event in self.world.sandbox.new_events():
            self._in(self._about(1000), lambda body=event["body"]: self._webhook(body))  # type: ignore[misc]

    def _webhook(self, body: str) -> None:
        signature = self.world.sandbox.signature(body.encode(), time.time())
        event = {"headers": {"paymongo-signature": signature}, "body": body}

        def answered(answer: Json) -> None:
            if answer["statusCode"] != 200:
                self._in(60, lambda: self._webhook(body))

        self._ask(WEBHOOK, "api.post_paymongo_webhook.handler", event, answered)

    # --- functions ---

    def _reconcile(self) -> None:
        self._invoke("upkeep.reconcile.handler", {}, lambda _: None)

    def _cpu(self, function: str, *, is_cold: bool) -> float:
        cpu = model.assumptions()["warm_cpu_milliseconds"]
        memory = model.memory_mb(function)
        busy = cpu.get(function, cpu["others"]) * model.slow_down(memory)
        if is_cold and self._has_snapshots:
            busy += _RESTORE_SECONDS * 1000
        elif is_cold:
            busy += model.import_milliseconds(function) + _SANDBOX_SECONDS * 1000
        return self._about(busy)

    def _invoke(self, named: str, event: Json, done: Callable[[Invocation | None], None]) -> None:
        function, text, do = _FUNCTIONS[named], json.dumps(event), handler(named)
        is_cold = self.functions.begin(function, self.now)
        if is_cold is None:
            done(None)
            return
        self.invocations[function] += 1
        work = _Timed(function, lambda: do(json.loads(text), Context()), self.now)
        run = _Run(function, work, self.now, done)
        self._in(self._cpu(function, is_cold=is_cold), lambda: self._go_on(run, 0))

    def _go_on(self, run: _Run, calls: int) -> None:
        if not run.work.run(calls):
            self._call(run, 0)
            return
        self.functions.end(run.function)
        used = (self.now - run.started) * model.memory_mb(run.function) / 1024
        self.usage.update({"lambda_gb_second": used, "lambda_request": 1})
        run.done(run.work)
        self._notice()

    def _call(self, run: _Run, tries: int) -> None:
        latency = model.assumptions()["milliseconds_of_a_call"]
        self._in(
            self._about(latency[run.work.pending.split()[0]]), lambda: self._answer(run, tries)
        )

    def _answer(self, run: _Run, tries: int) -> None:
        call = run.work.pending
        if self.calls.allows(call, getattr(run.work, "parameters", {}), self.now):
            run.work._plan = None
        elif tries + 1 < _AWS_TRIES and not call.startswith("PayMongo"):
            # botocore's standard mode: up to 1, 2 seconds.
            self._in(self.random.uniform(0, 2**tries), lambda: self._call(run, tries + 1))
            return
        else:
            run.work._plan = FaultPlan(Fault.THROTTLED, 0)
        self._go_on(run, 1)

    def _watch_calls(self) -> None:
        client: Any = aws.dynamodb()
        make = client._make_api_call

        def noted(operation: str, parameters: Json) -> Any:
            if isinstance(work := current(), _Timed):
                work.parameters = parameters
            return make(operation, parameters)

        client._make_api_call = noted

    # --- executions ---

    def _notice(self) -> None:
        """Executions that a function has started, or gone on with."""
        for execution in self.steps.executions[self._known :]:
            self._advance(execution)
        self._known = len(self.steps.executions)
        for execution in [each for each in self._waiting if each.token is None]:
            self._waiting.remove(execution)
            self._advance(execution)

    def _advance(self, execution: Execution) -> None:
        if execution.is_running:
            wait = self.calls.transitions.wait(self.now)
            self._in(wait + _STATE_SECONDS, lambda: self._step(execution))

    def _step(self, execution: Execution) -> None:
        if not execution.can_advance:
            return
        wanted = self.steps.advance(execution)
        if wanted is None:
            self._advance(execution)
        elif "update" in wanted:
            self._in(self._about(8), lambda: self._wait(execution, wanted["update"]))
        else:
            self._task(execution, wanted)

    def _wait(self, execution: Execution, update: Json) -> None:
        self.steps.update_for_token(execution, update)
        if execution.token is None:
            self._advance(execution)
            return
        self._waiting.append(execution)
        token = execution.token

        def run_out() -> None:
            if execution.token == token and execution.is_running:
                self.steps.time_out(execution)
                self._notice()

        self._at(execution.deadline or 0.0, run_out)

    def _task(self, execution: Execution, wanted: Json) -> None:
        def done(work: Invocation | None) -> None:
            too_many = TaskError("Lambda.TooManyRequestsException")
            error = task_error(work) if work else too_many
            state = execution.state
            self.steps.finish_task(execution, work.result if work else None, error)
            pause = 0.0
            if error and execution.is_running and execution.state == state:
                pause = self._retry_pause(execution, error.name)
            self._in(pause, lambda: self._advance(execution))

        self._invoke(wanted["function"], wanted["payload"], done)

    def _retry_pause(self, execution: Execution, error: str) -> float:
        """With full jitter, as all our retries have."""
        retriers = execution.definition["States"][execution.state]["Retry"]
        number, found = next(
            (number, each) for number, each in enumerate(retriers) if error in each["ErrorEquals"]
        )
        longest = found["IntervalSeconds"] * found["BackoffRate"] ** (execution.retries[number] - 1)
        return self.random.uniform(0, min(longest, found["MaxDelaySeconds"]))

    # --- in the end ---

    def violations(self) -> list[Violation]:
        """Where units, rentals and money disagree."""
        return violations(
            self.world.rows("Rentals"),
            self.world.rows("Units"),
            self.world.rows("Customers"),
            ledger_payments(self.world.sandbox.rentals()),
            now=self.world.clock.now(),
        )

    def dollars(self) -> float:
        """What AWS charges for it, from the first visitor on."""
        calls, usage = self.calls, self.usage.copy()
        usage["state_transition"] = int(calls.transitions.taken)
        usage["read_unit"] += calls.read_units  # type: ignore[assignment]
        usage["write_unit"] += calls.write_units  # type: ignore[assignment]
        return model.total(model.cost(usage))


@cache
def _address(number: int) -> str:
    return f"10.{number >> 16}.{(number >> 8) & 255}.{number & 255}"
