"""AWS's quotas and our stage's throttle on a virtual clock: who waits, and who is refused.

`scale` is the share of every one of them that there is: a tenth of the buyers under a tenth of the
quotas meet the same limits.
"""

from collections import Counter, defaultdict
from typing import Any

from tests.support.sources import resources, value_of
from tools.measuring.quotas import QUOTAS

Json = dict[str, Any]

CHECKOUT, WEBHOOK = "/api/rentals/checkout", "/api/webhooks/paymongo"
_UNIT_INDEX = "available-units-index"
# A row of a rental has 1 to 2 KB; in a transaction each KB counts twice.
_ROW_UNITS, _INDEX_UNITS = 2, 1


def quota(name: str) -> int:
    """A quota's value."""
    return QUOTAS[name].value


class Bucket:
    """A token bucket: `rate` a second, at most `burst` saved up."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self.taken = self.refused = self.longest = 0.0
        self._left, self._at = float(burst), 0.0

    def _refill(self, now: float) -> None:
        self._left = min(self.burst, self._left + (now - self._at) * self.rate)
        self._at = now

    def take(self, now: float, tokens: float = 1) -> bool:
        """Take so many if there are; whether there were."""
        self._refill(now)
        if self._left < tokens:
            self.refused += tokens
            return False
        self._left -= tokens
        self.taken += tokens
        return True

    def wait(self, now: float) -> float:
        """Take one, in turn; the seconds until it is there."""
        self._refill(now)
        self._left -= 1
        self.taken += 1
        wait = max(0.0, -self._left / self.rate)
        self.longest = max(self.longest, wait)
        return wait


class Gateway:
    """API Gateway: the account's limit, and our stage's, where a route may have its own."""

    def __init__(self, scale: float) -> None:
        self._account = _two("API Gateway, requests", "API Gateway, burst", scale)
        properties = resources("AWS::Serverless::Api")["Api"]
        self.routes = {
            "/" + each["ResourcePath"].replace("~1", "/").lstrip("/"): Bucket(
                float(value_of(each["ThrottlingRateLimit"])) * scale,
                float(value_of(each["ThrottlingBurstLimit"])) * scale,
            )
            for each in properties["MethodSettings"]
        }

    def admits(self, route: str, now: float) -> bool:
        """Whether a request gets through; else it is answered 429."""
        stage = self.routes.get(route, self.routes["/*"])
        return stage.take(now) and self._account.take(now)


class Lambda:
    """Environments: how many may run at once, and how fast new ones come. `at_paymongo` is the
    parameter PayMongoConcurrency: 0 reserves nothing.
    """

    def __init__(self, scale: float, at_paymongo: int) -> None:
        self._scale = scale
        self.running = self.most = self.cold = self.throttled = 0
        self._of_function, self._idle = Counter[str](), Counter[str]()
        functions = resources("AWS::Serverless::Function")
        self._reserved = {
            name: at_paymongo * scale
            for name, each in functions.items()
            if at_paymongo and "ReservedConcurrentExecutions" in each
        }
        self._new: dict[str, Bucket] = {}

    def begin(self, function: str, now: float) -> bool | None:
        """Whether an environment has to be made; None when Lambda answers that it is too much."""
        reserved = self._reserved.get(function, self.running + 1)
        if (
            self.running >= quota("Lambda, at once") * self._scale
            or self._of_function[function] >= reserved
        ):
            self.throttled += 1
            return None
        is_cold = not self._idle[function]
        if is_cold:
            per_10_s = quota("Lambda, new environments of a function") * self._scale
            new = self._new.setdefault(function, Bucket(per_10_s / 10, per_10_s))
            if not new.take(now):
                self.throttled += 1
                return None
        self.cold += is_cold
        self._idle[function] -= not is_cold
        self.running += 1
        self._of_function[function] += 1
        self.most = max(self.most, self.running)
        return is_cold

    def end(self, function: str) -> None:
        """It has answered, and its environment is kept."""
        self.running -= 1
        self._of_function[function] -= 1
        self._idle[function] += 1


def _two(rate: str, burst: str, scale: float) -> Bucket:
    return Bucket(quota(rate) * scale, quota(burst) * scale)


class Calls:
    """What functions call: Step Functions, PayMongo, and each key and table of DynamoDB.
    `warm_write_units` is the parameter WarmWriteUnits: 0 leaves a new table as it is.
    """

    def __init__(self, scale: float, warm_write_units: int) -> None:
        self._scale = scale
        steps = {
            name: _two(f"Step Functions, {name}", f"Step Functions, {name}, burst", scale)
            for name in ("StartExecution", "SendTaskSuccess", "SendTaskFailure", "transitions")
        }
        self.transitions, self.buckets = steps.pop("transitions"), steps
        self.paymongo = _two("PayMongo, requests", "PayMongo, requests", scale)
        self.read_units = self.write_units = 0.0
        self.refused = Counter[str]()
        # Units by place and second.
        self.load: dict[str, Counter[int]] = {}
        self._places: dict[str, Bucket] = {}
        if warm := warm_write_units * scale:
            self._places["writes Rentals"] = Bucket(warm, warm)

    def allows(self, call: str, parameters: Json, now: float) -> bool:
        """Whether it is done; else it is throttled."""
        if call.startswith("PayMongo"):
            name, is_allowed = "PayMongo", self.paymongo.take(now)
        elif bucket := self.buckets.get(call):
            name, is_allowed = call, bucket.take(now)
        else:
            name, is_allowed = self._dynamodb(call, parameters, now)
        self.refused[name] += not is_allowed
        return is_allowed

    def _dynamodb(self, call: str, parameters: Json, now: float) -> tuple[str, bool]:
        for place, units in units_of(call, parameters).items():
            kind, _, what = place.partition(" ")
            is_key = ":" in what
            name = f"DynamoDB, {kind} of a {'partition' if is_key else 'new table'}"
            bucket = self._places.setdefault(place, _two(name, name, self._scale))
            self.load.setdefault(place, Counter())[int(now)] += units  # type: ignore[assignment]
            if not bucket.take(now, units):
                return place, False
            if is_key and what.startswith(_UNIT_INDEX):
                continue
            if kind == "reads":
                self.read_units += units
            else:
                self.write_units += units
        return "", True


def units_of(call: str, parameters: Json) -> dict[str, float]:
    """Read and write units of a call by `reads` or `writes` and place: a table, or a key that many
    meet at.
    """
    table = str(parameters.get("TableName", "")).rpartition("-")[2]
    match call:
        case "GetItem":
            return {f"reads {table}": 1}
        case "BatchGetItem":
            return _of_batch(parameters["RequestItems"])
        case "Query":
            key = next(iter(parameters["ExpressionAttributeValues"].values()))["S"]
            place = parameters.get("IndexName", table)
            return {f"reads {place}:{key}": 0.5, f"reads {place}": 0.5}
        case "UpdateItem":
            return {f"writes {table}": _ROW_UNITS + _INDEX_UNITS}
        case "TransactWriteItems":
            return _of_transaction(parameters["TransactItems"])
    return {}


def _of_batch(requests: Json) -> dict[str, float]:
    units = defaultdict[str, float](float)
    for name, wanted in requests.items():
        table, cost = name.rpartition("-")[2], 1 if wanted.get("ConsistentRead") else 0.5
        units[f"reads {table}"] += cost * len(wanted["Keys"])
        if not wanted.get("ConsistentRead"):
            units[f"reads {table}:{wanted['Keys'][0]['id']['S']}"] += cost
    return units


def _of_transaction(items: list[Json]) -> dict[str, float]:
    units = defaultdict[str, float](float)
    for write in (each for item in items for each in item.values()):
        table = write["TableName"].rpartition("-")[2]
        units[f"writes {table}"] += 2 * (_ROW_UNITS if table == "Rentals" else 1) + _INDEX_UNITS
        if table == "Units":  # out of one key of the index, into another
            units[f"writes {_UNIT_INDEX}:the drop"] += _INDEX_UNITS
    return units
