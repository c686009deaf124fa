"""What can only be seen where it is deployed: each thing that no test without an account can prove.

docs/deploying.md has the list; every check here is a line of it. Nothing is left behind: the rental
that is tried is cancelled, unless it is paid.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from botocore.exceptions import ClientError

from api.authorize_distribution import ORIGIN_KEY_HEADER
from api.requests import ACCESS_KEY_HEADER
from paymongo.signatures import signature_of
from rentals.models import PaymentMethod
from tools.ops import account, state_checks, webhook
from tools.ops.errors import CommandError
from tools.ops.target import Target

Json = dict[str, Any]

_PATIENCE_SECONDS = 90.0
# What sees that an execution of a state machine has ended badly.
_ENDED = {
    "RentalStateMachine": "RentalExecutionEndedRule",
    "SettlementStateMachine": "NeedsAttentionRule",
    "FulfillmentStateMachine": "FulfillmentExecutionEndedRule",
}
_MACHINES = tuple(_ENDED)


class Wrong(Exception):
    """What was seen instead of what should be there."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one check went: ok, wrong, or not to be seen here."""

    name: str
    status: str
    detail: str


@dataclass(frozen=True)
class Stack:
    """The deployed stack, from outside and through AWS's APIs."""

    target: Target
    http: httpx.Client

    @property
    def site(self) -> str:
        """Its address."""
        return self.target.stack.site_url

    def get(self, path: str, **headers: str) -> httpx.Response:
        """GET a path of the site."""
        return self.http.get(self.site + path, headers=headers)


Check = Callable[[Stack], str]
_CHECKS: list[tuple[str, Check, bool]] = []


def check(name: str, *, on_aws_only: bool = False) -> Callable[[Check], Check]:
    """Register a check; one that is `on_aws_only` concerns what the local engine does not do."""

    def register(function: Check) -> Check:
        _CHECKS.append((name, function, on_aws_only))
        return function

    return register


def names() -> list[str]:
    """What is checked."""
    return [name for name, _, _ in _CHECKS]


def run(target: Target) -> Iterator[Outcome]:
    """Run every check; one that fails does not keep others from running."""
    with httpx.Client(timeout=40) as http:
        stack = Stack(target, http)
        for name, function, on_aws_only in _CHECKS:
            if on_aws_only and target.is_local:
                yield Outcome(name, "not here", "only AWS does this")
                continue
            try:
                yield Outcome(name, "ok", function(stack))
            except (Wrong, CommandError) as error:
                yield Outcome(name, "wrong", str(error))
            except ClientError as error:
                yield Outcome(name, "wrong", str(error))
            except httpx.HTTPError as error:
                yield Outcome(name, "wrong", f"no answer: {type(error).__name__}")


def expect(found: object, wanted: object, what: str) -> None:
    """Raises Wrong when what was found is not what is wanted."""
    if found != wanted:
        raise Wrong(f"{what}: {found!r} instead of {wanted!r}")


# --- the site ---


@check("site: pages are revalidated and carry the security headers")
def _pages(stack: Stack) -> str:
    answer = stack.get("/")
    expect(answer.status_code, 200, "status of /")
    expect(answer.headers.get("cache-control"), "no-cache", "Cache-Control")
    for header in ("content-security-policy", "x-content-type-options", "x-frame-options"):
        if header not in answer.headers:
            raise Wrong(f"no {header}")
    return answer.headers["content-security-policy"][:40] + "..."


@check("site: HTTPS only, for a year", on_aws_only=True)
def _https(stack: Stack) -> str:
    answer = stack.get("/")
    if "max-age=31536000" not in answer.headers.get("strict-transport-security", ""):
        raise Wrong("no Strict-Transport-Security")
    plain = stack.http.get(stack.site.replace("https://", "http://") + "/")
    expect(plain.status_code, 301, "status over http")
    return plain.headers["location"]


@check("site: assets are cached for a year, and compressed")
def _assets(stack: Stack) -> str:
    page = stack.get("/").text
    start = page.index("/assets/")
    path = page[start : page.index('"', start)]
    answer = stack.get(path, **{"Accept-Encoding": "gzip, br"})
    expect(answer.headers.get("cache-control"), "public, max-age=31536000, immutable", path)
    if not stack.target.is_local:
        expect(answer.headers.get("content-encoding") in ("br", "gzip"), True, "compressed")
    return path


@check("site: a page that does not exist is our 404 page")
def _no_page(stack: Stack) -> str:
    answer = stack.get("/no-such-page.html")
    expect(answer.status_code, 404, "status")
    expect("text/html" in answer.headers["content-type"], True, "an HTML page")
    return "404, HTML"


@check("site: nobody reads the bucket but the distribution", on_aws_only=True)
def _bucket(stack: Stack) -> str:
    bucket = stack.target.stack.physical_id("SiteBucket")
    region = stack.target.session.region_name
    answer = stack.http.get(f"https://{bucket}.s3.{region}.amazonaws.com/index.html")
    expect(answer.status_code, 403, "status")
    return "403"


@check("desk: its page is there, and its routes ask who is")
def _desk(stack: Stack) -> str:
    for path in ("/desk", "/desk/"):
        expect(stack.get(path).status_code, 200, f"status of {path}")
    answer = stack.get("/api/desk/today", Authorization="nobody")
    expect(answer.status_code, 401, "status")
    expect(answer.json().get("code"), "NOT_SIGNED_IN", "code")
    return "401 NOT_SIGNED_IN"


# --- the API ---


@check("API: an unknown route answers in the envelope, also through the distribution")
def _no_route(stack: Stack) -> str:
    answer = stack.get("/api/no-such-route")
    expect(answer.status_code, 404, "status")
    expect(answer.json().get("code"), "ROUTE_NOT_FOUND", "code")
    return "404 ROUTE_NOT_FOUND"


@check("API: the distribution caches the catalogue for seconds", on_aws_only=True)
def _cached(stack: Stack) -> str:
    answers = [stack.get("/api/collectibles") for _ in range(3)]
    expect({each.status_code for each in answers}, {200}, "status")
    seen = [each.headers.get("x-cache", "") for each in answers]
    if not any(each.startswith("Hit") for each in seen):
        raise Wrong(f"never from the cache: {seen}")
    return ", ".join(seen)


@check("API: there is something to rent")
def _catalogue(stack: Stack) -> str:
    data = stack.get("/api/collectibles").json()["data"]
    if not any(each["stock"] for each in data):
        raise Wrong("nothing is in stock: load the catalogue (docs/deploying.md)")
    return f"{len(data)} collectibles"


@check("API: API Gateway refuses what is no request", on_aws_only=True)
def _validated(stack: Stack) -> str:
    answer = stack.http.post(stack.site + "/api/rentals/quote", json={"duration": "seven"})
    expect(answer.status_code, 400, "status")
    expect(answer.json().get("errors"), [], "refused before the function")
    return str(answer.json()["code"])


@check("API: a wrong value is reported by field")
def _by_field(stack: Stack) -> str:
    body = {"collectible_id": "x", "store_id": "x", "duration": 0}
    answer = stack.http.post(stack.site + "/api/rentals/quote", json=body)
    expect(answer.status_code, 400, "status")
    return str(answer.json()["errors"][0])


@check("API: preflights allow the site's origin and no other")
def _preflight(stack: Stack) -> str:
    allowed = {}
    for origin in (stack.site, "https://elsewhere.example"):
        answer = stack.http.request(
            "OPTIONS",
            stack.site + "/api/rentals/checkout",
            headers={"Origin": origin, "Access-Control-Request-Method": "POST"},
        )
        expect(answer.status_code, 204, "status")
        allowed[origin] = answer.headers.get("access-control-allow-origin")
    expect(list(allowed.values()), [stack.site, None], "allowed origins")
    return stack.site


@check("API: partners need their key")
def _partners(stack: Stack) -> str:
    expect(stack.get("/api/partners/stores").status_code, 401, "status without a key")
    answer = stack.get("/api/partners/stores", **_partner_key(stack))
    expect(answer.status_code, 200, "status with the key")
    return "401 without, 200 with"


@check("API: what comes past the distribution is refused", on_aws_only=True)
def _past(stack: Stack) -> str:
    url = f"{stack.target.stack.outputs['ApiUrl']}/api/stores"
    for headers in ({}, {ORIGIN_KEY_HEADER: "guessed"}):
        expect(stack.http.get(url, headers=headers).status_code, 401, f"status with {headers}")
    return "401 without the key, 401 with another"


@check("API: its name is the one that alarms watch")
def _name(stack: Stack) -> str:
    api = stack.target.client("apigateway").get_rest_api(
        restApiId=stack.target.stack.physical_id("Api")
    )
    watched = watched_apis(_alarms_of(stack))
    if not watched:
        raise Wrong("no alarm watches the API")
    expect({name: each for name, each in watched.items() if each != api["name"]}, {}, "others")
    return f"{api['name']}, {len(watched)} alarms"


def watched_apis(alarms: Iterable[Json]) -> dict[str, str | None]:
    """The ApiName that each alarm on API Gateway's metrics watches, by alarm."""
    return {
        alarm["AlarmName"]: next(
            (each["Value"] for each in alarm["Dimensions"] if each["Name"] == "ApiName"), None
        )
        for alarm in alarms
        if alarm.get("Namespace") == "AWS/ApiGateway"
    }


def _alarms_of(stack: Stack) -> list[Json]:
    names = list(stack.target.stack.of_type("AWS::CloudWatch::Alarm").values())
    found: list[Json] = stack.target.client("cloudwatch").describe_alarms(
        AlarmNames=names, MaxRecords=100
    )["MetricAlarms"]
    return found


@check("API: API Gateway's own errors carry CORS headers for other origins", on_aws_only=True)
def _other_origins(stack: Stack) -> str:
    origins = stack.target.stack.parameters.get("OtherOrigins", "").split(",")
    allowed = {
        origin: stack.get("/api/no-such-route", Origin=origin).headers.get(
            "access-control-allow-origin"
        )
        for origin in [*filter(None, origins), "https://elsewhere.example"]
    }
    wanted = {origin: origin if origin in origins else None for origin in allowed}
    expect(allowed, wanted, "allowed origins")
    return ", ".join(filter(None, origins)) or "no other origins"


@check("API: the published description is there")
def _description(stack: Stack) -> str:
    answer = stack.get("/openapi.json")
    expect(answer.status_code, 200, "status")
    return f"OpenAPI {answer.json()['openapi']}, {len(answer.json()['paths'])} routes"


# --- PayMongo ---


@check("PayMongo: its webhook is registered, enabled and signed with our secret")
def _webhook(stack: Stack) -> str:
    state = webhook.check(
        account.account_of(stack.target),
        account.keys_of(stack.target),
        stack.target.stack.webhook_url,
    )
    if state.problems:
        raise Wrong("; ".join(state.problems) + " (./rentals webhook register)")
    return state.url


@check("PayMongo: the account has every method that the site offers")
def _methods(stack: Stack) -> str:
    named = stack.target.stack.parameters["PaymentMethods"]
    methods = map(PaymentMethod, named.split(",")) if named else PaymentMethod
    offered = {each.paymongo_type for each in methods}
    missing = sorted(offered - set(account.account_of(stack.target).payment_methods()))
    if missing:
        raise Wrong(f"not enabled: {', '.join(missing)} (PaymentMethods, docs/deploying.md)")
    return ", ".join(sorted(offered))


@check("PayMongo: a webhook that is forged or cut short is refused")
def _signatures(stack: Stack) -> str:
    keys = account.keys_of(stack.target).read()
    is_live = keys["secretKey"].startswith("sk_live_")
    about = {"type": "smoke.test", "livemode": is_live, "data": {}}
    body = json.dumps({"data": {"id": "evt_smoke", "attributes": about}}).encode()
    signed = _signature(body, keys.get("webhookSecret", ""))
    # Two are refused: an alarm counts them (WebhookRejectedAlarm).
    sent = {
        "forged": (body, _signature(body, "whsk_guessed")),
        "cut short": (body[:-1], signed),
        # Refused for what was done to them, not for what they are.
        "whole": (body, signed),
    }
    statuses = {
        what: stack.http.post(
            stack.target.stack.webhook_url, content=content, headers=headers
        ).status_code
        for what, (content, headers) in sent.items()
    }
    expect(statuses, dict.fromkeys(sent, 401) | {"whole": 200}, "statuses")
    return "401 each, 200 whole"


def _signature(body: bytes, secret: str) -> dict[str, str]:
    now = str(int(time.time()))
    signature = signature_of(body, secret, now)
    return {"Paymongo-Signature": f"t={now},te={signature},li={signature}"}


@check("a rental: payable within seconds, and cancelled again")
def _rental(stack: Stack) -> str:
    catalogue = stack.get("/api/partners/collectibles", **_partner_key(stack)).json()["data"]
    wanted = next(each for each in catalogue if each["stock"])
    started = time.monotonic()
    answer = stack.http.post(stack.site + "/api/rentals/checkout", json=_order(stack, wanted["id"]))
    if answer.status_code not in (200, 202):
        raise Wrong(f"checkout: {answer.status_code} {answer.json().get('error')}")
    rental_id = answer.json()["data"]["rental_id"]
    key = {ACCESS_KEY_HEADER: answer.json()["data"]["access_key"]}
    rental = _until(
        stack, rental_id, lambda each: each["payment_url"] or each["status"] != "pending", key
    )
    expect(rental["status"], "pending", f"status of {rental_id}")
    seconds = time.monotonic() - started
    stack.http.post(f"{stack.site}/api/rentals/{rental_id}/cancel", headers=key)
    ended = _until(stack, rental_id, lambda each: each["status"] != "pending", key)
    # Ending a rental and putting its unit back is one transaction.
    expect(ended["status"], "cancelled", f"status of {rental_id}")
    return f"{rental_id}, payable after {seconds:.1f} s"


def _partner_key(stack: Stack) -> dict[str, str]:
    """For partners' routes, which the distribution does not cache: stock as it is."""
    client = stack.target.client("apigateway")
    key = client.get_api_key(
        apiKey=stack.target.stack.physical_id("PartnerApiKey"), includeValue=True
    )
    return {"X-Api-Key": key["value"]}


def _order(stack: Stack, collectible_id: str) -> Json:
    store = stack.get("/api/stores").json()["data"][0]["id"]
    return {
        "collectible_id": collectible_id,
        "store_id": store,
        "duration": 1,
        "payment_method": "card",
        "customer": {
            "name": "Smoke Test",
            "email": f"smoke-{uuid.uuid4().hex[:12]}@example.com",
            "phone": "+63 900 000 0000",
            "address": "1 Test Street",
            "city": "Makati",
            "postal_code": "1200",
        },
    }


def _until(
    stack: Stack, rental_id: str, seen: Callable[[Json], object], key: Mapping[str, str]
) -> Json:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        rental: Json = stack.get(f"/api/rentals/{rental_id}", **key).json()["data"]
        if seen(rental):
            return rental
        if time.monotonic() > deadline:
            raise Wrong(
                f"{rental_id} is still {rental['status']} ({rental['payment_url'] and 'payable'})"
            )
        time.sleep(1)


# --- the machinery ---


@check("functions: callers use an alias that points to a published version")
def _aliases(stack: Stack) -> str:
    client = stack.target.client("lambda")
    versions = {
        name: client.get_alias(FunctionName=physical_id, Name="live")["FunctionVersion"]
        for name, physical_id in stack.target.stack.functions.items()
    }
    unpublished = [name for name, version in versions.items() if not version.isdigit()]
    expect(unpublished, [], "without a version")
    return f"{len(versions)} functions"


@check("state machines: by alias, traced, logged without execution data", on_aws_only=True)
def _machines(stack: Stack) -> str:
    client = stack.target.client("stepfunctions")
    for name in _MACHINES:
        arn = stack.target.stack.physical_id(name)
        client.describe_state_machine_alias(stateMachineAliasArn=f"{arn}:live")
        machine = client.describe_state_machine(stateMachineArn=arn)
        expect(machine["loggingConfiguration"]["level"], "ERROR", f"log level of {name}")
        expect(machine["loggingConfiguration"]["includeExecutionData"], False, f"data of {name}")
        expect(machine["tracingConfiguration"]["enabled"], True, f"tracing of {name}")
    return f"all {len(_MACHINES)}"


@check("state machines: AWS takes each state as it is meant, with mocked results", on_aws_only=True)
def _states(stack: Stack) -> str:
    client, tried = stack.target.client("stepfunctions"), 0
    for name in _MACHINES:
        arn = stack.target.stack.physical_id(name)
        definition = json.loads(client.describe_state_machine(stateMachineArn=arn)["definition"])
        tried += len(list(state_checks.cases(definition)))
        expect(list(state_checks.problems(client, definition)), [], name)
    return f"{tried} results, errors and branches"


@check("state machines: what takes too long is TIMED_OUT, and seen by the rules", on_aws_only=True)
def _timed_out(stack: Stack) -> str:
    events = stack.target.client("events")
    account_id = stack.target.client("sts").get_caller_identity()["Account"]
    for machine, rule in _ENDED.items():
        found = events.describe_rule(Name=stack.target.stack.physical_id(rule))
        expect(found["State"], "ENABLED", rule)
        arn = stack.target.stack.physical_id(machine)
        event = _event_of_time_out(account_id, arn)
        answer = events.test_event_pattern(EventPattern=found["EventPattern"], Event=event)
        expect(answer["Result"], True, f"{rule} takes a time-out of {machine}")
    return _tried_machine(stack)


def _event_of_time_out(account_id: str, machine_arn: str) -> str:
    return json.dumps(
        {
            "id": str(uuid.uuid4()),
            "account": account_id,
            "source": "aws.states",
            "time": "2026-01-31T10:00:00Z",
            "region": machine_arn.split(":")[3],
            "resources": [machine_arn],
            "detail-type": "Step Functions Execution Status Change",
            "detail": {"stateMachineArn": machine_arn, "status": "TIMED_OUT"},
        }
    )


def _tried_machine(stack: Stack) -> str:
    """An execution that would wait for a minute, of a machine whose executions last a second."""
    client = stack.target.client("stepfunctions")
    like = client.describe_state_machine(
        stateMachineArn=stack.target.stack.physical_id("RentalStateMachine")
    )
    wait = {"Type": "Wait", "Seconds": 60, "End": True}
    arn = client.create_state_machine(
        name=f"{stack.target.stack_name}-smoke-{uuid.uuid4().hex[:8]}",
        definition=json.dumps({"StartAt": "Wait", "TimeoutSeconds": 1, "States": {"Wait": wait}}),
        roleArn=like["roleArn"],
    )["stateMachineArn"]
    try:
        execution = client.start_execution(stateMachineArn=arn)["executionArn"]
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (
            status := client.describe_execution(executionArn=execution)["status"]
        ) == "RUNNING" and time.monotonic() < deadline:
            time.sleep(1)
        expect(status, "TIMED_OUT", "status after its time")
    finally:
        client.delete_state_machine(stateMachineArn=arn)
    return "TIMED_OUT, three rules"


@check("logs: every group has a retention, and API Gateway writes its access log", on_aws_only=True)
def _logs(stack: Stack) -> str:
    client = stack.target.client("logs")
    for name in ("FunctionLogs", "ApiLogs", "StateMachineLogs"):
        group = stack.target.stack.physical_id(name)
        [found] = client.describe_log_groups(logGroupNamePrefix=group, limit=1)["logGroups"]
        if "retentionInDays" not in found:
            raise Wrong(f"{group} is kept for ever")
    group = stack.target.stack.physical_id("ApiLogs")
    if not client.describe_log_streams(logGroupName=group, limit=1)["logStreams"]:
        raise Wrong("no access log yet: run this again in a minute (ManageApiGatewayAccount?)")
    return "three groups"


@check("tables: restorable to any second; those of prod are protected", on_aws_only=True)
def _tables(stack: Stack) -> str:
    client = stack.target.client("dynamodb")
    tables = stack.target.stack.of_type("AWS::DynamoDB::Table")
    is_prod = stack.target.stack.parameters["Environment"] == "prod"
    for name, physical_id in tables.items():
        backups = client.describe_continuous_backups(TableName=physical_id)
        description = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        expect(description["PointInTimeRecoveryStatus"], "ENABLED", f"recovery of {name}")
        table = client.describe_table(TableName=physical_id)["Table"]
        expect(table.get("DeletionProtectionEnabled", False), is_prod, f"protection of {name}")
    return f"{len(tables)} tables"


@check("alarms: none is in ALARM, and those of prod have a subscriber", on_aws_only=True)
def _alarms(stack: Stack) -> str:
    alarms = _alarms_of(stack)
    on = [each["AlarmName"] for each in alarms if each["StateValue"] == "ALARM"]
    expect(on, [], "on")
    topic = stack.target.stack.physical_id("AlarmTopic")
    subscriptions = stack.target.client("sns").list_subscriptions_by_topic(TopicArn=topic)
    confirmed = [
        each
        for each in subscriptions["Subscriptions"]
        if each["SubscriptionArn"] != "PendingConfirmation"
    ]
    if not confirmed and stack.target.stack.parameters["Environment"] == "prod":
        raise Wrong("nobody gets the alarms: AlarmEmail, and its confirmation")
    return f"{len(alarms)} alarms, {len(confirmed)} subscribers"


@check("upkeep: the reconciler and the check of the money's balance run")
def _upkeep(stack: Stack) -> str:
    client = stack.target.client("lambda")
    results = []
    for name in ("ReconcileFunction", "BalanceMoneyFunction"):
        answer = client.invoke(FunctionName=stack.target.stack.live(name), Payload=b"{}")
        result = json.load(answer["Payload"])
        if "FunctionError" in answer:
            raise Wrong(f"{name}: {result.get('errorType')}")
        results.append(result)
    expect(results[1]["difference"], 0, "centavos that nothing accounts for")
    return f"{results[0]['looked_at']} looked at, {results[1]['received']} centavos accounted for"
