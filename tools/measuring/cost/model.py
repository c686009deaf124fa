"""What rentals cost on AWS: measured counts, times prices, with every assumption in a file.

Counts come from a run of the local stack (counts.json, written by `make counts`), what is paid by
the month from the template, prices from prices.json, and what neither can say from
assumptions.json. `docs/cost.md` has the reasoning.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from tools.sources import ROOT

Json = dict[str, Any]
# Quantities by the names of prices.json.
Usage = Counter[str]

HERE = Path(__file__).parent
HOURS_IN_A_MONTH = 730
_GIGABYTE = 1024**3
_FULL_CORE_MB = 1769  # Lambda gives a whole core at this memory, and less in proportion
_MINUTES_A_MONTH = HOURS_IN_A_MONTH * 60
# Of a REST API with detailed metrics, for each method that is called.
_METRICS_OF_A_METHOD = 5
# How the bill is read: services, and which prices belong to them.
SERVICES = {
    "Lambda": ("lambda_request", "lambda_gb_second"),
    "API Gateway": ("api_request",),
    "Step Functions": ("state_transition",),
    "DynamoDB": ("read_unit", "write_unit", "dynamodb_gb_month", "pitr_gb_month"),
    "S3": ("s3_gb_month", "s3_get"),
    "CloudFront": ("cloudfront_gb", "cloudfront_request"),
    "Secrets Manager": ("secret_month", "secret_call"),
    "CloudWatch Logs": ("log_gb", "log_gb_month"),
    "CloudWatch metrics": ("metric_month",),
    "CloudWatch alarms": ("alarm_month",),
    "CloudWatch dashboards": ("dashboard_month",),
    "X-Ray": ("trace",),
    "KMS": ("kms_key_month",),
    "SES": ("mail",),
    "EventBridge": ("event",),
}


@cache
def _read(name: str) -> Json:
    content: Json = json.loads((HERE / name).read_text())
    return content


def counts() -> Json:
    """Measured: calls, units, invocations and log bytes by scenario and function."""
    return _read("counts.json")


def assumptions() -> Json:
    """What cannot be measured on one machine."""
    return _read("assumptions.json")


def prices() -> dict[str, float]:
    """Dollars by name."""
    return {name: each["price"] for name, each in _read("prices.json")["prices"].items()}


def always_free() -> dict[str, float]:
    """What AWS does not charge any account for, each month."""
    free: dict[str, float] = _read("prices.json")["always_free_per_month"]
    return free


@cache
def template() -> Json:
    """template.yaml."""
    parsed: Json = yaml_parse((ROOT / "template.yaml").read_text())
    return parsed


def memory_mb(function: str) -> int:
    """A function's memory as the template sets it."""
    properties = template()["Resources"].get(function, {}).get("Properties", {})
    return int(properties.get("MemorySize") or template()["Globals"]["Function"]["MemorySize"])


def slow_down(memory: int) -> float:
    """How much longer a function computes than on a whole core; ours use one thread."""
    return max(1.0, _FULL_CORE_MB / memory)


def import_milliseconds(function: str, memory: int | None = None) -> float:
    """Of a cold start: what the handler imports, at the function's share of a core."""
    measured = assumptions()["import_cpu_milliseconds"]
    own = measured.get(function, measured["others"])
    return float(own * slow_down(memory or memory_mb(function)))


def first_checkout_functions() -> list[str]:
    """Those that the first checkout of a day starts cold, one after another; logical ids."""
    definition = json.loads((ROOT / "statemachines" / "rental.asl.json").read_text())
    functions, state = ["PostCheckoutFunction"], definition["StartAt"]
    while state != "AwaitPayment":
        functions.append(f"{state}Function")
        state = definition["States"][state]["Next"]
    return functions


def first_checkout_milliseconds() -> float:
    """What the first checkout of a day waits for cold starts."""
    return sum(map(import_milliseconds, first_checkout_functions()))


def waiting_milliseconds(used: Json) -> float:
    """Of one invocation: waiting for answers."""
    latency = assumptions()["milliseconds_of_a_call"]
    waiting = sum(count * latency[call.split()[0]] for call, count in used["calls"].items())
    return float(waiting / max(1, used["invocations"]))


def billed_milliseconds(function: str, used: Json, memory: int | None = None) -> float:
    """Of one invocation: own work and its share of cold starts, and waiting for answers."""
    memory = memory or memory_mb(function)
    cpu = assumptions()["warm_cpu_milliseconds"]
    own = cpu.get(function, cpu["others"]) * slow_down(memory)
    cold = assumptions()["cold_start_share"] * import_milliseconds(function, memory)
    return float(own + cold + waiting_milliseconds(used))


def usage_of_function(function: str, used: Json) -> Usage:
    """What the invocations of a function in one scenario use."""
    invocations = used["invocations"]
    milliseconds = billed_milliseconds(function, used) * invocations
    is_api = not function.startswith("Reconcile") and _is_api(function)
    logged = used["log_bytes"] * invocations
    if is_api:
        logged += invocations * assumptions()["access_log_bytes_per_request"]
    return Counter(
        {
            "lambda_request": invocations,
            "lambda_gb_second": milliseconds / 1000 * memory_mb(function) / 1024,
            "api_request": invocations if is_api else 0,
            "read_unit": used["read_units"],
            "write_unit": used["write_units"],
            "mail": used["calls"].get("SendEmail mails", 0),
            "event": used["calls"].get("PutEvents events", 0),
            "log_gb": logged / _GIGABYTE,
            "secret_call": invocations * assumptions()["secret_calls_per_invocation"],
            "trace": invocations * assumptions()["traces"]["share"] if is_api else 0,
        }
    )


def _is_api(function: str) -> bool:
    events = template()["Resources"][function]["Properties"].get("Events", {})
    return function.startswith(("Get", "Post")) or any(
        each["Type"] == "Api" for each in events.values()
    )


def usage_of(scenario: str) -> Usage:
    """What one rental that ends so uses, or one piece of other work."""
    measured = counts()[scenario]
    usage: Usage = Counter()
    for function, used in measured["functions"].items():
        usage.update(usage_of_function(function, used))
    if "state_machine" in measured:
        usage["state_transition"] += measured["state_machine"]["transitions"]
        usage["write_unit"] += measured["state_machine"]["write_units"]
        if "PostCheckoutFunction" in measured["functions"]:
            usage.update(_waiting_for_the_payment_url())
    return usage


def life() -> dict[str, Usage]:
    """What a rental that is paid and comes back in time uses, from checkout to the shelf."""
    notices = assumptions()["usage"]["notices_per_paid_rental"]
    return {
        "paid": usage_of("paid"),
        "returned": usage_of("returned"),
        "notice": times(usage_of("notice"), notices),
    }


def _waiting_for_the_payment_url() -> Usage:
    wait = assumptions()["checkout_wait"]
    memory = memory_mb("PostCheckoutFunction") / 1024
    return Counter(
        {"lambda_gb_second": wait["milliseconds"] / 1000 * memory, "read_unit": wait["reads"]}
    )


def times(usage: Usage, factor: float) -> Usage:
    """So many of it."""
    return Counter({name: amount * factor for name, amount in usage.items()})


def monthly(requests: int) -> Usage:
    """A month with so many requests to the API: rentals, browsing, and what goes on by itself."""
    assumed = assumptions()["usage"]
    checkouts = requests * assumed["checkouts_per_request"]
    usage: Usage = Counter()
    for ending, share in assumed["endings"].items():
        usage.update(times(usage_of(ending), checkouts * share))
    for part in ("returned", "notice"):
        usage.update(times(life()[part], checkouts * assumed["endings"]["paid"]))
    usage.update(times(usage_of("status"), checkouts * assumed["status_requests_per_checkout"]))
    browsing = max(0.0, requests - usage["api_request"])
    for work, share in assumed["browsing"].items():
        usage.update(times(usage_of(work), browsing * share))
    usage.update(times(usage_of("erasure"), checkouts))
    for each_minute in ("reconciler", "clock"):
        usage.update(times(usage_of(each_minute), _MINUTES_A_MONTH))
        usage["trace"] += _MINUTES_A_MONTH
    usage["log_gb_month"] = usage["log_gb"]  # a month of retention
    usage["dynamodb_gb_month"] = checkouts * 12 * assumed["rental_bytes"] / _GIGABYTE
    usage["pitr_gb_month"] = usage["dynamodb_gb_month"]
    usage["s3_gb_month"] = assumed["s3_gb"]
    usage["s3_get"] = requests
    usage["cloudfront_gb"] = assumed["transfer_gb"][str(requests)]
    usage["cloudfront_request"] = requests * 2
    usage.update(fixed(checkouts))
    return usage


def fixed(checkouts: float) -> Usage:
    """What is paid by the month, read from the template; metrics by the hours that have data."""
    resources = template()["Resources"].values()
    kinds = Counter(each["Type"] for each in resources if "Condition" not in each)
    return Counter(
        {
            "secret_month": kinds["AWS::SecretsManager::Secret"] + 1,  # and PayMongo's, by hand
            "alarm_month": sum(
                _metrics_in(each["Properties"])
                for each in resources
                if each["Type"] == "AWS::CloudWatch::Alarm"
            ),
            "dashboard_month": kinds["AWS::CloudWatch::Dashboard"],
            "kms_key_month": kinds["AWS::KMS::Key"],
            "metric_month": custom_metrics(checkouts) + detailed_metrics(),
        }
    )


def _metrics_in(alarm: Json) -> int:
    return sum("MetricStat" in each for each in alarm.get("Metrics", ())) or 1


def metric_names() -> set[str]:
    """The names of our own metrics, read from the source."""
    pattern = re.compile(r'(?:count|measure)\("(\w+)"|add_metric\(name="(\w+)"')
    return {
        match[1] or match[2]
        for path in (ROOT / "functions").rglob("*.py")
        for match in pattern.finditer(path.read_text())
    }


# Sent by each run of the reconciler and of the clock, whatever happens.
_ALWAYS = {
    "WebhookEndpointDisabled",
    "OldestOverdueHoldSeconds",
    "RentalsLookedAt",
    "FulfillmentsLookedAt",
    "UnitShelved",
}
# Sent for each checkout or each payment.
_WITH_RENTALS = {"CheckoutStarted", "UnitReserved", "RentalPaid", "DuplicateWebhook"}


def custom_metrics(checkouts: float) -> float:
    """Metric-months: a metric is charged for the hours in which it has data (CloudWatch pricing).

    What is sent with each rental has data in an hour with at least one; errors are assumed in one
    hour of a hundred.
    """
    busy = 1 - math.exp(-checkouts / HOURS_IN_A_MONTH)
    shares = {
        name: 1.0 if name in _ALWAYS else busy if name in _WITH_RENTALS else 0.01
        for name in metric_names()
    }
    shares["UnitReleased"] = 1 - math.exp(-checkouts * 0.2 / HOURS_IN_A_MONTH)
    return sum(shares.values())


def detailed_metrics() -> int:
    """Metrics of API Gateway that are charged: of each method whose settings turn them on."""
    settings = template()["Resources"]["Api"]["Properties"]["MethodSettings"]
    metered = [each for each in settings if each.get("MetricsEnabled")]
    every = any(each["ResourcePath"] == "/*" for each in metered)
    return _METRICS_OF_A_METHOD * (_methods() if every else len(metered))


def _methods() -> int:
    """Methods that customers and PayMongo call."""
    return sum(
        each["Type"] == "AWS::Serverless::Function" and name.startswith(("Get", "Post"))
        for name, each in template()["Resources"].items()
    )


def cost(
    usage: Mapping[str, float], *, free: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Dollars by service; `free` is taken off each quantity first."""
    by_price = {
        name: max(0.0, amount - (free or {}).get(name, 0)) * prices()[name]
        for name, amount in usage.items()
    }
    return {
        service: sum(by_price.get(name, 0.0) for name in names)
        for service, names in SERVICES.items()
    }


def total(by_service: Mapping[str, float] | Iterable[float]) -> float:
    """Dollars in all."""
    return sum(by_service.values() if isinstance(by_service, Mapping) else by_service)
