"""What is due at one moment, looked at by the real handlers under a virtual clock: each call takes
as long as docs/cost.md assumes, AWS's quotas refuse what is too much, and runs overlap.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tests.search.interleavings.invocations import Fault, Invocation
from tests.search.interleavings.simulation import Context
from tests.search.interleavings.stepfunctions import Execution, StepFunctions, TaskError
from tests.search.interleavings.world import World, handler
from tools.measuring.scaling.limits import call_seconds

Json = dict[str, Any]

MINUTE = 60.0
# What executions do once they are told runs beside the clock, and is the same for all.
_FOLLOWED = 100
# botocore's standard mode, as infra/aws.py sets it.
_TRIES = 3


@dataclass(slots=True)
class Bucket:
    """A quota: so many at once, and so many more a second."""

    size: float
    rate: float
    level: float = field(init=False)
    at: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.size

    def take(self, now: float) -> bool:
        """Whether one more fits."""
        self.level = min(self.size, self.level + max(0.0, now - self.at) * self.rate)
        self.at = max(self.at, now)
        if self.level < 1:
            return False
        self.level -= 1
        return True


class Told(StepFunctions):
    """Executions found by name, and which of them have just been told something."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock, world.steps._update_item)
        self.moved: list[Execution] = []
        self.told_at: dict[str, float] = {}
        self._by_arn: dict[str, Execution] = {}

    def add(self, execution: Execution) -> None:
        """An execution that waits for its token."""
        self.executions.append(execution)
        self._by_arn[execution.arn] = execution
        self._tokens[str(execution.token)] = execution

    def describe_execution(self, *, executionArn: str) -> Json:  # noqa: N803
        return self._call(
            "DescribeExecution", lambda: {"status": self._by_arn[executionArn].status}
        )

    def _fail(self, execution: Execution, error: TaskError) -> None:
        super()._fail(execution, error)
        self.told_at[execution.input["rental_id"]] = self._clock.time()
        if len(self.told_at) <= _FOLLOWED:
            self.moved.append(execution)


class Run(Invocation):
    """One run of a schedule's function, with a time of its own."""

    def __init__(self, rush: "Rush", function: str, lifetime: float) -> None:
        self.rush, self.at, self.began = rush, rush.now, rush.now
        context = _Deadline(rush, rush.now + lifetime)
        super().__init__(function, lambda: handler(function)({}, context), rush.now)

    def next_fault(self, call: str) -> Fault | None:
        """Wait for its turn; then as the quota allows, asked again as botocore does."""
        fault = super().next_fault(call)
        bucket = self.rush.quotas.get(call.split(maxsplit=1)[0])
        for attempt in range(_TRIES):
            if bucket is None or bucket.take(self.at):
                return fault
            self.rush.throttled[call.split(maxsplit=1)[0]] += 1
            self.at += self.rush.random.uniform(0, 2**attempt)
        return Fault.THROTTLED

    def step(self) -> None:
        """One outgoing call, and what it takes."""
        self.rush.world.clock.seconds = self.at
        before = len(self.calls)
        self.run(1)
        for call in self.calls[before:]:
            self.rush.calls[call.split()[0]] += 1
            self.at += self.rush.seconds_of(call)


class _Deadline(Context):
    def __init__(self, rush: "Rush", ends_at: float) -> None:
        self._rush, self._ends_at = rush, ends_at

    def get_remaining_time_in_millis(self) -> int:  # type: ignore[override]
        return int((self._ends_at - self._rush.world.clock.seconds) * 1000)


class Rush:
    """A schedule's function, run every minute until nothing is left."""

    def __init__(self, world: World, quotas: dict[str, Bucket]) -> None:
        self.world, self.quotas = world, quotas
        self.random = random.Random(0)
        self.calls: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()
        self.runs: list[Run] = []
        self.steps = Told(world)
        world.steps = self.steps
        self._seconds = call_seconds()

    @property
    def now(self) -> float:
        return self.world.clock.seconds

    def seconds_of(self, call: str) -> float:
        """What a call takes, with the function's own work for it."""
        return self._seconds[call.split(maxsplit=1)[0]]

    def live(self, function: str, lifetime: float, is_over: Callable[[], bool]) -> None:
        """Runs begin every minute, the first one a minute from now: what has become due has just
        missed one.
        """
        next_at, under_way = self.now + MINUTE, list[Run]()
        while not is_over():
            first = min(under_way, key=lambda each: each.at, default=None)
            if first is None or first.at >= next_at:
                self.world.clock.seconds = next_at
                under_way.append(Run(self, function, lifetime))
                self.runs.append(under_way[-1])
                next_at += MINUTE
                continue
            first.step()
            self._executions_go_on()
            if first.is_done:
                under_way.remove(first)
                if first.error:
                    raise first.error
        for each in under_way:
            each.kill()

    def _executions_go_on(self) -> None:
        """Beside the runs, and in no time."""
        while self.steps.moved:
            execution = self.steps.moved.pop()
            while execution.can_advance:
                work = self.steps.advance(execution) or {}
                if "function" in work:
                    answer = handler(work["function"])(work["payload"], Context())
                    self.steps.finish_task(execution, answer, None)
                elif "update" in work:
                    self.steps.update_for_token(execution, work["update"])


def ids(count: int) -> Iterator[str]:
    """Rental ids as they are made: hashes."""
    for number in range(count):
        yield hashlib.sha256(str(number).encode()).hexdigest()[:32]


def copies(execution: Execution, rental_ids: Iterator[str]) -> Iterator[Execution]:
    """The same execution for other rentals."""
    for rental_id in rental_ids:
        yield replace(
            execution,
            name=rental_id,
            input={**execution.input, "rental_id": rental_id},
            variables=dict(execution.variables),
            retries={},
            token=f"token-of-{rental_id}",
        )
