"""Having functions/rentals act on a deployed stack: with the environment of one of its functions,
and with the caller's own credentials.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import boto3

from infra import aws, secret_values, settings
from infra.telemetry import logger
from rentals import catalogue
from tools.ops.target import Target

# It does what the desk does, so it has every setting that this takes.
_FUNCTION = "FollowFulfillmentFunction"


@contextmanager
def domain_of(target: Target) -> Iterator[None]:
    """In here functions/rentals read and change the target's stack, one stack at a time in a
    process. What they would log is not logged: it is for CloudWatch.
    """
    configuration = target.client("lambda").get_function_configuration(
        FunctionName=target.stack.live(_FUNCTION)
    )
    given = configuration["Environment"]["Variables"]
    environment, session, level = dict(os.environ), boto3.DEFAULT_SESSION, logger.log_level
    forget()
    os.environ |= {name: value for name, value in given.items() if not name.startswith("AWS_")}
    if target.endpoint_url is not None:
        os.environ["AWS_ENDPOINT_URL"] = target.endpoint_url
    boto3.DEFAULT_SESSION = target.session
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= environment
        boto3.DEFAULT_SESSION = session
        logger.setLevel(level)
        forget()


def forget() -> None:
    """Give up what functions keep for the life of an execution environment."""
    kept = (aws.dynamodb, aws.stepfunctions, aws.secretsmanager)
    for each in (*kept, settings.setting, settings.integer_setting):
        each.cache_clear()
    secret_values._cache.clear()
    catalogue._warehouses = None
