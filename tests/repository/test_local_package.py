"""The stack on this machine is the template itself, but for differences that are listed."""

import io
import json
import zipfile

import pytest

from tests.support.sources import definitions, differences, openapi, resources, template
from tools.local.package import Template, adapt, download, package
from tools.sources import ROOT

GATEWAY_RESPONSES = "x-amazon-apigateway-gateway-responses"
PLAIN_METRIC = ("Namespace", "MetricName", "Dimensions", "Period", "Statistic")
AWS_URL = "http://127.0.0.1:4566"


class Bucket:
    """Stands for S3."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803 - boto3's
        self.objects[Key] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, io.BytesIO]:  # noqa: N803 - boto3's
        return {"Body": io.BytesIO(self.objects[Key])}

    def at(self, address: str) -> bytes:
        """What is at `s3://bucket/key`."""
        return download(self, address)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def bucket() -> Bucket:
    return Bucket()


def packaged_to(bucket: Bucket) -> Template:
    plain = package(bucket, "artifacts", release="r-1")  # type: ignore[arg-type]
    return adapt(plain, bucket, aws_endpoint_url=AWS_URL)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def packaged(bucket: Bucket) -> Template:
    """The template as the local stack deploys it."""
    return packaged_to(bucket)


def test_only_the_listed_places_differ(packaged: Template) -> None:
    defaults = ("Globals", "Function")
    body = ("Resources", "Api", "Properties", "DefinitionBody")
    expected = {
        (*defaults, "Architectures"),
        (*defaults, "Runtime"),
        (*defaults, "Environment", "Variables", "AWS_ENDPOINT_URL"),
        (*defaults, "Environment", "Variables", "RELEASE"),
        (*body, "Fn::Transform", "Parameters", "Location"),
        # Callers of a state machine's alias:
        ("Resources", "RentalExecutionEndedRule", "Properties", "Targets"),
        *(
            ("Resources", name, "Properties", "Environment", "Variables", variable, "Fn::Sub")
            for name, properties in resources("AWS::Serverless::Function").items()
            for variable, value in properties.get("Environment", {}).get("Variables", {}).items()
            if ":live" in str(value)
        ),
        # Alarms on computed metrics watch the first of them:
        *(
            ("Resources", name, "Properties", changed)
            for name, properties in resources("AWS::CloudWatch::Alarm").items()
            if "Metrics" in properties
            for changed in ("Metrics", *PLAIN_METRIC)
            if changed != "Dimensions" or name != "ThrottlesAlarm"
        ),
    }
    expected.add(("Resources", "NoticesStream", "Properties", "BatchSize"))
    # Buckets are reached by plain HTTP:
    expected.add(("Resources", "SiteBucketPolicy", "Properties", "PolicyDocument", "Statement"))
    expected.add(("Resources", "PhotographsBucketPolicy"))
    for sender in ("SendNoticesFunction", "TellWaitingFunction"):
        expected.add(("Resources", sender, "Properties", "Policies"))
    for name in resources("AWS::Serverless::StateMachine"):
        for changed in ("DefinitionUri", "AutoPublishAlias", "DeploymentPreference"):
            expected.add(("Resources", name, "Properties", changed))
    for name, properties in resources("AWS::Serverless::Function").items():
        expected.add(("Resources", name, "Properties", "CodeUri"))
        environment = ("Resources", name, "Properties", "Environment")
        if "Environment" in properties:
            expected.add((*environment, "Variables", "_HANDLER"))
            expected.add((*environment, "Variables", "AWS_SDK_UA_APP_ID"))
        else:
            expected.add(environment)
    for kind in openapi()[GATEWAY_RESPONSES]:
        expected.add(("Resources", f"ApiAnswerTo{kind.title().replace('_', '')}"))

    assert set(differences(template(), packaged)) == expected


def test_callers_of_a_machines_alias_call_the_machine(packaged: Template) -> None:
    text, local = json.dumps(template()["Resources"]), json.dumps(packaged["Resources"])

    assert text.count(":live") > 4
    assert ":live" not in local
    assert text.replace(":live", "").count("StateMachine") >= local.count("StateMachine")
    rule = packaged["Resources"]["RentalExecutionEndedRule"]["Properties"]
    assert rule["Targets"][0]["Arn"] == {"Fn::Sub": "${SettlementStateMachine}"}


def test_the_api_is_defined_by_the_published_document(packaged: Template, bucket: Bucket) -> None:
    body = packaged["Resources"]["Api"]["Properties"]["DefinitionBody"]

    assert (
        bucket.at(body["Fn::Transform"]["Parameters"]["Location"])
        == (ROOT / "openapi.yaml").read_bytes()
    )


def test_functions_keep_their_handlers_and_share_one_package(
    packaged: Template, bucket: Bucket
) -> None:
    code = set()
    for name, properties in resources("AWS::Serverless::Function").items():
        local = packaged["Resources"][name]["Properties"]
        assert local["Environment"]["Variables"]["_HANDLER"] == properties["Handler"]
        code.add(local["CodeUri"])

    [address] = code
    assert bucket.at(address)


def test_the_package_holds_the_shipped_modules_as_they_are(
    packaged: Template, bucket: Bucket
) -> None:
    address = packaged["Resources"]["ReserveUnitFunction"]["Properties"]["CodeUri"]
    with zipfile.ZipFile(io.BytesIO(bucket.at(address))) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}

    functions = ROOT / "functions"
    modules = {str(path.relative_to(functions)): path for path in functions.rglob("*.py")}
    assert set(content) - set(modules) == {"bootstrap"}
    assert all(content[name] == path.read_bytes() for name, path in modules.items())


def test_gateway_responses_are_the_same_as_resources(packaged: Template) -> None:
    for kind, response in openapi()[GATEWAY_RESPONSES].items():
        name = f"ApiAnswerTo{kind.title().replace('_', '')}"
        assert packaged["Resources"][name] == {
            "Type": "AWS::ApiGateway::GatewayResponse",
            "Properties": {
                "RestApiId": {"Ref": "Api"},
                "ResponseType": kind,
                "ResponseTemplates": response["responseTemplates"],
                **({"StatusCode": response["statusCode"]} if "statusCode" in response else {}),
            },
        }


def test_definitions_differ_in_the_time_out_of_the_hold_only(
    packaged: Template, bucket: Bucket
) -> None:
    for name, definition in definitions().items():
        place = packaged["Resources"][name]["Properties"]["DefinitionUri"]
        uploaded = bucket.at("s3://{Bucket}/{Key}".format_map(place))
        local = json.loads(uploaded.replace(b"${HoldSeconds}", b"42"))
        as_on_aws = json.loads(json.dumps(definition).replace("${HoldSeconds}", "42"))
        expected = (
            {("States", "AwaitPayment", "TimeoutSeconds")}
            if name == "RentalStateMachine"
            else set()
        )
        assert set(differences(as_on_aws, local)) == expected
        if expected:
            assert local["States"]["AwaitPayment"]["TimeoutSeconds"] == 42


def test_packaging_again_gives_the_same_so_that_an_update_changes_nothing(
    packaged: Template,
) -> None:
    again = packaged_to(Bucket())

    assert again == packaged
