"""A release is named by what it is."""

import io
import zipfile

import boto3
import pytest
from moto import mock_aws

from tests.support.sources import template
from tools.building import release, versions
from tools.sources import ROOT


def test_the_name_changes_with_a_parameter_and_with_the_contents() -> None:
    names = {
        release.release_of({"A": "1"}, b"code"),
        release.release_of({"A": "2"}, b"code"),
        release.release_of({"A": "1"}, b"other"),
        release.release_of({"A": "1"}, b"co", b"de"),
    }

    assert len(names) == 4
    assert release.release_of({"A": "1"}, b"code") in names


def test_the_template_has_one_place_for_it() -> None:
    text = (ROOT / "template.yaml").read_text()

    stamped = release.stamped(text, "r123")

    assert "        RELEASE: r123\n" in stamped
    assert release.stamped(stamped, "none") == text
    with pytest.raises(ValueError, match="places"):
        release.stamped("Resources: {}", "r123")


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_settings_name_parameters_that_exist(environment: str) -> None:
    parameters = release.parameters_of(environment, [])

    known = template()["Parameters"]
    for name, value in parameters.items():
        assert name in known
        assert value in map(str, known[name].get("AllowedValues", [value]))
    assert parameters["Environment"] == environment


def test_environments_share_nothing_that_has_a_name() -> None:
    dev, prod = (release.settings_of(each) for each in ("dev", "prod"))
    names = [release.parameters_of(each, []) for each in ("dev", "prod")]

    assert dev["stack_name"] != prod["stack_name"]
    for name in ("TablePrefix", "PayMongoSecretName"):
        default = template()["Parameters"][name]["Default"]
        assert names[0].get(name, default) != names[1].get(name, default)


def test_a_parameter_can_be_given_for_once() -> None:
    assert release.parameters_of("prod", ["ShiftReleases=false"])["ShiftReleases"] == "false"
    with pytest.raises(ValueError, match="Name=value"):
        release.parameters_of("prod", ["ShiftReleases"])


def test_what_is_done_besides_sam_is_done_where_sam_deploys() -> None:
    plain = release.target_of("prod", [])
    other = release.target_of("prod", ["--no-confirm-changeset", "--profile", "me", "--region=x"])

    assert (plain.stack_name, plain.profile, plain.region) == (
        "mongocollectibles", None, "ap-southeast-1",
    )  # fmt: skip
    assert (other.stack_name, other.profile, other.region) == ("mongocollectibles", "me", "x")


@mock_aws
def test_versions_that_no_alias_needs_are_deleted_but_for_the_one_before() -> None:
    session = boto3.Session("test", "test", region_name="ap-southeast-1")
    role = session.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    client = session.client("lambda")
    for name in ("one", "other"):
        client.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role["Role"]["Arn"],
            Handler="m.handler",
            Code={"ZipFile": zipped("")},
        )
    for number in range(12):
        client.update_function_code(FunctionName="one", ZipFile=zipped(str(number)))
        client.publish_version(FunctionName="one")
    client.create_alias(FunctionName="one", Name="live", FunctionVersion="12")
    # Somebody else's, in the middle of a shift.
    client.create_alias(
        FunctionName="one",
        Name="trial",
        FunctionVersion="3",
        RoutingConfig={"AdditionalVersionWeights": {"5": 0.1}},
    )

    assert versions.prune(client, ["one", "other"]) == 8
    assert versions.prune(client, ["one", "other"]) == 0

    left = client.list_versions_by_function(FunctionName="one")["Versions"]
    assert {each["Version"] for each in left} == {"$LATEST", "3", "5", "11", "12"}


def zipped(content: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("m.py", content)
    return buffer.getvalue()
