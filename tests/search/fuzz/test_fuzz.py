"""Requests and signed events that nobody would think of: no answer of 500 or more, and afterwards
the promise holds.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx
import hypothesis
import schemathesis
from hypothesis import strategies as st
from hypothesis.errors import FlakyStrategyDefinition
from requests import Session
from requests.adapters import HTTPAdapter
from schemathesis import Case
from schemathesis.core.transport import Response

from rentals.desk import Action, Condition
from tests.support.description import answers_as_described
from tests.support.desk import manager
from tests.support.report import Report
from tests.support.samples import checkout_body
from tests.support.shop import Json, Shop, new_address
from tools.paymongo_sandbox.webhooks import signature_header
from tools.sources.openapi import published_description

Request = Case[Any]

_SCENARIOS, _STEPS = 5, 8
_AFTER_CHECKOUT = ("getRental", "postCancel", "getDeskRental", "postDeskAction")
_RANDOM = hypothesis.settings(
    max_examples=_SCENARIOS,
    stateful_step_count=_STEPS,
    phases=[hypothesis.Phase.generate],
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
# What a mutation puts where something else was.
_ODD: tuple[Any, ...] = (
    None, True, -1, 0, 10**30, 1.5, "", " ", "\ud800", "\x00", "é" * 5000, "pay_unknown", [], {},
    [[]], {"": {}}, "2026-01-31T10:00:00.000Z", "paid", "failed", "refunded",
)  # fmt: skip


@dataclass
class Sent:
    """What was sent, by what came of it, and what must not come of it."""

    random: Random = field(default_factory=Random)
    answers: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def add(self, answer: httpx.Response, label: str) -> None:
        """Count an answer."""
        self.answers[f"{label} {answer.status_code}"] += 1
        if answer.status_code >= 500:
            self.broken.append(f"{label}: {answer.status_code} {answer.text[:500]}")

    def tell(self, report: Report, title: str) -> None:
        """Print the counts; fail when something broke."""
        lines = [f"{count:>7} {what}" for what, count in sorted(self.answers.items())]
        report.section(title, "\n".join([*lines, f"{self.answers.total():>7} in all"]))
        assert self.broken == []


# --- requests that the description allows, and others ---


class _From(HTTPAdapter):
    """Requests from one address of this machine."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, source_address=(self._address, 0), **options)


@dataclass
class Visitors:
    """Somebody at each scenario's own address, who often knows what the shop has."""

    shop: Shop
    sent: Sent
    collectibles: list[str]
    token: str
    rentals: list[str] = field(default_factory=list)

    def send(self, case: Request, session: Session) -> Response:
        """Its answer. A function that a busy machine could not start in time is asked once more."""
        url = self.shop.stack.settings.site_url
        options: Json = {"base_url": url, "session": session, "allow_redirects": False}
        answer: Response = case.call(**options)
        if answer.status_code >= 500 and b'"success"' not in answer.content:
            answer = case.call(**options)
        return answer

    def session(self) -> Session:
        session = Session()
        session.mount("http://", _From(new_address()))
        return session

    def ground(self, case: Request) -> None:
        """Put what exists in the place of what was made up, more often than not."""
        random = self.sent.random
        if isinstance(case.body, dict) and random.random() < 0.8:
            sensible = self._sensible(case)
            for name in [each for each in sensible if random.random() < 0.03]:
                sensible[name] = case.body.get(name)
            case.body = case.body | sensible if random.random() < 0.1 else sensible or case.body
            case.headers.pop("Idempotency-Key", None)
        if "rental_id" in (case.path_parameters or {}) and self.rentals and random.random() < 0.8:
            rental_id = case.path_parameters["rental_id"] = random.choice(self.rentals)
            case.headers.update(self.shop.key_of(rental_id))
        if case.operation.path.startswith("/api/desk/") and random.random() < 0.9:
            case.headers["Authorization"] = self.token

    def _sensible(self, case: Request) -> Json:
        random = self.sent.random
        wanted = checkout_body(
            collectible_id=random.choice(self.collectibles),
            customer={"email": f"{random.random()}@example.com"},
        )
        if case.operation.path.endswith("/quote"):
            return {name: wanted[name] for name in ("collectible_id", "store_id", "duration")}
        if case.operation.path.endswith("/checkout"):
            return wanted
        if case.operation.path.endswith("/actions"):
            condition = random.choice(list(Condition))
            action = random.choice(list(Action))
            return {
                "action": action,
                "store_id": "store-a",
                "condition": condition,
                "id_seen": True,
            }
        return {}

    def see(self, case: Request, answer: httpx.Response) -> None:
        """Count an answer, hold it to the description, and remember new rentals."""
        self.sent.add(answer, f"{case.operation.method.upper():<7} {case.operation.path}")
        try:
            answers_as_described(answer)
        except AssertionError as error:
            self.sent.broken.append(str(error))
        if case.operation.path.endswith("/checkout") and answer.status_code in (200, 202):
            self.rentals.append(answer.json()["data"]["rental_id"])


def _linked(description: Json) -> Json:
    """The description with what follows a checkout, which nothing in it says for programs."""
    answers = description["paths"]["/api/rentals/checkout"]["post"]["responses"]
    parameters = {"rental_id": "$response.body#/data/rental_id"}
    for status in ("200", "202"):
        answers[status]["links"] = {
            each: {"operationId": each, "parameters": parameters} for each in _AFTER_CHECKOUT
        }
    return description


def _any_request(schema: Any) -> st.SearchStrategy[Request]:
    operations = [each.ok() for each in schema.get_all_operations()]
    return st.one_of([each.as_strategy() for each in operations])


def _as_httpx(response: Response) -> httpx.Response:
    sent = response.request
    request = httpx.Request(str(sent.method), str(sent.url))
    headers = {
        name: ", ".join(values)
        for name, values in response.headers.items()
        if name not in ("content-encoding", "content-length", "transfer-encoding")
    }
    return httpx.Response(
        response.status_code, headers=headers, content=response.content, request=request
    )


def test_no_request_breaks_anything(shop: Shop, report: Report, seconds: float) -> None:
    sent = Sent()
    collectibles = [shop.add_collectible(units=200) for _ in range(3)]
    visitors = Visitors(shop, sent, collectibles, manager(shop).session["id_token"])
    paid = shop.checkout(collectibles[0])
    shop.pay_and_complete(paid)
    visitors.rentals.append(paid["rental_id"])
    schema = schemathesis.openapi.from_dict(_linked(json.loads(published_description())))

    class Visitor(schema.as_state_machine()):  # type: ignore[misc]
        """One scenario: requests that follow from each other."""

        def setup(self) -> None:
            self.session = visitors.session()

        def teardown(self) -> None:
            self.session.close()

        def before_call(self, case: Request) -> None:
            visitors.ground(case)

        def call(self, case: Request, **_: Any) -> Response:
            return visitors.send(case, self.session)

        def validate_response(self, response: Response, case: Request, **_: Any) -> None:
            visitors.see(case, _as_httpx(response))

    @hypothesis.settings(_RANDOM, max_examples=_SCENARIOS * _STEPS)
    @hypothesis.given(_any_request(schema))
    def single(case: Request) -> None:
        visitors.ground(case)
        with visitors.session() as session:
            visitors.see(case, _as_httpx(visitors.send(case, session)))

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        # What comes next follows from the shop's answers, which differ from one run to the next.
        # Hypothesis notices sooner or later; what broke is in `sent`.
        with suppress(FlakyStrategyDefinition):
            Visitor.run(settings=_RANDOM)
        single()
    sent.tell(report, "Requests")


# --- events that PayMongo signs, and that it does not ---


def test_no_event_breaks_anything(shop: Shop, report: Report, seconds: float) -> None:
    sent = Sent()
    rentals = list(_rentals(shop))
    for rental_id in rentals:  # money that PayMongo does not know cannot be given back
        shop.expect_failure_of(rental_id)
    events = [json.loads(event["body"]) for each in rentals for event in shop.paymongo.events(each)]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        _send(shop, sent, _mutated(sent.random, events))
    sent.tell(report, "Signed events")


def _rentals(shop: Shop) -> Iterator[str]:
    """Pending, declined, paid, refunded: each with what PayMongo said of it."""
    for outcome in ("pending", "declined", "paid", "refunded"):
        rental = shop.checkout(shop.add_collectible())
        if outcome == "declined":
            shop.on_hosted_page(rental, "failed")
        if outcome in ("paid", "refunded"):
            shop.pay_and_complete(rental)
        if outcome == "refunded":
            [payment] = shop.paymongo.payments(rental["rental_id"])
            shop.paymongo.refund(payment["id"], rental["total_fee"] * 100)
        shop.paymongo.wait_until_idle()
        yield rental["rental_id"]


def _send(shop: Shop, sent: Sent, event: Json) -> None:
    """Mostly whole and signed; or cut off, still signed; or signed by somebody else."""
    body = json.dumps(event).encode()
    kind = sent.random.choices(["signed", "cut off", "forged"], [8, 1, 1])[0]
    if kind == "cut off":
        body = body[: sent.random.randrange(len(body))]
    secret = "whsk_forged" if kind == "forged" else shop.paymongo.webhook_secret
    signature = signature_header(secret, body, int(time.time()), livemode=False)
    answer = shop.post_webhook(body, signature)
    if answer.status_code >= 500 and '"success"' not in answer.text:  # as above
        answer = shop.post_webhook(body, signature)
    sent.add(answer, f"{kind:<8}")
    must = kind == "forged"
    may = must or b'"livemode": true' in body
    is_refused = answer.status_code == 401
    if is_refused > may or is_refused < must:
        sent.broken.append(f"{kind}: {answer.status_code} {body[:500]!r}")


def _mutated(random: Random, events: list[Json]) -> Json:
    """An event with a few values lost, replaced, or taken from another one."""
    event = deepcopy(random.choice(events))
    for _ in range(random.randint(0, 4)):
        if not (places := list(_places(event))):
            break
        holder, key = random.choice(places)
        how = random.randrange(3)
        if how == 0:
            del holder[key]
        elif how == 1:
            holder[key] = deepcopy(random.choice(_ODD))
        else:
            other, name = random.choice(list(_places(random.choice(events))))
            holder[key] = deepcopy(other[name])
    return event


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Everything inside: what holds it, and under which key or index."""
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])
