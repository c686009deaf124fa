"""What operators do with ./rentals, against a deployed stack: they see it, and it comes right."""

import json
import time
import uuid
from dataclasses import asdict
from functools import cache
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rentals.numbers import number_of
from tests.support.desk import PASSWORD, manager
from tests.support.samples import CUSTOMER, checkout_body
from tests.support.shop import Shop, eventually
from tools.cli.app import app
from tools.local.stack import MAIL_SENDER
from tools.ops.target import DEFAULT_STACK_NAME, Target, choose

Json = dict[str, Any]

WEBHOOK = "PostPayMongoWebhookFunction"


@cache
def target_of(endpoint_url: str) -> Target:
    """One for all commands: making boto3's clients takes longer than most commands."""
    return choose(endpoint_url=endpoint_url)


class Operator:
    """Somebody at a terminal."""

    def __init__(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        self._endpoint = shop.stack.settings.aws_url

        def known(*, stack_name: str, endpoint_url: str | None, **options: Any) -> Target:
            if stack_name == DEFAULT_STACK_NAME and endpoint_url == self._endpoint:
                return target_of(self._endpoint)
            return choose(stack_name=stack_name, endpoint_url=endpoint_url, **options)

        monkeypatch.setattr("tools.cli.app.choose", known)

    def run(self, *args: str, answer: str | None = None) -> Result:
        """Run a command; `answer` is typed at its question."""
        return CliRunner().invoke(app, ["--endpoint-url", self._endpoint, *args], input=answer)

    def ask(self, *args: str) -> Json:
        """The JSON that a command answers with, whatever its exit code."""
        result = self.run(*args, "--json")
        assert result.stdout, result.stderr
        found: Json = json.loads(result.stdout)
        return found

    def findings(self) -> dict[str, Json]:
        """What needs attention, by what it is."""
        return {each["subject"]: each for each in self.ask("attention")["findings"]}


@pytest.fixture
def operator(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Operator:
    return Operator(shop, monkeypatch)


def test_a_rental_is_shown_with_its_execution_and_money_and_without_its_customer(
    shop: Shop, operator: Operator
) -> None:
    rental = shop.checkout(shop.add_collectible())
    shop.pay_and_complete(rental)

    found = operator.ask("show", rental["rental_id"])

    assert found["rental"]["paymentStatus"] == "completed"
    states = [each["state"] for each in found["executions"][0]["states"]]
    assert states[0] == "ReserveUnit"
    assert "AwaitPayment" in states
    assert [each["status"] for each in found["payments"]] == ["paid"]
    assert {"ReserveUnit", "/api/webhooks/paymongo"} <= {each["where"] for each in found["log"]}
    text = json.dumps(found)
    for secret in ("Ana Cruz", "@example.com", "taskToken", "paymentUrl"):
        assert secret not in text
    shown = operator.run("show", rental["rental_id"], "--personal-data")
    assert "Ana Cruz" in shown.stdout
    assert "taskToken" not in shown.stdout


def test_a_payment_whose_webhook_was_lost_is_found_by_settling(
    shop: Shop, operator: Operator
) -> None:
    rental = shop.checkout(shop.add_collectible())
    shop.paymongo.webhooks_are("drop")
    shop.pay(rental)

    result = operator.run("settle", rental["rental_id"], "--yes")

    assert result.exit_code == 0, result.stderr
    assert shop.rental(rental["rental_id"])["status"] == "completed"
    executions = operator.ask("show", rental["rental_id"], "--no-log")["executions"]
    assert [each["machine"] for each in executions] == ["rental", "settlement", "fulfillment"]
    shop.stop_execution(rental["rental_id"])


def test_settling_a_rental_whose_customer_may_still_pay_asks_first(
    shop: Shop, operator: Operator
) -> None:
    collectible, rental = shop.rent()

    refused = operator.run("settle", rental["rental_id"])
    assert refused.exit_code == 1
    assert "--yes" in refused.stderr
    assert shop.available(collectible) == 0

    assert operator.run("settle", rental["rental_id"], "--yes").exit_code == 0
    assert shop.rental(rental["rental_id"])["status"] == "cancelled"
    assert shop.available(collectible) == 1
    shop.stop_execution(rental["rental_id"])


def test_a_completed_rental_is_refunded_once_a_part_and_the_rest(
    shop: Shop, operator: Operator
) -> None:
    collectible, rental = shop.rent()
    shop.pay_and_complete(rental)
    part = ("--amount", "500", "--reason", "a long wait", "--key", "part-1", "--yes")
    for _ in range(2):
        assert operator.run("refund", rental["rental_id"], *part).exit_code == 0
    assert [each["amount"] for each in shop.paymongo.refunds(rental["rental_id"])] == [50_000]
    shop.paymongo.wait_until_idle()
    (back,) = (
        each
        for each in operator.ask("show", rental["rental_id"])["money"]["entries"]
        if each["centavos"] < 0
    )
    assert (back["what"], back["centavos"], back["why"]) == (
        "back: goodwill", -50_000, "a long wait",
    )  # fmt: skip

    assert operator.run("refund", rental["rental_id"]).exit_code == 1  # nobody to ask
    assert len(shop.paymongo.refunds(rental["rental_id"])) == 1
    result = operator.run("refund", rental["rental_id"], "--yes")

    assert result.exit_code == 0, result.stderr
    shop.tick(rental["rental_id"])
    row = shop.wait_for_stage(rental["rental_id"], "closed")
    assert (row["paymentStatus"], row["closedReason"]) == ("completed", "cancelled")
    shop.eventually_refunded(rental["rental_id"], 600_000)
    assert [each["status"] for each in shop.units_of(collectible)] == ["to_warehouse"]
    shop.eventually_refund_status(rental["rental_id"], "succeeded")
    again = operator.run("refund", rental["rental_id"], "--yes")
    assert again.exit_code == 1
    assert "was refunded" in again.stderr


def test_nothing_is_refunded_for_a_rental_that_nobody_paid_for(
    shop: Shop, operator: Operator
) -> None:
    rental = shop.checkout(shop.add_collectible())

    refused = operator.run("refund", rental["rental_id"], "--yes")

    assert refused.exit_code == 1
    assert "nobody has paid" in refused.stderr
    assert shop.rental(rental["rental_id"])["status"] == "pending"


def completed_before_trouble(shop: Shop) -> Json:
    """A completed rental of which a settlement is going to fail."""
    rental = shop.checkout(shop.add_collectible())
    shop.expect_failure_of(rental["rental_id"])
    shop.pay_and_complete(rental)
    return rental


def test_a_refused_refund_is_seen_and_settled_once_its_cause_is_gone(
    shop: Shop, operator: Operator
) -> None:
    rental_id = completed_before_trouble(shop)["rental_id"]
    shop.paymongo.fault(
        "error_400", "create_refund", code="available_balance_insufficient", detail="no balance"
    )

    refused = operator.run("refund", rental_id, "--yes")

    assert refused.exit_code == 1
    assert "RefundFailed" in refused.stderr
    eventually(lambda: "NeedsAttentionQueue" in operator.findings(), "the message")
    finding = operator.findings()[rental_id]
    assert finding["problem"] == "RefundFailed"
    errors = operator.ask("log", "--errors")["log"]
    assert {each["level"] for each in errors} <= {"ERROR", "CRITICAL"}
    assert "rental needs attention" in {each["message"] for each in errors}
    kept = operator.ask("redrive")["messages"]
    assert [each["outcome"] for each in kept if each["rental_id"] == rental_id] == [
        "left: needs attention (RefundFailed)"
    ]

    assert operator.run("settle", rental_id).exit_code == 0
    shop.eventually_refund_status(rental_id, "succeeded")
    assert rental_id not in operator.findings()


def test_a_refund_that_can_never_be_made_is_acknowledged_and_told_no_more(
    shop: Shop, operator: Operator
) -> None:
    rental = completed_before_trouble(shop)
    rental_id = rental["rental_id"]
    acknowledge = ("acknowledge", rental_id, "--note", "paid back by bank transfer, ref 7001")
    assert "needs no attention" in operator.run(*acknowledge, "--yes").stderr
    shop.paymongo.fault("error_400", "create_refund", code="allowed_date_exceeded", detail="late")
    assert operator.run("refund", rental_id, "--yes").exit_code == 1
    shop.wait_for_attention(rental_id, "RefundFailed")
    assert operator.run(*acknowledge).exit_code == 1  # nobody to ask
    refused = operator.run("acknowledge", rental_id, "--note", "to 0917 123 4567", "--yes")
    assert (refused.exit_code, "phone" in refused.stderr) == (1, True)

    done = operator.run(*acknowledge, "--yes")

    assert done.exit_code == 0, done.stderr
    assert shop.rental(rental_id)["refund_status"] == "settled_outside"
    row = shop.rental_row(rental_id)
    assert (row["paymentStatus"], "unitId" in row) == ("completed", True)
    assert rental_id not in operator.findings()
    shown = operator.run("show", rental_id, "--no-log").stdout
    assert "paid back by bank transfer, ref 7001" in shown
    audit = operator.ask("audit", "--second-look", "0")
    assert rental_id not in {each["subject"] for each in audit["violations"]}
    (told,) = [each for each in audit["settled_outside"] if each["rental_id"] == rental_id]
    assert told["amount"] == rental["total_fee"] * 100
    assert told["by"]
    # Even a settlement asks PayMongo, which would do it now, for nothing.
    assert operator.run("settle", rental_id).exit_code == 0
    assert shop.paymongo.refunds(rental_id) == []
    assert "settled outside" in operator.run("refund", rental_id, "--yes").stderr
    assert "deleted" in str(operator.ask("redrive")["messages"])


def test_the_audit_finds_what_is_wrong_and_says_so_by_its_exit_code(
    shop: Shop, operator: Operator
) -> None:
    collectible = shop.add_collectible()
    (unit,) = shop.units_of(collectible)
    shop.table("Units").put_item(Item=unit | {"reservedBy": "nobody"})

    wrong = operator.ask("audit", "--second-look", "0")["violations"]
    assert [each["rule"] for each in wrong if each["subject"] == unit["id"]] == ["unit agrees"]
    assert operator.run("audit", "--second-look", "0").exit_code == 1

    shop.table("Units").put_item(Item=unit)
    assert unit["id"] not in {
        each["subject"] for each in operator.ask("audit", "--second-look", "0")["violations"]
    }


def test_a_settlement_that_was_not_started_is_started_from_the_dead_letter(
    shop: Shop, operator: Operator
) -> None:
    rental = shop.checkout(shop.add_collectible())
    body = {"detail": {"name": rental["rental_id"], "status": "ABORTED"}}
    shop.stack.client("sqs").send_message(
        QueueUrl=shop.stack.outputs["SettlementDeadLetterQueueUrl"], MessageBody=json.dumps(body)
    )

    done = operator.ask("redrive")["messages"]

    outcomes = {each["rental_id"]: each["outcome"] for each in done}
    assert outcomes[rental["rental_id"]] == "settlement succeeded"
    assert shop.rental(rental["rental_id"])["status"] == "failed"
    assert "SettlementDeadLetterQueue" not in operator.findings()
    shop.stop_execution(rental["rental_id"])


def test_a_mail_that_ses_refused_is_sent_again_once_the_cause_is_gone(
    shop: Shop, operator: Operator
) -> None:
    ses = shop.stack.client("sesv2")
    _, rental = shop.rent()
    rental_id = rental["rental_id"]
    ses.delete_email_identity(EmailIdentity=MAIL_SENDER)
    try:
        shop.pay_and_complete(rental)
        eventually(lambda: statuses(shop, rental_id) == {"not_sent"}, "the mail to be refused")
    finally:
        ses.create_email_identity(EmailIdentity=MAIL_SENDER)
    assert shop.rental_row(rental_id)["fulfillmentAttention"] == "mail_not_sent"

    assert operator.ask("resend", rental_id) == {"notices": [f"{rental_id}#confirmed#1"]}

    eventually(lambda: statuses(shop, rental_id) == {"sent"}, "the mail to be sent")
    assert operator.ask("resend", rental_id) == {"notices": []}


def statuses(shop: Shop, rental_id: str) -> set[str]:
    return {row["status"] for row in shop.rows("Notices") if row["rentalId"] == rental_id}


def test_notices_that_were_given_up_are_told_from_the_dead_letter(
    shop: Shop, operator: Operator
) -> None:
    url = shop.stack.client("cloudformation").describe_stack_resource(
        StackName=shop.stack.settings.stack_name, LogicalResourceId="NoticesDeadLetterQueue"
    )["StackResourceDetail"]["PhysicalResourceId"]
    shop.stack.client("sqs").send_message(
        QueueUrl=url, MessageBody=json.dumps({"DDBStreamBatchInfo": {"batchSize": 1}})
    )
    assert "NoticesDeadLetterQueue" in operator.findings()
    operator.ask("resend")  # what other tests have left untold

    done = operator.ask("redrive")["messages"]

    assert [each["outcome"] for each in done if each["queue"] == "NoticesDeadLetterQueue"] == [
        "0 notices told again"
    ]
    assert "NoticesDeadLetterQueue" not in operator.findings()


def test_the_webhook_is_checked_and_put_right(shop: Shop, operator: Operator) -> None:
    assert operator.run("webhook", "check").exit_code == 0
    assert operator.ask("webhook", "register") == {"done": []}
    assert operator.ask("webhook", "enable") == {"done": []}


def test_an_unknown_rental_and_an_unknown_stack_are_explained(operator: Operator) -> None:
    for command in ("show", "settle", "refund"):
        unknown = operator.run(command, "no-such-rental")
        assert unknown.exit_code == 1
        assert "there is no rental 'no-such-rental'" in unknown.stderr
    elsewhere = operator.run("attention", "--stack-name", "elsewhere")
    assert elsewhere.exit_code == 3  # which no script takes for a finding
    assert "--stack-name" in elsewhere.stderr


# --- the desk by command ---


def test_a_rental_lives_its_second_half_by_commands(shop: Shop, operator: Operator) -> None:
    collectible = shop.add_collectible()
    email, phone = f"{uuid.uuid4().hex}@example.com", f"+63 9{str(time.time_ns())[-9:]}"
    customer = checkout_body(customer={"email": email, "phone": phone})["customer"]
    rental = shop.checkout(collectible, customer=customer)
    shop.pay_and_complete(rental)
    rental_id = rental["rental_id"]
    number = number_of(rental_id)
    typed = number.lower().replace("-", " ")
    shop.wait_for_stage(rental_id, "awaiting_arrival")

    for words in (number, rental_id, email, phone):
        assert rental_id in {each["rental_id"] for each in operator.ask("find", words)["rentals"]}
    for action, stage in (
        ("arrived", "ready_for_pickup"),
        ("picked-up", "picked_up"),
        ("returned", "returned"),
    ):
        done = operator.ask("desk", action, typed, "--store", "store-a")
        assert (done["is_new"], done["rental"]["status"]) == (True, stage)
        assert not operator.ask("desk", action, rental_id, "--store", "store-a")["is_new"]
        shop.wait_for_stage(rental_id, stage)
        today = operator.ask("desk", "today", "--store", "store-a")["rentals"]
        assert stage in [each["status"] for each in today if each["rental_id"] == rental_id]
    unit_id = done["rental"]["unit_id"]
    held = operator.run("unit", unit_id, "maintenance", "--reason", "a crack")
    assert f"rental {rental_id} has unit" in held.stderr
    note = "the base is cracked"
    operator.ask("desk", "inspected", number, "--condition", "damaged", "--note", note)

    row = shop.wait_for_stage(rental_id, "closed")
    assert [each["by"] for each in row["deskLog"]] == ["root"] * 4
    unit = operator.ask("unit", unit_id)["unit"]
    assert (unit["status"], unit["reason"]) == ("maintenance", f"damaged: {note}")
    assert operator.ask("unit", unit_id, "back")["unit"]["status"] == "to_warehouse"
    shop.tick()
    assert shop.available(collectible) == 1
    assert "Ana" not in operator.run("find", number).stdout


def test_what_the_desk_cannot_do_is_said_and_changes_nothing(
    shop: Shop, operator: Operator
) -> None:
    _, rental = shop.rent()
    rental_id = rental["rental_id"]

    for args, says in (
        (["desk", "arrived", rental_id], "it is not paid"),
        (["desk", "arrived", number_of(rental_id)], "known from the payment on"),
        (["find", number_of(rental_id)], "no paid rental"),
        (["desk", "today", "--store", "nowhere"], "no store 'nowhere'"),
        (["unit", "no-such-unit"], "no unit 'no-such-unit'"),
        (["unit", "no-such-unit", "back"], "no unit 'no-such-unit'"),
        (["unit", "some-unit", "maintenance"], "needs --reason"),
        (["unit", "some-unit", "move"], "takes a warehouse"),
    ):
        refused = operator.run(*args)
        assert refused.exit_code == 1, args
        assert says in refused.stderr
    shop.stop_execution(rental_id)


def test_what_version_0_1_left_goes_on_after_an_upgrade(shop: Shop, operator: Operator) -> None:
    _, rental = shop.rent()
    shop.pay_and_complete(rental)
    rental_id = rental["rental_id"]
    row = shop.wait_for_stage(rental_id, "awaiting_arrival")
    # As it was then: an execution whose row does not say so ends, and another one begins.
    shop.stepfunctions.stop_execution(executionArn=shop.fulfillment_arns(rental_id)[-1])
    eventually(lambda: all(each["status"] != "pending" for each in shop.rows("Notices")), "mails")
    told = [each["id"] for each in shop.rows("Notices")]
    unit = shop.table("Units").get_item(Key={"id": row["unitId"]})["Item"]
    kept = ("fulfillment", "readyBy", "dueAt", "nextDeadlineAt", "awaitedStatus", "customerKey")
    then = {name: each for name, each in row.items() if not name.startswith(kept)}
    shop.table("Rentals").put_item(Item=then | {"completedAt": "2026-01-01T00:00:00.000Z"})
    del unit["status"]
    shop.table("Units").put_item(Item=unit)

    done = operator.ask("upgrade")

    assert done["unknown"] == [rental_id]
    assert operator.findings()[rental_id]["problem"] == "where is it?"
    assert operator.run("show", number_of(rental_id)).exit_code == 0

    def goes_on() -> bool:
        # One of the names may be taken: by the execution that followed the one that was stopped.
        shop.tick(rental_id)
        return bool(shop.rental_row(rental_id).get("awaitedStatus") == "ready_for_pickup")

    eventually(goes_on, "its execution", pause=1)
    assert operator.ask("upgrade")["rentals"] == 0
    assert [each["id"] for each in shop.rows("Notices")] == told
    operator.ask("desk", "picked-up", rental_id)
    assert rental_id not in operator.findings()


def test_staff_accounts_are_made_moved_reset_and_removed(shop: Shop, operator: Operator) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    made = operator.ask("staff", "add", email, "--store", "store-a", "--store", "store-b")
    assert made["email"] == email
    desk = manager(shop)
    first = desk.sign_in(email, made["first_password"], new_password=PASSWORD)
    assert first.json()["data"]["stores"] == ["store-a", "store-b"]

    assert operator.ask("staff", "add", email, "--manager") == {"email": email}
    moved = desk.sign_in(email, PASSWORD).json()["data"]
    assert (moved["stores"], moved["is_manager"]) == ([], True)
    reset = operator.ask("staff", "reset", email)
    assert desk.sign_in(email, reset["first_password"]).status_code == 409
    assert operator.run("staff", "remove", email).exit_code == 0

    for command, says in (
        (("reset", email), "nobody has the account"),
        (("remove", email), "nobody has the account"),
        (("add", email), "--manager"),
        (("add", email, "--store", "nowhere"), "there is no store nowhere"),
    ):
        refused = operator.run("staff", *command)
        assert refused.exit_code == 1
        assert says in refused.stderr


# --- replaying sample events ---


def test_a_replayed_payment_told_five_times_at_once_completes_the_rental_once(
    shop: Shop, operator: Operator
) -> None:
    rental_id = shop.checkout(shop.add_collectible())["rental_id"]

    told = operator.ask("replay", f"{WEBHOOK}/payment-paid", rental_id, "--at-once", "5")

    assert [each["status"] for each in told["answers"]] == ["200"] * 5
    assert (told["status_before"], told["status_after"]) == ("pending", "completed")
    states = [each["state"] for each in told["executions"][0]["states"]]
    assert states[-2:] == ["ConfirmRental", "RentalConfirmed"]


def test_replayed_declines_over_http_end_the_rental_at_the_last_one(
    shop: Shop, operator: Operator
) -> None:
    collectible = shop.add_collectible()
    shop.checkout(collectible)  # the newest that waits is taken
    event = f"events/{WEBHOOK}/payment-failed.json"

    assert operator.ask("replay", event, "--http", "--times", "2")["status_after"] == "pending"
    assert operator.ask("replay", event, "--http", "--wait", "0.1")["status_after"] == "pending"
    assert operator.ask("replay", event, "--http")["status_after"] == "failed"
    assert shop.available(collectible) == 1


def test_a_replayed_action_of_the_desk_is_done_to_the_newest_that_is_paid(
    shop: Shop, operator: Operator
) -> None:
    _, rental = shop.rent()
    shop.pay_and_complete(rental)

    told = operator.ask("replay", "PostDeskActionFunction/arrived")

    assert [each["status"] for each in told["answers"]] == ["200"]
    assert manager(shop).details(rental["rental_id"])["log"][0]["action"] == "arrived"


def test_a_replayed_checkout_redirect_and_status_change(shop: Shop, operator: Operator) -> None:
    made = operator.ask("replay", "PostCheckoutFunction/respond-async")
    rental_id = json.loads(made["answers"][0]["body"])["data"]["rental_id"]
    shop.wait_until_payable(rental_id)

    cancelled = operator.ask("replay", "GetPaymentFailedFunction/signed", rental_id)
    assert cancelled["answers"][0]["status"] == "303"
    assert cancelled["status_after"] == "cancelled"
    settled = operator.ask("replay", "RentalExecutionEndedRule/aborted", rental_id)
    assert settled["status_after"] == "cancelled"
    assert settled["executions"][-1]["status"] == "SUCCEEDED"


def test_what_happens_to_a_paid_rental_is_replayed(shop: Shop, operator: Operator) -> None:
    _, rental = shop.rent()
    shop.pay_and_complete(rental)

    for event in (
        "MeetDeadlinesFunction/delivery-late",
        "ResumeFulfillmentFunction/stopped",
        "FulfillmentExecutionEndedRule/timed-out",
    ):
        told = operator.ask("replay", event)  # the newest that is paid and not closed is taken
        assert (event, told["rental_id"]) == (event, rental["rental_id"])
        assert [each["status"] for each in told["answers"]] == ["ok"]
        assert {each["machine"] for each in told["executions"]} == {"rental", "fulfillment"}
    assert operator.ask("replay", "FollowFulfillmentFunction/every-minute")["answers"]


def test_an_event_as_it_is_and_one_that_cannot_be_sent(operator: Operator) -> None:
    unsigned = operator.ask("replay", f"{WEBHOOK}/payment-paid", "--as-it-is")
    assert unsigned["answers"][0]["status"] == "401"

    for args, says in (
        (["ReserveUnitFunction/sample", "--http"], "not an HTTP request"),
        (["payment-payed"], "there is no event"),
        ([f"{WEBHOOK}/payment-paid", "no-such-rental"], "there is no rental"),
    ):
        refused = operator.run("replay", *args)
        assert refused.exit_code == 1
        assert says in refused.stderr


def test_a_customer_is_given_what_is_stored_and_erased_once_nothing_is_under_way(
    shop: Shop, operator: Operator
) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    rental = shop.checkout(shop.add_collectible(), customer=asdict(CUSTOMER) | {"email": email})
    rental_id = rental["rental_id"]

    [known] = operator.ask("export", email)["rentals"]
    assert (known["id"], known["customer"]["email"]) == (rental_id, email)
    assert "taskToken" not in known

    later = operator.run("erase", email, "--yes")
    assert later.exit_code == 1
    assert "it has not ended" in later.stdout
    assert email not in later.stdout + later.stderr
    assert shop.erase_personal_data(rental_id)["erased"] == 0

    shop.follow(shop.leave_hosted_page(rental))
    row = shop.wait_for_status(rental_id, "cancelled") and shop.rental_row(rental_id)
    del row["followUp"], row["followUpAt"]  # PayMongo is asked once more hours later
    shop.table("Rentals").put_item(Item=row)
    assert shop.erase_personal_data(rental_id)["erased"] == 1

    assert operator.run("erase", email, "--yes").exit_code == 0
    assert operator.ask("export", email)["rentals"] == []
