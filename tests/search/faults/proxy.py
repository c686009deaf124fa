"""Proxies between the functions and what they call, which know whose call they carry
(tests/support/recording/calls.py) and can break it. There are no hooks in `functions/`.
"""

import json
import threading
import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from tests.support.recording.calls import (
    PAYMONGO_ID,
    RENTAL_ID,
    caller,
    operation,
    target,
)
from tests.support.recording.proxy import Answer, Proxy, Request

# Longer than the functions under test wait for PayMongo.
TOO_SLOW_SECONDS = 3
# botocore tries this often (infra/aws.py): a fault that lasts outlives all of them.
EVERY_TRY = 3


class Fault(StrEnum):
    """What happens to a call."""

    THROTTLED = "throttled"
    SERVER_ERROR = "server error"
    LOST_BEFORE = "lost before"
    LOST_AFTER = "lost after"
    LOST_AFTER_EVERY_TRY = "lost after, every try"
    KILLED_AFTER = "killed after"
    TOO_SLOW = "too slow"


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """A call as the code makes it: the n-th of its kind for a rental in one invocation of a
    function.
    """

    function: str
    operation: str
    target: str
    ordinal: int

    def __str__(self) -> str:
        nth = f" #{self.ordinal}" if self.ordinal > 1 else ""
        return f"{self.function.removesuffix('Function')}: {self.operation} {self.target}{nth}"


@dataclass(slots=True)
class Arming:
    """A fault that waits for its call."""

    call: Call
    fault: Fault
    rental_id: str | None
    left: int
    hits: int = 0
    invocation: str | None = None


@dataclass(slots=True)
class _Invocation:
    rental_id: str | None = None
    counts: Counter[tuple[str | None, str, str]] = field(default_factory=Counter)
    last: tuple[str, Call] | None = None


class FaultProxy(Proxy):
    """Forwards everything; records calls; breaks those it is armed for."""

    faults: tuple[Fault, ...]
    throttled: tuple[int, bytes]

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._lock = threading.Lock()
        self._armed: list[Arming] = []
        self._calls: dict[str | None, list[Call]] = {}

    def arm(self, call: Call, fault: Fault, rental_id: str | None) -> Arming:
        """Break this call the next time it is made for the rental (for any, when None)."""
        arming = Arming(call, fault, rental_id, self.tries_hit_by(fault))
        with self._lock:
            self._armed.append(arming)
        return arming

    def disarm(self, arming: Arming) -> None:
        """Leave the call alone again."""
        with self._lock:
            self._armed.remove(arming)

    def calls_for(self, rental_id: str | None) -> list[Call]:
        """Every call made for a rental, in order; for None, those made before one was named."""
        with self._lock:
            return list(self._calls.get(rental_id, ()))

    @abstractmethod
    def tries_hit_by(self, fault: Fault) -> int:
        """How many tries of a call the fault hits."""

    @abstractmethod
    def _identify(self, request: Request) -> tuple[Call, str | None, str]:
        """The call, the rental it is for, and the invocation it belongs to."""

    def _learn(self, rental_id: str | None, answer: bytes) -> None:
        """See what an answer says about whose ids are whose."""

    def _fault_for(self, call: Call, rental_id: str | None, invocation: str) -> Fault | None:
        """The fault that waits for a call; the call is recorded in the same moment."""
        with self._lock:
            self._calls.setdefault(rental_id, []).append(call)
            for arming in self._armed:
                if (
                    arming.left > 0
                    and arming.call == call
                    and arming.rental_id in (None, rental_id)
                    and arming.invocation in (None, invocation)
                ):
                    arming.left -= 1
                    arming.hits += 1
                    arming.invocation = invocation
                    return arming.fault
        return None

    def handle(self, request: Request, forward: Callable[[], Answer]) -> Answer | None:
        """Forward, fail or both, as armed."""
        call, rental_id, invocation = self._identify(request)
        fault = self._fault_for(call, rental_id, invocation)
        if fault is Fault.THROTTLED:
            return Answer(*self.throttled)
        if fault is Fault.SERVER_ERROR:
            return Answer(500, _error("InternalServerError"))
        if fault is Fault.LOST_BEFORE:
            return None
        answer = forward()
        self._learn(rental_id, answer.content)
        if fault is Fault.KILLED_AFTER:
            request.caller.kill()
        elif fault is Fault.TOO_SLOW:
            time.sleep(TOO_SLOW_SECONDS)
        return answer if fault is None else None


class EngineProxy(FaultProxy):
    """Between the functions and the engine: boto3's calls, which botocore tries three times."""

    faults = (
        Fault.THROTTLED,
        Fault.SERVER_ERROR,
        Fault.LOST_BEFORE,
        Fault.LOST_AFTER,
        Fault.LOST_AFTER_EVERY_TRY,
        Fault.KILLED_AFTER,
    )
    throttled = (400, b'{"__type": "ThrottlingException", "message": "injected"}')

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._invocations: dict[str, _Invocation] = {}

    def tries_hit_by(self, fault: Fault) -> int:
        """All tries, unless the point is that botocore's own next try meets what was committed."""
        return 1 if fault in (Fault.LOST_AFTER, Fault.KILLED_AFTER) else EVERY_TRY

    def _identify(self, request: Request) -> tuple[Call, str | None, str]:
        headers, text = request.headers, request.body.decode(errors="replace")
        name, concerns = operation(request), target(text)
        trace = headers.get("X-Amzn-Trace-Id", "")
        named = RENTAL_ID.search(text)
        with self._lock:
            invocation = self._invocations.setdefault(trace, _Invocation())
            # The reconciler looks at one rental after the other.
            if named:
                invocation.rental_id = named[0]
            # botocore's tries of one call share this id.
            call_id = headers.get("amz-sdk-invocation-id", "")
            if invocation.last and invocation.last[0] == call_id:
                call = invocation.last[1]
            else:
                kind = (invocation.rental_id, name, concerns)
                invocation.counts[kind] += 1
                call = Call(caller(headers), name, concerns, invocation.counts[kind])
                invocation.last = (call_id, call)
            return call, invocation.rental_id, trace


class PayMongoProxy(FaultProxy):
    """Between the functions and the PayMongo sandbox; the functions try each call once."""

    faults = (
        Fault.THROTTLED,
        Fault.SERVER_ERROR,
        Fault.LOST_BEFORE,
        Fault.LOST_AFTER,
        Fault.KILLED_AFTER,
        Fault.TOO_SLOW,
    )
    throttled = (429, b"Too Many Requests")

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._rental_of: dict[str, str] = {}

    def tries_hit_by(self, fault: Fault) -> int:
        """The workflow's own retry must get through."""
        return 1

    def _identify(self, request: Request) -> tuple[Call, str | None, str]:
        text = request.path + request.body.decode(errors="replace")
        named = RENTAL_ID.search(text)
        known = [
            self._rental_of[each] for each in PAYMONGO_ID.findall(text) if each in self._rental_of
        ]
        rental_id = named[0] if named else known[0] if known else None
        path = PAYMONGO_ID.sub("{id}", request.path)
        call = Call(request.caller.function, "PayMongo", f"{request.method} {path}", 1)
        return call, rental_id, ""

    def _learn(self, rental_id: str | None, answer: bytes) -> None:
        if rental_id is not None:
            for each in PAYMONGO_ID.findall(answer.decode(errors="replace")):
                self._rental_of[each] = rental_id


def _error(code: str) -> bytes:
    return json.dumps({"__type": code, "message": "injected"}).encode()
