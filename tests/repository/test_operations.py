"""Logs, alarms and releases: what operators rely on."""

import json
import re
from typing import Any

import pytest

from tests.support.sources import resources, template, translated
from tools.sources import ROOT

Json = dict[str, Any]

ALARMS = resources("AWS::CloudWatch::Alarm")
FUNCTIONS = ROOT / "functions"
every_alarm = pytest.mark.parametrize("name", sorted(ALARMS))

OUR_NAMESPACE = {"Fn::Sub": "MongoCollectibles/${AWS::StackName}"}
# What makes a release go back: each says that rentals fail now, not that the world is unkind.
ROLL_BACK = {
    "ApiServerErrorsAlarm",
    "FailedExecutionsAlarm",
    "FunctionFaultsAlarm",
    "RentalErrorsAlarm",
}


def runbook_sections() -> set[str]:
    text = (ROOT / "docs" / "runbook.md").read_text()
    return set(re.findall(r"^## (.+)$", text, flags=re.MULTILINE))


def business_metrics() -> set[str]:
    """Names of the metrics that functions/ counts or measures."""
    source = "".join(path.read_text() for path in FUNCTIONS.rglob("*.py"))
    return set(re.findall(r'(?:count|measure|add_metric)\(\s*(?:name=)?"(\w+)"', source))


@every_alarm
def test_an_alarm_tells_somebody_what_to_do(name: str) -> None:
    alarm = ALARMS[name]

    [section] = re.findall(r'Runbook: "([^"]+)"', alarm["AlarmDescription"])
    assert section in runbook_sections()
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
    # Says when it is over, so that nobody looks for what has healed.
    assert alarm["OKActions"] == [{"Ref": "AlarmTopic"}]


@every_alarm
def test_an_alarm_watches_a_metric_that_somebody_publishes(name: str) -> None:
    alarm = ALARMS[name]
    if alarm.get("Namespace") != OUR_NAMESPACE:
        return

    filters = resources("AWS::Logs::MetricFilter").values()
    from_logs = {
        each["MetricName"] for filter_ in filters for each in filter_["MetricTransformations"]
    }
    assert alarm["MetricName"] in business_metrics() | from_logs
    if alarm["MetricName"] not in from_logs:
        assert {"Name": "service", "Value": "rentals"} in alarm["Dimensions"]


def test_what_the_business_wants_to_know_is_counted() -> None:
    assert business_metrics() >= {
        "CheckoutStarted",
        "UnitReserved",
        "NoUnitAvailable",
        "RentalPaid",
        "UnitReleased",
        "LatePayment",
        "Refund",
        "NeedsAttention",
        "WebhookRejected",
        "DuplicateWebhook",
    }


def test_both_queues_of_lost_messages_have_an_alarm() -> None:
    watched = {
        dimension["Value"]["Fn::GetAtt"][0]
        for alarm in ALARMS.values()
        for dimension in alarm.get("Dimensions", ())
        if dimension["Name"] == "QueueName"
    }

    assert watched == set(resources("AWS::SQS::Queue"))


def test_all_functions_and_machines_log_where_retention_is_set() -> None:
    groups = resources("AWS::Logs::LogGroup")
    translated_functions = [
        each["Properties"]
        for each in translated()["Resources"].values()
        if each["Type"] == "AWS::Lambda::Function"
    ]

    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())
    assert all(
        each["LoggingConfig"] == {"LogGroup": {"Ref": "FunctionLogs"}}
        for each in translated_functions
    )
    for machine in resources("AWS::Serverless::StateMachine").values():
        assert machine["Logging"]["IncludeExecutionData"] is False
        [destination] = machine["Logging"]["Destinations"]
        assert "StateMachineLogs" in str(destination)


def test_access_logs_say_nothing_about_customers() -> None:
    logged = resources("AWS::Serverless::Api")["Api"]["AccessLogSetting"]["Format"]

    variables = set(re.findall(r"\$context\.[\w.]+", logged))
    assert "$context.resourcePath" in variables
    assert not {each for each in variables if "identity" in each} - {"$context.identity.apiKeyId"}
    assert not variables & {"$context.path", "$context.customDomain.basePathMatched"}
    # Can hold what a caller wrote, and is not escaped in quotes; without quotes the - that is
    # written for what is missing is no JSON.
    assert not {each for each in variables if "essage" in each}
    assert set(json.loads(re.sub(r"\$context\.[\w.]+", "-", logged)).values()) == {"-"}


def with_shifts() -> Json:
    """The template as prod deploys it."""
    deployed: Json = translated(ShiftReleases="true")["Resources"]
    return deployed


def test_in_prod_every_function_is_shifted_and_turned_back_by_alarms() -> None:
    deployed = with_shifts()
    for name in resources("AWS::Serverless::Function"):
        update = deployed[f"{name}Aliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        group = deployed[update["DeploymentGroupName"]["Ref"]]["Properties"]
        alarms = {each["Name"]["Ref"] for each in group["AlarmConfiguration"]["Alarms"]}
        assert alarms == ROLL_BACK
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    for name in resources("AWS::Serverless::StateMachine"):
        preference = deployed[f"{name}Aliaslive"]["Properties"]["DeploymentPreference"]
        assert preference["Type"]["Fn::If"] == ["ShiftsReleases", "CANARY", "ALL_AT_ONCE"]


def test_a_release_can_be_changed_over_at_once_while_an_alarm_is_on() -> None:
    deployed = translated()["Resources"]

    assert not [each for each in deployed.values() if "CodeDeploy" in each["Type"]]


def test_alarms_that_hold_a_release_do_not_wait_for_it() -> None:
    # A reference to a machine would close a circle: machine, alias, deployment group, alarm.
    for name in ROLL_BACK:
        assert "StateMachine}" not in str(ALARMS[name])
        assert "{'Ref': 'Rental" not in str(ALARMS[name])


def test_callers_use_the_alias() -> None:
    deployed = translated()["Resources"]

    callers = [
        each["Properties"]["FunctionName"]
        for each in deployed.values()
        if each["Type"] == "AWS::Lambda::Permission"
    ]
    assert callers
    assert all(each["Ref"].endswith("Aliaslive") for each in callers)
    for function in resources("AWS::Serverless::Function").values():
        for variable, value in function.get("Environment", {}).get("Variables", {}).items():
            is_for_names_only = function["Handler"] == "upkeep.reconcile.handler"
            if variable == "RENTAL_STATE_MACHINE_ARN" and is_for_names_only:
                assert value == {"Ref": "RentalStateMachine"}  # the start of its executions' names
            elif variable.endswith("STATE_MACHINE_ARN"):
                assert value["Fn::Sub"].endswith(":live")


def test_tables_of_prod_cannot_be_deleted_by_mistake() -> None:
    for table in resources("AWS::DynamoDB::Table").values():
        assert table["DeletionProtectionEnabled"] == {"Fn::If": ["IsProd", True, False]}


def test_no_parameter_is_without_use() -> None:
    text = str(template()["Resources"]) + str(template()["Conditions"]) + str(template()["Globals"])

    unused = [
        name
        for name in template()["Parameters"]
        if f"'Ref': '{name}'" not in text and f"${{{name}}}" not in text
    ]
    assert unused == []


# --- the dashboard ---


def dashboard() -> Json:
    """The dashboard's body, names of resources in place of what they become."""
    text, values = resources("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"]
    alarms = values["Alarms"]["Fn::Join"]
    joined = alarms[0].join(each["Fn::GetAtt"][0] for each in alarms[1])
    text = text.replace("${Alarms}", joined).replace("${Ours}", OUR_NAMESPACE["Fn::Sub"])
    body: Json = json.loads(text)
    return body


def test_the_dashboard_shows_every_alarm() -> None:
    [widget] = [each for each in dashboard()["widgets"] if each["type"] == "alarm"]

    assert set(widget["properties"]["alarms"]) == set(ALARMS)


def test_the_dashboard_shows_business_metrics_that_exist() -> None:
    text = json.dumps(dashboard())
    shown = {name for name in business_metrics() if f'"{name}"' in text or f'\\"{name}\\"' in text}
    rows = [
        metric
        for widget in dashboard()["widgets"]
        for metric in widget["properties"].get("metrics", ())
        if metric[0] == OUR_NAMESPACE["Fn::Sub"]
    ]

    assert rows
    assert {row[1] for row in rows} <= business_metrics()
    assert business_metrics() - shown <= {"WebhookEndpointDisabled", "MoneyOutOfBalance"}


def test_widgets_do_not_overlap() -> None:
    cells: set[tuple[int, int]] = set()
    for each in dashboard()["widgets"]:
        own = {
            (x, y)
            for x in range(each["x"], each["x"] + each["width"])
            for y in range(each["y"], each["y"] + each["height"])
        }
        assert not own & cells
        assert max(x for x, _ in own) < 24
        cells |= own
