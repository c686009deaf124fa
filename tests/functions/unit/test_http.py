"""The shell of every route: envelope, errors as answers, bodies and headers."""

import base64
import json
from http import HTTPStatus
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from api.requests import MAX_BODY_BYTES, Event, header, json_object, query, raw_body
from api.responses import HttpError, Response, failure, redirect, success
from api.routes import route
from infra.telemetry import logger
from rentals import errors
from rentals.errors import ApplicationError

TELLING = "telling-text-4343434343434345"


def subclasses(root: type[ApplicationError]) -> list[type[ApplicationError]]:
    return [root, *(each for child in root.__subclasses__() for each in subclasses(child))]


def answer_to(error: Exception) -> Response:
    """What a route answers when its function raises `error`."""

    def failing(event: Event) -> Response:
        raise error

    return route(failing)({"resource": "/api/test"}, None)  # type: ignore[arg-type]


def body_of(response: Response) -> Any:
    return json.loads(response["body"])


def test_an_answer_comes_in_the_envelope() -> None:
    response = route(lambda event: success({"stock": 1}))({}, None)  # type: ignore[arg-type]

    assert response["statusCode"] == 200
    assert body_of(response) == {"success": True, "data": {"stock": 1}}
    assert response["headers"]["Content-Type"] == "application/json; charset=utf-8"
    assert response["headers"]["Cache-Control"] == "no-store"
    assert response["headers"]["X-Content-Type-Options"] == "nosniff"


def test_status_and_headers_of_an_answer_can_be_chosen() -> None:
    response = success(None, HTTPStatus.ACCEPTED, {"Location": "/api/rentals/1"})

    assert response["statusCode"] == 202
    assert response["headers"]["Location"] == "/api/rentals/1"
    assert response["headers"]["Cache-Control"] == "no-store"


def test_a_redirect_makes_the_browser_get_a_page_and_tells_it_nothing_more() -> None:
    response = redirect("/success.html?rental_id=1")

    assert response["statusCode"] == 303
    assert response["headers"]["Location"] == "/success.html?rental_id=1"
    assert response["headers"]["Referrer-Policy"] == "no-referrer"


def test_an_http_error_becomes_its_own_answer() -> None:
    fields = [{"field": "duration", "message": "is required"}]

    response = answer_to(
        HttpError(HTTPStatus.BAD_REQUEST, "VALIDATION_ERROR", "correct it", fields)
    )

    assert response["statusCode"] == 400
    assert body_of(response) == {
        "success": False,
        "error": "correct it",
        "code": "VALIDATION_ERROR",
        "errors": fields,
    }


ANSWERS: dict[type[ApplicationError], tuple[int, str]] = {
    errors.NotFound: (404, "NOT_FOUND"),
    errors.CollectibleNotFound: (404, "COLLECTIBLE_NOT_FOUND"),
    errors.StoreNotFound: (404, "STORE_NOT_FOUND"),
    errors.RentalNotFound: (404, "RENTAL_NOT_FOUND"),
    errors.UnitNotFound: (404, "UNIT_NOT_FOUND"),
    errors.ChargeNotFound: (404, "CHARGE_NOT_FOUND"),
    errors.NoUnitAvailable: (409, "NO_UNIT_AVAILABLE"),
    errors.RefundChanged: (409, "REFUND_CHANGED"),
    **dict.fromkeys(subclasses(errors.PaymentProviderError), (502, "PAYMENT_PROVIDER_UNAVAILABLE")),
    errors.NotPossibleNow: (409, "NOT_POSSIBLE_NOW"),
    errors.WrongStore: (409, "WRONG_STORE"),
    errors.AmbiguousNumber: (409, "AMBIGUOUS_NUMBER"),
    errors.NotAllowed: (401, "NOT_ALLOWED"),
    errors.IdempotencyKeyReused: (422, "IDEMPOTENCY_KEY_REUSED"),
    errors.TooManyOpenRentals: (429, "TOO_MANY_HOLDS"),
    errors.TooManyRequests: (429, "TOO_MANY_REQUESTS"),
    errors.InvalidAccessKey: (401, "INVALID_ACCESS_KEY"),
    errors.InvalidSignature: (401, "INVALID_SIGNATURE"),
    errors.TransientFailure: (503, "TRY_AGAIN"),
    errors.InfrastructureUnavailable: (503, "TRY_AGAIN"),
    errors.WriteContended: (503, "TRY_AGAIN"),
}


@pytest.mark.parametrize("kind", subclasses(ApplicationError), ids=lambda kind: kind.__name__)
def test_every_error_has_an_answer(kind: type[ApplicationError]) -> None:
    # Not through __init__: what matters here is the class, and one text for all.
    response = answer_to(kind.__new__(kind, TELLING))

    status, code = ANSWERS.get(kind, (500, "INTERNAL_ERROR"))
    assert (response["statusCode"], body_of(response)["code"]) == (status, code)
    assert (TELLING in response["body"]) is (status not in (500, 502))


def client_error(code: str, status: int) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": TELLING},
            "ResponseMetadata": {"HTTPStatusCode": status},  # type: ignore[typeddict-item]
        },
        "GetItem",
    )


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (client_error("ThrottlingException", 400), 503, "TRY_AGAIN"),
        (client_error("InternalServerError", 500), 503, "TRY_AGAIN"),
        (EndpointConnectionError(endpoint_url=f"https://{TELLING}"), 503, "TRY_AGAIN"),
        (BotoCoreError(), 503, "TRY_AGAIN"),
        (ValueError(TELLING), 500, "INTERNAL_ERROR"),
        (KeyError(TELLING), 500, "INTERNAL_ERROR"),
        (RecursionError(TELLING), 500, "INTERNAL_ERROR"),
    ],
)
def test_an_accident_says_nothing_of_the_inside(error: Exception, status: int, code: str) -> None:
    response = answer_to(error)

    assert response["statusCode"] == status
    assert body_of(response)["code"] == code
    assert body_of(response)["success"] is False
    assert TELLING not in json.dumps(response)


def test_an_accident_is_logged_with_its_route_and_without_aws_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer_to(client_error("AccessDeniedException", 400))

    logged = " ".join(map(logger.registered_handler.format, caplog.records))
    assert "GetItem: AccessDeniedException" in logged
    assert "/api/test" in logged
    assert TELLING not in logged


# --- bodies ---


def b64(raw: bytes) -> Event:
    return {"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}


@given(st.binary(max_size=200))
def test_a_base64_body_arrives_byte_for_byte(raw: bytes) -> None:
    assert raw_body(b64(raw)) == raw


@given(st.text(max_size=200))
def test_a_text_body_arrives_as_utf_8(text: str) -> None:
    assert raw_body({"body": text, "isBase64Encoded": False}) == text.encode()


@pytest.mark.parametrize("event", [{}, {"body": None}, {"body": "", "isBase64Encoded": True}])
def test_no_body_is_an_empty_one(event: Event) -> None:
    assert raw_body(event) == b""


@pytest.mark.parametrize("encode", [lambda raw: {"body": raw.decode()}, b64])
def test_64_kb_are_accepted_and_a_byte_more_is_not(encode: Any) -> None:
    assert len(raw_body(encode(b"x" * MAX_BODY_BYTES))) == 65_536

    with pytest.raises(HttpError, match="the body is 65537 bytes; at most 65536") as refusal:
        raw_body(encode(b"x" * (MAX_BODY_BYTES + 1)))
    assert (refusal.value.status, refusal.value.code) == (413, "BODY_TOO_LARGE")


def test_the_limit_counts_bytes_not_characters() -> None:
    with pytest.raises(HttpError) as refusal:
        raw_body({"body": "ñ" * (MAX_BODY_BYTES // 2 + 1)})

    assert refusal.value.status == 413


@pytest.mark.parametrize("body", ["%%%", "e30=x", "e30", "é", "e3\n0="])
def test_a_body_that_is_not_base64_is_refused(body: str) -> None:
    with pytest.raises(HttpError) as refusal:
        raw_body({"body": body, "isBase64Encoded": True})

    assert (refusal.value.status, refusal.value.code) == (400, "MALFORMED_BODY")


JSON: Event = {"headers": {"content-type": "application/json; charset=utf-8"}}


def test_a_json_object_is_read() -> None:
    text = JSON | {"body": '{"duration": 3, "name": "Ñ"}'}
    assert json_object(text) == {"duration": 3, "name": "Ñ"}
    assert json_object(JSON | b64(b'{"a": "\\ud83e\\udd16"}')) == {"a": "\N{ROBOT FACE}"}


@pytest.mark.parametrize("said", [None, "", "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_that_does_not_say_that_it_is_json_is_refused(said: str | None) -> None:
    """Such a request a page of another origin can have its visitors' browsers send."""
    with pytest.raises(HttpError) as refusal:
        json_object({"headers": {"Content-Type": said} if said is not None else {}, "body": "{}"})

    assert (refusal.value.status, refusal.value.code) == (415, "UNSUPPORTED_MEDIA_TYPE")


MALFORMED: dict[str, Event] = {
    "none": {},
    "truncated": {"body": "{"},
    "list": {"body": "[]"},
    "text": {"body": '"text"'},
    "null": {"body": "null"},
    "single quotes": {"body": "{'single': 1}"},
    "deep": {"body": "[" * 60_000},
    "absurd number": {"body": f'{{"duration": {"9" * 5_000}}}'},
    "surrogate in a name": {"body": '{"\\ud800": 1}'},
    "surrogate in a value": {"body": '{"name": "\\udfff"}'},
    "not UTF-8": b64(b'{"name": "\xff"}'),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_anything_else_is_malformed(name: str) -> None:
    with pytest.raises(HttpError) as refusal:
        json_object(JSON | MALFORMED[name])

    assert (refusal.value.status, refusal.value.code) == (400, "MALFORMED_JSON")


@given(st.text(max_size=100))
def test_every_answer_can_be_sent_as_utf_8(body: str) -> None:
    def echo(event: Event) -> Response:
        return success(json_object(event))

    event = JSON | {"body": f'{{"text": {json.dumps(body)}}}'}
    response = route(echo)(event, None)  # type: ignore[arg-type]

    assert body_of(response)["data"]["text"] == body
    response["body"].encode()


# --- headers and query ---


@pytest.mark.parametrize("name", ["Idempotency-Key", "idempotency-key", "IDEMPOTENCY-KEY"])
def test_header_names_have_no_case(name: str) -> None:
    assert header({"headers": {name: "k"}}, "Idempotency-Key") == "k"
    assert header({"headers": {"IdEmPoTeNcY-kEy": "k"}}, name) == "k"


@pytest.mark.parametrize("event", [{}, {"headers": None}, {"headers": {"Prefer": "x"}}])
def test_a_header_may_be_missing(event: Event) -> None:
    assert header(event, "Idempotency-Key") is None


@pytest.mark.parametrize(
    ("event", "value"),
    [
        ({}, None),
        ({"queryStringParameters": None}, None),
        ({"queryStringParameters": {"store_id": ""}}, ""),
        ({"queryStringParameters": {"store_id": "store-a"}}, "store-a"),
    ],
)
def test_a_query_parameter_may_be_missing(event: Event, value: str | None) -> None:
    assert query(event, "store_id") == value


def test_no_route_answers_with_a_body_that_may_be_cached() -> None:
    assert failure(HTTPStatus.NOT_FOUND, "X", "x")["headers"]["Cache-Control"] == "no-store"
    assert redirect("/")["headers"]["Cache-Control"] == "no-store"
