"""SES and the event bus, as far as telling needs them: what they were asked, what they refuse."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from infra import aws

Json = dict[str, Any]
SENDER = "rentals@example.com"
_BUS = "rentals-test"


@contextmanager
def taken(environment: pytest.MonkeyPatch) -> Iterator["Outside"]:
    """A sender and a bus on moto, and the settings of the function that sends."""
    for name, value in {
        "SITE_URL": "https://site.example",
        "EVENT_BUS_NAME": _BUS,
        "MAIL_SENDER": SENDER,
        "MAIL_REPLY_TO": "desk@example.com",
        "MAIL_CONFIGURATION_SET": "rentals-test",
    }.items():
        environment.setenv(name, value)
    aws.sesv2().create_email_identity(EmailIdentity=SENDER)
    aws.events().create_event_bus(Name=_BUS)
    outside = Outside()
    yield outside
    outside.close()
    aws.events().delete_event_bus(Name=_BUS)
    aws.sesv2().delete_email_identity(EmailIdentity=SENDER)


class Outside:
    """Takes what is sent, on moto; the next call can be made to fail."""

    def __init__(self) -> None:
        self.mails: list[Json] = []
        self.events: list[Json] = []
        self._refusals: dict[str, list[tuple[str, int]]] = {"SendEmail": [], "PutEvents": []}
        self._clients = {"SendEmail": aws.sesv2(), "PutEvents": aws.events()}
        for operation, client in self._clients.items():
            client.meta.events.register(f"before-call.*.{operation}", self._take)

    def close(self) -> None:
        """Leave the clients as they were."""
        for operation, client in self._clients.items():
            client.meta.events.unregister(f"before-call.*.{operation}", self._take)

    def refuse(self, operation: str, code: str, status: int = 400) -> None:
        """The next such call ends in this error, whatever botocore tries."""
        self._refusals[operation].append((code, status))

    def _take(self, model: Any, params: Json, **_: Any) -> Any:
        if self._refusals[model.name]:
            code, status = self._refusals[model.name].pop(0)
            error = {"Code": code, "Message": f"refused: {params['body']!r}"}
            return AWSResponse("", status, HTTPHeaders(), None), {
                "Error": error,
                "ResponseMetadata": {"HTTPStatusCode": status},
            }
        body = json.loads(params["body"])
        if model.name == "SendEmail":
            self.mails.append(body)
        else:
            self.events += body["Entries"]
        return None
