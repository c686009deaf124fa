"""What a call of a function says about itself: who calls what, on which resource, for which rental.

Towards AWS, functions say who they are in the user agent (AWS_SDK_UA_APP_ID, set by
tools/local/package.py), X-Ray's trace header tells invocations apart, and a rental is known from
the first call of an invocation that names it. Towards PayMongo, the caller is the process on the
other end of the connection (processes.py).
"""

import json
import re
from email.message import Message
from typing import Any

from tests.support.recording.processes import UNKNOWN
from tests.support.recording.proxy import Request

RENTAL_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
PAYMONGO_ID = re.compile(r"\b(?:cs|pi|pay|ref)_\w+")
IDENTITY = "identity/*"  # the sender's, which has its name from the account

_APP = re.compile(r"\bapp/(\w+)")
_SERVICES = {
    "DynamoDB_20120810": "dynamodb",
    "AWSStepFunctions": "states",
    "secretsmanager": "secretsmanager",
    "AmazonSSM": "ssm",
    "AWSEvents": "events",
}
# Anybody may sign in who knows a password.
_NEEDS_NONE = {"AWSCognitoIdentityProviderService"}
# What has no X-Amz-Target.
_SEND_EMAIL = "/v2/email/outbound-emails"
# The IAM action that a part of a transaction needs.
_IN_A_TRANSACTION = {
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}
# Where a request names its resource.
_NAMES = ("stateMachineArn", "executionArn", "SecretId", "Name")


def caller(headers: Message) -> str:
    """The logical id of the function that sent a request to AWS."""
    app = _APP.search(headers.get("User-Agent", ""))
    return app[1] if app else UNKNOWN


def operation(request: Request) -> str:
    """The API operation, such as `GetItem`."""
    if request.path == _SEND_EMAIL:
        return "SendEmail"
    return request.headers.get("X-Amz-Target", UNKNOWN).partition(".")[2]


def target(body: str) -> str:
    """The table, index, state machine, secret, bus or kind of mail that a call concerns."""
    try:
        request = json.loads(body)
    except ValueError:
        return ""
    if several := request.get("TransactItems"):
        tables = [each["TableName"] for item in several for each in item.values()]
    else:
        tables = list(request.get("RequestItems", ()))
    if tables:
        return "+".join(_short(table) for table in tables)
    if "IndexName" in request:
        return str(request["IndexName"])
    if "Entries" in request:
        return _short(request["Entries"][0]["EventBusName"])
    for name in ("TableName", "stateMachineArn", "SecretId", "ConfigurationSetName"):
        if name in request:
            return _short(str(request[name]))
    return ""


def permissions(called: Request) -> list[tuple[str, str]]:
    """The IAM actions that a call needs, each with its resource as the request names it."""
    prefix, _, name = called.headers.get("X-Amz-Target", UNKNOWN).partition(".")
    if called.path == _SEND_EMAIL:
        request: dict[str, Any] = json.loads(called.body)
        return [("ses:SendEmail", each) for each in (IDENTITY, request["ConfigurationSetName"])]
    if prefix == UNKNOWN:  # S3; what else reaches it comes from browsers, by what we have signed
        bucket, _, query = called.path.lstrip("/").partition("?")
        return [("s3:ListBucket", bucket)] if "list-type=2" in query else []
    return [] if prefix in _NEEDS_NONE else _of_json(prefix, name, json.loads(called.body or b"{}"))


def _of_json(prefix: str, name: str, request: dict[str, Any]) -> list[tuple[str, str]]:
    service = _SERVICES.get(prefix, prefix)
    if "Entries" in request:
        return [(f"{service}:{name}", each["EventBusName"]) for each in request["Entries"]]
    if "RequestItems" in request:
        return [(f"{service}:{name}", table) for table in request["RequestItems"]]
    if "TransactItems" in request:
        return [
            (_IN_A_TRANSACTION[kind], each["TableName"])
            for item in request["TransactItems"]
            for kind, each in item.items()
        ]
    if "TableName" in request:
        index = f"/index/{request['IndexName']}" if "IndexName" in request else ""
        return [(f"{service}:{name}", request["TableName"] + index)]
    resource = next((request[each] for each in _NAMES if each in request), "*")
    return [(f"{service}:{name}", str(resource))]


def _short(name: str) -> str:
    """`MongoCollectibles-Rentals` as `Rentals`, a state machine's ARN as its logical name."""
    name = name.rpartition(":")[2]
    parts = name.split("/")[-1].split("-")
    return parts[1] if len(parts) > 1 and parts[0].lower() == "mongocollectibles" else parts[-1]
