"""The console refuses what it must, and shows what others wrote as text."""

import asyncio
import io
import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from starlette.applications import Starlette
from starlette.routing import Mount

from rentals.models import PaymentStatus
from rentals.rows import to_row
from tests.support.samples import pending_rental
from tools.console.app import EVENTS_A_PAGE, MOST_AT_ONCE, create_app
from tools.console.aws import (
    _RENTAL_ATTRIBUTES,
    Account,
    NotFoundError,
    Page,
    Replay,
    allow_reading_only,
    replayable,
)
from tools.ops.attention import Finding
from tools.ops.errors import CommandError
from tools.ops.executions import Execution, Machine
from tools.ops.finding import Lists
from tools.ops.history import Timeline, read
from tools.ops.logs import LogLine
from tools.ops.money import Entry
from tools.ops.target import Target
from tools.replay.sending import Answer
from tools.sources import ROOT
from tools.sources.asl import StateMachine, parse

Json = dict[str, Any]

MARKUP = '"><img src=x onerror=alert(1)><script>alert(1)</script>'
AT = "2026-11-22T20:00:00.000Z"
PREFIX = "arn:aws:states:ap-southeast-1:000000000000"
MACHINE = Machine(f"{PREFIX}:stateMachine:rentals-rental")
NAME = f"hostile'{MARKUP}"
EXECUTION = Execution(
    arn=f"{PREFIX}:execution:rentals-rental:{NAME}",
    status="FAILED",
    started_at=datetime(2026, 11, 25, tzinfo=UTC),
    input=json.dumps({"rental_id": MARKUP}),
    output=MARKUP,
    error=MARKUP,
    cause=json.dumps({"errorMessage": MARKUP, "stackTrace": [MARKUP]}),
)
TOKEN = "AQCAAAAAKgAAAAMAAAAAAAAAAS"
EVENTS: list[Json] = [
    {"type": "ExecutionStarted", "executionStartedEventDetails": {"input": MARKUP}},
    {
        "type": "TaskStateEntered",
        "stateEnteredEventDetails": {"name": MARKUP, "input": json.dumps({"a": MARKUP})},
    },
    {
        "type": "TaskScheduled",
        "taskScheduledEventDetails": {
            "parameters": json.dumps({"ExpressionAttributeValues": {":token": {"S": TOKEN}}})
        },
    },
    {"type": "TaskFailed", "taskFailedEventDetails": {"error": MARKUP, "cause": MARKUP}},
]
DEFINITION = parse(
    {
        "Comment": MARKUP,
        "StartAt": MARKUP,
        "States": {
            MARKUP: {
                "Type": "Task",
                "Comment": MARKUP,
                "Resource": MARKUP,
                "Next": "Done",
                "Catch": [{"ErrorEquals": [MARKUP], "Next": "Done"}],
            },
            "Done": {"Type": "Succeed"},
        },
    }
)
RENTAL: Json = {
    "id": MARKUP, "collectibleName": MARKUP, "collectibleId": MARKUP, "storeId": MARKUP,
    "paymentStatus": "pending", "endReason": MARKUP, "attention": MARKUP, "unitId": MARKUP,
    "duration": 3, "dailyRate": 2000, "totalFee": 6000, "paymentMethod": MARKUP,
    "checkoutSessionId": MARKUP, "checkoutUrl": "javascript:alert(1)",
    "holdExpiresAt": "2026-11-25T13:00:00.000Z", "createdAt": AT, "updatedAt": AT,
    "fulfillmentStatus": "picked_up", "pickedUpAt": AT, "readyBy": AT,
    "dueAt": "2026-11-25T13:00:00.000Z", "fulfillmentAttention": MARKUP, "closedReason": MARKUP,
    "deskLog": [{"action": MARKUP, "at": AT, "by": MARKUP, "store": MARKUP, "note": MARKUP}],
}  # fmt: skip


class HostileAccount(Account):
    """An account in which everything that somebody could have written is markup."""

    def __init__(self) -> None:
        self.target = Target(stack_name="rentals", endpoint_url="http://127.0.0.1:1")
        self.stopped: list[str] = []
        self.settled: list[str] = []
        self.refunded: list[tuple[str, int, str, str]] = []
        self.asked: list[tuple[str, Lists, bool]] = []
        self.replayed: list[tuple[str, str, int]] = []

    def arn_of(self, logical_id: str) -> str | None:
        of_rentals = ("RentalStateMachine", "FulfillmentStateMachine")
        return MACHINE.arn if logical_id in of_rentals else None

    def machines(self) -> list[Machine]:
        return [MACHINE]

    def machine(self, name: str) -> Machine:
        return MACHINE

    def count(self, machine: Machine, status: str) -> str:
        return "1"

    def definition(self, machine: Machine) -> StateMachine:
        return DEFINITION

    def definition_of(self, execution: Execution) -> StateMachine:
        return DEFINITION

    def executions(
        self, machine: Machine, status: str | None = None, token: str | None = None
    ) -> Page:
        return Page([EXECUTION], MARKUP)

    def search(self, machine: Machine, text: str, status: str | None = None) -> Page:
        return Page([], MARKUP)

    def execution(self, arn: str) -> Execution:
        if arn == EXECUTION.arn:
            return EXECUTION
        if arn.endswith("running"):
            return Execution(arn, "RUNNING", EXECUTION.started_at)
        raise NotFoundError(f"there is no execution {arn}")

    def timeline(self, execution: Execution) -> Timeline:
        at = EXECUTION.started_at
        return read([each | {"id": n, "timestamp": at} for n, each in enumerate(EVENTS, 1)])

    def rental_execution(self, rental_id: str) -> Execution | None:
        return None

    def settlements(
        self, rental_id: str, since: datetime, own: Execution | None
    ) -> list[Execution]:
        return [EXECUTION]

    def rental(self, rental_id: str) -> Json | None:
        return RENTAL

    def rentals(self, rental_ids: Any) -> dict[str, Json]:
        return dict.fromkeys(rental_ids, RENTAL)

    def unit(self, unit_id: str) -> Json | None:
        return {"id": MARKUP, "reservedBy": MARKUP, "status": MARKUP, "reason": MARKUP}

    def fulfillments(self, rental: Json) -> list[Execution]:
        return [EXECUTION]

    def attention(self) -> list[Finding]:
        return [Finding(MARKUP, MARKUP, MARKUP, AT, MARKUP)]

    def names(self, table: str) -> dict[str, str]:
        return {MARKUP: MARKUP, "store-b": "Quezon City"}

    def find(self, words: str, lists: Lists, *, may_read_secret: bool) -> list[Json]:
        self.asked.append((words, lists, may_read_secret))
        return [RENTAL] if MARKUP in (words, *lists.stores) else []

    def refundable(self, rental_id: str) -> int:
        return 7000

    def id_of(self, words: str) -> str:
        return words

    def stop(self, execution: Execution) -> None:
        self.stopped.append(execution.arn)

    def settle(self, rental_id: str) -> str:
        self.settled.append(rental_id)
        return f"{PREFIX}:execution:rentals-settlement:1"

    def money(self, rental: Json) -> list[Entry]:
        return [Entry(MARKUP, -125_050, MARKUP, AT, MARKUP, MARKUP, MARKUP)]

    def refund_part(self, rental_id: str, pesos: int, reason: str, key: str) -> str:
        self.refunded.append((rental_id, pesos, reason, key))
        return f"{PREFIX}:execution:rentals-settlement:1"

    def replay(self, name: str, rental_id: str, times: int) -> Replay:
        self.replayed.append((name, rental_id, times))
        return Replay(name, [MARKUP], [Answer("200", MARKUP, 0.1)] * times)

    def log(self, rental_id: str) -> list[LogLine]:
        return [LogLine(EXECUTION.started_at, MARKUP, MARKUP, MARKUP, {MARKUP: {"a": MARKUP}})]


@pytest.fixture
def account() -> HostileAccount:
    return HostileAccount()


class Browser:
    """Asks the console as the front door mounts it."""

    def __init__(self, account: Account, *, read_only: bool = False) -> None:
        console = create_app(account, read_only=read_only)
        self._app = Starlette(routes=[Mount("/console", console)])

    def get(self, url: str, **options: Any) -> httpx.Response:
        return asyncio.run(self._request("GET", url, options))

    def post(self, url: str, **options: Any) -> httpx.Response:
        return asyncio.run(self._request("POST", url, options))

    async def _request(self, method: str, url: str, options: Json) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:8000"
        ) as client:
            return await client.request(method, url, **options)


def execution_url(arn: str = EXECUTION.arn) -> str:
    return f"/console/executions/{quote(arn, safe='')}"


PAGES = [
    "/console/",
    "/console/rentals",
    f"/console/rentals?q={quote(MARKUP)}&store={quote(MARKUP)}&day={quote(MARKUP)}",
    "/console/machines/rentals-rental",
    f"/console/machines/rentals-rental?q={quote(MARKUP)}",
    f"/console/machines/rentals-rental?status={quote(MARKUP)}&token={quote(MARKUP)}",
    "/console/machines/rentals-rental/definition",
    f"/console/machines/rentals-rental/definition?state={quote(MARKUP)}",
    execution_url(),
    f"{execution_url()}?state=Done&events=-1",
    f"{execution_url()}/stop",
    f"/console/rentals/{quote(MARKUP, safe='')}/settle",
    f"/console/rentals/{quote(MARKUP, safe='')}/refund",
    f"/console/rentals/{quote(MARKUP, safe='')}",
    f"/console/rentals/{quote(MARKUP, safe='')}/log",
    f"/console/rentals/{quote(MARKUP, safe='')}/replay",
    f"/console/executions/{quote(MARKUP, safe='')}",
]


@pytest.mark.parametrize("page", PAGES)
def test_markup_from_outside_is_text_on_pages_that_are_strict_and_not_kept(
    account: HostileAccount, page: str
) -> None:
    answer = Browser(account).get(page)

    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.status_code in (200, 404)
    assert "<h1" in answer.text
    assert "<img" not in answer.text
    assert re.findall(r"<script[^>]*>", answer.text) == [
        '<script type="module" src="/console/assets/console.js">'
    ]
    assert "javascript:" not in answer.text


def test_the_hostile_account_is_shown_at_all(account: HostileAccount) -> None:
    assert Browser(account).get(execution_url()).text.count("&lt;img") > 10


def test_where_a_paid_rental_is_stands_in_the_list_and_beside_its_execution(
    account: HostileAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    rental = RENTAL | {"storeId": "store-b", "pickedUpAt": "2026-11-22T03:00:00.000Z"}
    monkeypatch.setattr(account, "rentals", lambda ids: dict.fromkeys(ids, rental))
    monkeypatch.setattr(account, "rental", lambda _: rental)
    client = Browser(account)

    for page in ("/console/machines/rentals-rental", execution_url()):
        text = client.get(page).text
        for shown in (
            "picked up",
            "overdue",
            "Quezon City",
            "2026-11-22 11:00",
            "2026-11-25 21:00",
        ):
            assert shown in text, page
        assert "Times of Manila" in text


def test_rentals_are_asked_for_by_words_store_status_and_day(account: HostileAccount) -> None:
    wanted = "/console/rentals?q=+MC-7K4Q-9F2D+&store=store-b&stage=overdue&day=2026-11-28"

    Browser(account).get(wanted)
    Browser(account, read_only=True).get("/console/rentals?store=nowhere&stage=nonsense")

    assert account.asked == [
        ("MC-7K4Q-9F2D", Lists(["store-b"], "overdue", "2026-11-28"), True),
        ("", Lists([MARKUP, "store-b"]), False),
    ]


def test_task_tokens_are_not_shown(account: HostileAccount) -> None:
    page = Browser(account).get(execution_url()).text

    assert TOKEN not in page
    assert "(hidden)" in page


def test_a_history_of_hours_of_retries_is_shown_by_pages(
    account: HostileAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[Json] = [
        {"type": kind, f"{kind[0].lower()}{kind[1:]}EventDetails": {"error": "PayMongoDown"}}
        for _ in range(1000)
        for kind in ("TaskScheduled", "TaskFailed")
    ]
    events = [*EVENTS[:2], *tries]
    timeline = read(
        [each | {"id": n, "timestamp": EXECUTION.started_at} for n, each in enumerate(events, 1)]
    )
    monkeypatch.setattr(account, "timeline", lambda _: timeline)

    last = -(-len(events) // EVENTS_A_PAGE)
    page = Browser(account).get(f"{execution_url()}?events={last}").text

    assert f'data-label="#">{len(events)}<' in page
    assert page.count('data-label="#"') == len(events) - (last - 1) * EVENTS_A_PAGE
    assert "988 earlier ones" in page
    assert "1000 attempts" in page or "waiting to retry" in page


def test_a_name_that_is_not_this_machine_s_is_refused(account: HostileAccount) -> None:
    # A page elsewhere could make a name of its own lead here.
    answer = Browser(account).get("/console/", headers={"Host": "evil.example:8000"})

    assert answer.status_code == 400
    assert "State machines" not in answer.text


def test_the_console_uses_only_colours_and_fonts_that_the_site_has() -> None:
    console, site = (
        path.read_text()
        for path in (
            ROOT / "tools" / "console" / "assets" / "console.css",
            ROOT / "static" / "css" / "site.css",
        )
    )

    used = set(re.findall(r"var\((--[\w-]+)", console))
    assert used <= set(re.findall(r"^\s*(--[\w-]+):", console + site, re.MULTILINE))


@pytest.mark.parametrize("name", ["css/site.css", "fonts/besley.woff2", "console.js"])
def test_assets_are_served_and_nothing_beside_them(account: HostileAccount, name: str) -> None:
    client = Browser(account)

    served = client.get(f"/console/assets/{name}")
    assert served.status_code == 200
    # Fonts that come late are done without.
    assert ("max-age" in served.headers["Cache-Control"]) is name.endswith(".woff2")
    assert client.get(f"/console/assets/../{name}").status_code == 404
    assert client.get("/console/assets/../app.py").status_code == 404
    assert client.get("/console/assets/%2e%2e/app.py").status_code == 404


# --- stopping and settling ---

RUNNING = f"{PREFIX}:execution:rentals-rental:running"
ACTIONS = [
    f"{execution_url(RUNNING)}/stop",
    "/console/rentals/r-1/settle",
    "/console/rentals/r-1/refund",
    "/console/rentals/r-1/replay",
]
every_action = pytest.mark.parametrize("action", ACTIONS)


def form_token(page: str) -> str:
    match = re.search(r'name="form_token" value="([^"]+)"', page)
    assert match is not None
    return match[1]


def done(account: HostileAccount) -> list[str]:
    refunded = [each[0] for each in account.refunded]
    return account.stopped + account.settled + refunded + [each[1] for each in account.replayed]


def test_what_the_console_reads_of_a_rental_tells_its_money_and_not_who_rents() -> None:
    rental = pending_rental(
        payment_status=PaymentStatus.COMPLETED,
        payment_id="pay_1",
        amount_paid=700_000,
        deposit_centavos=100_000,
    )
    row = {name: each for name, each in to_row(rental).items() if name in _RENTAL_ATTRIBUTES}

    found = Account(Target(endpoint_url="http://127.0.0.1:1")).money(row)

    assert [(each.what, each.centavos) for each in found] == [
        ("rent", 600_000), ("deposit", 100_000),
    ]  # fmt: skip


def test_a_part_refund_is_ordered_as_it_was_written_down(account: HostileAccount) -> None:
    client = Browser(account)
    page = client.get("/console/rentals/r-1/refund").text
    key = re.findall('name="key" value="([0-9a-f]+)"', page)[0]

    assert "PHP 7,000.00 of its payment can still go back" in page
    client.post(
        "/console/rentals/r-1/refund",
        data={"form_token": form_token(page), "key": key, "amount": "500", "reason": "a wait"},
    )

    assert account.refunded == [("r-1", 500, "a wait", key)]
    assert "PHP -1,250.50" in client.get(execution_url()).text


@pytest.mark.parametrize("action", ACTIONS[:3])
def test_an_action_asks_first_and_leads_to_what_it_did(
    account: HostileAccount, action: str
) -> None:
    client = Browser(account)
    page = client.get(action)
    assert page.status_code == 200
    assert done(account) == []

    answer = client.post(
        action,
        data={"form_token": form_token(page.text)},
        headers={"Origin": "http://127.0.0.1:8000"},
    )

    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/console/executions/arn:aws:states:")
    assert done(account) in ([RUNNING], ["r-1"])


@every_action
@pytest.mark.parametrize(
    ("form", "origin"),
    [
        ({}, None),
        ({"form_token": ""}, None),
        ({"form_token": "guessed"}, "http://127.0.0.1:8000"),
        ({"form_token": "guessed-é"}, "http://127.0.0.1:8000"),
        ({"form_token": "right"}, "http://evil.example"),
        ({"form_token": "right"}, "http://127.0.0.1:8001"),
        ({"form_token": "right"}, "null"),
    ],
)
def test_only_a_form_of_ours_acts(
    account: HostileAccount, action: str, form: dict[str, str], origin: str | None
) -> None:
    client = Browser(account)
    if form.get("form_token") == "right":
        form = {"form_token": form_token(client.get(action).text)}

    answer = client.post(action, data=form, headers={"Origin": origin} if origin else {})

    assert answer.status_code == 403
    assert done(account) == []


@every_action
def test_read_only_refuses_to_act_and_offers_nothing(account: HostileAccount, action: str) -> None:
    token = form_token(Browser(account).get(action).text)
    client = Browser(account, read_only=True)

    assert client.get(action).status_code == 403
    assert client.post(action, data={"form_token": token}).status_code == 403
    assert done(account) == []
    page = client.get(execution_url()).text
    assert "Read-only" in page
    assert "/stop" not in page
    assert "/settle" not in page
    assert "/refund" not in page
    assert "/replay" not in page


def test_a_replay_says_what_came_back(account: HostileAccount) -> None:
    client = Browser(account)
    action = ACTIONS[-1]
    token = form_token(client.get(action).text)

    answer = client.post(action, data={"form_token": token, "event": MARKUP, "times": "1000"})

    assert answer.status_code == 200
    assert account.replayed == [(MARKUP, "r-1", MOST_AT_ONCE)]
    assert answer.text.count("&lt;img") > MOST_AT_ONCE
    assert "<img" not in answer.text


def test_only_samples_are_replayed() -> None:
    account = Account(Target(region="ap-southeast-1", endpoint_url="http://127.0.0.1:1"))

    for name in ("", "/etc/passwd", "../samconfig", "PostCheckoutFunction/no-such"):
        with pytest.raises(CommandError):
            account.replay(name, "r-1", 1)


def test_samples_that_are_about_no_rental_are_not_offered() -> None:
    offered = replayable()

    assert "PostPayMongoWebhookFunction/payment-paid" in offered
    assert "GetStoresFunction/every-store" not in offered


@pytest.mark.parametrize(
    ("service", "call", "arguments"),
    [
        ("stepfunctions", "stop_execution", {"executionArn": RUNNING}),
        ("stepfunctions", "start_execution", {"stateMachineArn": MACHINE.arn}),
        ("stepfunctions", "send_task_success", {"taskToken": "t", "output": "{}"}),
        ("dynamodb", "delete_item", {"TableName": "t", "Key": {"id": {"S": "1"}}}),
        ("lambda", "invoke", {"FunctionName": "f"}),
        ("secretsmanager", "get_secret_value", {"SecretId": "s"}),
    ],
)
def test_read_only_credentials_change_nothing_whoever_uses_them(
    service: str, call: str, arguments: Json
) -> None:
    target = Target(region="ap-southeast-1", endpoint_url="http://127.0.0.1:1")
    allow_reading_only(target)

    with pytest.raises(PermissionError, match="read-only"):
        getattr(target.client(service), call)(**arguments)


def test_read_only_credentials_may_read() -> None:
    target = Target(region="ap-southeast-1", endpoint_url="http://127.0.0.1:1")
    allow_reading_only(target)

    def answer(request: Any, **_: Any) -> AWSResponse:
        body = io.BytesIO(b'{"stateMachines": []}')
        return AWSResponse(request.url, 200, HTTPHeaders(), Raw(body))

    target.session.events.register("before-send.*", answer)  # type: ignore[arg-type]

    assert target.client("stepfunctions").list_state_machines()["stateMachines"] == []


class Raw:
    """A body that botocore can read."""

    def __init__(self, body: io.BytesIO) -> None:
        self._body = body

    def stream(self) -> Any:
        yield self._body.read()
