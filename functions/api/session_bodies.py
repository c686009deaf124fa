"""The bodies of signing in and out at the desk, checked all at once (pydantic)."""

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from api.bodies import Body, Email

# Cognito takes no longer ones.
Password = Annotated[str, Field(max_length=256)]
Token = Annotated[str, Field(max_length=8192)]


def _is_there_or_a_password(token: str, info: ValidationInfo) -> str:
    if not (token or (info.data.get("email") and info.data.get("password"))):
        raise ValueError("must be sent, or email and password")
    return token


class Session(Body):
    """POST /api/desk/session: an e-mail address with its password, or a refresh token."""

    email: Email = ""
    password: Password = ""
    new_password: Password = ""
    refresh_token: Annotated[
        Token, Field(validate_default=True), AfterValidator(_is_there_or_a_password)
    ] = ""


class SignOut(Body):
    """POST /api/desk/sign-out."""

    refresh_token: Annotated[Token, Field(min_length=1)]
