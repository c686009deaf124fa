"""Our own event bus (EventBridge). Events are put at least once."""

import json
from collections.abc import Mapping
from typing import Any

from infra.aws import events
from infra.errors import InfrastructureUnavailable
from infra.settings import setting


def put(source: str, detail_type: str, detail: Mapping[str, Any]) -> None:
    """Put one event on the bus. Raises InfrastructureUnavailable when the bus did not take it."""
    answer = events().put_events(
        Entries=[
            {
                "EventBusName": setting("EVENT_BUS_NAME"),
                "Source": source,
                "DetailType": detail_type,
                "Detail": json.dumps(detail),
            }
        ]
    )
    if answer["FailedEntryCount"]:
        raise InfrastructureUnavailable(f"PutEvents: {answer['Entries'][0]['ErrorCode']}")
