"""What the smoke test asks of a stack, where the local engine cannot show it."""

import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from infra.errors import InvalidSignature
from paymongo.signatures import verify_webhook
from tools.ops import account, smoke
from tools.ops.target import Target

KEYS = {"secretKey": "sk_test_1", "webhookSecret": "whsk_1"}
TEMPLATE = {
    "Parameters": {"Environment": {"Type": "String"}},
    "Resources": {"AlarmTopic": {"Type": "AWS::SNS::Topic"}},
}


@pytest.fixture
def environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def alarms_of(environment: str, *emails: str) -> str:
    """What the check of the alarms finds."""
    target = Target("shop", region="ap-southeast-1")
    target.client("cloudformation").create_stack(
        StackName="shop",
        TemplateBody=json.dumps(TEMPLATE),
        Parameters=[{"ParameterKey": "Environment", "ParameterValue": environment}],
    )
    for email in emails:
        target.client("sns").subscribe(
            TopicArn=target.stack.physical_id("AlarmTopic"), Protocol="email", Endpoint=email
        )
    return smoke._alarms(smoke.Stack(target, httpx.Client()))


@mock_aws
@pytest.mark.usefixtures("environment_variables")
def test_alarms_of_prod_must_go_to_somebody() -> None:
    with pytest.raises(smoke.Wrong, match="nobody gets the alarms"):
        alarms_of("prod")


@mock_aws
@pytest.mark.usefixtures("environment_variables")
def test_dev_is_asked_for_no_mailbox() -> None:
    assert alarms_of("dev") == "0 alarms, 0 subscribers"


@mock_aws
@pytest.mark.usefixtures("environment_variables")
def test_a_confirmed_mailbox_is_enough() -> None:
    assert alarms_of("prod", "operators@example.com") == "0 alarms, 1 subscribers"


# --- webhooks ---


def signatures_of(
    monkeypatch: pytest.MonkeyPatch, is_verified: Callable[[httpx.Request], bool]
) -> str:
    """What the check of signatures finds at a stack that verifies them so."""
    monkeypatch.setattr(account, "keys_of", lambda _: SimpleNamespace(read=lambda: KEYS))
    answers = httpx.MockTransport(lambda sent: httpx.Response(200 if is_verified(sent) else 401))
    target = cast("Target", SimpleNamespace(stack=SimpleNamespace(webhook_url="https://x.example")))
    return smoke._signatures(smoke.Stack(target, httpx.Client(transport=answers)))


def verifies(sent: httpx.Request) -> bool:
    """As the function does."""
    try:
        verify_webhook(
            sent.headers["Paymongo-Signature"], sent.content, KEYS["webhookSecret"],
            is_live=False, now=time.time(), tolerance=60,
        )  # fmt: skip
    except InvalidSignature:
        return False
    return True


def test_what_is_forged_or_cut_short_must_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert signatures_of(monkeypatch, verifies) == "401 each, 200 whole"


@pytest.mark.parametrize("is_taken", [True, False])
def test_a_stack_that_takes_or_refuses_every_webhook_is_wrong(
    monkeypatch: pytest.MonkeyPatch, is_taken: bool
) -> None:
    with pytest.raises(smoke.Wrong, match="statuses"):
        signatures_of(monkeypatch, lambda _: is_taken)


# --- time-outs ---

ARN = "arn:aws:states:ap-southeast-1:123456789012:stateMachine:shop"


def time_out_of(monkeypatch: pytest.MonkeyPatch, *, status: str, is_matched: bool) -> Any:
    """What the check of time-outs finds when AWS answers so, and the calls that it has not made."""
    target = Target("shop", region="ap-southeast-1")
    ids = {name: ARN for pair in smoke._ENDED.items() for name in pair}
    monkeypatch.setitem(target.__dict__, "stack", SimpleNamespace(physical_id=ids.__getitem__))
    monkeypatch.setattr(smoke, "_PATIENCE_SECONDS", 0)
    sts, rules, states = (
        Stubber(target.client(name)) for name in ("sts", "events", "stepfunctions")
    )
    sts.add_response("get_caller_identity", {"Account": "123456789012"})
    for _ in smoke._ENDED:
        rules.add_response("describe_rule", {"State": "ENABLED", "EventPattern": "{}"})
        rules.add_response("test_event_pattern", {"Result": is_matched})
    made = {"stateMachineArn": ARN, "creationDate": 0}
    like = made | {"name": "x", "definition": "{}", "roleArn": "role", "type": "STANDARD"}
    states.add_response("describe_state_machine", like)
    states.add_response("create_state_machine", made)
    states.add_response("start_execution", {"executionArn": ARN, "startDate": 0})
    execution = {"executionArn": ARN, "stateMachineArn": ARN, "status": status, "startDate": 0}
    states.add_response("describe_execution", execution)
    states.add_response("delete_state_machine", {}, {"stateMachineArn": ARN})
    with sts, rules, states:
        try:
            found = smoke._timed_out(smoke.Stack(target, httpx.Client()))
        except smoke.Wrong as wrong:
            found = str(wrong)
    return found, len(states._queue)  # type: ignore[attr-defined]


@pytest.mark.usefixtures("environment_variables")
def test_an_execution_must_end_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    ok = time_out_of(monkeypatch, status="TIMED_OUT", is_matched=True)
    assert ok == ("TIMED_OUT, three rules", 0)

    wrong, left = time_out_of(monkeypatch, status="RUNNING", is_matched=True)
    assert wrong.startswith("status after its time: 'RUNNING'")
    assert left == 0, "the machine that was tried is deleted"


@pytest.mark.usefixtures("environment_variables")
def test_a_time_out_that_no_rule_takes_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong, left = time_out_of(monkeypatch, status="TIMED_OUT", is_matched=False)

    assert wrong.startswith("RentalExecutionEndedRule takes a time-out")
    assert left == 5, "no machine is made"


def test_a_call_that_is_refused_is_told_and_keeps_no_check_from_running(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(_: smoke.Stack) -> str:
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "TestState")

    monkeypatch.setattr(smoke, "_CHECKS", [("one", refused, True), ("two", lambda _: "", True)])

    outcomes = list(smoke.run(Target("shop", region="ap-southeast-1")))

    assert [each.status for each in outcomes] == ["wrong", "ok"]
    assert "AccessDeniedException" in outcomes[0].detail
    local = smoke.run(Target("shop", endpoint_url="http://127.0.0.1:1"))
    assert {each.detail for each in local} == {"only AWS does this"}
