"""How commands find their stack, take their options and say what went wrong."""

import json

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
)
from typer.testing import CliRunner

from tools.cli.app import app
from tools.cli.session import hoisted
from tools.ops import webhook
from tools.ops.errors import CannotReach, CommandError
from tools.ops.explaining import explain
from tools.ops.target import Stack, Target, choose

LOCAL = Target(endpoint_url="http://127.0.0.1:4566")
AWS = Target(profile="shop")


def test_without_any_setting_the_stack_of_make_run_is_meant() -> None:
    assert choose(environment={}).endpoint_url == "http://127.0.0.1:4566"
    assert choose(environment={"AWS_PORT": "4700"}).endpoint_url == "http://127.0.0.1:4700"
    assert choose(environment={}).is_local
    another = {"STACK_NAME": "shop-dev"}
    assert choose(environment=another).stack_name == "shop-dev"
    assert choose(stack_name="mine", environment=another).stack_name == "mine"


@pytest.mark.parametrize(
    "environment",
    [
        {"AWS_PROFILE": "shop"},
        {"AWS_ACCESS_KEY_ID": "AKIA"},
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"},
    ],
)
def test_aws_settings_in_the_environment_mean_aws(environment: dict[str, str]) -> None:
    target = choose(environment=environment)

    assert target.endpoint_url is None
    assert not target.is_local


def test_an_endpoint_means_that_endpoint_and_a_profile_means_aws() -> None:
    with_endpoint = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4700", "AWS_ACCESS_KEY_ID": "test"}
    assert choose(environment=with_endpoint).endpoint_url == "http://127.0.0.1:4700"
    assert choose(profile="shop", environment={}).endpoint_url is None


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"AWS_PORT": "abc"}, "AWS_PORT takes a port"),
        ({"AWS_PORT": "70000"}, "AWS_PORT takes a port"),
        ({"AWS_ENDPOINT_URL": "localhost"}, "http://127.0.0.1:4566"),
        ({"TIME_ZONE": "Manila"}, "TIME_ZONE is one as"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_says_what_to_change(
    monkeypatch: pytest.MonkeyPatch, setting: dict[str, str], says: str
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    for name, value in setting.items():
        monkeypatch.setenv(name, value)

    for args in (["attention"], ["replay", "PostCheckoutFunction/gcash"]):
        result = CliRunner().invoke(app, args)

        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 2
        assert next(iter(setting.values())) in result.stderr
        assert says in result.stderr


def test_a_file_or_port_that_cannot_be_used_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/root/file")

    for part, args, says in (
        ("tools.ops.webhook.account_of", ["webhook", "check"], "/root/file: Permission denied"),
        ("socket.create_server", ["console", "--port", "8300"], "port 8300 cannot be used"),
    ):
        monkeypatch.setattr(part, refuse)
        result = CliRunner().invoke(app, args)

        assert (result.exit_code, says in result.stderr) == (1, True), result.stderr


def test_the_version_is_that_of_the_package() -> None:
    result = CliRunner().invoke(app, ["--version"])

    assert (result.exit_code, result.stdout) == (0, "0.1.0\n")


def test_a_shell_completes_commands() -> None:
    asked = {
        "_./RENTALS_COMPLETE": "complete_bash",
        "COMP_WORDS": "./rentals sho",
        "COMP_CWORD": "1",
    }

    result = CliRunner().invoke(app, prog_name="./rentals", env=asked)

    assert result.stdout.split() == ["show"]


def test_options_of_the_program_may_follow_the_command() -> None:
    assert hoisted(["show", "ID", "--json", "--profile", "shop", "--logs"]) == [
        "--json", "--profile", "shop", "show", "ID", "--logs",
    ]  # fmt: skip
    assert hoisted(["show", "--region=eu-west-1", "ID"]) == ["--region=eu-west-1", "show", "ID"]
    assert hoisted(["show", "--", "--json"]) == ["show", "--", "--json"]


def failure(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "because"}}, "Scan")


@pytest.mark.parametrize(
    ("error", "target", "says"),
    [
        (EndpointConnectionError(endpoint_url="x"), LOCAL, "make run"),
        (NoCredentialsError(), AWS, "--profile"),
        (failure("ExpiredTokenException"), AWS, "log in"),
        (failure("AccessDeniedException"), AWS, "profile that may"),
    ],
)
def test_an_error_of_aws_says_what_to_do(error: ClientError, target: Target, says: str) -> None:
    explained = explain(error, target)

    assert isinstance(explained, CannotReach)
    assert says in (explained.hint or "")


@pytest.mark.parametrize("target", [LOCAL, AWS])
def test_a_request_that_botocore_does_not_send_is_not_taken_for_silence(target: Target) -> None:
    explained = explain(ParamValidationError(report="Invalid length"), target)

    assert "Invalid length" in str(explained)
    assert not isinstance(explained, CannotReach)


def test_an_unknown_profile_names_the_ones_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="no AWS profile 'nowhere'"):
        Target(profile="nowhere").client("dynamodb")
    monkeypatch.setenv("AWS_PROFILE", "elsewhere")
    with pytest.raises(CommandError, match="no AWS profile 'elsewhere'"):
        Target().client("dynamodb")


def test_a_stack_without_the_expected_parts_is_noticed() -> None:
    stack = Stack(
        {"SiteUrl": "https://a.example/", "HoldSeconds": "900"}, {}, {"A": "a"}, {"A": "T"}
    )

    assert stack.site_url == "https://a.example"
    assert stack.of_type("T") == {"A": "a"}
    with pytest.raises(CommandError, match="no RentalsTable"):
        stack.physical_id("RentalsTable")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_command_that_fails_explains_itself_on_stderr(
    monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    def fail(*_: object) -> None:
        raise CannotReach("nothing answers", "start it")

    monkeypatch.setattr(webhook, "account_of", fail)

    result = CliRunner().invoke(app, ["webhook", "check", *(["--json"] * as_json)])

    assert result.exit_code == 3
    assert result.stdout == ""
    if as_json:
        assert json.loads(result.stderr) == {"error": "nothing answers", "hint": "start it"}
    else:
        assert result.stderr.splitlines() == ["nothing answers", "start it"]
