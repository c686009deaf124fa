"""Customers who come back from PayMongo get a page, also while something here is down."""

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError, EndpointConnectionError

from api import get_payment_failed, get_payment_success, redirects
from rentals.errors import InvalidSignature, WriteContended

EVENT = {
    "resource": "/payment/success",
    "queryStringParameters": {"rental_id": "a&b", "signature": "0" * 64},
}
DOWN = [
    WriteContended("rental is busy"),
    EndpointConnectionError(endpoint_url="https://dynamodb"),
    ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "GetItem"),
]


@pytest.mark.parametrize("trouble", DOWN, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize(
    ("module", "page"),
    [(get_payment_success, "/success.html"), (get_payment_failed, "/rental.html")],
    ids=["success", "failed"],
)
def test_customer_gets_a_page_that_goes_on_asking(
    module: object, page: str, trouble: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise trouble

    monkeypatch.setattr(module, "rental_of", fail)

    response = module.handler(EVENT, LambdaContext())  # type: ignore[attr-defined]

    assert response["statusCode"] == 303
    assert response["headers"]["Location"] == f"{page}?rental_id=a%26b"


def test_link_that_was_not_signed_by_us_is_still_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise InvalidSignature("not ours")

    monkeypatch.setattr(redirects, "verify_with_any", refuse)
    monkeypatch.setattr(redirects, "url_signing_key", lambda: b"key")

    assert get_payment_success.handler(EVENT, LambdaContext())["statusCode"] == 401
