"""What every task of the state machines shares."""

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from rentals import repository
from rentals.errors import InfrastructureUnavailable, PaymentProviderRejected
from rentals.models import Rental
from tests.support.samples import PENDING_RENTAL
from workflow.task import Event, task

TELLING = "telling-text"


def client_error(code: str, status: int) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": TELLING},
            "ResponseMetadata": {"HTTPStatusCode": status},  # type: ignore[typeddict-item]
        },
        "UpdateItem",
    )


@pytest.fixture(autouse=True)
def one_rental(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "get", lambda rental_id: PENDING_RENTAL)


def run_failing(error: Exception) -> None:
    @task
    def handler(rental: Rental, event: Event) -> None:
        raise error

    handler({"rental_id": PENDING_RENTAL.id, "state": "ReserveUnit"}, None)  # type: ignore[arg-type]


def test_a_task_gets_its_rental_and_its_payload() -> None:
    @task
    def handler(rental: Rental, event: Event) -> tuple[Rental, str]:
        return rental, event["reason"]

    event = {"rental_id": PENDING_RENTAL.id, "state": "ReleaseUnit", "reason": "declined"}
    assert handler(event, None) == (PENDING_RENTAL, "declined")  # type: ignore[arg-type]


def test_an_error_of_ours_keeps_its_class_and_is_logged_with_its_cause(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(PaymentProviderRejected):
        run_failing(PaymentProviderRejected("create checkout session", 400, ["parameter_invalid"]))

    (record,) = (each for each in caplog.records if each.levelname == "WARNING")
    assert record.error == "PaymentProviderRejected"  # type: ignore[attr-defined]
    assert "400 parameter_invalid" in record.cause  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("error", "description"),
    [
        (client_error("ThrottlingException", 400), "UpdateItem: ThrottlingException"),
        (client_error("ProvisionedThroughputExceededException", 400), "UpdateItem: Provisioned"),
        (client_error("RequestLimitExceeded", 400), "UpdateItem: RequestLimitExceeded"),
        (client_error("InternalServerError", 500), "UpdateItem: InternalServerError"),
        (client_error("ServiceUnavailable", 503), "UpdateItem: ServiceUnavailable"),
        (ConnectTimeoutError(endpoint_url=TELLING), "ConnectTimeoutError"),
        (ReadTimeoutError(endpoint_url=TELLING), "ReadTimeoutError"),
    ],
)
def test_a_failure_of_aws_that_may_pass_is_one_that_the_state_machines_retry(
    error: Exception, description: str
) -> None:
    with pytest.raises(InfrastructureUnavailable, match=f"^{description}") as raised:
        run_failing(error)

    assert TELLING not in str(raised.value)


@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException"])
def test_a_failure_of_aws_that_will_not_pass_is_not_retried(code: str) -> None:
    with pytest.raises(ClientError):
        run_failing(client_error(code, 400))


def test_a_rental_that_cannot_be_read_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    def throttled(rental_id: str) -> Rental:
        raise client_error("ThrottlingException", 400)

    monkeypatch.setattr(repository, "get", throttled)

    with pytest.raises(InfrastructureUnavailable):
        run_failing(AssertionError("the state must not run"))
