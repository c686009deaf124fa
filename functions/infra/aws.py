"""AWS clients, made once per execution environment, and the errors that their calls raise."""

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.errors import ApplicationError

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_stepfunctions import SFNClient

# Short enough that several tries fit into a function's 30 s; the state machines retry for longer.
_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
)


@cache
def dynamodb() -> "DynamoDBClient":
    """The DynamoDB client."""
    return boto3.client("dynamodb", config=_CONFIG)


@cache
def stepfunctions() -> "SFNClient":
    """The Step Functions client."""
    return boto3.client("stepfunctions", config=_CONFIG)


@cache
def secretsmanager() -> "SecretsManagerClient":
    """The Secrets Manager client."""
    return boto3.client("secretsmanager", config=_CONFIG)


@cache
def events() -> "EventBridgeClient":
    """The EventBridge client."""
    return boto3.client("events", config=_CONFIG)


@cache
def sesv2() -> "SESV2Client":
    """The SES client."""
    return boto3.client("sesv2", config=_CONFIG)


@cache
def cognito() -> "CognitoIdentityProviderClient":
    """The client of Amazon Cognito's user pools."""
    return boto3.client("cognito-idp", config=_CONFIG)


@cache
def s3() -> "S3Client":
    """The S3 client. It signs for the bucket's address in its region, which the site's
    Content-Security-Policy names.
    """
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
    )
    return boto3.client("s3", config=_CONFIG.merge(config))


_WORTH_A_RETRY = {
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflictException",  # a single write met a transaction on the same row
}


def is_transient(error: ClientError | BotoCoreError) -> bool:
    """Whether asking again may help: no connection, throttled, in conflict, or an error of AWS."""
    if isinstance(error, BotoCoreError):
        return True
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or error.response["Error"]["Code"] in _WORTH_A_RETRY


def describe(error: ClientError | BotoCoreError | ApplicationError) -> str:
    """Which call failed and how, without what was in it; of an error of ours, its message."""
    if isinstance(error, ApplicationError):
        return str(error)
    if isinstance(error, ClientError):
        return f"{error.operation_name}: {error.response['Error']['Code']}"
    return type(error).__name__
