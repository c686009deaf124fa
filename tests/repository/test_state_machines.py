"""The state machines: every path leads somewhere, every error is somebody's business."""

import json
import re
from dataclasses import fields
from typing import Any

import pytest

from rentals.errors import HoldExpired, PaymentCancelled, PaymentFailed
from rentals.models import Customer, EndReason
from tests.support.sources import definitions, resources, template, translated
from tests.support.tasks import (
    CURED_BY_PAYMONGO,
    LAMBDA,
    MACHINES,
    OURS,
    RAISED_ANYWHERE,
    STATES,
    TASKS,
    function_of,
    lambda_tasks,
    raises,
    state_of,
    targets,
)
from tools.sources import ROOT
from tools.sources.asl import transitions

Json = dict[str, Any]

# Names that AWS gives errors: the language's own, Lambda's, DynamoDB's through the SDK integration.
AWS_NAME = re.compile(r"(States|Lambda|DynamoDb|Sandbox|Runtime)\.[A-Z]\w+")
INFRASTRUCTURE = {
    *RAISED_ANYWHERE,
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "States.Timeout",
}
# A function that runs into its time-out, the slowest way to fail.
LONGEST_ATTEMPT_SECONDS = 30

# What definitions and functions say to each other, as the documentation promises it.
RELEASES = (ROOT / "docs" / "deploying.md").read_text().partition("## Releases")[2]
PROMISED = set(re.findall(r"`([a-z_]+)`", RELEASES.partition("\n## ")[0]))

every_machine = pytest.mark.parametrize("machine", MACHINES)
every_state = pytest.mark.parametrize(("machine", "name"), STATES)
every_task = pytest.mark.parametrize(("machine", "name"), TASKS)


every_lambda_task = pytest.mark.parametrize(("machine", "name"), lambda_tasks())


def closure(start: set[str], step: dict[str, set[str]]) -> set[str]:
    """Whatever can be reached, the start included."""
    reached: set[str] = set()
    while start:
        reached |= start
        start = {target for name in start for target in step[name]} - reached
    return reached


# --- shape ---


@every_state
def test_a_state_says_what_it_is_for(machine: str, name: str) -> None:
    assert state_of(machine, name)["Comment"].endswith(".")


@every_machine
def test_a_machine_says_how_long_it_takes(machine: str) -> None:
    definition = definitions()[machine]

    assert "Time budget:" in definition["Comment"]
    assert definition["QueryLanguage"] == "JSONata"


@every_machine
def test_an_execution_ends_some_day_and_not_before_its_retries_do(machine: str) -> None:
    tasks = [state_of(*each) for each in TASKS if each[0] == machine]
    longest_hold = template()["Parameters"]["HoldSeconds"]["MaxValue"]
    longest = [
        sum(
            rule["MaxAttempts"] * (rule["MaxDelaySeconds"] + LONGEST_ATTEMPT_SECONDS)
            for rule in task["Retry"]
        )
        for task in tasks
    ]

    assert definitions()[machine]["TimeoutSeconds"] > longest_hold + max(longest)


@every_state
def test_a_state_leads_to_states_that_exist_or_is_an_end(machine: str, name: str) -> None:
    state = state_of(machine, name)

    assert set(targets(state)) <= set(definitions()[machine]["States"])
    assert bool(targets(state)) is (state["Type"] not in ("Succeed", "Fail"))
    assert "End" not in state


@every_machine
def test_every_state_can_be_reached_and_every_path_can_end(machine: str) -> None:
    definition = definitions()[machine]
    states = definition["States"]

    forward = {name: set(targets(state)) for name, state in states.items()}
    backward = {name: {each for each in states if name in forward[each]} for name in states}
    ends = {name for name, state in states.items() if state["Type"] in ("Succeed", "Fail")}

    assert closure({definition["StartAt"]}, forward) == set(states)
    assert closure(ends, backward) == set(states)


def test_ordinary_endings_succeed_and_only_what_needs_people_fails() -> None:
    failing = {
        (machine, name) for machine, name in STATES if state_of(machine, name)["Type"] == "Fail"
    }

    assert failing == {(machine, "NeedsAttention") for machine in MACHINES}


@every_machine
def test_every_variable_is_assigned_on_every_way_to_its_use(machine: str) -> None:
    definition = definitions()[machine]
    states = definition["States"]
    everything = {
        name for state in states.values() for way in transitions("", state) for name in way.assigned
    }
    known = {name: set() if name == definition["StartAt"] else everything for name in states}
    changed = True
    while changed:
        changed = False
        for name, state in states.items():
            for way in transitions("", state):
                narrowed = known[way.target] & (known[name] | way.assigned)
                changed |= narrowed != known[way.target]
                known[way.target] = narrowed

    for name, state in states.items():
        used = set(re.findall(r"\$(?!states\b)([a-z]\w*)\b(?!\s*\()", json.dumps(state)))
        assert used <= known[name], name


# --- errors ---


@every_task
def test_a_task_catches_everything_last_and_alone(machine: str, name: str) -> None:
    catchers = [each["ErrorEquals"] for each in state_of(machine, name)["Catch"]]

    assert catchers[-1] == ["States.ALL"]
    assert not any("States.ALL" in names for names in catchers[:-1])


@every_task
def test_errors_are_named_as_they_are_raised(machine: str, name: str) -> None:
    state = state_of(machine, name)

    for rule in [*state["Catch"], *state["Retry"]]:
        for error in rule["ErrorEquals"]:
            assert error in OURS or AWS_NAME.fullmatch(error), error
            assert not error.startswith("States.ALL") or len(rule["ErrorEquals"]) == 1


@every_task
def test_no_error_is_named_twice(machine: str, name: str) -> None:
    state = state_of(machine, name)

    for rules in (state["Catch"], state["Retry"]):
        named = [error for rule in rules for error in rule["ErrorEquals"]]
        assert len(named) == len(set(named))


@every_lambda_task
def test_a_business_error_that_is_caught_is_one_that_the_handler_raises(
    machine: str, name: str
) -> None:
    state = state_of(machine, name)
    caught = {error for rule in state["Catch"] for error in rule["ErrorEquals"]} & OURS

    assert caught <= raises(state)


@every_lambda_task
def test_an_error_that_ends_a_rental_is_not_retried_first(machine: str, name: str) -> None:
    state = state_of(machine, name)
    retried = {error for rule in state["Retry"] for error in rule["ErrorEquals"]} & OURS

    # What asking again can cure.
    assert retried <= RAISED_ANYWHERE | CURED_BY_PAYMONGO


@every_lambda_task
def test_what_a_retry_can_cure_is_retried(machine: str, name: str) -> None:
    state = state_of(machine, name)
    retried = {error for rule in state["Retry"] for error in rule["ErrorEquals"]}
    # A session that turns out to be open is closed by the state that closes sessions.
    cured = {
        error
        for rule in state["Catch"]
        for error in rule["ErrorEquals"]
        if (error, rule["Next"]) == ("PaymentSessionOpen", "ClosePaymentSession")
    }

    curable = RAISED_ANYWHERE | CURED_BY_PAYMONGO
    assert raises(state) & curable <= retried | cured
    assert retried >= INFRASTRUCTURE


@every_task
def test_retries_are_spread_and_capped(machine: str, name: str) -> None:
    for rule in state_of(machine, name)["Retry"]:
        assert rule["JitterStrategy"] == "FULL"
        assert rule["BackoffRate"] >= 2
        assert rule["IntervalSeconds"] <= rule["MaxDelaySeconds"] <= 60


def hours_of_retries(machine: str) -> int:
    """How long a machine keeps trying: what its longest rule waits, when answers come at once."""
    seconds: float = max(
        sum(
            min(rule["IntervalSeconds"] * rule["BackoffRate"] ** attempt, rule["MaxDelaySeconds"])
            for attempt in range(rule["MaxAttempts"])
        )
        for each, name in TASKS
        if each == machine
        for rule in state_of(machine, name)["Retry"]
    )
    # FULL jitter waits for anything from nothing to the delay, half of it in the mean.
    return round(seconds / 2 / 3600)


@every_machine
def test_a_machine_says_for_how_long_it_tries(machine: str) -> None:
    said = re.findall(r"(\d+) hours", definitions()[machine]["Comment"]) or ["0"]

    assert said == [str(hours_of_retries(machine))]


@pytest.mark.parametrize("page", ["runbook.md", "deploying.md"])
def test_operators_are_told_for_how_long(page: str) -> None:
    said = re.findall(r"about (\d+)\s+hours", (ROOT / "docs" / page).read_text())

    assert said
    assert set(map(int, said)) <= {hours_of_retries(each) for each in MACHINES}


def test_the_wait_for_a_payment_ends_for_the_errors_that_are_sent() -> None:
    wait = state_of("RentalStateMachine", "AwaitPayment")

    caught = {error for rule in wait["Catch"] for error in rule["ErrorEquals"]}
    sent = {PaymentFailed, PaymentCancelled, HoldExpired}
    assert caught & OURS == {each.__name__ for each in sent}
    assert "States.Timeout" in caught
    # Time running out is an ending, not an accident.
    assert "States.Timeout" not in {e for rule in wait["Retry"] for e in rule["ErrorEquals"]}


def test_the_write_that_starts_the_wait_is_tried_again_when_dynamodb_is_not_well() -> None:
    wait = state_of("RentalStateMachine", "AwaitPayment")
    retried = {error for rule in wait["Retry"] for error in rule["ErrorEquals"]}

    # The last one stands for every error that has no name in the API, such as a 503.
    assert retried >= {
        "DynamoDb.InternalServerErrorException",
        "DynamoDb.ThrottlingException",
        "DynamoDb.SdkClientException",
        "DynamoDb.DynamoDbException",
    }


def test_a_unit_is_never_released_before_its_session_is_closed() -> None:
    states = definitions()["RentalStateMachine"]["States"]
    forward = {name: set(targets(state)) for name, state in states.items()}
    catchers = states["ClosePaymentSession"]["Catch"]
    not_closed = {each["Next"] for each in catchers} - {"ClosePaymentSession"}

    without_closing = forward | {"ClosePaymentSession": set()}
    assert "ReleaseUnit" in closure({states["ClosePaymentSession"]["Next"]}, without_closing)
    assert "ReleaseUnit" not in closure({"CreatePaymentSession"}, without_closing)
    assert "ReleaseUnit" not in closure(not_closed, without_closing)


@every_machine
def test_every_reason_that_is_handed_on_is_one_that_the_domain_knows(machine: str) -> None:
    text = json.dumps(definitions()[machine])
    assigned = set(re.findall(r'"reason": "([a-z_]+)"', text))
    computed = set(re.findall(r"[?:] '([a-z_]+)'", text))

    assert assigned | computed <= set(EndReason)
    assert bool(assigned | computed) is (machine != "FulfillmentStateMachine")


# --- what a machine is given ---


@every_machine
def test_substitutions_are_exactly_those_that_the_template_makes(machine: str) -> None:
    properties = resources("AWS::Serverless::StateMachine")[machine]
    used = set(re.findall(r"\$\{(\w+)\}", (ROOT / properties["DefinitionUri"]).read_text()))

    made = properties["DefinitionSubstitutions"]
    assert used == set(made)
    for name, value in made.items():
        if name.endswith("FunctionArn"):
            assert value == {"Ref": f"{name.removesuffix('Arn')}.Alias"}
        else:
            assert value == {"Ref": name}


@every_machine
def test_a_machine_may_invoke_exactly_the_functions_that_it_uses(machine: str) -> None:
    role = translated()["Resources"][f"{machine}Role"]["Properties"]
    allowed = {
        (action, target_of(resource))
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in as_list(statement["Action"])
        if not action.startswith("logs:")  # without a resource: test_template.py
        for resource in as_list(statement["Resource"])
    }

    states = [state_of(machine, name) for each, name in TASKS if each == machine]
    needed = {
        ("lambda:InvokeFunction", function_of(each))
        for each in states
        if each["Resource"] == LAMBDA
    }
    if any("dynamodb:updateItem" in each["Resource"] for each in states):
        needed.add(("dynamodb:UpdateItem", "RentalsTable"))
    assert allowed == needed


def target_of(resource: Json) -> str:
    """A table's logical id, or that of a function whose alias is named."""
    if "Fn::GetAtt" in resource:
        name: str = resource["Fn::GetAtt"][0]
        return name
    alias: Json = translated()["Resources"][resource["Ref"]]
    assert alias["Type"] == "AWS::Lambda::Alias"
    return str(alias["Properties"]["FunctionName"]["Ref"])


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@every_lambda_task
def test_a_task_hands_on_ids_and_no_personal_data(machine: str, name: str) -> None:
    state = state_of(machine, name)

    assert state["Arguments"]["Payload"].keys() <= PROMISED
    assert not PROMISED & {each.name for each in fields(Customer)}
    # As AWS bounds it: longer than any function may take.
    assert state["TimeoutSeconds"] > 30


@every_machine
def test_of_an_answer_only_what_is_promised_to_stay_is_read(machine: str) -> None:
    """Old executions meet new functions."""
    text = json.dumps(definitions()[machine])

    read = set(re.findall(r"\$states\.input\.(\w+)", text))
    read |= set(re.findall(r"\$states\.result\.Payload\.(\w+)", text))
    assert read
    assert read <= PROMISED
    assert set(re.findall(r"\$states\.result\.(\w+)", text)) == {"Payload"}


WAITS = [each for each in TASKS if "waitForTaskToken" in state_of(*each)["Resource"]]
every_wait = pytest.mark.parametrize(("machine", "name"), WAITS)


@every_wait
def test_a_wait_ends_by_time_whatever_event_says_so(machine: str, name: str) -> None:
    """TaskTimedOut on AWS, TaskFailed elsewhere: the error is the same, and has its own rule."""
    named = [
        rule for rule in state_of(machine, name)["Catch"] if "States.Timeout" in rule["ErrorEquals"]
    ]

    assert [rule["Next"] for rule in named] in (["ClosePaymentSession"], ["MeetDeadlines"])


@every_wait
def test_one_update_writes_an_attribute_once(machine: str, name: str) -> None:
    """DynamoDB refuses an update that sets and removes one path; the engine does both."""
    update = state_of(machine, name)["Arguments"]["UpdateExpression"]
    written = re.findall(r"(?:\b(?:SET|REMOVE|ADD|DELETE) |, )(\w+)", update)

    assert len(written) >= 3
    assert len(written) == len(set(written))


def test_the_token_the_url_and_the_deadline_are_one_write() -> None:
    wait = state_of("RentalStateMachine", "AwaitPayment")

    assert wait["Resource"].endswith("updateItem.waitForTaskToken")
    written = set(re.findall(r"(\w+) = ", wait["Arguments"]["UpdateExpression"]))
    assert {"taskToken", "paymentUrl", "holdExpiresAt"} <= written
    assert "paymentStatus = :pending" in wait["Arguments"]["ConditionExpression"]
    assert wait["TimeoutSeconds"] == "{% ${HoldSeconds} %}"
