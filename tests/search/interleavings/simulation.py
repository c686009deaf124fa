"""Customers, PayMongo, operators, time and faults, one small step at a time.

A run is a list of actions, each a name and the numbers it drew. The same list gives the same run;
an action that has nothing to act on does nothing, and a missing number is 0, the plainest choice.
So a failing list can be made shorter and plainer and still be run.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Protocol, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from infra import clock
from rentals import desk, given_back, retention
from rentals.errors import ApplicationError
from rentals.identity import rental_id_for
from rentals.links import redirect_path, url_signing_key
from rentals.models import Rental
from rentals.unit_desk import UnitAction
from tests.search.interleavings import money, stores
from tests.search.interleavings.invocations import Fault, FaultPlan, Invocation, Killed
from tests.search.interleavings.records import Records
from tests.search.interleavings.stepfunctions import (
    FULFILLMENT,
    RENTAL,
    SETTLEMENT,
    Execution,
    TaskError,
)
from tests.search.interleavings.stores import NEXT_ACTION, desk_request, staff_for
from tests.search.interleavings.world import COLLECTIBLE, World, handler
from tests.support.samples import IDENTITY_SECRET, checkout_body
from tests.support.sandbox import ledger_payments
from tools.ops.promise import LedgerPayment, Violation, violations

Json = dict[str, Any]
Picked = TypeVar("Picked")
Action = tuple[str, tuple[int, ...]]

MAX_RENTALS = 6
CUSTOMERS = 2
_LAMBDA_SECONDS = 30.0
_RECONCILER_SECONDS = 300.0
_CLOCK_SECONDS = 120.0
_DESK = "api.post_desk_action.handler"
_STEP_SECONDS = 0.3
_LASTING_CALLS = 14
# One more than any state is tried when AWS fails.
_ATTEMPTS = 10
_QUIET_ROUNDS = 25
_LONGEST_HOLD = 3600.0
# What the clock looks at soon is under way; after a failed execution it waits for 15 minutes.
_SOON_SECONDS = 910.0
_DAY_SECONDS = 86_400.0
# Lambda invokes a function again when an event has failed.
_EVENT_TRIES = 3
# What may be for a moment, while a function or a state machine is at work.
_MOMENTARY = {
    "nothing hangs",
    "ended keeps no money",
    "ended holds no unit",
    "deadline kept",
    "unit shelved",
}
_AT_HOME = {"available", "maintenance", "lost", "retired"}
_STAGES_LEFT = 4 * MAX_RENTALS
_ENDED_UNPAID = {"failed", "cancelled", "expired", "rejected"}
_PAYABLE = {"pending", *_ENDED_UNPAID}
_LOST_INVOKE = "Lambda.SdkClientException"
_UPDATE_ERRORS = {
    Fault.THROTTLED: "DynamoDb.ThrottlingException",
    Fault.SERVER_ERROR: "DynamoDb.InternalServerErrorException",
    Fault.LOST_BEFORE: "DynamoDb.SdkClientException",
    Fault.LOST_AFTER: "DynamoDb.SdkClientException",
}


class Draw(Protocol):
    """Where an action's choices come from."""

    def below(self, limit: int) -> int: ...


class Fresh:
    """New choices, written down."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.drawn: list[int] = []

    def below(self, limit: int) -> int:
        self.drawn.append(self._random.randrange(limit))
        return self.drawn[-1]


class Replayed:
    """Choices made before; 0 when they run out."""

    def __init__(self, drawn: Sequence[int]) -> None:
        self._left = list(drawn)

    def below(self, limit: int) -> int:
        return self._left.pop(0) % limit if self._left else 0


class PromiseBroken(AssertionError):
    """Units and money disagree, or something happened that never should."""


@dataclass(slots=True)
class Visit:
    """A customer's rental."""

    rental_id: str
    key: str
    body: Json
    address: str


@dataclass(slots=True)
class Mail:
    """An event of PayMongo's on its way to us."""

    event_id: str
    kind: str
    body: str
    may_be_lost: bool = True


@dataclass(slots=True)
class Causes:
    """What happened that explains why somebody must look."""

    faults: int = 0
    refunds_failed: int = 0
    wrong_amounts: int = 0
    stops: int = 0

    @property
    def any(self) -> bool:
        return bool(self.faults or self.refunds_failed or self.wrong_amounts or self.stops)


class Context:
    """A Lambda context that always has time left."""

    aws_request_id = "request"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 100_000


@dataclass(slots=True)
class Running:
    """An invocation under way and what to do with its answer."""

    invocation: Invocation
    lifetime: float
    done: Callable[[Invocation], None] = field(repr=False)


class Simulation:
    """One example: a shop, its customers, and everything that can happen to them."""

    def __init__(self, world: World, seed: str) -> None:
        world.reset(seed)
        self.world = world
        self.seed = seed
        self.steps = world.steps
        self.log: list[str] = []
        self.visits: list[Visit] = []
        self.published: set[str] = set()
        self.mail: list[Mail] = []
        self.delivered: list[Mail] = []
        self.running: list[Running] = []
        self.causes = Causes()
        self.refunded_by_owner: set[str] = set()
        self.overtaken_refunds: set[str] = set()
        # Payments that nobody will ever look for: PayMongo must tell us of them.
        self.only_told: set[str] = set()
        self.invocations = 0
        self.records = Records()
        self.given_up: set[str] = set()
        self._outage: tuple[Fault, int] | None = None
        self._outage_left = 0
        self._checked_at: tuple[int, int] | None = None
        self.is_quiet = False
        self._erased_at = self.world.clock.seconds

    # --- running ---

    def act(self, name: str, draw: Draw) -> bool:
        """Do an action, if there is anything to do it to, and check the safety half."""
        self.world.clock.seconds += _STEP_SECONDS
        if not ACTIONS[name](self, draw):
            return False
        self._collect_mail()
        self.check_safety()
        return True

    def play(self, actions: Sequence[Action]) -> None:
        """Run a whole example and what follows when nobody does anything any more."""
        for name, drawn in actions:
            self.act(name, Replayed(drawn))
        self.come_to_rest()

    def say(self, text: str) -> None:
        self.log.append(f"{self.world.clock.seconds:8.1f}  {text}")

    def close(self) -> None:
        """No thread is left behind."""
        for each in self.running:
            each.invocation.kill()
        self.running.clear()

    def start(  # noqa: PLR0917 - each is one thing that may vary
        self,
        draw: Draw,
        label: str,
        function: str,
        event: Json,
        done: Callable[[Invocation], None],
        lifetime: float = _LAMBDA_SECONDS,
    ) -> Invocation:
        """Invoke a function; it may go wrong and it may be overtaken, as drawn."""
        plan = self._plan(draw)
        pause = 1 + draw.below(4) if not self.is_quiet and draw.below(2) else None
        if draw.below(8) == 7:
            self.world.forget_secrets()
        work = handler(function)
        # As it comes in: nothing that one invocation does to its event is seen by another.
        sent = json.dumps(event)
        invocation = Invocation(
            label, lambda: work(json.loads(sent), Context()), self.world.clock.seconds, plan
        )
        self.invocations += 1
        running = Running(invocation, lifetime, done)
        self.running.append(running)
        self._go_on(running, pause)
        return invocation

    def _plan(self, draw: Draw) -> FaultPlan | None:
        if self.is_quiet:
            return None
        if self._outage_left and self._outage:
            self._outage_left -= 1
            return FaultPlan(*self._outage, is_lasting=True)
        if draw.below(6) != 5:
            return None
        return FaultPlan(_pick(draw, list(Fault)), draw.below(9))

    def _go_on(self, running: Running, calls: int | None) -> None:
        invocation = running.invocation
        is_done = invocation.run(calls)
        outcome = ""
        if is_done:
            self.running.remove(running)
            error = invocation.error
            outcome = repr(error) if error else _short(invocation.result)
            for fault in invocation.faults:
                self.causes.faults += 1
                outcome += f"  [{fault}]"
        self.say(f"{invocation.label}: {outcome if is_done else f'paused {invocation.calls}'}")
        if is_done:
            self._check_error(invocation)
            running.done(invocation)

    def _check_error(self, invocation: Invocation) -> None:
        """Handlers raise what errors.py lists, or pass on an AWS error that the plan made."""
        error = invocation.error
        is_planned = bool(invocation.faults) and isinstance(error, BotoCoreError | ClientError)
        if (
            error is not None
            and not is_planned
            and not isinstance(error, ApplicationError | Killed)
        ):
            raise PromiseBroken(f"{invocation.label} crashed: {error!r}") from error

    def let_time_pass(self, seconds: float) -> None:
        """Functions don't outlive their time-out, and holds run out when they are due."""
        self.world.clock.seconds += seconds
        now = self.world.clock.seconds
        for each in [r for r in self.running if now - r.invocation.started_at > r.lifetime]:
            self.causes.faults += 1
            self.running.remove(each)
            each.invocation.kill()
            self.say(f"{each.invocation.label}: timed out")
            each.done(each.invocation)
        for execution in self.steps.executions:
            if execution.deadline is not None and execution.deadline <= now:
                self.say(f"{execution}: waited too long in {execution.state}")
                self.steps.time_out(execution)
            if execution.is_running and execution.times_out_at <= now:
                self.causes.faults += 1
                self.say(f"{execution}: timed out as a whole")
                self.steps.time_out_as_a_whole(execution)

    # --- what customers do ---

    def checkout(self, draw: Draw) -> bool:
        if len(self.visits) >= MAX_RENTALS:
            return False
        customer = draw.below(CUSTOMERS)
        email, address = f"customer-{customer}@example.com", f"192.0.2.{customer}"
        key = f"key-{len(self.visits)}"
        body = checkout_body(
            collectible_id=COLLECTIBLE,
            store_id="store-b" if draw.below(4) == 3 else "store-a",
            customer={"email": email},
        )
        rental_id = rental_id_for(email, key, IDENTITY_SECRET)
        self.visits.append(Visit(rental_id, key, body, address))
        self._post_checkout(self.visits[-1], draw)
        return True

    def same_key_again(self, draw: Draw) -> bool:
        if not self.visits:
            return False
        self._post_checkout(_pick(draw, self.visits), draw)
        return True

    def _post_checkout(self, visit: Visit, draw: Draw) -> None:
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": visit.key,
            "X-Client-Address": visit.address,
        }
        if draw.below(4) != 3:
            headers["Prefer"] = "respond-async"
        event = {"headers": headers, "body": json.dumps(visit.body)}
        label = f"checkout {visit.rental_id[:8]}"
        self.start(draw, label, "api.post_checkout.handler", event, self.answered)

    def answered(self, invocation: Invocation) -> None:
        answer = invocation.result
        if answer is None:
            return
        if answer["statusCode"] == 500:
            raise PromiseBroken(f"{invocation.label} answered 500: {answer['body']}")

    def pay(self, draw: Draw) -> bool:
        """On PayMongo's page; sometimes PayMongo never tells us."""
        session = self._session(draw, lambda each: each["status"] == "active" and not each["paid"])
        return self._settle(draw, session)

    def pay_late(self, draw: Draw) -> bool:
        """A payment that was authorised before the session was closed settles after it."""
        session = self._session(draw, lambda each: each["status"] == "expired" and not each["paid"])
        return self._settle(draw, session)

    def pay_again(self, draw: Draw) -> bool:
        session = self._session(draw, lambda each: each["paid"])
        return self._settle(draw, session, again=True)

    def pay_wrong_amount(self, draw: Draw) -> bool:
        session = self._session(draw, lambda each: not each["paid"])
        if session is None:
            return False
        self.causes.wrong_amounts += 1
        return self._settle(draw, session, amount=session["total"] + [100, -100][draw.below(2)])

    def _settle(self, draw: Draw, session: Json | None, **options: Any) -> bool:
        if session is None:
            return False
        is_looked_for = not session["paid"] and session["id"] in self._looked_for()
        is_silent = draw.below(5) == 4 and is_looked_for
        answer = self.world.sandbox.post(
            f"/_sandbox/checkout_sessions/{session['id']}/settle", silently=is_silent, **options
        )
        payment = answer["payment"]["id"]
        if not is_looked_for:
            self.only_told.add(payment)
        self.say(f"customer pays {session['rental_id'][:8]}: {payment} {options or ''}")
        return True

    def _looked_for(self) -> set[str]:
        """Sessions that the reconciler still asks PayMongo about, at least once more."""
        rows = [
            row
            for row in self.world.rows("Rentals")
            if row["paymentStatus"] in _PAYABLE and row.get("followUp", "").startswith("payment")
        ]
        rows += [e for e in self.world.rows("Charges") if "followUp" in e and "paymentId" not in e]
        return {row["checkoutSessionId"] for row in rows if "checkoutSessionId" in row}

    def decline(self, draw: Draw) -> bool:
        session = self._session(draw, lambda each: each["status"] == "active" and not each["paid"])
        if session is None:
            return False
        self.world.sandbox.post(f"/_sandbox/checkout_sessions/{session['id']}/decline")
        self.say(f"an attempt for {session['rental_id'][:8]} is declined")
        return True

    def begin_payment(self, draw: Draw) -> bool:
        session = self._session(draw, lambda each: each["status"] == "active" and not each["paid"])
        if session is None or session["payment_in_progress"]:
            return False
        self.world.sandbox.post(f"/_sandbox/checkout_sessions/{session['id']}/start")
        self.say(f"a payment for {session['rental_id'][:8]} is in progress")
        return True

    def finish_payment(self, draw: Draw) -> bool:
        session = self._session(draw, lambda each: each["payment_in_progress"])
        if session is None:
            return False
        outcome = ["paid", "failed"][draw.below(2)]
        self.world.sandbox.post(
            f"/_sandbox/checkout_sessions/{session['id']}/finish", outcome=outcome
        )
        self.say(f"the payment in progress for {session['rental_id'][:8]}: {outcome}")
        return True

    def leave_for_an_hour(self, draw: Draw) -> bool:
        """Whoever is at a wallet stays there until the longest hold is over."""
        self.let_time_pass(_LONGEST_HOLD + 1)
        return True

    def come_back(self, draw: Draw) -> bool:
        """The success URL, with or without having paid."""
        return self._redirected(draw, "success")

    def cancel(self, draw: Draw) -> bool:
        return self._redirected(draw, "failed")

    def _redirected(self, draw: Draw, outcome: str) -> bool:
        session = self._session(draw, lambda _: True)
        if session is None:
            return False
        rental_id = session["rental_id"]
        query = redirect_path(outcome, rental_id, url_signing_key()).partition("?")[2]
        pairs = dict(each.split("=") for each in query.split("&"))
        self.start(
            draw,
            f"/payment/{outcome} {rental_id[:8]}",
            f"api.get_payment_{outcome}.handler",
            {"queryStringParameters": pairs},
            self.answered,
        )
        return True

    # --- what PayMongo does ---

    def deliver(self, draw: Draw) -> bool:
        """Any event that is on its way: so they also arrive late and out of order."""
        if not self.mail:
            return False
        mail = self.mail.pop(draw.below(len(self.mail)))
        self._post_webhook(mail, draw)
        return True

    def deliver_again(self, draw: Draw) -> bool:
        if not self.delivered:
            return False
        self._post_webhook(_pick(draw, self.delivered), draw)
        return True

    def lose(self, draw: Draw) -> bool:
        lost = [each for each in self.mail if each.may_be_lost]
        if not lost:
            return False
        mail = _pick(draw, lost)
        self.mail.remove(mail)
        self.say(f"{mail.kind} {mail.event_id} is lost")
        return True

    def _post_webhook(self, mail: Mail, draw: Draw) -> None:
        body = mail.body.encode()
        event = {
            "headers": {"paymongo-signature": self.world.sandbox.signature(body, time.time())},
            "body": mail.body,
        }

        def answered(invocation: Invocation) -> None:
            self.answered(invocation)
            answer = invocation.result
            if answer is not None and answer["statusCode"] == 200:
                if mail not in self.delivered:
                    self.delivered.append(mail)
            elif mail not in self.mail:
                self.mail.append(mail)
            if answer and answer["statusCode"] not in (200, 503):
                raise PromiseBroken(f"{invocation.label} answered {answer}")

        label = f"webhook {mail.kind} {mail.event_id}"
        self.start(draw, label, "api.post_paymongo_webhook.handler", event, answered)

    def settle_refund(self, draw: Draw) -> bool:
        refunds = self._refunds_under_way()
        if not refunds:
            return False
        outcome = "fail" if draw.below(4) == 3 else "succeed"
        self.causes.refunds_failed += outcome == "fail"
        self._settle_refund(_pick(draw, refunds), outcome)
        return True

    def refund_by_owner(self, draw: Draw) -> bool:
        """Somebody gives the money of a completed rental back on PayMongo's dashboard."""
        completed = {
            row["paymentId"]: row
            for row in self.world.rows("Rentals")
            if row["paymentStatus"] == "completed"
        }
        payments = [
            each
            for entries in self.world.sandbox.rentals().values()
            for each in entries["payments"]
            if each["id"] in completed and not each["refunds"]
        ]
        if not payments:
            return False
        payment = _pick(draw, payments)
        self.refunded_by_owner.add(completed[payment["id"]]["id"])
        amount = [payment["amount"], payment["amount"], 150_000][draw.below(3)]
        attributes = {"amount": amount, "payment_id": payment["id"], "reason": "others"}
        self.world.sandbox.post("/v1/refunds", data={"attributes": attributes})
        self.say(f"{payment['id']} is refunded on the dashboard")
        return True

    def _settle_refund(self, refund_id: str, outcome: str) -> None:
        if outcome == "fail" and any("Refund" in each.invocation.label for each in self.running):
            # Somebody who has looked already asks for another one, which is as good as telling.
            self.overtaken_refunds.add(refund_id)
        self.world.sandbox.post(f"/_sandbox/refunds/{refund_id}/settle", outcome=outcome)
        self.say(f"refund {refund_id}: {outcome}")

    def _refunds_under_way(self) -> list[str]:
        return [
            refund["id"]
            for entries in self.world.sandbox.rentals().values()
            for refund in entries["refunds"]
            if refund["status"] in ("pending", "processing")
        ]

    # --- what AWS does ---

    def advance(self, draw: Draw) -> bool:
        """The next state, or the next attempt, of an execution."""
        ready = [each for each in self.steps.executions if each.can_advance]
        if not ready:
            return False
        self._advance(_pick(draw, ready), draw)
        return True

    def break_down(self, draw: Draw) -> bool:
        """Every attempt at a state fails in the same way, until no retry is left."""
        ready = [each for each in self.steps.executions if each.can_advance]
        if not ready:
            return False
        execution = _pick(draw, ready)
        state = execution.state
        self._outage = (_pick(draw, list(Fault)), draw.below(5))
        for _ in range(_ATTEMPTS):
            if execution.state == state and execution.can_advance:
                self._outage_left = 1
                self._advance(execution, Replayed([]))
        self._outage_left = 0
        return True

    def _advance(self, execution: Execution, draw: Draw) -> None:
        state = execution.state
        wanted = self.steps.advance(execution)
        if wanted is None:
            self.say(f"{execution} {state}: {execution.status}")
        elif "update" in wanted:
            self._publish(execution, wanted["update"], draw)
        else:
            self._invoke(execution, wanted, draw)

    def _publish(self, execution: Execution, arguments: Json, draw: Draw) -> None:
        plan, state = self._plan(draw), execution.state
        error = _UPDATE_ERRORS.get(plan.fault) if plan else None
        if plan is None or error is None:
            self.steps.update_for_token(execution, arguments)
            self.say(f"{execution} {state}, then {execution.state}")
            return
        self.causes.faults += 1
        if plan.fault is Fault.LOST_AFTER:
            self.steps.update_for_token(execution, arguments)
        if execution.token is not None:
            self.steps.lose_update(execution, error)
        self.say(f"{execution} {state}: {plan.fault}, then {execution.state}")

    def _invoke(self, execution: Execution, wanted: Json, draw: Draw) -> None:
        """Sometimes Lambda refuses, or its answer is lost while the function goes on."""
        trouble = 0 if self.is_quiet else draw.below(20)
        if trouble == 19:
            self.causes.faults += 1
            self.steps.finish_task(execution, None, TaskError("Lambda.TooManyRequestsException"))
            return
        invocation: Invocation | None = None

        def answered(done: Invocation) -> None:
            nonlocal invocation
            invocation = invocation or done
            if execution.is_running and execution.busy in (None, done) and not is_abandoned:
                self.steps.finish_task(execution, done.result, task_error(done))
                self.say(f"    {execution} then {execution.state}")

        is_abandoned = False
        before = len(self.running)
        label = f"{execution} {execution.state}"
        started = self.start(draw, label, wanted["function"], wanted["payload"], answered)
        if started.is_done or len(self.running) == before:
            return
        execution.busy = started
        if trouble == 18:
            self.causes.faults += 1
            is_abandoned = True
            self.steps.finish_task(execution, None, TaskError(_LOST_INVOKE))
            self.say(f"    {execution} no longer waits for it")

    def go_on(self, draw: Draw) -> bool:
        """A function that was overtaken goes on, for some calls or to its end."""
        if not self.running:
            return False
        running = _pick(draw, self.running)
        self._go_on(running, draw.below(4) + 1 if draw.below(3) == 2 else None)
        return True

    def stop(self, draw: Draw) -> bool:
        """An operator stops an execution, mostly a rental's."""
        machines = [None, {RENTAL}, {RENTAL}, {FULFILLMENT}, {FULFILLMENT}][draw.below(5)]
        running = [
            each
            for each in self.steps.executions
            if each.is_running and (machines is None or each.machine in machines)
        ]
        if not running:
            return False
        execution = _pick(draw, running)
        self.causes.stops += 1
        self.steps.stop(execution)
        self.say(f"{execution} in {execution.state} is stopped")
        return True

    def hold_runs_out(self, draw: Draw) -> bool:
        waiting = [
            each
            for each in self.steps.executions
            if each.machine == RENTAL and each.deadline is not None
        ]
        if not waiting:
            return False
        deadline = _pick(draw, waiting).deadline or 0.0
        self.let_time_pass(max(0.0, deadline - self.world.clock.seconds))
        return True

    def tell_eventbridge(self, draw: Draw) -> bool:
        """EventBridge delivers at least once."""
        if not self.steps.events:
            return False
        number = draw.below(len(self.steps.events))
        event = self.steps.events[number]
        if draw.below(4) != 3:
            del self.steps.events[number]
        self.say(f"EventBridge: {event}")
        if "starts" in event:
            self.steps.start_target(event)
        else:
            self._invoke_target(event, draw, _EVENT_TRIES)
        return True

    def _invoke_target(self, event: Json, draw: Draw, tries: int) -> None:
        def answered(done: Invocation) -> None:
            if done.is_done and done.error is None:
                return
            if tries > 1:
                self._invoke_target(event, draw, tries - 1)
            else:  # the clock finds its rental at the next deadline, or when the desk acts
                self.given_up.add(json.loads(event["event"]["detail"]["input"])["rental_id"])

        self.start(draw, event["invokes"], event["invokes"], event["event"], answered)

    def tick(self, draw: Draw) -> bool:
        """The clock's schedule fires, after nothing else happened for a while."""
        self.let_time_pass([60.0, 0.0, 20.0, 130.0, 650.0][draw.below(5)])
        self._tick(draw)
        return True

    def days_pass(self, draw: Draw) -> bool:
        """Until the clock has something to do, or for so many days, in which it stands still."""
        if any(row["paymentStatus"] == "pending" for row in self.world.rows("Rentals")):
            return False  # no hold lasts for days, whatever else stands still
        due = self._clock_is_due()
        days = [None, 1, 3, 10, 60, 301, 370][draw.below(7)]
        if days is None and not due:
            return False
        self.let_time_pass(days * _DAY_SECONDS if days else max(0.0, min(due)) + 1.0)
        self._erase_daily()
        self._tick(draw)
        return True

    def _erase_daily(self) -> None:
        if self.world.clock.seconds >= self._erased_at + _DAY_SECONDS:
            self._erase()

    def _erase(self) -> None:
        """Personal data of which the days are over goes, whatever else is under way."""
        self._erased_at = self.world.clock.seconds
        done = handler("upkeep.erase_personal_data.handler")({}, Context())
        if done["looked_at"]:
            self.say(f"personal data: {done}")

    def _tick(self, draw: Draw) -> None:
        function = "upkeep.follow_fulfillment.handler"
        self.start(draw, "clock", function, {}, lambda _: None, _CLOCK_SECONDS)

    def _clock_is_due(self) -> list[float]:
        """In how many seconds the clock has something to do, for each rental and unit."""
        at = [row.get("fulfillmentDueAt") for row in self.world.rows("Rentals")]
        at += [row.get("shelveAt") for row in self.world.rows("Units")]
        return [self._seconds_until(each) for each in at if each is not None]

    def _seconds_until(self, at: str) -> float:
        return (datetime.fromisoformat(at) - self.world.clock.now()).total_seconds()

    def release(self, draw: Draw) -> bool:
        """Other definitions and other execution environments, while rentals are out."""
        del draw
        self.steps.is_next_release = not self.steps.is_next_release
        self.world.forget_secrets()
        self.say("a new release")
        return True

    # --- what stores do ---

    def desk(self, draw: Draw) -> bool:
        """Somebody at a desk does what comes next with a rental, or something else."""
        paid = [row for row in self.world.rows("Rentals") if "fulfillmentStatus" in row]
        if not paid:
            return False
        row = _pick(draw, paid)
        following = NEXT_ACTION.get(row["fulfillmentStatus"])
        action = following if following and draw.below(3) < 2 else _pick(draw, list(desk.Action))
        claims = staff_for(row["storeId"])[draw.below(4)]
        condition = _pick(draw, list(desk.Condition)) if draw.below(4) == 3 else "fine"
        event = desk_request(row["id"], action, claims, condition)
        label = f"desk {row['id'][:8]} {action} {claims['email'][:3]}"
        self.start(draw, label, _DESK, event, self.answered)
        return True

    def move_unit(self, draw: Draw) -> bool:
        """An operator does something with a unit, whoever has it."""
        unit = _pick(draw, self.world.rows("Units"))
        event = {
            "unit_id": unit["id"],
            "action": _pick(draw, list(UnitAction)),
            "warehouse_id": _pick(draw, self.world.rows("Warehouses"))["id"],
        }
        label = f"operator {event['action']} {unit['id']}"
        self.start(draw, label, f"{stores.__name__}.move_unit", event, lambda _: None)
        return True

    def reconcile(self, draw: Draw) -> bool:
        """The schedule fires, after nothing else happened for a while."""
        self.let_time_pass([130.0, 0.0, 20.0, 650.0, 910.0][draw.below(5)])
        self.start(
            draw, "reconcile", "upkeep.reconcile.handler", {}, lambda _: None, _RECONCILER_SECONDS
        )
        return True

    def outage(self, draw: Draw) -> bool:
        """The next invocations all fail, each at its so-manieth call."""
        self._outage = (_pick(draw, list(Fault)), draw.below(5))
        self._outage_left = draw.below(_LASTING_CALLS) + 1
        self.say(f"an outage: {self._outage}, {self._outage_left} times")
        return True

    # --- in the end ---

    def quiesce(self, random: Random) -> None:
        """Nothing new and nothing wrong happens: everything outstanding comes to its end."""
        self.is_quiet = True
        self._outage_left = 0
        self.say("--- quiet ---")
        for _ in range(_QUIET_ROUNDS):
            while self._finish_something(random):
                self._collect_mail()
                self.check_safety()
            followed = [
                self._seconds_until(row["followUpAt"])
                for row in self.world.rows("Rentals")
                if "followUp" in row
            ]
            followed += [
                seconds
                for row in self.world.rows("Charges")
                if "followUpAt" in row
                and (seconds := self._seconds_until(row["followUpAt"])) < money.SOON_SECONDS
            ]
            looked_at = [each for each in self._clock_is_due() if each < _SOON_SECONDS]
            if not followed and not looked_at:
                return
            self.let_time_pass(max(0.0, *followed, *looked_at) + 1.0)
            self._erase_daily()
            self.reconcile(Replayed([1]))
            self.tick(Replayed([1]))
        left = [
            (row["id"][:8], row["paymentStatus"], row["followUp"], row.get("attention"))
            for row in self.world.rows("Rentals")
            if "followUp" in row
        ]
        raise PromiseBroken(f"never quiet: {left}")

    def come_to_rest(self) -> None:
        """Nothing new happens, and the promise holds; then every unit that is out comes home."""
        random = Random(self.seed)
        self.quiesce(random)
        self.check_promise()
        for _ in range(_STAGES_LEFT):
            out = [row for row in self.world.rows("Rentals") if "unitId" in row]
            if not out:
                break
            row = random.choice(out)
            action, claims = NEXT_ACTION[row["fulfillmentStatus"]], staff_for(row["storeId"])[0]
            answer = handler(_DESK)(desk_request(row["id"], action, claims, "fine"), Context())
            self.say(f"desk {row['id'][:8]} {action}: {_short(answer)}")
            if answer["statusCode"] != 200:
                raise PromiseBroken(f"when quiet: {answer['body']}")
            self.check_safety()
            if random.randrange(2):
                self.days_pass(Fresh(random))
            self.quiesce(random)
        while self._clock_is_due():
            self.let_time_pass(max(0.0, *self._clock_is_due()) + 1.0)
            self._erase_daily()
            self._tick(Replayed([]))
            self.check_safety()
            self.quiesce(random)
        self._erase()
        self.check_promise()
        left = [f"{row['id']} is {row['status']}" for row in self.world.rows("Units")
                if row["status"] not in _AT_HOME]  # fmt: skip
        if left:
            raise PromiseBroken(f"never home: {left}")

    def _finish_something(self, random: Random) -> bool:
        """One thing that is still under way, whichever."""
        draw = Fresh(random)
        finishers: list[Callable[[], bool]] = [
            lambda: self._finish_one(draw),
            lambda: self.advance(draw),
            lambda: self.deliver(draw),
            lambda: self.tell_eventbridge(draw),
            lambda: self.finish_payment(draw),
            self._succeed_refund,
        ]
        random.shuffle(finishers)
        return any(finish() for finish in finishers) or self.hold_runs_out(draw)

    def _finish_one(self, draw: Draw) -> bool:
        is_any_left = bool(self.running)
        if is_any_left:
            self._go_on(_pick(draw, self.running), None)
        return is_any_left

    def _succeed_refund(self) -> bool:
        refunds = self._refunds_under_way()
        if refunds:
            self._settle_refund(refunds[0], "succeed")
        return bool(refunds)

    # --- looking ---

    def _sessions(self) -> list[Json]:
        """Sessions whose URL a customer has got."""
        return [
            {**session, "rental_id": rental_id}
            for rental_id, entries in self.world.sandbox.rentals().items()
            for session in entries["sessions"]
            if session["id"] in self.published
        ]

    def _session(self, draw: Draw, wanted: Callable[[Json], bool]) -> Json | None:
        found = [each for each in self._sessions() if wanted(each)]
        return _pick(draw, found) if found else None

    def _collect_mail(self) -> None:
        for event in self.world.sandbox.new_events():
            must_arrive = self.only_told | (
                self.refunded_by_owner if "refund" in event["type"] else set()
            )
            may_be_lost = not any(each in event["body"] for each in must_arrive)
            self.mail.append(Mail(event["id"], event["type"], event["body"], may_be_lost))

    def check_safety(self) -> None:
        """What must hold at every moment, whoever is in the middle of what."""
        if self._checked_at == self.world.changes:
            return
        rentals = self.world.rows("Rentals")
        for row in (*rentals, *self.world.rows("Charges")):
            if "paymentUrl" in row:
                self.published.add(row["checkoutSessionId"])
        of_record = {row.get("paymentId") for row in (*rentals, *self.world.rows("Charges"))}
        at_paymongo = self.world.sandbox.rentals()
        completed = {row["id"]: row for row in rentals if row["paymentStatus"] == "completed"}
        ledger = [
            _as_told(each, completed.get(each.rental_id))
            if each.rental_id in self.refunded_by_owner or each.rental_id in completed
            else each
            for each in ledger_payments(at_paymongo)
            if each.id in of_record
        ]
        found: list[object] = [each for each in self._violations(ledger) if not _is_momentary(each)]
        found += self._released_too_soon(rentals, at_paymongo)
        found += self._settled_side_by_side()
        found += self.records.problems(
            rentals,
            self.world.rows("Units"),
            self.world.rows("Lookups"),
            self.world.rows("Notices"),
        )
        if found:
            raise PromiseBroken(f"not for a moment: {[str(each) for each in found]}")
        self._checked_at = self.world.changes

    def _released_too_soon(self, rentals: list[Json], at_paymongo: dict[str, Json]) -> list[object]:
        """A unit is never released while its session can still be paid, unless the longest hold is
        over and the row followed.
        """
        active = {
            session["id"]
            for entries in at_paymongo.values()
            for session in entries["sessions"]
            if session["status"] == "active"
        }
        return [
            f"{row['id']} is {row['paymentStatus']} and {row['checkoutSessionId']} can be paid"
            for row in rentals
            if row["paymentStatus"] in _ENDED_UNPAID
            and row.get("checkoutSessionId") in active
            and not ("followUp" in row and self._seconds_until(row["createdAt"]) <= -_LONGEST_HOLD)
        ]

    def _settled_side_by_side(self) -> list[object]:
        """The reconciler adds no settlement to one of its own that is still at it."""
        running = Counter(
            each.input["rental_id"]
            for each in self.steps.executions
            if each.is_running and "-reconciler-" in each.name
        )
        return [f"{each} is settled {count} times at once" for each, count in running.items()
                if count > 1]  # fmt: skip

    def _untold_failures(self, at_paymongo: dict[str, Json]) -> list[str]:
        """Of refunds that failed, somebody was told, by a settlement that did not succeed."""
        told = {
            each.input["rental_id"]
            for each in self.steps.executions
            if each.machine == SETTLEMENT and each.status in ("FAILED", "ABORTED")
        }
        return [
            f"nobody was told of refund {refund['id']} of {rental_id}"
            for rental_id, entries in at_paymongo.items()
            for refund in entries["refunds"]
            if refund["status"] == "failed"
            and refund["id"] not in self.overtaken_refunds
            and rental_id not in told | self.refunded_by_owner
        ]

    def check_promise(self) -> None:
        """The promise, once things are quiet; and what the customer is told."""
        at_paymongo = self.world.sandbox.rentals()
        ledger = ledger_payments(at_paymongo)
        found = [str(each) for each in self._violations(ledger)]
        rows = self.world.rows("Rentals")
        found += [
            f"{row['id']} needs attention: {row['attention']}" for row in rows if "attention" in row
        ]
        found += [problem for row in rows if (problem := self._untruth(row, ledger))]
        found += self._untold_failures(at_paymongo)
        found += self._unfollowed(rows)
        if not self.causes.any:
            found += [
                f"{each} failed without a cause: {each.error}"
                for each in self.steps.executions
                if each.status == "FAILED"
            ]
        if found:
            raise PromiseBroken(f"when quiet: {found}")

    def _is_due_later(self, violation: Violation) -> bool:
        """Personal data that was in use until a moment ago, and is erased tomorrow."""
        looks = [
            row["entry"]
            for row in self.world.rows("Lookups")
            if row["lookup"] in retention.look_keys() and row["rentalId"] == violation.subject
        ]
        return violation.rule == "personal data erased" and looks > [clock.now_timestamp()]

    def _unfollowed(self, rows: list[Json]) -> list[str]:
        """A rental that is out is followed by one execution, which waits where it is."""
        found = []
        for row in rows:
            running = [
                each
                for each in self.steps.executions
                if each.machine == FULFILLMENT
                and each.is_running
                and each.input["rental_id"] == row["id"]
            ]
            is_out = "unitId" in row and "fulfillmentStatus" in row
            if not running and row["id"] in self.given_up:
                continue
            if [each.token for each in running] != (
                [row.get("fulfillmentToken")] if is_out else []
            ):
                states = [f"{each} in {each.state}" for each in running]
                found.append(f"{row['id']} is {row.get('fulfillmentStatus')}, followed by {states}")
        return found

    def _violations(self, ledger: list[LedgerPayment]) -> list[Violation]:
        found = violations(
            self.world.rows("Rentals"),
            self.world.rows("Units"),
            self.world.rows("Customers"),
            ledger,
            charges=self.world.rows("Charges"),
            now=self.world.clock.now(),
        )
        return [each for each in found if not self._is_due_later(each)]

    def _untruth(self, row: Json, ledger: list[LedgerPayment]) -> str | None:
        event = {"pathParameters": {"rental_id": row["id"]}}
        answer = handler("api.get_rental.handler")(event, Context())
        told = json.loads(answer["body"])["data"]["status"]
        mine = [each for each in ledger if each.rental_id == row["id"] and each.is_paid]
        if any(each.kept for each in mine) or "completedAt" in row:
            is_true = told == "completed"
        elif mine:
            is_true = told == "refunded"
        else:
            is_true = told in ("failed", "cancelled", "expired", "rejected")
        return None if is_true else f"{row['id']} is told {told}, with payments {mine}"


ACTIONS: dict[str, Callable[[Simulation, Draw], bool]] = {
    each.__name__: each
    for each in (
        Simulation.checkout,
        Simulation.same_key_again,
        Simulation.pay,
        Simulation.pay_late,
        Simulation.pay_again,
        Simulation.pay_wrong_amount,
        Simulation.decline,
        Simulation.begin_payment,
        Simulation.finish_payment,
        Simulation.leave_for_an_hour,
        Simulation.come_back,
        Simulation.cancel,
        Simulation.deliver,
        Simulation.deliver_again,
        Simulation.lose,
        Simulation.settle_refund,
        Simulation.refund_by_owner,
        Simulation.advance,
        Simulation.go_on,
        Simulation.stop,
        Simulation.hold_runs_out,
        Simulation.tell_eventbridge,
        Simulation.reconcile,
        Simulation.tick,
        Simulation.days_pass,
        Simulation.desk,
        Simulation.move_unit,
        Simulation.release,
        Simulation.outage,
        Simulation.break_down,
    )
} | money.MONEY_ACTIONS


def _as_told(payment: LedgerPayment, completed: Json | None) -> LedgerPayment:
    """A payment with what its rental's row knows of refunds: news of them are on their way."""
    known = 0 if completed is None else given_back.given(Rental.from_row(completed), payment.id)
    return LedgerPayment(**_fields(payment) | {"refunded": known})


def _is_momentary(violation: Violation) -> bool:
    # A hold that lasts too long is not counted any more, whoever is still at work on it.
    return violation.rule in _MOMENTARY or violation.detail.startswith("pending, and not counted")


def _pick(draw: Draw, among: Sequence[Picked]) -> Picked:
    return among[draw.below(len(among))]


def _fields(payment: LedgerPayment) -> Json:
    return {name: getattr(payment, name) for name in payment.__slots__}


def task_error(invocation: Invocation) -> TaskError | None:
    error = invocation.error
    if error is None:
        return None
    if isinstance(error, Killed):
        return TaskError("Runtime.ExitError")
    return TaskError(type(error).__name__, str(error))


def _short(result: Any) -> str:
    if isinstance(result, dict) and "statusCode" in result:
        return f"{result['statusCode']} {result.get('body', '')[:110]}"
    return str(result)
