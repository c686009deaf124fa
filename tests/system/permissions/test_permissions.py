"""Least privilege, both ways: what was used in the workflow tests is what the template allows.

A run of some workflow tests is compared as well, but cannot tell what is spare.
"""

import pytest

from tests.support.recording import record
from tests.support.recording.executions import STATE_MACHINES
from tests.support.recording.record import Record
from tests.support.recording.recorder import Use
from tests.support.sources import LOG_DELIVERY
from tests.system.permissions.policies import allowed, policies_elsewhere

# Allowed, and not used in the workflow tests: why it is there all the same.
NOT_USED_IN_TESTS: dict[Use, str] = {
    (state_machine, action, "*"): "Step Functions sets up its log delivery; the engine does not"
    for state_machine in STATE_MACHINES
    for action in LOG_DELIVERY
}
NOT_USED_IN_TESTS |= {
    (function, action, "PhotographsBucket/*"): "what this function signs, browsers send"
    for function, action in (
        ("GetDeskRentalFunction", "s3:GetObject"),
        ("PostDeskPhotographFunction", "s3:PutObject"),
    )
}
NOT_USED_IN_TESTS |= {
    ("SendNoticesFunction", action, resource): "Lambda reads the stream; the engine asks nobody"
    for action, resource in (
        ("dynamodb:DescribeStream", "NoticesTable"),
        ("dynamodb:GetRecords", "NoticesTable"),
        ("dynamodb:GetShardIterator", "NoticesTable"),
        ("dynamodb:ListStreams", "NoticesTable/stream/*"),
        ("sqs:SendMessage", "NoticesDeadLetterQueue"),
    )
}
# Allowed for a moment that a test cannot bring about at will.
ONLY_IN_RACES: dict[Use, str] = {
    ("ReconcileFunction", "dynamodb:GetItem", "RentalsTable"): (
        "reads the rental again when its task token has just gone"
    ),
    ("PostPayMongoWebhookFunction", "dynamodb:UpdateItem", "CustomersTable"): (
        "a refund made at PayMongo between a payment and the rental's completion"
    ),
    ("ReconcileFunction", "dynamodb:UpdateItem", "CustomersTable"): (
        "a refund made at PayMongo between a payment and the rental's completion"
    ),
    ("PostExtensionFunction", "dynamodb:GetItem", "ChargesTable"): (
        "reads the charge again when another request opened its session at the same moment"
    ),
    ("ResumeFulfillmentFunction", "dynamodb:PutItem", "LookupsTable"): (
        "an execution that failed, which somebody must look at"
    ),
}
# Used, and not in a role's own policy.
ALLOWED_ELSEWHERE: dict[Use, str] = {}


@pytest.fixture(scope="module")
def recorded(request: pytest.FixtureRequest) -> Record:
    """The last run of tests/system/workflow."""
    last = record.load()
    problem = None
    if not last.uses:
        problem = "tests/system/workflow has not been run"
    elif not last.is_current:
        problem = "what is deployed has changed since tests/system/workflow was run"
    elif not last.is_complete and request.config.getoption("--require-record"):
        missing = sorted(last.collected - last.passed)
        problem = f"not all of tests/system/workflow ran and passed: {missing or 'a selection'}"
    if problem and request.config.getoption("--require-record"):
        pytest.fail(problem)
    if problem:
        pytest.skip(f"{problem}: make workflow")
    return last


def test_what_is_used_is_allowed(recorded: Record) -> None:
    assert sorted(set(recorded.uses) - allowed() - set(ALLOWED_ELSEWHERE)) == []


def test_what_is_allowed_is_used(recorded: Record) -> None:
    if not recorded.is_complete:
        pytest.skip(
            "only some of tests/system/workflow was run: that says nothing about the others"
        )

    explained = NOT_USED_IN_TESTS.keys() | ONLY_IN_RACES.keys()
    assert sorted(allowed() - set(recorded.uses) - explained) == []


def test_every_exception_is_needed(recorded: Record) -> None:
    assert (NOT_USED_IN_TESTS.keys() | ONLY_IN_RACES.keys()) - allowed() == set()
    if recorded.is_complete:
        assert set(NOT_USED_IN_TESTS) & set(recorded.uses) == set()
        assert set(ALLOWED_ELSEWHERE) - set(recorded.uses) == set()


def test_policies_are_where_this_looks_for_them() -> None:
    assert policies_elsewhere() == []
