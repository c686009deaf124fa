"""What the smoke test asks of a stack, where the local engine cannot show it."""

import json

import httpx
import pytest
from moto import mock_aws

from tools.ops import smoke
from tools.ops.target import Target

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
