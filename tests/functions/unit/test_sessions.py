"""Signing in: what Cognito answers, as the desk is told."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from api import sessions
from api.responses import HttpError
from api.staff import MANAGERS, group_of

Json = dict[str, Any]

EMAIL, PASSWORD = "maria@example.com", "Right-password-1"
CLAIMS = {"email": EMAIL, "cognito:groups": [group_of("store-a"), MANAGERS]}
SESSION = {"name": EMAIL, "stores": ["store-a"], "is_manager": True, "expires_in": 900}


def token(claims: Json) -> str:
    """Of which nobody verifies anything."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"header.{payload}.signature"


ID_TOKEN = token(CLAIMS)
GIVEN = {"IdToken": ID_TOKEN, "RefreshToken": "refresh", "ExpiresIn": 900}


@pytest.fixture
def cognito(
    environment: pytest.MonkeyPatch,
) -> Iterator[Stubber]:
    client = boto3.client(
        "cognito-idp",
        region_name="ap-southeast-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
    )
    environment.setenv("STAFF_CLIENT_ID", "client")
    environment.setattr(sessions, "cognito", lambda: client)
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def expect_sign_in(cognito: Stubber, answer: Json) -> None:
    cognito.add_response(
        "initiate_auth",
        answer,
        {
            "ClientId": "client",
            "AuthFlow": "USER_PASSWORD_AUTH",
            "AuthParameters": {"USERNAME": EMAIL, "PASSWORD": PASSWORD},
        },
    )


def test_the_right_password_opens_a_session(cognito: Stubber) -> None:
    expect_sign_in(cognito, {"AuthenticationResult": GIVEN})

    found = sessions.sign_in(EMAIL, PASSWORD, "")

    assert found == SESSION | {"id_token": ID_TOKEN, "refresh_token": "refresh"}


def test_a_first_password_needs_another_one(cognito: Stubber) -> None:
    expect_sign_in(cognito, {"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": "s" * 20})

    with pytest.raises(HttpError) as refused:
        sessions.sign_in(EMAIL, PASSWORD, "")

    assert (refused.value.status, refused.value.code) == (409, "NEW_PASSWORD_REQUIRED")


def test_a_first_password_is_replaced_in_cognitos_own_name(cognito: Stubber) -> None:
    challenge = {"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": "s" * 20}
    expect_sign_in(cognito, challenge | {"ChallengeParameters": {"USER_ID_FOR_SRP": "a-uuid"}})
    cognito.add_response(
        "respond_to_auth_challenge",
        {"AuthenticationResult": GIVEN},
        {
            "ClientId": "client",
            "ChallengeName": "NEW_PASSWORD_REQUIRED",
            "Session": "s" * 20,
            "ChallengeResponses": {"USERNAME": "a-uuid", "NEW_PASSWORD": "My-own-password-1"},
        },
    )

    assert sessions.sign_in(EMAIL, PASSWORD, "My-own-password-1")["name"] == EMAIL


@pytest.mark.parametrize("code", ["InvalidPasswordException", "InvalidParameterException"])
def test_a_weak_password_is_told_by_its_field(cognito: Stubber, code: str) -> None:
    expect_sign_in(cognito, {"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": "s" * 20})
    cognito.add_client_error("respond_to_auth_challenge", code)

    with pytest.raises(HttpError) as refused:
        sessions.sign_in(EMAIL, PASSWORD, "weak")

    assert refused.value.status == 400
    assert [each["field"] for each in refused.value.field_errors or ()] == ["new_password"]


@pytest.mark.parametrize("code", sorted(sessions._REFUSED))
def test_nobody_learns_why_it_was_refused(cognito: Stubber, code: str) -> None:
    cognito.add_client_error("initiate_auth", code, f"{EMAIL} is unknown")

    with pytest.raises(HttpError) as refused:
        sessions.sign_in(EMAIL, PASSWORD, "")

    assert (refused.value.status, refused.value.code) == (401, "SIGN_IN_FAILED")
    assert "unknown" not in str(refused.value)


@pytest.mark.parametrize("code", sorted(sessions._THROTTLED))
def test_too_many_tries_are_to_wait(cognito: Stubber, code: str) -> None:
    cognito.add_client_error("initiate_auth", code)

    with pytest.raises(HttpError) as refused:
        sessions.refresh("refresh")

    assert refused.value.status == 429


def test_a_session_goes_on_with_the_same_refresh_token(cognito: Stubber) -> None:
    given = {"IdToken": ID_TOKEN, "ExpiresIn": 900}
    cognito.add_response("initiate_auth", {"AuthenticationResult": given})

    found = sessions.refresh("refresh")

    assert found == SESSION | {"id_token": ID_TOKEN, "refresh_token": "refresh"}


def test_signing_out_revokes_the_refresh_token(cognito: Stubber) -> None:
    cognito.add_response("revoke_token", {}, {"ClientId": "client", "Token": "refresh"})

    sessions.sign_out("refresh")


@pytest.mark.parametrize("code", sorted(sessions._NO_SESSION))
def test_signing_out_of_what_is_over_is_done_already(cognito: Stubber, code: str) -> None:
    cognito.add_client_error("revoke_token", code)

    sessions.sign_out("refresh")
