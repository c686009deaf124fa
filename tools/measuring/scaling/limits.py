"""Everything on the way of a rental that takes only so much, and how much of it one checkout uses:
from the recorded calls (tools/measuring/cost/counts.json), with the assumptions of docs/cost.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rentals.follow_ups import PAYMENT_SECONDS
from tools.measuring.cost import model
from tools.measuring.quotas import QUOTAS
from tools.measuring.scaling import measured

_DAY = 86_400
# upkeep/reconcile.py: enough for one look that has to wait for PayMongo.
_RECONCILER_RESERVE_SECONDS = 25
# What customers see, and what to raise; words that several limits share.
_BUSY = "429; the page says that the site is busy, and offers to try again"
_TRY_AGAIN = "503 TRY_AGAIN and late payment pages; the same key finds the rental again"
_LATE_MAILS = "mails come late; after an hour of tries they are in `NoticesDeadLetterQueue`"
_TOLD_LATER = "nothing: what is told late, the clock finds on the row"
_THROTTLED = "5xx from the API; executions try again for some minutes"
_THE_QUOTA = "the quota"
_OUR_LIMITS = "`RequestsPerSecond`, `CheckoutsPerSecond`, with what stands below it here"
_WEBHOOKS_LIMIT = "`MethodSettings` in template.yaml"


@dataclass(frozen=True, slots=True)
class Limit:
    """`allowed` a second (or at once), of which one checkout a second uses `each`. `then` is what
    customers see beyond it, `cure` what to raise or change. `quota`: which it is, if it is one.
    """

    name: str
    allowed: float
    each: float
    then: str
    cure: str = _THE_QUOTA
    quota: str = ""

    @property
    def full_at(self) -> float:
        """Checkouts a second that use all of it."""
        return self.allowed / self.each


def of_a_checkout(figure: Callable[[str], float]) -> float:
    """A figure of scenarios, for one checkout: as they end on the average, with the second half and
    the notices of those that are paid, and with everybody who asks how theirs stands.
    """
    usage = model.assumptions()["usage"]
    paid = usage["endings"]["paid"]
    return float(
        sum(share * figure(ending) for ending, share in usage["endings"].items())
        + paid * figure("returned")
        + paid * usage["notices_per_paid_rental"] * figure("notice")
        + usage["status_requests_per_checkout"] * figure("status")
    )


def calls(prefix: str) -> float:
    """Outgoing calls that begin so, of one checkout."""

    def of_scenario(scenario: str) -> float:
        return sum(
            float(count)
            for used in model.counts()[scenario]["functions"].values()
            for call, count in used["calls"].items()
            if call.startswith(prefix)
        )

    return of_a_checkout(of_scenario)


def requests() -> float:
    """Requests to the API for each checkout, browsing included."""
    return 1 / float(model.assumptions()["usage"]["checkouts_per_request"])


def invocations(function: str = "") -> float:
    """Runs of functions, or of one, for each checkout; browsing is left out."""

    def of_scenario(scenario: str) -> float:
        functions = model.counts()[scenario]["functions"]
        return sum(
            float(used["invocations"]) for name, used in functions.items() if function in name
        )

    return of_a_checkout(of_scenario)


def running_seconds() -> float:
    """How long functions run for one checkout, together, browsing included."""

    def of_scenario(scenario: str) -> float:
        return sum(
            model.billed_milliseconds(name, used) * float(used["invocations"]) / 1000
            for name, used in model.counts()[scenario]["functions"].items()
        )

    waiting = float(model.assumptions()["checkout_wait"]["milliseconds"]) / 1000
    browsing = sum(
        float(share) * of_scenario(what)
        for what, share in model.assumptions()["usage"]["browsing"].items()
    )
    return of_a_checkout(of_scenario) + waiting + browsing * (requests() - 1)


def call_seconds() -> dict[str, float]:
    """What each call takes, with its share of what the function does itself: that of an invocation
    of FollowFulfillment, by its calls.
    """
    used = model.counts()["returned"]["functions"]["FollowFulfillmentFunction"]
    cpu = model.assumptions()["warm_cpu_milliseconds"]["others"]
    slower = model.slow_down(model.memory_mb("FollowFulfillmentFunction"))
    own = slower * cpu * used["invocations"] / sum(used["calls"].values())
    waiting = model.assumptions()["milliseconds_of_a_call"]
    return {name: (each + own) / 1000 for name, each in waiting.items() if name != "note"}


def look_seconds() -> float:
    """One look of the reconciler at a hold: it takes it, asks Step Functions and PayMongo."""
    return sum(call_seconds()[each] for each in ("UpdateItem", "DescribeExecution", "PayMongo"))


def all_limits() -> list[Limit]:
    """Those that are full first come first."""
    found = [*_api(), *_step_functions(), *_lambda(), *_dynamodb(), *_others(), *_schedules()]
    return sorted(found, key=lambda each: each.full_at)


def _quota(
    quota: str, each: float, then: str, cure: str = _THE_QUOTA, *, shown: str | None = None
) -> Limit:
    return Limit(shown or quota, QUOTAS[quota].value, each, then, cure, quota)


def _api() -> Iterator[Limit]:
    template = model.template()
    settings = template["Resources"]["Api"]["Properties"]["MethodSettings"]
    rates = {each["ResourcePath"]: each["ThrottlingRateLimit"] for each in settings}
    for path, rate in rates.items():
        if isinstance(rate, dict):
            rates[path] = template["Parameters"][rate["Ref"]]["Default"]
    webhooks = invocations("PostPayMongoWebhook")
    yield Limit(
        "our API's own limit, checkouts", rates["/~1api~1rentals~1checkout"], 1, _BUSY, _OUR_LIMITS
    )
    yield Limit(
        "our API's own limit, PayMongo's webhook",
        rates["/~1api~1webhooks~1paymongo"],
        webhooks,
        "nothing: PayMongo sends events again, a minute later or more",
        _WEBHOOKS_LIMIT,
    )
    others = requests() - 1 - webhooks
    yield Limit("our API's own limit, all other routes", rates["/*"], others, _BUSY, _OUR_LIMITS)
    yield _quota("API Gateway, requests", requests(), _BUSY)


def _step_functions() -> Iterator[Limit]:
    def transitions(scenario: str) -> float:
        return float(model.counts()[scenario].get("state_machine", {}).get("transitions", 0))

    yield _quota("Step Functions, StartExecution", calls("StartExecution"), _TRY_AGAIN)
    yield _quota(
        "Step Functions, transitions",
        of_a_checkout(transitions),
        "executions stand still between two states: late payment pages, 202 instead of 200",
    )
    yield _quota("Step Functions, SendTaskSuccess", calls("SendTaskSuccess"), _TOLD_LATER)
    yield _quota("Step Functions, SendTaskFailure", calls("SendTaskFailure"), _TOLD_LATER)
    yield _quota(
        "Step Functions, DescribeExecution",
        calls("DescribeExecution") + _looks(),
        "nothing: the clock and the reconciler come ten minutes later",
    )
    usage = model.assumptions()["usage"]
    days = usage["days_of_a_fulfillment"]
    yield _quota(
        "Step Functions, open executions",
        usage["endings"]["paid"] * days * _DAY,
        "no checkout at all: 503 TRY_AGAIN",
        "the quota, long before",
        shown=f"Step Functions, open executions, {days} days at that load",
    )


def _lambda() -> Iterator[Limit]:
    yield _quota("Lambda, at once", running_seconds(), _THROTTLED, "the quota, before a campaign")
    wait = model.assumptions()["checkout_wait"]["milliseconds"]
    yield _quota(
        "Lambda, new environments of a function",
        (wait + model.import_milliseconds("PostCheckoutFunction")) / 1000,
        _THROTTLED,
        "nothing: begin slowly, or with provisioned concurrency",
        shown="Lambda, new environments of PostCheckout, if the load begins at once",
    )


def _dynamodb() -> Iterator[Limit]:
    def write_units(scenario: str) -> float:
        counted = model.counts()[scenario]
        machine = float(counted.get("state_machine", {}).get("write_units", 0))
        return machine + sum(float(each["write_units"]) for each in counted["functions"].values())

    yield _quota(
        "DynamoDB, writes of a new table",
        of_a_checkout(write_units),
        f"{_TRY_AGAIN}, for some minutes: DynamoDB splits the table",
        "warm throughput of Rentals, once, before a campaign",
        shown="DynamoDB, a new table, all our writes taken as one table's",
    )
    yield _quota(
        "DynamoDB, writes of a table",
        of_a_checkout(write_units),
        _TRY_AGAIN,
        shown="DynamoDB, any table, all our writes taken as one table's",
    )
    browsing = model.assumptions()["usage"]["browsing"]
    yield _quota(
        "DynamoDB, reads of a partition",
        calls("GetItem Collectibles") + browsing["quote"] * (requests() - 1),
        _TRY_AGAIN,
        "keep collectibles for a minute, as warehouses are",
        shown="DynamoDB, one collectible's row, if all want the same",
    )
    yield from _keys()


def _keys() -> Iterator[Limit]:
    """The busiest key of each index; of lists and units, if all want one store and collectible."""
    for place, key in measured.read()["keys"].items():
        is_index = " " in place
        if "of_one_subject" in key:
            yield _quota(
                "DynamoDB, writes of a partition",
                key["of_one_subject"] * (1 if is_index else 2),  # a transaction's count twice
                _TRY_AGAIN if is_index else "late payments and desk actions, at that store only",
                "nothing: it is found by that key",
                shown=f"DynamoDB, one key of {place}, if all want one collectible at one store",
            )
        elif is_index:
            yield _quota(
                "DynamoDB, writes of a partition",
                key["writes"] * key["most"],
                f"{_TRY_AGAIN}: an index that is full stops its table's writes",
                "more parts (`infra/due_index.py`)",
                shown=f"DynamoDB, busiest key of {place}",
            )


def _others() -> Iterator[Limit]:
    usage = model.assumptions()
    yield _quota(
        "Secrets Manager, GetSecretValue",
        invocations() * usage["secret_calls_per_invocation"],
        _TRY_AGAIN,
        "nothing: keep secrets longer (`infra/secret_values.py`)",
    )
    yield _quota(
        "SES, mails in its sandbox",
        _notices(),
        _LATE_MAILS,
        "leave the sandbox, and ask for five mails for each paid rental",
    )
    yield _quota("EventBridge, PutEvents", calls("PutEvents"), _LATE_MAILS)
    yield _quota(
        "PayMongo, requests",
        calls("PayMongo") + _looks(),
        "late payment pages; after a minute of tries the unit is let go, and the rental fails",
        "ask PayMongo; `PayMongoConcurrency` keeps us below it",
    )
    yield _quota(
        "CloudWatch Logs, PutLogEvents",
        invocations() + requests(),
        "nothing: log lines come late",
        shown="CloudWatch Logs, PutLogEvents, if each run sent its own",
    )


def _schedules() -> Iterator[Limit]:
    found = measured.read()
    paid = model.assumptions()["usage"]["endings"]["paid"]
    followed = model.counts()["returned"]["functions"]["FollowFulfillmentFunction"]
    yield Limit(
        "the clock's looks",
        found["clock"]["due"] / found["clock"]["last_seconds"],
        paid * followed["invocations"],
        "reminders come late, and units are on the shelf late",
        "looks side by side (`fulfillment_clock.py`)",
    )
    yield Limit(
        "the reconciler's looks",
        reconciler_runs() / look_seconds(),
        _looks(),
        f"a payment whose webhook was lost is found later than after {PAYMENT_SECONDS} s,"
        " at the latest when its hold ends",
        "looks side by side (`reconciliation.py`)",
    )
    stream = model.template()["Resources"]["NoticesStream"]["Properties"]
    used = model.counts()["notice"]["functions"]["SendNoticesFunction"]
    partition = QUOTAS["DynamoDB, writes of a partition"].value
    shards = QUOTAS["DynamoDB, writes of a new table"].value / partition
    seconds = model.billed_milliseconds("SendNoticesFunction", used) / 1000
    yield Limit(
        "SendNotices, by the shards of a new table",
        shards * stream["ParallelizationFactor"] / seconds,
        _notices(),
        _LATE_MAILS,
        "nothing: a table that has grown has more shards",
    )


def reconciler_runs() -> float:
    """How many runs of the reconciler overlap when there is more to do than they can: one begins
    each minute, and ends when it has no time for another look.
    """
    timeout = model.template()["Resources"]["ReconcileFunction"]["Properties"]["Timeout"]
    return float(timeout - _RECONCILER_RESERVE_SECONDS) / 60


def reconciler_minutes(due: int) -> int:
    """After how many minutes it has looked at so many that are due at once; it begins after one."""
    looks, minutes = 0.0, 1
    while looks < due:
        looks += min(minutes, reconciler_runs()) * 60 / look_seconds()
        minutes += 1
    return minutes


def _notices() -> float:
    usage = model.assumptions()["usage"]
    return float(usage["endings"]["paid"] * usage["notices_per_paid_rental"])


def _looks() -> float:
    """How often the reconciler asks PayMongo about a rental, on the average."""
    usage = model.assumptions()
    return float(
        sum(
            share * usage["reconciler_looks"][ending]
            for ending, share in usage["usage"]["endings"].items()
        )
    )
