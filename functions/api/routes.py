"""What every route's handler shares: errors become clear answers, and CORS."""

import functools
from collections.abc import Callable
from http import HTTPStatus

from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from api.requests import ACCESS_KEY_HEADER, Event, header
from api.responses import HttpError, Response, failure
from infra.aws import describe
from infra.telemetry import logger, metrics
from rentals.errors import (
    AmbiguousNumber,
    ApplicationError,
    ChargeNotFound,
    CollectibleNotFound,
    IdempotencyKeyReused,
    InvalidAccessKey,
    InvalidSignature,
    NotAllowed,
    NotFound,
    NotPossibleNow,
    NoUnitAvailable,
    PaymentProviderError,
    RefundChanged,
    RentalNotFound,
    StoreNotFound,
    TooManyOpenRentals,
    TooManyRequests,
    TransientFailure,
    UnitNotFound,
    WrongStore,
)

# What pages of other origins may send and read. Never with credentials: the API has none.
_CORS_HEADERS = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": f"Content-Type, Idempotency-Key, Prefer, {ACCESS_KEY_HEADER}",
    "Access-Control-Expose-Headers": "Location, Retry-After",
    "Access-Control-Max-Age": "7200",
}

# The API's codes are a contract, so they are written out. Never 403: the distribution takes that
# for a page that does not exist (template.yaml). Subclasses stand before their bases.
_ANSWERS: dict[type[ApplicationError], tuple[HTTPStatus, str]] = {
    CollectibleNotFound: (HTTPStatus.NOT_FOUND, "COLLECTIBLE_NOT_FOUND"),
    StoreNotFound: (HTTPStatus.NOT_FOUND, "STORE_NOT_FOUND"),
    RentalNotFound: (HTTPStatus.NOT_FOUND, "RENTAL_NOT_FOUND"),
    UnitNotFound: (HTTPStatus.NOT_FOUND, "UNIT_NOT_FOUND"),
    ChargeNotFound: (HTTPStatus.NOT_FOUND, "CHARGE_NOT_FOUND"),
    NotFound: (HTTPStatus.NOT_FOUND, "NOT_FOUND"),
    IdempotencyKeyReused: (HTTPStatus.UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED"),
    TooManyRequests: (HTTPStatus.TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS"),
    TooManyOpenRentals: (HTTPStatus.TOO_MANY_REQUESTS, "TOO_MANY_HOLDS"),
    NoUnitAvailable: (HTTPStatus.CONFLICT, "NO_UNIT_AVAILABLE"),
    RefundChanged: (HTTPStatus.CONFLICT, "REFUND_CHANGED"),
    NotPossibleNow: (HTTPStatus.CONFLICT, "NOT_POSSIBLE_NOW"),
    WrongStore: (HTTPStatus.CONFLICT, "WRONG_STORE"),
    AmbiguousNumber: (HTTPStatus.CONFLICT, "AMBIGUOUS_NUMBER"),
    NotAllowed: (HTTPStatus.UNAUTHORIZED, "NOT_ALLOWED"),
    InvalidAccessKey: (HTTPStatus.UNAUTHORIZED, "INVALID_ACCESS_KEY"),
    InvalidSignature: (HTTPStatus.UNAUTHORIZED, "INVALID_SIGNATURE"),
    TransientFailure: (HTTPStatus.SERVICE_UNAVAILABLE, "TRY_AGAIN"),
}


def route(answer: Callable[[Event], Response]) -> Callable[[Event, LambdaContext], Response]:
    """Make a handler of a function from an API Gateway proxy event to a response.

    Errors that the caller can do something about become 4xx; everything else is logged by class
    and becomes a 500 that says nothing of the inside.
    """

    @metrics.log_metrics
    @functools.wraps(answer)
    def handler(event: Event, context: LambdaContext) -> Response:
        logger.structure_logs(append=False, route=event.get("resource"))
        try:
            response = answer(event)
        except HttpError as error:
            response = failure(error.status, error.code, str(error), error.field_errors)
        except PaymentProviderError as error:
            logger.warning("PayMongo did not do it", extra={"error": str(error)})
            response = failure(
                HTTPStatus.BAD_GATEWAY,
                "PAYMENT_PROVIDER_UNAVAILABLE",
                "the payment page could not be opened and nothing was charged; please try again",
            )
        except ApplicationError as error:
            response = _answer_to(error)
        except (ClientError, BotoCoreError) as error:
            logger.error("an AWS call failed", extra={"call": describe(error)})
            response = failure(
                HTTPStatus.SERVICE_UNAVAILABLE, "TRY_AGAIN", "something is slow here; try again"
            )
        except Exception:  # noqa: BLE001 - logged here; the answer says nothing
            logger.exception("unexpected error")
            response = failure(
                HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", "something went wrong here"
            )
        logger.info("answered", extra={"status": response["statusCode"]})
        response["headers"] |= _cors(event)
        return response

    return handler


def _cors(event: Event) -> dict[str, str]:
    """Headers for the origin that asks, if the template allows it (SiteUrl, OtherOrigins): the list
    is a variable of API Gateway's stage.
    """
    allowed = (event.get("stageVariables") or {}).get("AllowedOrigins", "").split(",")
    origin = header(event, "Origin")
    if not origin or origin not in allowed:
        return {"Vary": "Origin"}
    return {"Vary": "Origin", "Access-Control-Allow-Origin": origin, **_CORS_HEADERS}


def _answer_to(error: ApplicationError) -> Response:
    for kind, (status, code) in _ANSWERS.items():
        if isinstance(error, kind):
            return failure(status, code, str(error))
    logger.exception("an error that has no answer of its own")
    return failure(HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", "something went wrong here")
