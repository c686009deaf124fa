"""The fault matrix: every outgoing call of every function, in every scenario, with every fault.

Rows are found by running each scenario once without faults and writing down which calls it makes,
so a new call adds its rows by itself.
"""

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any

import psutil

from tests.search.faults import money, second_half
from tests.search.faults.proxy import Call, EngineProxy, Fault, FaultProxy, PayMongoProxy
from tests.search.faults.scenarios import EXPIRED, RECONCILED, SCENARIOS, Visit
from tests.support.recording.processes import UNKNOWN, function_of
from tests.support.shop import Shop
from tools.local.stack import LocalStack

WORKERS = 8
HOLD_WHEN_EXPIRING_SECONDS = 2
# A poll repeats the same read; the third is as good as the tenth.
_MAX_ORDINAL = 3
_TRIES_TO_REACH = 5
_RECONCILER = "ReconcileFunction"
# They work now and then, and may meet any rental.
_BY_CHANCE = {"FollowFulfillmentFunction", "SendNoticesFunction"}
FUNCTIONS = second_half.FUNCTIONS | money.FUNCTIONS
_ABOUT = {each.__name__: functions for each, functions in FUNCTIONS.items()}
_ALL = SCENARIOS | {each.__name__: each for each in FUNCTIONS}


# The waits of state machines are a twentieth as long; the sandbox's, as short as they may be.
FAST: dict[str, Any] = {
    "engine_environment": {"SFN_WAIT_SCALE": "0.05"},
    "sandbox_options": ("--webhook-retry-seconds", "20", "--refund-seconds", "0.3"),
}


@dataclass(frozen=True)
class ProxiedStack:
    """A running stack and the proxies that its functions call through."""

    stack: LocalStack
    engine: EngineProxy
    paymongo: PayMongoProxy


@dataclass(frozen=True, slots=True, order=True)
class Case:
    """One cell of the matrix."""

    scenario: str
    call: Call
    fault: Fault
    is_for_a_rental: bool = True

    def __str__(self) -> str:
        return f"{self.scenario}: {self.call}: {self.fault}"

    @property
    def needs_cold_start(self) -> bool:
        """Whether the call is made once per execution environment only, whatever the rental."""
        return self.call.operation in ("GetSecretValue", "Scan")


@dataclass(slots=True)
class Result:
    """What came of a case: whether the fault met its call, whether the call was made and the fault
    missed it, what was wrong afterwards, and how long it took.

    Neither: every try went its whole way without this call. It is made by chance, as when the
    customer comes back while a webhook is handled.
    """

    case: Case
    was_reached: bool
    was_missed: bool
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Matrix:
    """Runs cases against one stack whose functions call through the proxies."""

    def __init__(self, proxied: ProxiedStack) -> None:
        self._stack = proxied.stack
        self._engine = proxied.engine
        self._paymongo = proxied.paymongo
        self._shop = Shop(proxied.stack, is_broken=True)

    def cases(self) -> list[Case]:
        """Every case, found by running each scenario once without faults, from a cold start. Cases
        of one scenario are together, in the order of the scenarios.

        A call that is made before a rental is named, or at a cold start only, has nothing to do
        with the scenario, and belongs to the first one whose rental its function works for.
        """
        kill_functions(self._stack)
        others = [name for name in _ALL if name != EXPIRED]
        with ThreadPoolExecutor(WORKERS) as pool:
            visits = dict(zip(others, pool.map(self._run, others), strict=True))
        with self._shop.hold_of(HOLD_WHEN_EXPIRING_SECONDS):
            visits[EXPIRED] = self._run(EXPIRED)
        found: list[Case] = []
        taken: set[Call] = set()
        for scenario, visit in ((name, visits[name]) for name in _ALL):
            for proxy in (self._engine, self._paymongo):
                own = self._calls(proxy, scenario, visit.rental_id)
                functions = {call.function for call in own}
                before = [
                    call
                    for call in self._calls(proxy, scenario, None)
                    if call.function in functions and call not in own
                ]
                cases = [
                    Case(scenario, call, fault, is_for_a_rental)
                    for calls, is_for_a_rental in ((own, True), (before, False))
                    for call in calls
                    for fault in proxy.faults
                    if call not in taken
                ]
                found += cases
                taken |= {
                    each.call for each in cases if each.needs_cold_start or not each.is_for_a_rental
                }
        return found

    @staticmethod
    def _calls(proxy: FaultProxy, scenario: str, rental_id: str | None) -> list[Call]:
        return [
            call
            for call in dict.fromkeys(proxy.calls_for(rental_id))
            if call.ordinal <= _MAX_ORDINAL and _is_about(scenario, call.function)
        ]

    def run(self, cases: Sequence[Case]) -> Iterator[Result]:
        """Run cases, several at once where they don't need a function of their own; results as
        they come.
        """
        expiring = [each for each in cases if each.scenario == EXPIRED]
        others = [each for each in cases if each.scenario != EXPIRED]
        for group in (others, expiring):
            with self._hold_for(group):
                warm = [each for each in group if not each.needs_cold_start]
                with ThreadPoolExecutor(WORKERS) as pool:
                    for future in as_completed(pool.submit(self._run_case, each) for each in warm):
                        yield future.result()
                for case in group:
                    if case.needs_cold_start:
                        yield self._run_case(case)

    def _hold_for(self, group: Sequence[Case]) -> contextlib.AbstractContextManager[None]:
        if group and group[0].scenario == EXPIRED:
            return self._shop.hold_of(HOLD_WHEN_EXPIRING_SECONDS)
        return contextlib.nullcontext()

    def _run(self, scenario: str) -> Visit:
        visit = Visit(self._shop)
        _ALL[scenario](visit)
        visit.wait_until_ended()
        assert visit.problems() == [], f"{scenario} without faults"
        return visit

    def _run_case(self, case: Case) -> Result:
        started = time.monotonic()
        for _ in range(_TRIES_TO_REACH):
            result = self._try_case(case)
            if result.was_reached or result.was_missed or result.problems:
                break
        result.seconds = time.monotonic() - started
        return result

    def _try_case(self, case: Case) -> Result:
        visit = Visit(self._shop)
        proxy = self._proxy_of(case.call)
        if case.needs_cold_start:
            kill_functions(self._stack, case.call.function)
        is_anybodys = case.needs_cold_start or not case.is_for_a_rental
        arming = proxy.arm(case.call, case.fault, None if is_anybodys else visit.rental_id)
        before = len(proxy.calls_for(None))
        problems: list[str] = []
        try:
            _ALL[case.scenario](visit)
            visit.wait_until_ended()
            problems = [str(each) for each in visit.problems()]
        except Exception as error:  # noqa: BLE001 - a case that cannot end is a result as well
            problems = [f"{type(error).__name__}: {error}", *map(str, visit.problems())]
        finally:
            made = proxy.calls_for(visit.rental_id)
            if is_anybodys:
                made += proxy.calls_for(None)[before:]
            proxy.disarm(arming)
        was_reached = arming.hits > 0
        if not was_reached and visit.see_again(self._shop) is None:
            problems.append("nothing was rented, though no call failed")
        return Result(case, was_reached, case.call in made and not was_reached, problems)

    def _proxy_of(self, call: Call) -> FaultProxy:
        return self._paymongo if call.operation == "PayMongo" else self._engine


def _is_about(scenario: str, function: str) -> bool:
    if scenario in _ABOUT:
        return function in _ABOUT[scenario]
    if function == _RECONCILER:
        return scenario in RECONCILED
    return function not in {UNKNOWN, *_BY_CHANCE}


def function_processes(stack: LocalStack, name: str | None = None) -> list[psutil.Process]:
    """The execution environments of a function, or all."""
    engine = psutil.Process(stack.pid_of("engine"))
    return [
        process
        for process in engine.children(recursive=True)
        if (function := function_of(process)) != UNKNOWN and name in (None, function)
    ]


def kill_functions(stack: LocalStack, name: str | None = None) -> None:
    """Take the execution environments of a function away, or all: the next call starts cold."""
    for process in function_processes(stack, name):
        with contextlib.suppress(psutil.Error):
            process.kill()
            # Until the engine, its parent, has looked, it stays as a zombie.
            while process.status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.005)


def table(results: Sequence[Result]) -> str:
    """Markdown: rows are calls, columns faults; a cell counts the scenarios that kept the promise,
    of those that made the call.
    """
    faults = [fault for fault in Fault if any(each.case.fault is fault for each in results)]
    cells: dict[tuple[Call, Fault], list[Result]] = defaultdict(list)
    for result in results:
        cells[result.case.call, result.case.fault].append(result)
    lines = [["call", *faults], ["---", *["---:"] * len(faults)]]
    lines += [
        [str(call), *(_cell(cells[call, fault]) for fault in faults)]
        for call in sorted({result.case.call for result in results})
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(results: Sequence[Result]) -> str:
    if not results:
        return ""
    bad = sum(bool(each.problems) for each in results)
    reached = sum(each.was_reached for each in results)
    return f"**{bad} BAD** of {len(results)}" if bad else f"{reached} of {len(results)}"


def summary(results: Sequence[Result], every: int, minutes: float) -> str:
    """The counts, and every violation."""
    violated = [each for each in results if each.problems]
    unreached = [each for each in results if not each.was_reached]
    return "\n".join(
        [
            f"cases: {len(results)} of {every}, violations: {len(violated)},"
            f" call not made in {_TRIES_TO_REACH} tries: {len(unreached)}, {minutes:.1f} min",
            *(f"- not {'met' if each.was_missed else 'made'}: {each.case}" for each in unreached),
            *(f"- **{each.case}**: {problem}" for each in violated for problem in each.problems),
        ]
    )
