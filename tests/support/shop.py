"""Driving the system from outside, as customers, PayMongo and operators do."""

import json
import secrets
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from ipaddress import ip_address
from typing import Any, TypeVar

import httpx

from api.requests import ACCESS_KEY_HEADER
from infra import dynamo
from infra.clock import now_timestamp, timestamp_in
from infra.dynamo import from_attributes
from rentals import desk, repository, retention
from rentals.access_keys import access_key_of
from tests.support.description import answers_as_described
from tests.support.domain import domain_of
from tests.support.samples import checkout_body
from tests.support.sandbox import LIMITS, NO_CERTIFICATES, Sandbox
from tools.importing.seed import new_unit
from tools.local.stack import LocalStack
from tools.ops.promise import Violation, violations

Json = dict[str, Any]
Found = TypeVar("Found")

# Generous: CI has two cores, every function starts cold once, and a webhook that got no answer is
# sent again after 10, 20 and 40 s.
PATIENCE_SECONDS = 120.0

# The waits of state machines are a fifth as long; nothing else is faster than in production.
FAST: Json = {
    "engine_environment": {"SFN_WAIT_SCALE": "0.2"},
    "sandbox_options": ("--webhook-retry-seconds", "10", "--refund-seconds", "0.3"),
}


@cache
def _access_secret(stack: LocalStack) -> bytes:
    answer = _client(stack, "secretsmanager").get_secret_value(
        SecretId=f"{stack.settings.stack_name}/access-key"
    )
    return str(answer["SecretString"]).encode()


def eventually(
    look: Callable[[], Found | None],
    what: str,
    seconds: float = PATIENCE_SECONDS,
    pause: float = 0.1,
) -> Found:
    """The first truthy answer of `look`; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"still waiting for: {what}"
        time.sleep(pause)


def at_once(*actions: Callable[[], Found], most: int | None = None) -> list[Found]:
    """Do all of these at the same time, or `most` of them; their results, in order."""
    with ThreadPoolExecutor(most or len(actions)) as pool:
        return [future.result() for future in [pool.submit(action) for action in actions]]


def new_address() -> str:
    """An address of this machine that nobody else has."""
    return str(ip_address("127.0.0.0") + secrets.randbelow(2**24 - 2) + 1)


@cache
def _client(stack: LocalStack, service: str) -> Any:
    """One client of each kind for all tests: making one takes longer than most calls."""
    return stack.dynamodb() if service == "tables" else stack.client(service)


class Shop:
    """One test's collectible, customers and views of the system.

    With `is_broken`, functions die, and the engine answers for them in words of its own.
    """

    def __init__(self, stack: LocalStack, *, is_broken: bool = False) -> None:
        self.stack = stack
        self.hold_seconds = stack.settings.hold_seconds
        self.site = httpx.Client(
            base_url=stack.settings.site_url,
            timeout=60,
            limits=LIMITS,
            verify=NO_CERTIFICATES,
            trust_env=False,
            event_hooks={"response": [] if is_broken else [answers_as_described]},
        )
        # Pages that are not the site's. Variables of the environment are not asked: other threads
        # may be changing them (domain_of).
        self.elsewhere = httpx.Client(
            timeout=60, limits=LIMITS, verify=NO_CERTIFICATES, trust_env=False
        )
        self.paymongo = Sandbox(stack.settings.paymongo_url)
        self.stepfunctions = _client(stack, "stepfunctions")
        self.dynamodb = _client(stack, "dynamodb")
        self._opened_at = now_timestamp()
        self._before = {each["id"] for each in self.rows("Rentals", ProjectionExpression="id")}
        self._expected_failures: set[str] = set()
        self._collectibles: set[str] = set()

    # --- stock ---

    def add_collectible(
        self, units: dict[str, int] | int = 1, size: str = "Small", **more: int
    ) -> str:
        """A collectible of the test's own, with units by warehouse (or that many in wh-001)."""
        collectible_id = f"col-{uuid.uuid4().hex[:12]}"
        self._collectibles.add(collectible_id)
        row = {"id": collectible_id, "name": "Test Piece", "description": "", "size": size}
        self.table("Collectibles").put_item(Item=row | more)
        stock = {"wh-001": units} if isinstance(units, int) else units
        for warehouse_id, how_many in stock.items():
            self.add_units(collectible_id, warehouse_id, how_many)
        return collectible_id

    def add_units(self, collectible_id: str, warehouse_id: str, how_many: int = 1) -> None:
        """More units of a collectible, once for each warehouse."""
        with self.table("Units").batch_writer() as batch:
            for number in range(how_many):
                unit_id = f"{collectible_id}-{warehouse_id}-{number:03}"
                batch.put_item(Item=new_unit(unit_id, collectible_id, warehouse_id))

    def table(self, name: str) -> Any:
        """A table as boto3's resource."""
        return _client(self.stack, "tables").Table(self._table_name(name))

    def _table_name(self, name: str) -> str:
        return f"{self.stack.settings.table_prefix}-{name}"

    def units_of(self, collectible_id: str) -> list[Json]:
        """The rows of a collectible's units."""
        return self.rows("Units", lambda item: item["collectibleId"]["S"] == collectible_id)

    def available(self, collectible_id: str) -> int:
        """How many units are on the shelf."""
        return sum(unit["isAvailable"] == "true" for unit in self.units_of(collectible_id))

    def rows(
        self, name: str, is_wanted: Callable[[Json], bool] = lambda _: True, **scan: Any
    ) -> list[Json]:
        """The rows of a table; `is_wanted` is asked for each as the wire has it."""
        pages = self.dynamodb.get_paginator("scan").paginate(
            TableName=self._table_name(name), ConsistentRead=True, **scan
        )
        items = (item for page in pages for item in page["Items"])
        return [from_attributes(item) for item in items if is_wanted(item)]

    def rental_row(self, rental_id: str) -> Json:
        """The rental as it is stored."""
        answer = self.dynamodb.get_item(
            TableName=self._table_name("Rentals"),
            Key={"id": {"S": rental_id}},
            ConsistentRead=True,
        )
        return from_attributes(answer["Item"])

    # --- the customer ---

    def body(self, collectible_id: str, **changes: Any) -> Json:
        """A valid checkout body for a customer nobody has seen before."""
        customer = {"email": f"{uuid.uuid4().hex}@example.com"}
        return checkout_body(collectible_id=collectible_id, customer=customer) | changes

    def post_checkout(
        self, body: Json, key: str | None = None, address: str | None = None, **headers: str
    ) -> httpx.Response:
        """POST a checkout as the site does, by default from an address of its own."""
        if key is not None:
            headers["Idempotency-Key"] = key
        with httpx.Client(
            base_url=self.site.base_url,
            timeout=60,
            transport=httpx.HTTPTransport(
                verify=NO_CERTIFICATES, local_address=address or new_address()
            ),
            event_hooks=self.site.event_hooks,
        ) as visitor:
            return visitor.post("/api/rentals/checkout", json=body, headers=headers)

    def checkout(self, collectible_id: str, **changes: Any) -> Json:
        """Check out and wait for the payment URL: the rental as the API shows it."""
        return self.wait_until_payable(self.start_checkout(collectible_id, **changes))

    def rent(self, units: dict[str, int] | int = 1) -> tuple[str, Json]:
        """A new collectible with these units, and a rental of one that can be paid."""
        collectible_id = self.add_collectible(units)
        return collectible_id, self.checkout(collectible_id)

    def start_checkout(self, collectible_id: str, **changes: Any) -> str:
        """Check out without waiting for the payment URL: the rental's id."""
        answer = self.post_checkout(self.body(collectible_id, **changes), Prefer="respond-async")
        assert answer.status_code == 202, answer.text
        rental_id: str = answer.json()["data"]["rental_id"]
        return rental_id

    def wait_until_payable(self, rental_id: str) -> Json:
        """The rental as the API shows it once it has a payment URL."""
        return eventually(
            lambda: view if (view := self.rental(rental_id))["payment_url"] else None,
            "a payment URL",
        )

    def rental(self, rental_id: str) -> Json:
        """The rental as the API shows it to its customer."""
        answer = self.site.get(f"/api/rentals/{rental_id}", headers=self.key_of(rental_id))
        assert answer.status_code == 200, answer.text
        data: Json = answer.json()["data"]
        return data

    def on_hosted_page(self, rental: Json, outcome: str) -> httpx.Response:
        """Play the customer on PayMongo's page: paid, failed or cancelled. Redirects are not
        followed.
        """
        return self.elsewhere.post(rental["payment_url"], data={"outcome": outcome})

    def pay(self, rental: Json) -> str:
        """Pay on PayMongo's page: the success URL that the browser is sent to, not followed."""
        return self._redirected(self.on_hosted_page(rental, "paid"))

    def leave_hosted_page(self, rental: Json) -> str:
        """Cancel on PayMongo's page: the URL that the browser is sent to, not followed."""
        return self._redirected(self.on_hosted_page(rental, "cancelled"))

    def pay_and_complete(self, rental: Json) -> None:
        """Pay on PayMongo's page, and wait until the rental knows."""
        self.pay(rental)
        self.wait_for_status(rental["rental_id"], "completed")

    def cancel_and_end(self, rental: Json) -> None:
        """Cancel on our own page, and wait until the rental is over."""
        self.cancel(rental)
        self.wait_for_status(rental["rental_id"], "cancelled")

    def follow(self, url: str) -> str:
        """Open a redirect URL of ours: the page of the site that the browser lands on, which gets
        the rental's key.
        """
        page, _, fragment = self._redirected(self.site.get(url)).partition("#")
        rental_id = page.partition("?rental_id=")[2]
        assert fragment == f"key={self.key_of(rental_id)[ACCESS_KEY_HEADER]}"
        return page

    def key_of(self, rental_id: str) -> dict[str, str]:
        """The header that lets its customer pay and cancel a rental."""
        return {ACCESS_KEY_HEADER: access_key_of(rental_id, _access_secret(self.stack))}

    def post_cancel(self, rental: Json) -> httpx.Response:
        """POST a cancel as the site does."""
        rental_id = rental["rental_id"]
        return self.site.post(f"/api/rentals/{rental_id}/cancel", headers=self.key_of(rental_id))

    def cancel(self, rental: Json) -> bool:
        """Cancel on our own page: whether it was paid, and so is not cancelled."""
        answer = self.post_cancel(rental)
        assert answer.status_code == 200, answer.text
        is_paid: bool = answer.json()["data"]["is_paid"]
        return is_paid

    def wait_for_status(
        self, rental_id: str, *statuses: str, seconds: float = PATIENCE_SECONDS
    ) -> Json:
        """The rental once it has one of these statuses."""
        return eventually(
            lambda: view if (view := self.rental(rental_id))["status"] in statuses else None,
            f"status {' or '.join(statuses)}",
            seconds,
        )

    @staticmethod
    def _redirected(answer: httpx.Response) -> str:
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    # --- PayMongo ---

    def session_id(self, rental_id: str) -> str:
        """The checkout session that the rental's customer pays on."""
        session_id: str = self.rental_row(rental_id)["checkoutSessionId"]
        return session_id

    def session(self, rental_id: str) -> Json:
        """The same as PayMongo knows it."""
        wanted = self.session_id(rental_id)
        return next(each for each in self.paymongo.sessions(rental_id) if each["id"] == wanted)

    def success_url(self, rental_id: str) -> str:
        """Where PayMongo sends the customer after paying, without having paid."""
        return self._url_at_paymongo(rental_id, "success_url")

    def cancel_url(self, rental_id: str) -> str:
        """Where PayMongo sends the customer who gives up, at any time."""
        return self._url_at_paymongo(rental_id, "cancel_url")

    def _url_at_paymongo(self, rental_id: str, name: str) -> str:
        path = f"/v1/checkout_sessions/{self.session_id(rental_id)}"
        url: str = self.paymongo.api(path)["attributes"][name]
        return url

    def wait_for_refund(self, rental_id: str) -> Json:
        """The one refund of a rental's payments once it has succeeded."""

        def succeeded() -> Json | None:
            refunds = self.paymongo.refunds(rental_id)
            assert len(refunds) <= 1, refunds
            return refunds[0] if refunds and refunds[0]["status"] == "succeeded" else None

        return eventually(succeeded, "the refund")

    def eventually_refunded(self, rental_id: str, amount: int) -> None:
        """Until so many centavos of a rental's payments have been given back."""
        eventually(
            lambda: (
                sum(
                    refund["amount"]
                    for refund in self.paymongo.refunds(rental_id)
                    if refund["status"] == "succeeded"
                )
                == amount
            ),
            f"{amount} centavos to be refunded",
        )

    def eventually_refund_status(self, rental_id: str, status: str) -> None:
        """Until the API says that the refund stands so."""
        eventually(
            lambda: self.rental(rental_id)["refund_status"] == status, f"refund status {status}"
        )

    def wait_for_session(self, rental_id: str) -> Json:
        """The first checkout session that PayMongo has for the rental, known to us or not."""
        return eventually(lambda: self.paymongo.sessions(rental_id), "a session at PayMongo")[0]

    def wait_for_calls(self, path: str, how_many: int) -> None:
        """Until PayMongo was called so many times at this path."""
        eventually(
            lambda: sum(call["path"] == path for call in self.paymongo.calls()) >= how_many,
            f"{how_many} calls of {path}",
        )

    def post_webhook(
        self, body: bytes, signature: str | bytes | None, **headers: str
    ) -> httpx.Response:
        """Send our webhook endpoint anything."""
        sent: dict[str, str | bytes] = {"Content-Type": "application/json", **headers}
        if signature is not None:
            sent["Paymongo-Signature"] = signature
        encoded = {
            name: value if isinstance(value, bytes) else value.encode()
            for name, value in sent.items()
        }
        raw = [(name.encode(), value) for name, value in encoded.items()]
        return self.site.post("/api/webhooks/paymongo", content=body, headers=raw)

    def post_signed_webhook(self, body: bytes) -> httpx.Response:
        """Send our webhook endpoint something that PayMongo signed."""
        return self.post_webhook(body, self.paymongo.signature(body))

    # --- the store ---

    def desk(
        self,
        rental_id: str,
        action: str,
        *,
        store: str = "store-a",
        manager: bool = False,
        **more: Any,
    ) -> desk.Moved:
        """What somebody at a store's desk does with a rental; `more` as in rentals.desk.act."""
        actor = desk.Actor("Ana", store, is_manager=manager)
        with domain_of(self.stack):
            return desk.act(repository.get(rental_id), desk.Action(action), actor, **more)

    def wait_for_stage(self, rental_id: str, stage: str) -> Json:
        """The rental's row once it is at this stage, and its execution as well."""

        def is_there(row: Json) -> bool:
            if row.get("fulfillmentStatus") != stage:
                return False
            if stage == "closed":
                return bool(self.fulfillment(rental_id)["status"] != "RUNNING")
            return bool(row.get("awaitedStatus") == stage)

        return eventually(
            lambda: row if is_there(row := self.rental_row(rental_id)) else None,
            f"stage {stage}",
        )

    def tick(self, rental_id: str | None = None) -> None:
        """The clock looks at what is due: at this rental in any case."""
        if rental_id is not None:
            self._make_due(rental_id, "fulfillmentClock", "fulfillmentDueAt")
        answer = self.run_clock()
        assert "FunctionError" not in answer, answer["Payload"].read()

    def run_clock(self) -> Json:
        """Its schedule fires: Lambda's answer."""
        return self._fire("FollowFulfillmentFunctionName")

    def erase_personal_data(self, rental_id: str) -> Json:
        """Its schedule fires on the day on which this rental is due."""
        with domain_of(self.stack):
            dynamo.transact([retention.look(rental_id, timestamp_in(-1))])
        done: Json = json.load(self._fire("ErasePersonalDataFunctionName")["Payload"])
        return done

    def money_balance(self) -> Json:
        """What the daily check of the money says."""
        balance: Json = json.load(self._fire("BalanceMoneyFunctionName")["Payload"])
        return balance

    def fulfillment_arns(self, rental_id: str) -> list[str]:
        """The executions that have followed a paid rental, the first one first."""
        current = self.rental_row(rental_id)["fulfillmentExecution"]
        number = int(current.removeprefix(rental_id).removeprefix("-") or 1)
        names = [rental_id, *(f"{rental_id}-{each}" for each in range(2, number + 1))]
        return [self._execution_arn("FulfillmentStateMachineArn", name) for name in names]

    def fulfillment(self, rental_id: str) -> Json:
        """DescribeExecution of the execution that follows a paid rental."""
        arn = self.fulfillment_arns(rental_id)[-1]
        described: Json = self.stepfunctions.describe_execution(executionArn=arn)
        return described

    def fulfillment_states(self, rental_id: str) -> list[str]:
        """The states that they entered, in order."""
        return [state for arn in self.fulfillment_arns(rental_id) for state in self._states_in(arn)]

    # --- the operator ---

    def execution_arn(self, rental_id: str) -> str:
        """The rental's execution."""
        return self._execution_arn("RentalStateMachineArn", rental_id)

    def _execution_arn(self, state_machine: str, name: str) -> str:
        arn = self.stack.outputs[state_machine]
        return f"{arn.replace(':stateMachine:', ':execution:')}:{name}"

    def execution(self, rental_id: str) -> Json:
        """DescribeExecution of the rental's execution."""
        described: Json = self.stepfunctions.describe_execution(
            executionArn=self.execution_arn(rental_id)
        )
        return described

    def stop_execution(self, rental_id: str) -> None:
        """What the Stop button of the Step Functions console does."""
        self.stepfunctions.stop_execution(executionArn=self.execution_arn(rental_id))

    def history(self, execution_arn: str) -> list[Json]:
        """The events of an execution."""
        pages = self.stepfunctions.get_paginator("get_execution_history").paginate(
            executionArn=execution_arn
        )
        return [event for page in pages for event in page["events"]]

    def states_of(self, rental_id: str) -> list[str]:
        """The states that the rental's execution entered, in order."""
        return self._states_in(self.execution_arn(rental_id))

    def _states_in(self, execution_arn: str) -> list[str]:
        return [
            event["stateEnteredEventDetails"]["name"]
            for event in self.history(execution_arn)
            if "stateEnteredEventDetails" in event
        ]

    def wait_for_state(self, rental_id: str, state: str) -> None:
        """Until the rental's execution has entered this state."""
        eventually(lambda: state in self.states_of(rental_id), f"the state {state}")

    def wait_for_execution(self, rental_id: str) -> Json:
        """The rental's execution once it is over."""
        return eventually(
            lambda: it if (it := self.execution(rental_id))["status"] != "RUNNING" else None,
            "the execution to end",
        )

    def reconcile(self, rental_id: str) -> None:
        """Two minutes pass, and the reconciler looks at the rental."""
        self._make_due(rental_id, "followUp", "followUpAt")
        answer = self.run_reconciler()
        assert "FunctionError" not in answer, answer["Payload"].read()

    def _make_due(self, rental_id: str, index_key: str, at: str) -> None:
        self.table("Rentals").update_item(
            Key={"id": rental_id},
            UpdateExpression=f"SET {at} = :past",
            ConditionExpression=f"attribute_exists({index_key})",
            ExpressionAttributeValues={":past": timestamp_in(-1)},
        )

    def run_reconciler(self) -> Json:
        """Its schedule fires: Lambda's answer."""
        return self._fire("ReconcileFunctionName")

    def _fire(self, function: str) -> Json:
        answer: Json = _client(self.stack, "lambda").invoke(
            FunctionName=self.stack.outputs[function], Payload=b"{}"
        )
        return answer

    def settle(self, rental_id: str) -> None:
        """Start a settlement by hand, and wait until it is over."""
        arn = self.stepfunctions.start_execution(
            stateMachineArn=self.stack.outputs["SettlementStateMachineArn"],
            input=json.dumps({"rental_id": rental_id}),
        )["executionArn"]
        eventually(
            lambda: self.stepfunctions.describe_execution(executionArn=arn)["status"] != "RUNNING",
            "the settlement to end",
        )

    def settlements_of(self, rental_id: str) -> list[Json]:
        """The settlement executions of a rental, as DescribeExecution shows them."""
        described = [
            self.stepfunctions.describe_execution(executionArn=each["executionArn"])
            for each in self._executions("SettlementStateMachineArn")
        ]
        return [each for each in described if json.loads(each["input"])["rental_id"] == rental_id]

    def wait_for_attention(self, rental_id: str, problem: str) -> None:
        """Until the rental is marked for somebody to look at, and why."""
        eventually(
            lambda: self.rental_row(rental_id).get("attention") == problem, f"attention: {problem}"
        )

    def wait_for_message_about(self, rental_id: str) -> Json:
        """The message in the NeedsAttention queue that concerns the rental."""
        queue = _client(self.stack, "sqs")

        def about() -> Json | None:
            answer = queue.receive_message(
                QueueUrl=self.stack.outputs["NeedsAttentionQueueUrl"],
                MaxNumberOfMessages=10,
                VisibilityTimeout=1,
            )
            bodies = [json.loads(each["Body"]) for each in answer.get("Messages", [])]
            return next((body for body in bodies if rental_id in body["detail"]["input"]), None)

        return eventually(about, f"a message about {rental_id}", pause=0.5)

    def expect_failure_of(self, rental_id: str) -> None:
        """This rental needs somebody to look, so its executions may fail."""
        self._expected_failures.add(rental_id)

    @contextmanager
    def hold_of(self, seconds: int) -> Iterator[None]:
        """Executions started inside wait only this long for a payment."""
        arn = self.stack.outputs["RentalStateMachineArn"]
        before = self.stepfunctions.describe_state_machine(stateMachineArn=arn)["definition"]
        definition = json.loads(before)
        definition["States"]["AwaitPayment"]["TimeoutSeconds"] = seconds
        values = definition["States"]["AwaitPayment"]["Arguments"]["ExpressionAttributeValues"]
        values[":holdExpiresAt"]["S"] = values[":holdExpiresAt"]["S"].replace(
            f"{self.hold_seconds} * 1000", f"{seconds} * 1000"
        )
        self.stepfunctions.update_state_machine(
            stateMachineArn=arn, definition=json.dumps(definition)
        )
        try:
            yield
        finally:
            self.stepfunctions.update_state_machine(stateMachineArn=arn, definition=before)

    def counts(self) -> Json:
        """How many rentals, customers and executions there are, to see that none was added."""
        return {
            "rentals": len(self.rows("Rentals")),
            "customers": len(self.rows("Customers")),
            "executions": len(self._executions("RentalStateMachineArn")),
        }

    def _executions(self, state_machine: str, **filters: str) -> list[Json]:
        pages = self.stepfunctions.get_paginator("list_executions").paginate(
            stateMachineArn=self.stack.outputs[state_machine], **filters
        )
        return [each for page in pages for each in page["executions"]]

    def _failed_executions(self) -> list[Json]:
        return [
            each
            for state_machine in (
                "RentalStateMachineArn",
                "SettlementStateMachineArn",
                "FulfillmentStateMachineArn",
            )
            for status in ("FAILED", "TIMED_OUT")
            for each in self._executions(state_machine, statusFilter=status)
        ]

    # --- the promise ---

    def close(self) -> None:
        """Let everything that is under way end, and check the promise."""
        self.paymongo.forget_rules()
        self.paymongo.release_webhooks()
        eventually(self._is_quiet, "everything to be quiet")
        lasting = self.lasting_violations()
        assert lasting == [], "; ".join(map(str, lasting))
        assert self._unexpected_failures() == []
        assert self.paymongo.endpoint_status() == "enabled"
        # No webhook of PayMongo's own is refused, and none fails for a fault of ours (500). Where
        # the machine is busy an answer may be lost or "later" (None, 502 to 504): it is sent again.
        for answers in self.paymongo.new_answers():
            *before, last = answers
            assert last == 200, f"a webhook was answered {answers}"
            assert set(before) <= {200, None, 502, 503, 504}, f"a webhook was answered {answers}"

    def lasting_violations(self, *, is_whole: bool = False) -> list[Violation]:
        """Tables are read one after the other, while another test's hold may just run out."""
        first = self.violations(is_whole=is_whole)
        if not first:
            return []
        time.sleep(1)
        again = set(self.violations(is_whole=is_whole))
        return [each for each in first if each in again]

    def violations(self, *, is_whole: bool = False) -> Sequence[Violation]:
        """Every violation of the promise: by this test's rentals, and by what belongs to none.

        With `is_whole` those of other tests are looked at as well: once, at the end.
        """
        others = set() if is_whole else self._before

        def named(attribute: str) -> Callable[[Json], bool]:
            return lambda item: item.get(attribute, {}).get("S") not in others

        with domain_of(self.stack):
            rentals = self.rows("Rentals", **({} if is_whole else self._mine()))
            customers = self.rows("Customers", FilterExpression="attribute_exists(openRentals)")
            for each in customers:
                open_rentals = each["openRentals"]
                each["openRentals"] = {e for e in open_rentals if e.partition("#")[2] not in others}
            return violations(
                rentals,
                self.rows("Units", named("reservedBy")),
                customers,
                [each for each in self.paymongo.ledger() if each.rental_id not in others],
                charges=self.rows("Charges", named("rentalId")),
            )

    def _mine(self) -> Json:
        """What a scan of rentals leaves out: those of other tests."""
        values = {":opened": {"S": self._opened_at}}
        values |= {f":c{n}": {"S": each} for n, each in enumerate(sorted(self._collectibles))}
        its = "".join(f" OR collectibleId = {name}" for name in list(values)[1:])
        return {
            "FilterExpression": f"createdAt >= :opened{its}",
            "ExpressionAttributeValues": values,
        }

    def _is_quiet(self) -> bool:
        """Whether nothing runs but executions that wait for a customer or a store, and whether
        every pending rental is one of these.
        """
        if not self.paymongo.wait_until_idle():
            return False
        running = {
            each["name"]
            for each in self._executions("RentalStateMachineArn", statusFilter="RUNNING")
        }
        settling = self._executions("SettlementStateMachineArn", statusFilter="RUNNING")
        pending = self.rows(
            "Rentals",
            FilterExpression="paymentStatus = :pending",
            ExpressionAttributeValues={":pending": {"S": "pending"}},
        )
        waiting = {row["id"] for row in pending if row.get("taskToken") and "paymentId" not in row}
        return not settling and running == waiting and len(pending) == len(waiting)

    def _unexpected_failures(self) -> list[str]:
        """Ordinary endings succeed; a failed execution means that somebody must look."""
        opened_at = datetime.fromisoformat(self._opened_at)
        new = [e for e in self._failed_executions() if e["stopDate"] >= opened_at]
        described = [
            self.stepfunctions.describe_execution(executionArn=each["executionArn"]) for each in new
        ]
        return [
            f"{each['name']}: {each.get('cause')}"
            for each in described
            if json.loads(each["input"])["rental_id"] not in self._expected_failures
        ]
