"""Who knows the distribution's key may call any route; nobody else any."""

import uuid

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from api.authorize_distribution import ORIGIN_KEY_HEADER, handler
from infra import aws, secret_values

METHOD = "arn:aws:execute-api:ap-southeast-1:123456789012:abc/prod/POST/api/rentals/checkout"


@pytest.fixture
def secret_id(environment: pytest.MonkeyPatch) -> str:
    name = f"origin-key-{uuid.uuid4()}"
    environment.setenv("ORIGIN_SECRET_ID", name)
    aws.secretsmanager().create_secret(Name=name, SecretString="first")
    return name


def effect(**headers: str) -> str:
    answer = handler({"methodArn": METHOD, "headers": headers}, LambdaContext())
    [statement] = answer["policyDocument"]["Statement"]
    assert statement["Resource"] == METHOD.partition("/prod/")[0] + "/prod/*"
    return str(statement["Effect"])


def test_the_key_of_the_distribution_opens_the_whole_stage(secret_id: str) -> None:
    assert effect(**{ORIGIN_KEY_HEADER: "first"}) == "Allow"
    assert effect(**{ORIGIN_KEY_HEADER.lower(): "first"}) == "Allow"


@pytest.mark.parametrize("headers", [{}, {ORIGIN_KEY_HEADER: "guessed"}, {ORIGIN_KEY_HEADER: ""}])
def test_nothing_else_opens_it(secret_id: str, headers: dict[str, str]) -> None:
    assert effect(**headers) == "Deny"


def test_the_key_before_a_rotation_is_good_and_the_one_before_that_is_not(
    secret_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_values, "_FETCH_AGAIN_SECONDS", 0.0)
    for key in ("second", "third"):
        aws.secretsmanager().put_secret_value(SecretId=secret_id, SecretString=key)
        assert effect(**{ORIGIN_KEY_HEADER: key}) == "Allow"
    secret_values._cache.clear()

    assert effect(**{ORIGIN_KEY_HEADER: "second"}) == "Allow"
    assert effect(**{ORIGIN_KEY_HEADER: "first"}) == "Deny"
