"""What every Task state's handler shares: which rental, its log lines, and AWS errors by name."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws import describe, is_transient
from infra.telemetry import logger, metrics
from rentals import repository
from rentals.errors import ApplicationError, InfrastructureUnavailable
from rentals.models import Rental

Result = TypeVar("Result")
Event = dict[str, Any]


def task(
    state: Callable[[Rental, Event], Result],
) -> Callable[[Event, LambdaContext], Result]:
    """Make a handler of a function that is given the rental and the state's payload.

    An AWS call that a retry may cure becomes InfrastructureUnavailable, which the state machines
    retry; any other keeps its class and ends in compensation.
    """

    @metrics.log_metrics
    @functools.wraps(state)
    def handler(event: Event, context: LambdaContext) -> Result:
        logger.structure_logs(append=False, rental_id=event["rental_id"], state=event.get("state"))
        try:
            result = state(repository.get(event["rental_id"]), event)
        except (ClientError, BotoCoreError) as error:
            if not is_transient(error):
                raise
            logger.warning("an AWS call failed", extra={"call": describe(error)})
            raise InfrastructureUnavailable(describe(error)) from None
        except ApplicationError as error:
            # The execution's history has it too, but only this is searched by `./rentals log`.
            logger.warning("failed", extra={"error": type(error).__name__, "cause": str(error)})
            raise
        logger.info("done", extra={"result": result})
        return result

    return handler
