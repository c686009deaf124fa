"""`make deploy` as it is typed, and everything that README.md lists after it."""

from typing import Any

import httpx
from samtranslator.yaml_helper import yaml_parse

from tests.support.operator import DEPLOY, Operator
from tests.support.shop import Shop
from tests.support.sources import differences, resources, template
from tools.local.package import download, openapi_location
from tools.local.stack import LocalStack
from tools.sources import ROOT

# CloudFormation's quota for a template in S3, with a fifth to spare.
TEMPLATE_BYTES = 1_000_000 * 0.8


def state_of(stack: LocalStack) -> dict[str, Any]:
    """What a deployment changes: the stack's events, and each function's code and version."""
    functions = stack.client("lambda")
    events = stack.client("cloudformation").get_paginator("describe_stack_events")
    return {
        "events": [
            event["EventId"]
            for page in events.paginate(StackName=stack.settings.stack_name)
            for event in page["StackEvents"]
        ],
        "functions": {
            each["FunctionName"]: (
                each["CodeSha256"],
                functions.get_alias(FunctionName=each["FunctionName"], Name="live")[
                    "FunctionVersion"
                ],
            )
            for page in functions.get_paginator("list_functions").paginate()
            for each in page["Functions"]
        },
    }


def test_sam_sends_the_template_as_it_is_checked(operator: Operator) -> None:
    """Nothing differs but addresses, the release's name and SAM's notes in Metadata, so what
    tests/repository finds of the template, and of the template after SAM, is so of what is sent.
    """
    s3 = operator.stack.client("s3")
    [bucket] = [
        each["Name"]
        for each in s3.list_buckets()["Buckets"]
        if each["Name"].startswith("aws-sam-cli-managed-default")
    ]
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    [key, *_] = [each for each in keys if each.endswith(".template")]

    content = download(s3, f"s3://{bucket}/{key}")
    sent = yaml_parse(content)

    body = ("Resources", "Api", "Properties", "DefinitionBody", "Fn::Transform", "Parameters")
    machines = resources("AWS::Serverless::StateMachine")
    assert len(content) < TEMPLATE_BYTES
    found = set(differences(template(), sent))
    assert {each for each in found if each[2:3] != ("Metadata",)} == {
        ("Globals", "Function", "Environment", "Variables", "RELEASE"),
        (*body, "Location"),
        *(
            ("Resources", name, "Properties", "CodeUri")
            for name in resources("AWS::Serverless::Function")
        ),
        *(("Resources", name, "Properties", "DefinitionUri") for name in machines),
    }
    uploaded = {
        openapi_location(resources("AWS::Serverless::Api")["Api"]): openapi_location(
            sent["Resources"]["Api"]["Properties"]
        ),
        **{
            properties["DefinitionUri"]: "s3://{Bucket}/{Key}".format_map(
                sent["Resources"][name]["Properties"]["DefinitionUri"]
            )
            for name, properties in machines.items()
        },
    }
    for path, address in uploaded.items():
        assert download(s3, address) == (ROOT / path).read_bytes()


def test_a_rental_is_paid(operator: Operator, shop: Shop) -> None:
    collectible = shop.add_collectible(units=2)

    rental = shop.checkout(collectible)
    assert shop.available(collectible) == 1
    shop.pay(rental)

    shop.wait_for_status(rental["rental_id"], "completed")
    assert shop.available(collectible) == 1
    assert "Units and money agree." in operator.types("./rentals audit")


def test_deploying_again_changes_nothing(operator: Operator) -> None:
    before = state_of(operator.stack)

    told = operator.types(DEPLOY)

    assert "No changes to deploy" in told
    assert state_of(operator.stack) == before


def test_a_changed_function_answers_anew(operator: Operator) -> None:
    path = operator.clone / "functions" / "api" / "get_stores.py"
    source = path.read_text()
    changed = source.replace("catalogue.stores()", "catalogue.stores()[:1]")
    assert changed != source
    before = state_of(operator.stack)["functions"]
    path.write_text(changed)

    operator.types(DEPLOY)

    after = state_of(operator.stack)["functions"]
    # One package and one release: every function is published anew.
    assert {name for name in before if before[name] != after[name]} == before.keys()
    answer = httpx.get(f"{operator.stack.settings.site_url}/api/stores", timeout=60)
    assert len(answer.json()["data"]) == 1
