"""Sending an event to its function, over HTTP, or to what its rule starts."""

import base64
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx

from tools.ops.errors import CannotReach, CommandError
from tools.ops.target import Target
from tools.replay.filling import compact
from tools.replay.samples import Sample

# Events of these are sent to what the rule starts: nobody but AWS may send events of aws.states.
_RULES = ("RentalExecutionEndedRule", "NeedsAttentionRule", "FulfillmentExecutionEndedRule")
_SENT_AT_ONCE = 50


@dataclass(frozen=True)
class Answer:
    """What came back; `status` is an HTTP status, or `ok`, or the name of an error."""

    status: str
    body: str
    seconds: float


Send = Callable[[Sample], Answer]


def sender(target: Target, sample: Sample, *, over_http: bool) -> Send:
    """How an event like this is sent. Raises CommandError when it cannot be."""
    if over_http:
        if not sample.is_http:
            raise CommandError(f"{sample.name} is not an HTTP request", "leave out --http")
        site = httpx.Client(base_url=target.stack.site_url, timeout=60)
        return lambda each: send_over_http(site, each)
    if sample.function in _RULES:
        (rule,) = target.client("events").list_targets_by_rule(
            Rule=target.stack.physical_id(sample.function)
        )["Targets"]
        return lambda each: _send_to_rule(target, each, rule)
    if sample.function not in target.stack.functions:
        raise CommandError(
            f"the stack has no {sample.function}",
            "an event's folder is the name of its function in template.yaml",
        )
    return lambda each: _invoke(target, each, target.stack.live(sample.function))


def send_over_http(site: httpx.Client, sample: Sample) -> Answer:
    """As a browser or PayMongo sends it."""
    event = sample.event
    headers = {
        name: value
        for name, value in (event.get("headers") or {}).items()
        if name != "Host" and not name.startswith("X-Forwarded")
    }
    body = (event.get("body") or "").encode()
    started = time.monotonic()
    try:
        answer = site.request(
            event["httpMethod"],
            event["path"],
            params=event.get("queryStringParameters"),
            headers=headers,
            content=base64.b64decode(body) if event.get("isBase64Encoded") else body,
        )
    except httpx.HTTPError as error:
        raise CannotReach(
            f"nothing answers at {site.base_url} ({type(error).__name__})", "is it running?"
        ) from None
    where = answer.headers.get("Location", "")
    return Answer(str(answer.status_code), answer.text or where, time.monotonic() - started)


def _invoke(target: Target, sample: Sample, function: str) -> Answer:
    started = time.monotonic()
    answer = target.client("lambda").invoke(
        FunctionName=function, Payload=json.dumps(sample.event).encode()
    )
    payload = json.loads(answer["Payload"].read() or b"null")
    seconds = time.monotonic() - started
    if "FunctionError" in answer:
        return Answer(payload.get("errorType", "error"), payload.get("errorMessage", ""), seconds)
    if sample.is_http:
        where = payload.get("headers", {}).get("Location", "")
        return Answer(str(payload["statusCode"]), payload.get("body") or where, seconds)
    return Answer("ok", compact(payload), seconds)


def _send_to_rule(target: Target, sample: Sample, rule: Mapping[str, Any]) -> Answer:
    """Do what EventBridge would: nobody but AWS may send events of aws.states."""
    if ":lambda:" in rule["Arn"]:
        return _invoke(target, sample, rule["Arn"])
    started = time.monotonic()
    message = transformed(sample.event, rule.get("InputTransformer"))
    if ":sqs:" in rule["Arn"]:
        url = target.stack.physical_id("NeedsAttentionQueue")
        target.client("sqs").send_message(QueueUrl=url, MessageBody=message)
        return Answer("ok", f"sent to the queue: {message}", time.monotonic() - started)
    execution = target.client("stepfunctions").start_execution(
        stateMachineArn=rule["Arn"], input=message
    )
    return Answer("ok", execution["executionArn"], time.monotonic() - started)


def send_all(sample: Sample, send: Send, *, times: int, at_once: int) -> list[Answer]:
    """Send it `times` times one after the other, or `at_once` times together."""
    if at_once > 1:
        with ThreadPoolExecutor(min(at_once, _SENT_AT_ONCE)) as pool:
            return list(pool.map(send, [sample] * at_once))
    return [send(sample) for _ in range(times)]


def transformed(event: Mapping[str, Any], transformer: Mapping[str, Any] | None) -> str:
    """What EventBridge's InputTransformer makes of an event, for templates that are JSON; without
    one the event as it is.
    """
    if transformer is None:
        return json.dumps(event)
    text: str = transformer["InputTemplate"]
    for name, path in transformer["InputPathsMap"].items():
        value: Any = event
        for part in path.removeprefix("$.").split("."):
            value = value[part]
        text = text.replace(f"<{name}>", json.dumps(value))
    return text
