"""Every sample event, handed to its function as Lambda would: what comes of it, and that each
function has events and each event a function.

The functions run on moto and the PayMongo sandbox; state machines only remember who started them.
"""

import base64
import importlib
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from api.staff import MANAGERS
from infra import aws
from infra.telemetry import logger
from paymongo import client as paymongo
from paymongo.client import PayMongo
from rentals import desk, endings, fulfillment_executions, repository, units
from rentals.access_keys import access_key_of
from rentals.desk import Action, Actor
from rentals.errors import ApplicationError, RentalNotFound
from rentals.identity import rental_id_for
from rentals.models import EndReason, Rental, Size
from rentals.pricing import price_rental
from rentals.refunds import refund_unused_payments
from tests.support.mails import taken
from tests.support.paymongo_app import SECRET_KEY, SandboxApp
from tests.support.rentals import TOTAL, paid
from tests.support.samples import IDENTITY_SECRET, pending_rental
from tests.support.sources import resources
from tests.support.tables import Shop
from tests.support.tasks import function_of, lambda_tasks, state_of
from tools.local.stack import STAFF_EMAIL, STAFF_PASSWORD
from tools.ops.staff import Staff
from tools.replay import filling, samples, sending
from tools.replay.filling import Facts
from tools.replay.samples import Sample

Json = dict[str, Any]

SIGNING_KEY = "unit-signing-key"
PHOTOGRAPHS = "photographs"
ACCESS_SECRET = b"unit-access-key"
LONG_AGO = "2026-01-01T00:00:00.000Z"
# The rental of PostCheckoutFunction/gcash, which the other events are told of here.
RENTAL_ID = rental_id_for("ana.cruz@example.com", "sample-event", IDENTITY_SECRET)
FUNCTIONS = resources("AWS::Serverless::Function")
RULES = resources("AWS::Events::Rule")
SAMPLES = {name: samples.load(name) for name in samples.names()}
# The states that each task's function stands behind.
STATES_OF: dict[str, dict[str, Json]] = {}
for task in lambda_tasks():
    STATES_OF.setdefault(function_of(state_of(*task)), {})[task[1]] = state_of(*task)
TASK_SAMPLES = [each for each in SAMPLES.values() if each.function in STATES_OF]
CONTEXT = SimpleNamespace(
    function_name="sample",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:r:1:function:sample",
    aws_request_id="sample",
    get_remaining_time_in_millis=lambda: 60_000,
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxApp]:
    sandbox = SandboxApp()
    yield sandbox
    sandbox.transport.close()


class World:
    """A stack without executions: the functions, their tables, secrets and PayMongo."""

    def __init__(self, shop: Shop, sandbox: SandboxApp, accounts: Staff) -> None:
        self.shop = shop
        self.sandbox = sandbox
        self.accounts = accounts
        self.facts = Facts(RENTAL_ID)

    # --- how the sample rental may stand ---

    def nothing(self) -> None:
        """Nobody has rented anything."""
        self.shop.add_units(2)

    def new(self) -> Rental:
        """Checked out."""
        self.nothing()
        return repository.create(pending_rental(id=RENTAL_ID))

    def waiting(self) -> Rental:
        """Holding a unit, with a session that can be paid."""
        units.reserve_unit(self.new())
        repository.set_price(self.row, price_rental(Size.SMALL, 3))
        self.call("CreatePaymentSessionFunction/sample")
        rental = self.row
        assert rental.checkout_session_id
        assert rental.payment_intent_id
        self.facts = Facts(
            RENTAL_ID, session_id=rental.checkout_session_id, intent_id=rental.payment_intent_id
        )
        return rental

    def payable(self) -> Rental:
        """The same when its customer has been told where to pay."""
        url = self.waiting().checkout_url
        self.shop.put("Rentals", self.shop.row("Rentals", RENTAL_ID) | {"paymentUrl": url})
        return self.row

    def closed(self) -> Rental:
        """The same with its session closed."""
        self.waiting()
        self.call("ClosePaymentSessionFunction/sample")
        return self.row

    def paid(self) -> Rental:
        """The same with its money received, and not confirmed yet."""
        payment = self.sandbox.post(
            f"/_sandbox/checkout_sessions/{self.waiting().checkout_session_id}/settle"
        )["payment"]
        self.facts = replace(self.facts, payment_id=payment["id"])
        return paid(self.row, payment["id"], amount=TOTAL)

    def paid_and_unseen(self) -> Rental:
        """Paid at PayMongo, which nobody has told us."""
        self.sandbox.post(
            f"/_sandbox/checkout_sessions/{self.waiting().checkout_session_id}/settle"
        )
        return self.row

    def completed(self) -> Rental:
        """Paid and confirmed."""
        return endings.confirm_rental(self.paid())

    def out(self, *actions: Action, **row: str) -> Rental:
        """The same, after what the desk has done, with these attributes."""
        rental = self.completed()
        for each in actions:
            rental = desk.act(rental, each, Actor("desk")).rental
        self.shop.put("Rentals", self.shop.row("Rentals", RENTAL_ID) | row)
        return self.row

    def followed(self) -> Rental:
        """The same, arrived at its store, with an execution that is under way."""
        rental = self.completed()
        fulfillment_executions.start(rental)
        return desk.act(rental, Action.ARRIVED, Actor("desk")).rental

    def told(self) -> None:
        """The same, and its customer has been mailed."""
        self.completed()
        self.call("SendNoticesFunction/confirmed")
        row = self.shop.row("Notices", f"{RENTAL_ID}#confirmed#1")
        self.facts = replace(self.facts, message_id=row["messageId"])

    def late(self) -> Rental:
        """Paid after it was ended."""
        closed = self.closed()
        endings.end_unpaid(closed, EndReason.HOLD_EXPIRED)
        payment = self.sandbox.post(
            f"/_sandbox/checkout_sessions/{closed.checkout_session_id}/settle"
        )["payment"]
        self.facts = replace(self.facts, payment_id=payment["id"])
        return paid(self.row, payment["id"], amount=TOTAL)

    def refunding(self) -> Rental:
        """On its way to be refunded."""
        self.late()
        rental = refund_unused_payments(self.row)
        assert rental.refund_id
        self.facts = replace(self.facts, refund_id=rental.refund_id)
        return rental

    def rejected(self) -> Rental:
        """Checked out, and there is no unit."""
        return repository.create(pending_rental(id=RENTAL_ID))

    # --- the desk ---

    def staff(self) -> None:
        """Somebody works at the desk."""
        self.accounts.add(STAFF_EMAIL, [MANAGERS], STAFF_PASSWORD)

    def new_staff(self) -> None:
        """Somebody begins to."""
        self.accounts.client.admin_create_user(
            UserPoolId=self.accounts.pool_id,
            Username=STAFF_EMAIL,
            TemporaryPassword="First-password-1",
            UserAttributes=[{"Name": "email", "Value": STAFF_EMAIL}],
        )

    @property
    def row(self) -> Rental:
        return repository.get(RENTAL_ID)

    # --- sending ---

    def prepared(self, sample: Sample) -> Sample:
        """Filled in and signed as a replay does it."""
        sample = filling.fill_in(sample, self.facts)
        sample = filling.sign_webhook(sample, self.sandbox.secret, livemode=False, now=time.time())
        sample = filling.with_access_key(sample, ACCESS_SECRET)
        return filling.sign_redirect(sample, SIGNING_KEY.encode())

    def call(self, name: str) -> Any:
        """Hand an event to its function: what it answers, as JSON."""
        return self.send(self.prepared(SAMPLES[name]))

    def send(self, sample: Sample) -> Any:
        """The same of an event as it is."""
        module, _, function = FUNCTIONS[sample.function]["Handler"].rpartition(".")
        answer = getattr(importlib.import_module(module), function)(sample.event, CONTEXT)
        return json.loads(json.dumps(answer))


@pytest.fixture(scope="module")
def pool(engine: None) -> Iterator[tuple[Staff, str]]:
    """A user pool as the template has it, and its client's id: to make its keys takes longer than
    most tests.
    """
    client = aws.cognito()
    properties = resources("AWS::Cognito::UserPool")["StaffPool"]
    named = {name: properties[name] for name in ("Policies", "UsernameAttributes")}
    pool_id = client.create_user_pool(PoolName="staff", **named)["UserPool"]["Id"]
    flows = resources("AWS::Cognito::UserPoolClient")["StaffClient"]["ExplicitAuthFlows"]
    made = client.create_user_pool_client(
        UserPoolId=pool_id, ClientName="desk", ExplicitAuthFlows=flows
    )
    yield Staff(client, pool_id), made["UserPoolClient"]["ClientId"]
    client.delete_user_pool(UserPoolId=pool_id)


@pytest.fixture
def accounts(pool: tuple[Staff, str], environment: pytest.MonkeyPatch) -> Iterator[Staff]:
    """Nobody has an account."""
    staff, client_id = pool
    environment.setenv("STAFF_CLIENT_ID", client_id)
    # Which moto does not know.
    environment.setattr(staff.client, "revoke_token", lambda **_: {})
    yield staff
    for user in staff.client.list_users(UserPoolId=staff.pool_id)["Users"]:
        staff.client.admin_delete_user(UserPoolId=staff.pool_id, Username=user["Username"])


@pytest.fixture
def world(
    shop: Shop, sandbox: SandboxApp, accounts: Staff, environment: pytest.MonkeyPatch
) -> Iterator[World]:
    sandbox.reset()
    secrets = aws.secretsmanager()
    keys = json.dumps({"secretKey": SECRET_KEY, "webhookSecret": sandbox.secret})
    for name, value in (
        ("mongocollectibles/paymongo", keys),
        ("rentals-test/url-signing-key", SIGNING_KEY),
        ("rentals-test/identity-key", IDENTITY_SECRET.decode()),
        ("rentals-test/access-key", ACCESS_SECRET.decode()),
        ("rentals-test/origin-key", SIGNING_KEY),
    ):
        secrets.create_secret(Name=name, SecretString=value)
    machines = aws.stepfunctions()
    arns = [
        machines.create_state_machine(
            name=name,
            definition=json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Succeed"}}}),
            roleArn="arn:aws:iam::123456789012:role/states",
        )["stateMachineArn"]
        for name in ("rental", "settlement", "fulfillment")
    ]
    for name, value in {
        "RENTAL_STATE_MACHINE_ARN": arns[0],
        "SETTLEMENT_STATE_MACHINE_ARN": arns[1],
        "FULFILLMENT_STATE_MACHINE_ARN": arns[2],
        "WEBHOOK_TOLERANCE_SECONDS": "604800",
        "PHOTOGRAPHS_BUCKET": PHOTOGRAPHS,
    }.items():
        environment.setenv(name, value)
    client = PayMongo("http://paymongo", SECRET_KEY, transport=sandbox.transport)
    environment.setattr(paymongo, "_client", lambda *_: client)
    aws.s3().create_bucket(
        Bucket=PHOTOGRAPHS, CreateBucketConfiguration={"LocationConstraint": "ap-southeast-1"}
    )
    with taken(environment):
        yield World(shop, sandbox, accounts)
    aws.s3().delete_bucket(Bucket=PHOTOGRAPHS)
    for arn in arns:
        machines.delete_state_machine(stateMachineArn=arn)
    for name in (
        "mongocollectibles/paymongo",
        "rentals-test/url-signing-key",
        "rentals-test/identity-key",
        "rentals-test/access-key",
        "rentals-test/origin-key",
    ):
        secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


@dataclass(frozen=True)
class Case:
    """The rental before, and what the answer and the rental's status are afterwards; `row` are
    other attributes that its row has then.

    `answer` of a request is its status and what its body or Location must contain; of a task its
    result, or the name of the error it raises.
    """

    given: Callable[[World], Any]
    answer: tuple[int, str] | Json | str
    status: str | None = None
    row: Json = field(default_factory=dict)


def said(result: str) -> tuple[int, str]:
    return 200, f'"result":"{result}"'


def ready(world: World) -> Rental:
    return world.out(Action.ARRIVED)


def picked_up(world: World) -> Rental:
    return world.out(Action.ARRIVED, Action.PICKED_UP)


def returned(world: World) -> Rental:
    return world.out(Action.ARRIVED, Action.PICKED_UP, Action.RETURNED)


DENIED = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Action": "execute-api:Invoke",
            "Resource": "arn:aws:execute-api:ap-southeast-1:123456789012:abcdef1234/prod/*",
        }
    ],
}


PAGE = f"?rental_id={RENTAL_ID}#key={access_key_of(RENTAL_ID, ACCESS_SECRET)}"
CASES = {
    "OptionsPreflightFunction/checkout": Case(World.nothing, (204, "")),
    "GetCollectiblesFunction/every-store": Case(World.nothing, (200, '"stock":2')),
    "GetCollectiblesFunction/for-a-store": Case(World.nothing, (200, '"eta":2')),
    "GetCollectiblesFunction/unknown-store": Case(World.nothing, (404, "STORE_NOT_FOUND")),
    "GetStoresFunction/every-store": Case(World.nothing, (200, "store-a")),
    "PostQuoteFunction/week": Case(World.nothing, (200, '"total_fee":7000')),
    "PostQuoteFunction/special-rate": Case(World.nothing, (200, '"is_special_rate":true')),
    "PostQuoteFunction/unknown-collectible": Case(World.nothing, (404, "COLLECTIBLE_NOT_FOUND")),
    "PostQuoteFunction/too-long": Case(World.nothing, (400, "at most 365")),
    "PostQuoteFunction/malformed": Case(World.nothing, (400, "MALFORMED_JSON")),
    "PostCheckoutFunction/gcash": Case(World.nothing, (202, "being prepared"), "pending"),
    "PostCheckoutFunction/respond-async": Case(World.nothing, (202, "being prepared"), "pending"),
    "PostCheckoutFunction/base64-card": Case(World.nothing, (202, '"payment_method":"card"')),
    "PostCheckoutFunction/key-reused": Case(World.new, (422, "IDEMPOTENCY_KEY_REUSED"), "pending"),
    "PostCheckoutFunction/unknown-store": Case(World.nothing, (404, "STORE_NOT_FOUND")),
    "PostCheckoutFunction/wrong-fields": Case(World.nothing, (400, "customer.email")),
    "PostCheckoutFunction/malformed": Case(World.nothing, (400, "MALFORMED_JSON")),
    "GetRentalFunction/sample": Case(World.waiting, (200, '"total_fee":6000'), "pending"),
    "GetRentalFunction/with-key": Case(World.payable, (200, '"payment_url":"http'), "pending"),
    "PostCancelFunction/sample": Case(World.payable, (200, '"is_paid":false'), "pending"),
    "PostCancelFunction/wrong-key": Case(World.waiting, (401, "INVALID_ACCESS_KEY"), "pending"),
    "PostCancelFunction/without-key": Case(World.waiting, (401, "INVALID_ACCESS_KEY"), "pending"),
    "GetRentalFunction/unknown": Case(World.nothing, (404, "RENTAL_NOT_FOUND")),
    "PostPayMongoWebhookFunction/payment-paid": Case(World.waiting, said("recorded"), "pending"),
    "PostPayMongoWebhookFunction/checkout-session-payment-paid": Case(
        World.waiting, said("recorded"), "pending"
    ),
    "PostPayMongoWebhookFunction/payment-failed": Case(World.waiting, said("recorded"), "pending"),
    "PostPayMongoWebhookFunction/payment-refunded": Case(
        World.refunding, said("recorded"), "refunded"
    ),
    "PostPayMongoWebhookFunction/payment-refund-updated": Case(
        World.refunding, said("recorded"), "refunded"
    ),
    "PostPayMongoWebhookFunction/payment-refund-failed": Case(
        World.refunding, said("settling"), "refunded"
    ),
    "PostPayMongoWebhookFunction/unknown-type": Case(World.waiting, said("ignored"), "pending"),
    "PostPayMongoWebhookFunction/payment-of-another-shop": Case(
        World.waiting, said("ignored"), "pending"
    ),
    "PostPayMongoWebhookFunction/forged": Case(World.waiting, (401, "INVALID_SIGNATURE")),
    "PostPayMongoWebhookFunction/unsigned": Case(World.waiting, (401, "INVALID_SIGNATURE")),
    "PostPayMongoWebhookFunction/unreadable": Case(World.waiting, said("ignored"), "pending"),
    "PostPayMongoWebhookFunction/checkout-session-partly-unreadable": Case(
        World.waiting, said("recorded"), "pending"
    ),
    "GetPaymentSuccessFunction/signed": Case(World.paid_and_unseen, (303, f"/success.html{PAGE}")),
    "GetPaymentSuccessFunction/forged": Case(World.waiting, (401, "INVALID_SIGNATURE")),
    "GetPaymentSuccessFunction/without-signature": Case(World.waiting, (401, "INVALID_SIGNATURE")),
    "GetPaymentFailedFunction/signed": Case(World.waiting, (303, f"/failed.html{PAGE}")),
    "GetPaymentFailedFunction/prefetched": Case(World.waiting, (303, f"/rental.html{PAGE}")),
    "GetPaymentFailedFunction/forged": Case(World.waiting, (401, "INVALID_SIGNATURE")),
    "GetPaymentFailedFunction/without-signature": Case(World.waiting, (401, "INVALID_SIGNATURE")),
    "PostDeskSessionFunction/sign-in": Case(World.staff, (200, '"is_manager":true')),
    "PostDeskSessionFunction/wrong-password": Case(World.staff, (401, "SIGN_IN_FAILED")),
    "PostDeskSessionFunction/first-password": Case(World.new_staff, (409, "NEW_PASSWORD_REQUIRED")),
    "PostDeskSessionFunction/own-password": Case(World.new_staff, (200, '"id_token"')),
    "PostDeskSessionFunction/expired": Case(World.staff, (401, "SIGN_IN_FAILED")),
    "PostDeskSessionFunction/nothing": Case(World.nothing, (400, "refresh_token")),
    "PostDeskSignOutFunction/sample": Case(World.staff, (200, '"signed_out":true')),
    "GetDeskTodayFunction/at-a-store": Case(ready, (200, '"to_hand_over":{"count":1')),
    "GetDeskTodayFunction/at-another-store": Case(World.nothing, (401, "NOT_YOUR_STORE")),
    "GetDeskTodayFunction/access-token": Case(World.nothing, (401, "NOT_SIGNED_IN")),
    "GetDeskTodayFunction/no-store": Case(World.nothing, (400, "STORE_NEEDED")),
    "GetDeskRentalsFunction/by-id": Case(World.completed, (200, RENTAL_ID)),
    "GetDeskRentalsFunction/by-name": Case(World.completed, (200, RENTAL_ID)),
    "GetDeskRentalsFunction/nothing": Case(World.completed, (200, '"data":[]')),
    "GetDeskRentalFunction/sample": Case(World.completed, (200, '"next":["arrived"]')),
    "PostDeskActionFunction/arrived": Case(World.completed, (200, '"is_new":true')),
    "PostDeskActionFunction/picked-up": Case(ready, (200, '"picked_up"')),
    "PostDeskActionFunction/picked-up-too-early": Case(World.completed, (409, "NOT_POSSIBLE_NOW")),
    "PostDeskActionFunction/picked-up-without-id": Case(ready, (400, "id_seen")),
    "PostDeskActionFunction/picked-up-at-another-store": Case(ready, (409, "WRONG_STORE")),
    "PostDeskActionFunction/returned": Case(picked_up, (200, '"is_new":true')),
    "PostDeskActionFunction/inspected-fine": Case(returned, (200, '"closed_reason":"returned"')),
    "PostDeskActionFunction/inspected-damaged": Case(returned, (200, '"closed"')),
    "PostDeskActionFunction/lost": Case(picked_up, (200, '"closed_reason":"lost"')),
    "PostDeskActionFunction/lost-by-staff": Case(picked_up, (401, "NOT_ALLOWED")),
    "PostDeskPhotographFunction/sample": Case(ready, (200, '"fields"')),
    "PostDeskPhotographFunction/not-paid": Case(World.waiting, (409, "NOT_POSSIBLE_NOW")),
    "ReserveUnitFunction/sample": Case(World.new, {"warehouse_id": "wh-near", "eta": 2}, "pending"),
    "PriceRentalFunction/sample": Case(World.new, {"total_fee_centavos": TOTAL}, "pending"),
    "ClosePaymentSessionFunction/sample": Case(World.paid_and_unseen, {"paid": True}, "pending"),
    "ConfirmRentalFunction/sample": Case(World.paid, {"payment_status": "completed"}, "completed"),
    "RejectRentalFunction/sample": Case(World.rejected, {"payment_status": "rejected"}, "rejected"),
    "ReleaseUnitFunction/declined": Case(World.closed, {"payment_status": "failed"}, "failed"),
    "ReleaseUnitFunction/cancelled-by-customer": Case(
        World.closed, {"payment_status": "cancelled"}, "cancelled"
    ),
    "ReleaseUnitFunction/hold-expired": Case(
        World.closed, {"payment_status": "expired"}, "expired"
    ),
    "ReleaseUnitFunction/unknown-reason": Case(World.closed, "ValueError", "pending"),
    "RefundPaymentFunction/what-bought-nothing": Case(
        World.late, {"payment_status": "refunded", "refund_status": "pending"}, "refunded"
    ),
    "RefundPaymentFunction/asked-for-by-an-operator": Case(
        World.completed,
        {"payment_status": "completed", "refund_status": "pending"},
        "completed",
        {"closedReason": "cancelled"},
    ),
    "MeetDeadlinesFunction/delivery-late": Case(
        lambda world: world.out(readyBy=LONG_AGO),
        {"fulfillment_status": "awaiting_arrival"},
        row={"fulfillmentAttention": "DeliveryLate"},
    ),
    "MeetDeadlinesFunction/not-collected": Case(
        lambda world: world.out(Action.ARRIVED, arrivedAt=LONG_AGO),
        {"fulfillment_status": "closed", "closed_reason": "not_collected"},
    ),
    "MeetDeadlinesFunction/overdue": Case(
        lambda world: world.out(Action.ARRIVED, Action.PICKED_UP, dueAt=LONG_AGO),
        {"fulfillment_status": "picked_up"},
        row={"fulfillmentAttention": "Overdue"},
    ),
    "MeetDeadlinesFunction/replaced-execution": Case(
        lambda world: world.out(readyBy=LONG_AGO), {"fulfillment_status": "continued"}
    ),
    "FlagForAttentionFunction/refund-failed": Case(
        World.late, {"attention": "RefundFailed"}, "expired"
    ),
    "ReconcileFunction/every-minute": Case(World.waiting, {"looked_at": 0}, "pending"),
    "FollowFulfillmentFunction/every-minute": Case(
        lambda world: world.out(fulfillmentDueAt=LONG_AGO), {"looked_at": 1}
    ),
    "ResumeFulfillmentFunction/stopped": Case(
        World.followed, {}, row={"fulfillmentExecution": f"{RENTAL_ID}-2"}
    ),
    "ResumeFulfillmentFunction/failed": Case(
        World.followed,
        {},
        row={"fulfillmentExecution": RENTAL_ID, "fulfillmentAttention": "ExecutionFailed"},
    ),
    "SendNoticesFunction/confirmed": Case(World.completed, {"batchItemFailures": []}, "completed"),
    "MailFeedbackFunction/bounced": Case(World.told, {"result": "bounced"}, "completed"),
    "MailFeedbackFunction/complaint": Case(World.told, {"result": "complained"}, "completed"),
    "AuthorizeDistributionFunction/past-the-distribution": Case(
        World.waiting, {"policyDocument": DENIED}, "pending"
    ),
    "BalanceMoneyFunction/every-day": Case(World.completed, {"difference": 0}, "completed"),
}
# Of a task that nothing is said of above, its sample raises no error.
CASES |= {
    f"{function}/sample": Case(World.waiting, {})
    for function in STATES_OF.keys() - {name.partition("/")[0] for name in CASES}
}
RULE_CASES = {
    "RentalExecutionEndedRule/aborted": {"execution_status": "ABORTED"},
    "RentalExecutionEndedRule/failed": {"execution_status": "FAILED"},
    "RentalExecutionEndedRule/timed-out": {"execution_status": "TIMED_OUT"},
    "NeedsAttentionRule/failed": {"source": "aws.states"},
    "FulfillmentExecutionEndedRule/timed-out": {"source": "aws.states"},
}
SIGNED = [name for name, it in SAMPLES.items() if samples.TO_BE_SIGNED in json.dumps(it.event)]


def test_every_function_and_rule_has_events_and_every_event_a_function_or_rule() -> None:
    wanted = {*CASES, *RULE_CASES}
    assert wanted <= {*SAMPLES}, f"write {sorted(wanted - {*SAMPLES})} into events/"
    assert {*SAMPLES} <= wanted, f"say what {sorted({*SAMPLES} - wanted)} do in CASES"
    without = {*FUNCTIONS, *RULES} - {name.partition("/")[0] for name in SAMPLES}
    assert not without, f"no event for {sorted(without)} in events/"


@pytest.mark.parametrize("name", [each for each in CASES if each in SAMPLES])
def test_an_event_does_what_it_is_named_for(
    world: World, name: str, environment: pytest.MonkeyPatch
) -> None:
    case = CASES[name]
    environment.setattr("rentals.checkout.wait_until_payable.__defaults__", (0,))
    case.given(world)

    if isinstance(case.answer, str):
        with pytest.raises((ApplicationError, ValueError)) as raised:
            world.call(name)
        assert type(raised.value).__name__ == case.answer
    elif isinstance(case.answer, tuple):
        answer = world.call(name)
        where = answer["headers"].get("Location", "")
        assert answer["statusCode"] == case.answer[0], answer
        assert case.answer[1] in answer["body"] + where
    else:
        answer = world.call(name) or {}
        assert case.answer.items() <= answer.items(), answer

    if case.status is not None:
        assert world.row.payment_status == case.status
    if case.row:
        assert case.row.items() <= world.shop.row("Rentals", RENTAL_ID).items()


@pytest.mark.parametrize("sample", {it.function: it for it in TASK_SAMPLES}.values(), ids=str)
def test_a_task_for_a_rental_that_is_not_there_says_so(world: World, sample: Sample) -> None:
    with pytest.raises(RentalNotFound):
        world.send(replace(sample, event=sample.event | {"rental_id": "no-such-rental"}))


@pytest.mark.parametrize("sample", TASK_SAMPLES, ids=lambda it: it.name)
def test_a_tasks_event_is_what_its_state_says(sample: Sample) -> None:
    state = STATES_OF[sample.function][sample.event["state"]]

    assert sample.event.keys() == state["Arguments"]["Payload"].keys()


@pytest.mark.parametrize("name", SIGNED)
def test_an_event_that_is_not_signed_by_the_stack_is_refused(world: World, name: str) -> None:
    world.waiting()

    assert world.send(filling.fill_in(SAMPLES[name], world.facts))["statusCode"] == 401
    assert world.row.payment_id is None


@pytest.mark.parametrize("name", [each for each in RULE_CASES if each in SAMPLES])
def test_a_status_change_fits_its_rule_and_becomes_what_its_target_takes(name: str) -> None:
    sample = SAMPLES[name]
    rule = RULES[sample.function]
    (target,) = rule["Targets"]

    assert sample.event["source"] in rule["EventPattern"]["source"]
    assert sample.event["detail-type"] in rule["EventPattern"]["detail-type"]
    assert sample.event["detail"]["status"] in rule["EventPattern"]["detail"]["status"]
    message = json.loads(sending.transformed(sample.event, target.get("InputTransformer")))
    assert RULE_CASES[name].items() <= message.items()
    assert samples.SAMPLE_RENTAL_ID in json.dumps(message)


@pytest.mark.parametrize("name", [name for name, it in SAMPLES.items() if it.is_http])
def test_a_request_is_one_that_the_api_takes_to_this_function(name: str) -> None:
    sample = SAMPLES[name]
    routes = {
        (function, each["Properties"]["Method"].upper(), each["Properties"]["Path"])
        for function, properties in FUNCTIONS.items()
        for each in properties.get("Events", {}).values()
        if each["Type"] == "Api"
    }
    routes |= {("OptionsPreflightFunction", "OPTIONS", path) for _, _, path in routes}

    assert (sample.function, sample.event["httpMethod"], sample.event["resource"]) in routes
    assert sample.event["requestContext"]["resourcePath"] == sample.event["resource"]
    assert sample.event["headers"].keys() == sample.event["multiValueHeaders"].keys()


def test_events_hold_nobodys_data_and_no_secret() -> None:
    allowed = {"ana.cruz@example.com", STAFF_EMAIL}
    for name, sample in SAMPLES.items():
        event = sample.event
        text = json.dumps(event)
        if event.get("isBase64Encoded"):
            body = base64.b64decode(event["body"]).decode()
            text = json.dumps(event | {"body": body})
        assert set(re.findall(r"[\w.+-]+@[\w.-]+\w", text)) <= allowed, name
        assert not re.search(r"whsk_|sk_test_|sk_live_|AKIA|\beyJ", text), name
        assert set(re.findall(r"\d+\.\d+\.\d+\.\d+", text)) <= {"192.0.2.10"}, name
        # The only hexadecimal signature is the forged one, all zeros.
        assert set(re.findall(r"[0-9a-f]{64}", text)) <= {"0" * 64}, name


# The filter that finds what the Lambda platform writes of functions that died, and such lines.
FILTER = re.compile(
    resources("AWS::Logs::MetricFilter")["FunctionFaultsFilter"]["FilterPattern"].strip("%")
)
INVOCATION = "5d1b9a9e-6a5e-5f0c-9f5a-0c7f3a3d1e11"
PLATFORM_LINES = [
    f"2026-11-26T10:00:00.000Z {INVOCATION} Task timed out after 30.03 seconds",
    f"RequestId: {INVOCATION} Error: Runtime exited with error: signal: killed\nRuntime.ExitError",
    "[ERROR] Runtime.ImportModuleError: Unable to import module 'api.get_rental'",
    "[ERROR] Runtime.HandlerNotFound: Handler 'handler' missing on module 'api.get_rental'",
    "[ERROR] Runtime.UserCodeSyntaxError: Syntax error in module 'api.get_rental'",
    f"REPORT RequestId: {INVOCATION}\tStatus: error\tError Type: Runtime.OutOfMemory",
]


@pytest.mark.parametrize("line", PLATFORM_LINES)
def test_the_filter_finds_what_the_platform_writes_and_no_line_of_ours(line: str) -> None:
    assert FILTER.search(line)
    for ours in (json.dumps({"message": line}), json.dumps({"rental_id": line, "message": "x"})):
        assert not FILTER.search(ours)


def test_the_filter_is_written_as_cloudwatch_reads_it() -> None:
    """It takes no groups, and only these symbols."""
    assert re.fullmatch(r"[\w#=@/;,\-^$?\[\]{}|\\\\*+.]+", FILTER.pattern)


def filled(value: Any, text: str) -> Any:
    """With this text in the place of every other one, in JSON inside of text too."""
    if isinstance(value, dict):
        return {name: filled(each, text) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, text) for each in value]
    if not isinstance(value, str):
        return value
    with suppress(ValueError):
        if isinstance(found := json.loads(value), dict):
            return json.dumps(filled(found, text))
    return text


@pytest.mark.parametrize("name", [name for name, it in SAMPLES.items() if it.is_http])
def test_no_caller_can_write_what_an_alarm_looks_for(
    world: World, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    event = SAMPLES[name].event
    parts = {"pathParameters", "queryStringParameters", "headers", "body", "path"} & event.keys()
    for text, changed in [
        *((each, parts) for each in PLATFORM_LINES),
        *((PLATFORM_LINES[0], {p}) for p in parts),
    ]:
        chosen = {part: filled(event[part], text) for part in changed}
        world.send(replace(SAMPLES[name], event=event | chosen))

    log = "\n".join(map(logger.registered_handler.format, caplog.records))
    assert "answered" in log
    for text in PLATFORM_LINES:
        assert text not in log
    for line in log.splitlines():
        assert not FILTER.search(line)
