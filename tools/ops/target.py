"""Which stack a command acts on, and where its parts are.

Nothing but the stack's name has to be known: tables, functions, state machines, queues and settings
are asked of CloudFormation. A command acts on AWS when a profile, an endpoint or credentials are
given, by options or in the environment, and on the stack that `make run` started otherwise.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError, ProfileNotFound

from tools.ops.errors import CannotReach, CommandError, NotUnderstood
from tools.ops.loopback import LOOPBACK

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBServiceResource

DEFAULT_STACK_NAME = "mongocollectibles"
LOCAL_REGION = "ap-southeast-1"
LOCAL_AWS_PORT = 4566
# The local engine's root credentials; they open nothing else.
LOCAL_CREDENTIALS = ("test", "test")

_CHOOSES_AWS = (
    "AWS_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
# Commands ask for many rows and log groups at once.
_CONFIG = Config(
    connect_timeout=3,
    read_timeout=60,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=32,
)


@dataclass(frozen=True)
class Target:
    """A stack to act on. `endpoint_url` is None for AWS itself."""

    stack_name: str = DEFAULT_STACK_NAME
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    _clients: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine."""
        return urlsplit(self.endpoint_url or "").hostname in LOOPBACK

    @cached_property
    def session(self) -> boto3.Session:
        """The credentials and region that are used. Raises CannotReach."""
        region = self.region or os.environ.get("AWS_REGION")
        try:
            if self.is_local and self.profile is None and "AWS_ACCESS_KEY_ID" not in os.environ:
                return boto3.Session(*LOCAL_CREDENTIALS, region_name=region or LOCAL_REGION)
            session = boto3.Session(profile_name=self.profile, region_name=region)
        except ProfileNotFound:
            name = self.profile or os.environ.get("AWS_PROFILE")
            known = ", ".join(botocore.session.Session().available_profiles) or "none"
            raise CannotReach(
                f"there is no AWS profile {name!r}", f"profiles that exist: {known}"
            ) from None
        if session.region_name is None and self.is_local:
            session = boto3.Session(profile_name=self.profile, region_name=LOCAL_REGION)
        if session.region_name is None:
            raise CannotReach("which region?", "give --region, or set AWS_REGION")
        return session

    def client(self, service: str) -> Any:
        """A boto3 client; one of each kind is made."""
        if service not in self._clients:
            self._clients[service] = self.session.client(
                service,  # type: ignore[call-overload]
                endpoint_url=self.endpoint_url,
                config=_CONFIG,
            )
        return self._clients[service]

    @cached_property
    def dynamodb(self) -> "DynamoDBServiceResource":
        """DynamoDB with plain Python values."""
        return self.session.resource("dynamodb", endpoint_url=self.endpoint_url, config=_CONFIG)

    def describe(self) -> str:
        """For people, before anything is changed: where it will happen."""
        if self.endpoint_url is not None:
            return f"stack {self.stack_name} at {self.endpoint_url}"
        account = self.client("sts").get_caller_identity()["Account"]
        who = f", profile {self.profile}" if self.profile else ""
        return f"stack {self.stack_name} of account {account} in {self.session.region_name}{who}"

    @cached_property
    def caller(self) -> str:
        """Who acts, for what is kept: `user/ana`, `assumed-role/Operators/ana`."""
        arn: str = self.client("sts").get_caller_identity()["Arn"]
        return arn.split(":", 5)[-1]

    @cached_property
    def stack(self) -> "Stack":
        """What is deployed. Raises CannotReach, also when there is no such stack."""
        cloudformation = self.client("cloudformation")
        try:
            (described,) = cloudformation.describe_stacks(StackName=self.stack_name)["Stacks"]
            pages = cloudformation.get_paginator("list_stack_resources").paginate(
                StackName=self.stack_name
            )
            resources = [each for page in pages for each in page["StackResourceSummaries"]]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                raise CannotReach(
                    f"there is no stack {self.stack_name!r} here", "give its name with --stack-name"
                ) from None
            raise
        return Stack(
            parameters={
                each["ParameterKey"]: each.get("ResolvedValue") or each["ParameterValue"]
                for each in described.get("Parameters", ())
            },
            outputs={
                each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", ())
            },
            resources={
                each["LogicalResourceId"]: each["PhysicalResourceId"]
                for each in resources
                if each.get("PhysicalResourceId")
            },
            types={each["LogicalResourceId"]: each["ResourceType"] for each in resources},
        )

    def table(self, name: str) -> Any:
        """A table by the name that it has in the design: `Rentals`, `Units`, ..."""
        return self.dynamodb.Table(self.stack.physical_id(f"{name}Table"))


@dataclass(frozen=True)
class Stack:
    """What CloudFormation knows of a deployed stack, by logical id."""

    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    resources: Mapping[str, str]
    types: Mapping[str, str]

    def physical_id(self, logical_id: str) -> str:
        """The name, ARN or URL of a resource. Raises CommandError."""
        if logical_id not in self.resources:
            raise CommandError(
                f"the stack has no {logical_id}", "is it this project's stack, and up to date?"
            )
        return self.resources[logical_id]

    def live(self, logical_id: str) -> str:
        """What to call of a function or state machine: its alias, where it is deployed with one."""
        return self.resources.get(f"{logical_id}Aliaslive") or self.physical_id(logical_id)

    def of_type(self, resource_type: str) -> dict[str, str]:
        """Physical ids by logical id of all resources of a type."""
        return {
            logical_id: physical_id
            for logical_id, physical_id in self.resources.items()
            if self.types[logical_id] == resource_type
        }

    @property
    def functions(self) -> dict[str, str]:
        """Function names by logical id."""
        return self.of_type("AWS::Lambda::Function")

    @property
    def site_url(self) -> str:
        """Where customers and PayMongo reach the stack, without a slash at the end."""
        url = self.outputs.get("SiteUrl") or self.parameters["SiteUrl"]
        return url.rstrip("/")

    @property
    def webhook_url(self) -> str:
        """Where PayMongo posts its events."""
        return f"{self.site_url}/api/webhooks/paymongo"


def choose(
    *,
    stack_name: str | None = None,
    profile: str | None = None,
    region: str | None = None,
    endpoint_url: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Target:
    """The stack that options and environment mean; options win. Raises NotUnderstood."""
    if endpoint_url is None and profile is None:
        endpoint_url = environment.get("AWS_ENDPOINT_URL") or None
        if endpoint_url is None and not any(environment.get(name) for name in _CHOOSES_AWS):
            endpoint_url = f"http://127.0.0.1:{environment.get('AWS_PORT') or LOCAL_AWS_PORT}"
            _require_address(endpoint_url, "AWS_PORT takes a port, from 1 to 65535")
    if endpoint_url is not None:
        _require_address(endpoint_url, "an endpoint is written http://127.0.0.1:4566")
    stack_name = stack_name or environment.get("STACK_NAME") or DEFAULT_STACK_NAME
    return Target(stack_name, profile, region, endpoint_url)


def _require_address(url: str, hint: str) -> None:
    """Raises NotUnderstood for what clients could not be pointed at."""
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one:
        raise NotUnderstood(f"{url!r} is no address of an AWS endpoint", hint)
