"""Function invocations that can be stopped at every outgoing call, and calls that go wrong.

Each invocation has a thread of its own and only one of them runs at any time: the simulation says
which, and for how many calls. So the order of all calls of all functions is the simulation's
choice, and the same choices give the same run.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

Answer = TypeVar("Answer")


class Killed(BaseException):
    """The process is gone: nothing that a handler could catch."""


class Fault(StrEnum):
    """What can happen to one outgoing call, after botocore's own tries."""

    THROTTLED = "throttled"
    SERVER_ERROR = "server error"
    LOST_BEFORE = "connection lost before"
    LOST_AFTER = "done, and the answer lost"
    SENT_TWICE = "done, the answer lost, and sent again by botocore"
    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"
    CONFLICT = "conflicts with another transaction"
    STALE = "the index does not have it yet"
    REFUSED = "refused with 400"


@dataclass(slots=True)
class FaultPlan:
    """Call number `skip` of an invocation goes wrong, or every one from there on."""

    fault: Fault
    skip: int
    is_lasting: bool = False


class Invocation:
    """One run of a handler, from outside: how far it may go, and what came of it."""

    def __init__(
        self, label: str, work: Callable[[], Any], started_at: float, plan: FaultPlan | None = None
    ) -> None:
        self.label = label
        self.started_at = started_at
        self.is_done = False
        self.result: Any = None
        self.error: BaseException | None = None
        self.calls: list[str] = []
        self.faults: list[str] = []
        self._work = work
        self._plan = plan
        self._allowance: int | None = 0
        self._is_killed = False
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def run(self, calls: int | None = None) -> bool:
        """Go on for that many outgoing calls, or to the end. Returns whether it ended."""
        self._allowance = calls
        self._switch()
        return self.is_done

    def kill(self) -> None:
        """End it before its next call."""
        if not self.is_done:
            self._is_killed = True
            self.run()

    def next_fault(self, call: str) -> Fault | None:
        """Wait for the simulation's leave to make a call; how it goes wrong. In its own thread."""
        while self._allowance == 0 and not self._is_killed:
            self._back.release()
            self._go.acquire()
        if self._is_killed:
            raise Killed
        if self._allowance is not None:
            self._allowance -= 1
        self.calls.append(call)
        plan = self._plan
        if plan is None:
            return None
        plan.skip -= 1
        if plan.skip == -1 or (plan.is_lasting and plan.skip < 0):
            self.faults.append(f"{call} {plan.fault}")
            return plan.fault
        return None

    def _switch(self) -> None:
        self._go.release()
        self._back.acquire()
        if self.is_done:
            self._thread.join()

    def _run(self) -> None:
        self._go.acquire()
        _CURRENT.invocation = self
        try:
            self.result = self._work()
        except BaseException as error:  # noqa: BLE001 - the simulation reports it
            self.error = error
        self.is_done = True
        self._back.release()


class _Current(threading.local):
    invocation: Invocation | None = None


_CURRENT = _Current()


def current() -> Invocation | None:
    """The invocation whose thread this is; None for the simulation itself."""
    return _CURRENT.invocation


def call_aws(service: str, operation: str, call: Callable[[], Answer], *, is_index: bool) -> Answer:
    """Make an AWS call, as the plan of the current invocation says it goes."""
    invocation = current()
    fault = invocation.next_fault(operation) if invocation else None
    if fault is None or (fault is Fault.STALE and not is_index):
        return call()
    if fault is Fault.STALE:
        return {"Items": [], "Count": 0}  # type: ignore[return-value]
    if fault is Fault.KILLED_BEFORE:
        raise Killed
    if fault is Fault.CONFLICT and operation == "TransactWriteItems":
        raise _refusal("TransactionCanceledException", 400, operation, ["TransactionConflict"])
    if fault in (Fault.THROTTLED, Fault.CONFLICT, Fault.REFUSED):
        raise _refusal("ThrottlingException", 400, operation)
    if fault is Fault.SERVER_ERROR:
        raise _refusal("InternalServerError", 500, operation)
    if fault is Fault.LOST_BEFORE:
        raise EndpointConnectionError(endpoint_url=f"https://{service}")
    return _after_the_fact(service, operation, call, fault)


def _after_the_fact(
    service: str, operation: str, call: Callable[[], Answer], fault: Fault
) -> Answer:
    first: Answer | ClientError
    try:
        first = call()
    except ClientError as error:
        first = error
    if fault is Fault.KILLED_AFTER:
        raise Killed
    if fault is Fault.LOST_AFTER:
        raise ReadTimeoutError(endpoint_url=f"https://{service}")
    # DynamoDB knows a transaction by its ClientRequestToken for ten minutes; moto doesn't.
    if operation == "TransactWriteItems":
        if isinstance(first, ClientError):
            raise first
        return first
    return call()


def _refusal(code: str, status: int, operation: str, reasons: list[str] | None = None) -> Exception:
    answer: Any = {
        "Error": {"Code": code, "Message": "the simulation says so"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    if reasons:
        answer["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    return ClientError(answer, operation)
