"""Errors of AWS's and PayMongo's as a person can act on them."""

from botocore import exceptions
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)

from rentals.errors import (
    ApplicationError,
    PaymentProviderRejected,
    PaymentProviderUnavailable,
)
from tools.ops.errors import CannotReach, CommandError, NotUnderstood
from tools.ops.target import Target

_OF_PAYMONGO = (PaymentProviderUnavailable, PaymentProviderRejected)
EXPLAINED = (CommandError, ClientError, BotoCoreError, ApplicationError)


def explain(error: Exception, target: Target) -> CommandError:
    """What is wrong and what to do about it. Raises TypeError for an error not of EXPLAINED."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, ClientError):
        return _of_aws(error)
    if isinstance(error, BotoCoreError):
        return _of_botocore(error, target)
    if isinstance(error, _OF_PAYMONGO):
        return _of_paymongo(error)
    if isinstance(error, ApplicationError):
        return CommandError(str(error))
    raise TypeError(f"a {type(error).__name__} is a mistake in the program")


def _of_aws(error: ClientError) -> CommandError:
    code = error.response["Error"]["Code"]
    if code in ("ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException"):
        return CannotReach(
            f"AWS does not accept these credentials ({code})", "log in again (aws sso login)"
        )
    if "AccessDenied" in code or code in ("UnauthorizedOperation", "InvalidClientTokenId"):
        return CannotReach(
            f"not allowed: {error.operation_name} ({code})",
            "use a profile that may; docs/runbook.md lists what operators need",
        )
    return CannotReach(f"{error.operation_name} failed: {error.response['Error']['Message']}")


def _of_botocore(error: BotoCoreError, target: Target) -> CommandError:
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return CannotReach(
            "there are no AWS credentials", "give --profile, or log in (aws sso login)"
        )
    if isinstance(error, exceptions.InvalidRegionError):
        return NotUnderstood(str(error), "--region takes one as ap-southeast-1")
    if not isinstance(error, exceptions.ConnectionError | HTTPClientError):
        return CommandError(f"nothing was sent: {error}")
    if target.is_local:
        return CannotReach(
            f"nothing answers at {target.endpoint_url} ({type(error).__name__})",
            "is the stack running (make run)? Set AWS_PORT or AWS_ENDPOINT_URL if it has another"
            " port, or name an AWS account with --profile",
        )
    return CannotReach(f"AWS cannot be reached: {error}")


def _of_paymongo(error: PaymentProviderUnavailable | PaymentProviderRejected) -> CommandError:
    if isinstance(error, PaymentProviderRejected) and error.status in (401, 403):
        return CannotReach(
            f"PayMongo refuses the key ({error})",
            "correct secretKey in the secret before trying again: PayMongo blocks callers that"
            " keep coming with a wrong key",
        )
    if isinstance(error, PaymentProviderRejected):
        return CommandError(str(error), "404 may mean that it belongs to the other mode")
    return CannotReach(f"PayMongo does not answer ({error})", "try again in a moment")
