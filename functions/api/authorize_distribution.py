"""API Gateway asks before every route but the desk's: does the request come by the distribution?

The distribution adds a secret header and says where a request comes from. Who calls the stage past
it could say anything. API Gateway keeps the answer for a value of the header for five minutes.
"""

import hmac
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from api.requests import Event, header
from infra import secret_values
from infra.errors import InvalidSignature
from infra.settings import setting

ORIGIN_KEY_HEADER = "X-Origin-Key"


def handler(event: Event, context: LambdaContext) -> dict[str, Any]:
    """A policy for the whole stage: the current and the previous value of the secret are good."""
    secret_id = setting("ORIGIN_SECRET_ID")
    given = (header(event, ORIGIN_KEY_HEADER) or "").encode()

    def verify(key: str) -> None:
        if not hmac.compare_digest(key.encode(), given):
            raise InvalidSignature("not the distribution's key")

    try:
        secret_values.verify_with_any(
            verify, secret_values.current(secret_id), secret_values.others(secret_id)
        )
        effect = "Allow"
    except InvalidSignature:
        effect = "Deny"
    api, stage, *_ = event["methodArn"].split("/")
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": f"{api}/{stage}/*"}
    return {
        "principalId": "distribution",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    }
