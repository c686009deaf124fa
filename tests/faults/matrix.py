"""The fault matrix: every outgoing call of every function, in every scenario, with every fault.

Rows are found by running each scenario once without faults and writing down which calls it makes,
so a new call adds its rows by itself.
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psutil
from rich.console import Console
from rich.table import Table

from tests.faults.proxy import Call, EngineProxy, Fault, FaultProxy, PayMongoProxy
from tests.faults.scenarios import SCENARIOS, Visit
from tests.workflow.shop import Shop
from tools.local.stack import LocalStack

WORKERS = 6
HOLD_WHEN_EXPIRING_SECONDS = 2
# A poll repeats the same read; the third is as good as the tenth.
_MAX_ORDINAL = 3
_TRIES_TO_REACH = 3


@dataclass(frozen=True, slots=True, order=True)
class Case:
    """One cell of the matrix."""

    scenario: str
    call: Call
    fault: Fault

    def __str__(self) -> str:
        return f"{self.scenario}: {self.call}: {self.fault}"

    @property
    def needs_cold_start(self) -> bool:
        """Whether the call is made once per execution environment only."""
        return self.call.operation == "GetSecretValue"


@dataclass(slots=True)
class Result:
    """What came of a case: whether the call was reached, and what was wrong afterwards."""

    case: Case
    was_reached: bool
    problems: list[str] = field(default_factory=list)


class Matrix:
    """Runs cases against one stack whose functions call through the proxies."""

    def __init__(self, stack: LocalStack, engine: EngineProxy, paymongo: PayMongoProxy) -> None:
        self._stack = stack
        self._engine = engine
        self._paymongo = paymongo
        self._shop = Shop(stack)

    def cases(self, scenarios: Iterable[str] = SCENARIOS) -> list[Case]:
        """Every case of these scenarios, found by running each once without faults, from a cold
        start. Cases of one scenario are together, in the order of the scenarios.
        """
        found: list[Case] = []
        self._kill_functions()
        for scenario in scenarios:
            before = len(self._engine.calls_before_a_rental_was_known())
            visit = self._run(scenario)
            assert visit.problems() == [], f"{scenario} without faults"
            unnamed = self._engine.calls_before_a_rental_was_known()[before:]
            for proxy, calls in (
                (self._engine, [*self._engine.calls_for(visit.rental_id), *unnamed]),
                (self._paymongo, self._paymongo.calls_for(visit.rental_id)),
            ):
                found += [
                    Case(scenario, call, fault)
                    for call in dict.fromkeys(calls)
                    for fault in proxy.faults
                    if call.ordinal <= _MAX_ORDINAL and call.function != "?"
                ]
        return found

    def run(self, cases: Sequence[Case]) -> Iterator[Result]:
        """Run cases, several at once where they don't need a function of their own."""
        expiring = [each for each in cases if each.scenario == "expired"]
        others = [each for each in cases if each.scenario != "expired"]
        for group in (others, expiring):
            with self._hold_for(group):
                warm = [each for each in group if not each.needs_cold_start]
                with ThreadPoolExecutor(WORKERS) as pool:
                    yield from pool.map(self._run_case, warm)
                for case in group:
                    if case.needs_cold_start:
                        yield self._run_case(case)

    def _hold_for(self, group: Sequence[Case]) -> contextlib.AbstractContextManager[None]:
        if group and group[0].scenario == "expired":
            return self._shop.hold_of(HOLD_WHEN_EXPIRING_SECONDS)
        return contextlib.nullcontext()

    def _run(self, scenario: str) -> Visit:
        visit = Visit(self._shop)
        hold = (
            visit.shop.hold_of(HOLD_WHEN_EXPIRING_SECONDS)
            if scenario == "expired"
            else contextlib.nullcontext()
        )
        with hold:
            SCENARIOS[scenario](visit)
        visit.wait_until_ended()
        return visit

    def _run_case(self, case: Case) -> Result:
        for _ in range(_TRIES_TO_REACH):
            result = self._try_case(case)
            if result.was_reached or result.problems:
                break
        return result

    def _try_case(self, case: Case) -> Result:
        visit = Visit(self._shop)
        proxy = self._proxy_of(case.call)
        if case.needs_cold_start:
            self._kill_functions(case.call.function)
        arming = proxy.arm(
            case.call, case.fault, None if case.needs_cold_start else visit.rental_id
        )
        problems: list[str] = []
        try:
            SCENARIOS[case.scenario](visit)
            visit.wait_until_ended()
            problems = [str(each) for each in visit.problems()]
        except Exception as error:  # noqa: BLE001 - a case that cannot end is a result as well
            problems = [f"{type(error).__name__}: {error}", *map(str, visit.problems())]
        finally:
            proxy.disarm(arming)
        return Result(case, arming.hits > 0, problems)

    def _proxy_of(self, call: Call) -> FaultProxy:
        return self._paymongo if call.operation == "PayMongo" else self._engine

    def _kill_functions(self, name: str | None = None) -> None:
        """Take away the execution environments of a function, or all: its next call starts cold."""
        engine = psutil.Process(self._stack.pid_of("engine"))
        for process in engine.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                function = process.environ().get("AWS_SDK_UA_APP_ID")
                if function and name in (None, function):
                    process.kill()
                    process.wait(5)


def print_table(results: Sequence[Result], console: Console) -> None:
    """Rows are calls, columns faults; a cell counts the scenarios in which the promise held."""
    faults = [fault for fault in Fault if any(each.case.fault is fault for each in results)]
    cells: dict[tuple[Call, Fault], list[Result]] = defaultdict(list)
    for result in results:
        cells[result.case.call, result.case.fault].append(result)
    table = Table("call", *(str(fault) for fault in faults), title="Fault matrix")
    for call in sorted({result.case.call for result in results}):
        table.add_row(str(call), *(_cell(cells.get((call, fault), [])) for fault in faults))
    console.print(table)
    violated = sum(bool(each.problems) for each in results)
    unreached = sum(not each.was_reached for each in results)
    console.print(f"cases: {len(results)}, violations: {violated}, not reached: {unreached}")
    for result in results:
        for problem in result.problems:
            console.print(f"  {result.case}: {problem}")


def _cell(results: Sequence[Result]) -> str:
    if not results:
        return ""
    bad = sum(bool(each.problems) for each in results)
    reached = sum(each.was_reached for each in results)
    return f"{bad} BAD of {len(results)}" if bad else f"ok {reached}"
