"""The template after the SAM transform: what each function is, may do and is told."""

import importlib
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from rentals import allocation, follow_ups, fulfillment, repository, unit_moves
from rentals.identity import rental_id_for
from rentals.models import FollowUp
from rentals.rows import to_row
from tests.support.samples import IDENTITY_SECRET, pending_rental
from tests.support.sources import LOG_DELIVERY, resources, template, translated
from tools.sources import ROOT

Json = dict[str, Any]

FUNCTIONS = ROOT / "functions"
FUNCTION_NAMES = sorted(resources("AWS::Serverless::Function"))
every_function = pytest.mark.parametrize("name", FUNCTION_NAMES)

# Actions that know no resource (Service Authorization Reference, AWS Step Functions).
WITHOUT_RESOURCE = {
    "states:SendTaskSuccess",
    "states:SendTaskFailure",
    *LOG_DELIVERY,
}
# Endings of resources that cannot be named in full, and why.
OPEN_ENDED = {
    "secretsmanager:GetSecretValue": "-??????",  # Secrets Manager appends six characters
    "states:DescribeExecution": "StateMachine.Name}:*",  # named after rentals
    "dynamodb:ListStreams": "Table.Arn}/stream/*",  # asks for those of a table
    "ses:SendEmail": ":identity/*",  # the sender's; the policy has a condition on its address
    "s3:GetObject": "PhotographsBucket.Arn}/*",  # as many as are taken
    "s3:PutObject": "PhotographsBucket.Arn}/*",
}
MANAGED_POLICIES = {
    "AWSLambdaBasicExecutionRole",  # its own logs
    "AWSXrayWriteOnlyAccess",  # traces have no resource
    "AmazonAPIGatewayPushToCloudWatchLogs",  # API Gateway's own, for the account
}
# Lost events that are made good without a queue: see .cfnlintrc.yaml.
RULES_WITHOUT_DEAD_LETTER_QUEUE = {
    "FulfillmentExecutionEndedRule",  # its clock finds what was not delivered
    "FollowFulfillmentFunctionEveryMinute",
    "NeedsAttentionRule",
    "ReconcileFunctionEveryMinute",
    "TellWaitingFunctionEveryFiveMinutes",  # the next run tells
    "BalanceMoneyFunctionEveryDay",
    "ErasePersonalDataFunctionEveryDay",
}


def of_type(kind: str) -> dict[str, Json]:
    """Properties by logical id of the translated resources of one type."""
    return {
        name: resource.get("Properties", {})
        for name, resource in translated()["Resources"].items()
        if resource["Type"] == kind
    }


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements() -> Iterator[tuple[str, str, str]]:
    """(role, action, resource as text) for all that is allowed to anybody."""
    for role, properties in of_type("AWS::IAM::Role").items():
        for policy in properties.get("Policies", ()):
            for statement in listed(policy["PolicyDocument"]["Statement"]):
                assert statement["Effect"] == "Allow"
                assert not {"NotAction", "NotResource"} & set(statement)
                for action in listed(statement["Action"]):
                    for resource in listed(statement["Resource"]):
                        yield role, action, as_text(resource)


def as_text(resource: Any) -> str:
    if isinstance(resource, str):
        return resource
    if "Fn::Sub" in resource:
        return str(resource["Fn::Sub"])
    if "Ref" in resource:
        return f"${{{resource['Ref']}}}"
    return "${" + ".".join(resource["Fn::GetAtt"]) + "}"


# --- functions and handlers ---


@every_function
def test_a_functions_handler_can_be_called(name: str) -> None:
    handler = of_type("AWS::Lambda::Function")[name]["Handler"]
    module, _, attribute = handler.rpartition(".")

    assert callable(getattr(importlib.import_module(module), attribute))
    assert attribute == "handler"


def test_every_handler_module_has_one_function_and_every_function_a_module() -> None:
    in_template = [
        each["Handler"].removesuffix(".handler")
        for each in resources("AWS::Serverless::Function").values()
    ]
    in_code = [
        f"{path.parent.name}.{path.stem}"
        for package in ("api", "workflow", "upkeep")
        for path in (FUNCTIONS / package).glob("*.py")
        if "\ndef handler(" in path.read_text()
    ]

    assert sorted(in_template) == sorted(in_code)


@every_function
def test_a_function_is_named_after_its_handler(name: str) -> None:
    handler = resources("AWS::Serverless::Function")[name]["Handler"]
    module = handler.split(".")[1].replace("_", "")

    assert name.lower() == f"{module}function"


@every_function
def test_a_function_runs_as_designed(name: str) -> None:
    function = of_type("AWS::Lambda::Function")[name]

    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == [{"Ref": "Architecture"}]
    assert template()["Parameters"]["Architecture"]["Default"] == "arm64"
    assert function["TracingConfig"] == {"Mode": "Active"}
    # A task gives up after 60 s, API Gateway after 29: the function must have ended by then.
    is_waited_for = not function["Handler"].startswith("upkeep.")
    assert function["Timeout"] <= (30 if is_waited_for else 300)


# --- who may do what ---


@every_function
def test_a_function_has_a_role_of_its_own(name: str) -> None:
    functions = of_type("AWS::Lambda::Function")

    assert functions[name]["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
    holders = [each for each in functions.values() if each["Role"] == functions[name]["Role"]]
    assert len(holders) == 1


def test_every_role_can_be_taken_by_one_service_only() -> None:
    for properties in of_type("AWS::IAM::Role").values():
        [statement] = properties["AssumeRolePolicyDocument"]["Statement"]
        assert set(statement["Principal"]) == {"Service"}
        assert len(listed(statement["Principal"]["Service"])) == 1


def test_managed_policies_are_for_logs_and_traces_only() -> None:
    for properties in of_type("AWS::IAM::Role").values():
        arns = map(as_text, properties.get("ManagedPolicyArns", ()))
        names = {arn.rpartition("/")[2] for arn in arns}
        assert names <= MANAGED_POLICIES


def test_actions_are_named_in_full() -> None:
    assert [each for each in statements() if "*" in each[1]] == []


def test_resources_are_named_in_full_where_the_service_can() -> None:
    open_ended = [
        (role, action, resource)
        for role, action, resource in statements()
        if any(wildcard in resource for wildcard in "*?")
        and not (resource == "*" and action in WITHOUT_RESOURCE)
        and not (action in OPEN_ENDED and resource.endswith(OPEN_ENDED[action]))
    ]

    assert open_ended == []


def test_every_exception_above_is_needed() -> None:
    allowed = {action for _, action, _ in statements()}

    assert WITHOUT_RESOURCE | set(OPEN_ENDED) <= allowed


def test_every_event_rule_keeps_what_it_could_not_deliver() -> None:
    for name, properties in of_type("AWS::Events::Rule").items():
        has_queue = all("DeadLetterConfig" in target for target in properties["Targets"])
        assert has_queue is (name not in RULES_WITHOUT_DEAD_LETTER_QUEUE), name


# --- what a function is told ---


def test_every_setting_is_told_to_some_function_and_asked_for_by_some() -> None:
    """Which function asks for which shows when it runs: tests/system."""
    holders = [template()["Globals"]["Function"], *resources("AWS::Serverless::Function").values()]
    told = {
        name
        for holder in holders
        for name in holder.get("Environment", {}).get("Variables", {})
        if not name.startswith("POWERTOOLS_")  # the library asks for these
    }
    source = "".join(path.read_text() for path in FUNCTIONS.rglob("*.py"))

    # RELEASE makes Lambda publish a version when nothing but a parameter has changed.
    assert set(re.findall(r'setting\("(\w+)"\)', source)) == told - {"RELEASE"}


# --- data ---


def test_tables_can_be_restored_and_outlive_the_stack() -> None:
    for name, properties in resources("AWS::DynamoDB::Table").items():
        resource = template()["Resources"][name]
        # A first deploy that fails leaves nothing that would be in the way of the second.
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resource["UpdateReplacePolicy"] == "Retain"
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert properties["PointInTimeRecoverySpecification"] == {
            "PointInTimeRecoveryEnabled": True
        }
        assert properties["TableName"] == {
            "Fn::Sub": f"${{TablePrefix}}-{name.removesuffix('Table')}"
        }


def test_code_names_only_indexes_that_exist() -> None:
    defined = {
        index["IndexName"]
        for table in resources("AWS::DynamoDB::Table").values()
        for index in table.get("GlobalSecondaryIndexes", ())
    }
    used = {
        allocation.AVAILABLE_UNITS_INDEX,
        repository.PAYMENT_INDEX,
        repository.PAYMENT_INTENT_INDEX,
        follow_ups.FOLLOW_UP_INDEX.name,
        fulfillment.FULFILLMENT_INDEX.name,
        unit_moves.SHELVING_INDEX.name,
    }
    assert used <= defined
    # The one that only people use (docs/architecture.md, Data).
    assert defined - used == {"collectibleId-index"}


def test_no_key_of_an_index_on_rentals_is_shared_by_more_than_a_sixteenth_of_them() -> None:
    rows = [
        to_row(pending_rental(id=each, payment_id=f"pay_{each}", payment_intent_id=f"pi_{each}"))
        | follow_ups.due(each, FollowUp.PAYMENT)
        | fulfillment.look_at(each, "2026-01-31T10:00:00.000Z")
        for each in (rental_id_for(str(n), "key", IDENTITY_SECRET) for n in range(4096))
    ]

    for index in resources("AWS::DynamoDB::Table")["RentalsTable"]["GlobalSecondaryIndexes"]:
        (key,) = (each["AttributeName"] for each in index["KeySchema"] if each["KeyType"] == "HASH")
        [(_, most)] = Counter(row[key] for row in rows).most_common(1)
        # As evenly as chance has it.
        assert most <= len(rows) / 16 * 1.2, index["IndexName"]
