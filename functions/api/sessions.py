"""Signing in to the staff's user pool (Amazon Cognito).

Cognito takes these calls from anybody: what lets somebody in is the password, not a role. It counts
wrong ones, and makes who goes on trying wait longer each time.
"""

import base64
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from api.responses import HttpError
from api.staff import staff_of
from infra.aws import cognito
from infra.settings import setting

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp.type_defs import AuthenticationResultTypeTypeDef

Json = dict[str, Any]

_THROTTLED = {"LimitExceededException", "TooManyRequestsException"}
_WEAK = {"InvalidPasswordException", "InvalidParameterException"}
_REFUSED = {
    "NotAuthorizedException",
    "PasswordResetRequiredException",
    "UserNotConfirmedException",
    "UserNotFoundException",
}
_NO_SESSION = {"InvalidParameterException", "UnsupportedTokenTypeException", *_REFUSED}
# As StaffPool's policy has it (template.yaml).
_POLICY = "must have 12 characters or more, with upper and lower case letters and digits"


def sign_in(email: str, password: str, new_password: str) -> Json:
    """A session; `new_password` takes the place of a first password.

    Raises HttpError: 401 whatever is not right, 409 when a new password must be given, 400 when it
    is too weak, 429.
    """
    try:
        answer = cognito().initiate_auth(
            ClientId=setting("STAFF_CLIENT_ID"),
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": password},
        )
    except ClientError as error:
        raise _refusal(error) from None
    if answer.get("ChallengeName") == "NEW_PASSWORD_REQUIRED":
        # Cognito's own name for who signs in by an e-mail address.
        name = answer.get("ChallengeParameters", {}).get("USER_ID_FOR_SRP", email)
        return _replace_first_password(name, new_password, answer["Session"])
    return _session(answer["AuthenticationResult"])


def _replace_first_password(name: str, new_password: str, challenge: str) -> Json:
    if not new_password:
        raise HttpError(
            HTTPStatus.CONFLICT,
            "NEW_PASSWORD_REQUIRED",
            "choose a password of your own: send it as new_password, beside the one you were given",
        )
    try:
        answer = cognito().respond_to_auth_challenge(
            ClientId=setting("STAFF_CLIENT_ID"),
            ChallengeName="NEW_PASSWORD_REQUIRED",
            Session=challenge,
            ChallengeResponses={"USERNAME": name, "NEW_PASSWORD": new_password},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in _WEAK:
            raise _refusal(error) from None
        raise HttpError(
            HTTPStatus.BAD_REQUEST,
            "VALIDATION_ERROR",
            "please correct: new_password",
            [{"field": "new_password", "message": _POLICY}],
        ) from None
    return _session(answer["AuthenticationResult"])


def refresh(refresh_token: str) -> Json:
    """The session goes on, with a new identity token. Raises HttpError: 401, 429."""
    try:
        answer = cognito().initiate_auth(
            ClientId=setting("STAFF_CLIENT_ID"),
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": refresh_token},
        )
    except ClientError as error:
        raise _refusal(error) from None
    return _session({"RefreshToken": refresh_token, **answer["AuthenticationResult"]})


def sign_out(refresh_token: str) -> None:
    """The session does not go on; its identity token is good until it expires. Raises HttpError."""
    try:
        cognito().revoke_token(ClientId=setting("STAFF_CLIENT_ID"), Token=refresh_token)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NO_SESSION:
            raise _refusal(error) from None


def _session(tokens: "AuthenticationResultTypeTypeDef") -> Json:
    staff = staff_of(_claims(tokens["IdToken"]))
    return {
        "id_token": tokens["IdToken"],
        "refresh_token": tokens["RefreshToken"],
        "expires_in": tokens["ExpiresIn"],
        "name": staff.name,
        "stores": list(staff.stores),
        "is_manager": staff.is_manager,
    }


def _claims(token: str) -> Mapping[str, Any]:
    """What a token says that Cognito itself has just given us; nothing is verified."""
    payload = token.split(".")[1]
    claims: Json = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def _refusal(error: ClientError) -> Exception:
    """The same for a wrong password, an unknown address and an account that was ended: nobody can
    learn who works here.
    """
    code = error.response["Error"]["Code"]
    if code in _THROTTLED:
        return HttpError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "THROTTLED",
            "too many tries; wait a minute, then try again",
        )
    if code in _REFUSED:
        return HttpError(
            HTTPStatus.UNAUTHORIZED,
            "SIGN_IN_FAILED",
            "the e-mail address or the password is not right, or the session is over",
        )
    return error
