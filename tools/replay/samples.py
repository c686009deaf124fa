"""The sample events of events/.

An event's folder is the logical id of its function or rule in template.yaml; `schemas` are no
samples. As they are, all events tell of one rental, which no stack has.
"""

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.ops.errors import CommandError
from tools.sources import ROOT

Json = dict[str, Any]

EVENTS = ROOT / "events"

SAMPLE_RENTAL_ID = "bba8670d-6d12-575b-8f3c-ae68939ecbb2"
SAMPLE_SESSION_ID = "cs_sample000000000000000000"
SAMPLE_INTENT_ID = "pi_sample000000000000000000"
SAMPLE_PAYMENT_ID = "pay_sample00000000000000000"
SAMPLE_REFUND_ID = "ref_sample00000000000000000"
SAMPLE_MESSAGE_ID = "sample-message"
SAMPLE_TOTAL = 600_000
TO_BE_SIGNED = "SIGNED_BY_REPLAY"

WEBHOOK = "PostPayMongoWebhookFunction"
_SUGGESTIONS = 5


@dataclass(frozen=True)
class Sample:
    """An event of events/; `function` is the logical id of what it is for."""

    path: Path
    function: str
    event: Json

    @property
    def name(self) -> str:
        """As one writes it: `PostCheckoutFunction/gcash`."""
        return f"{self.function}/{self.path.stem}"

    @property
    def is_http(self) -> bool:
        """Whether it is a request that came through API Gateway."""
        return "httpMethod" in self.event and "methodArn" not in self.event  # an authorizer's

    @property
    def webhook_type(self) -> str | None:
        """What PayMongo tells with it: `payment.paid`, ...; None when it is no webhook event."""
        if self.function != WEBHOOK:
            return None
        try:
            return str(json.loads(self.event["body"])["data"]["attributes"]["type"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    @property
    def is_about_a_rental(self) -> bool:
        """Whether it names the sample rental."""
        return SAMPLE_RENTAL_ID in json.dumps(self.event)


def load(name: str) -> Sample:
    """A sample by its path or its name. Raises CommandError that lists what is near."""
    candidates = (Path(name), EVENTS / name, EVENTS / f"{name}.json")
    path = next((each for each in candidates if each.is_file()), None)
    if path is None:
        known = names()
        near = [each for each in known if name and name.lower() in each.lower()]
        near = near or difflib.get_close_matches(name, known, _SUGGESTIONS, 0.3) or known
        problem = f"there is no event {name!r}" if name else "which event?"
        raise CommandError(problem, "\n  ".join(["there is", *near]))
    try:
        event = json.loads(path.read_text())
    except ValueError as error:
        raise CommandError(f"{path} is not JSON: {error}") from None
    if not isinstance(event, dict):
        raise CommandError(f"{path} is not a JSON object: Lambda events are")
    return Sample(path, path.resolve().parent.name, event)


def names() -> list[str]:
    """The names of all samples."""
    return sorted(f"{path.parent.name}/{path.stem}" for path in EVENTS.glob("[A-Z]*/*.json"))
