"""Misbehaviour on demand: rules that match the next calls, events or refunds."""

from collections.abc import Callable
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from tools.paymongo_sandbox.resources import random_token


class Rule(BaseModel):
    """How often a rule applies: the first `skip` matches pass, the next `times` are hit."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(default_factory=lambda: f"rule_{random_token(8)}")
    times: PositiveInt | None = 1
    """None: until it is removed."""
    skip: NonNegativeInt = 0
    used: NonNegativeInt = 0

    @property
    def is_spent(self) -> bool:
        return self.times is not None and self.used >= self.times


class FaultKind(StrEnum):
    """What happens to an API call."""

    ERROR_500 = "error_500"
    RATE_LIMITED_429 = "rate_limited_429"
    ERROR_400 = "error_400"
    SLOW = "slow"
    HANG = "hang"
    DROP_BEFORE = "drop_before"
    LOSE_ANSWER = "lose_answer"


class ApiFault(Rule):
    """A fault on API calls; a call matches when all the given criteria do."""

    kind: FaultKind
    operation: str | None = None
    method: str | None = None
    path: str | None = None
    """Shell-style pattern, such as /v1/checkout_sessions/*/expire."""
    delay_seconds: NonNegativeFloat | None = None
    code: str = "parameter_invalid"
    detail: str = "The sandbox was told to refuse this call."

    def matches(self, method: str, path: str, operation: str) -> bool:
        return (
            self.operation in (None, operation)
            and (self.method is None or self.method.upper() == method)
            and (self.path is None or fnmatchcase(path, self.path))
        )


class WebhookRule(Rule):
    """A change to how events are delivered; `times` counts events.

    `reorder` holds `times` events and then delivers them last first, one after the other.
    """

    mode: Literal["delay", "drop", "duplicate", "hold", "reorder"]
    event_type: str = "*"
    """Shell-style pattern, such as payment.* ."""
    seconds: NonNegativeFloat = 1.0
    """For `delay`."""
    copies: PositiveInt = 2
    """For `duplicate`: deliveries in all."""

    def matches(self, event_type: str) -> bool:
        return fnmatchcase(event_type, self.event_type)


class RefundRule(Rule):
    """What becomes of the next refunds; `hold` leaves them pending until they are settled."""

    outcome: Literal["succeed", "fail", "hold"] = "succeed"
    status: Literal["pending", "processing"] = "pending"
    """What it is called until then."""
    seconds: NonNegativeFloat | None = None
    """From creation to the outcome; None is the setting's."""


R = TypeVar("R", bound=Rule)


class RuleBook(Generic[R]):
    """Rules in the order they were added; the first that matches and is not spent applies."""

    def __init__(self) -> None:
        self.rules: list[R] = []

    def add(self, rule: R) -> R:
        self.rules.append(rule)
        return rule

    def take(self, matches: Callable[[R], bool]) -> R | None:
        """The rule for this occasion, which counts as used."""
        for rule in self.rules:
            if rule.is_spent or not matches(rule):
                continue
            if rule.skip > 0:
                rule.skip -= 1
                continue
            rule.used += 1
            return rule
        return None

    def clear(self) -> None:
        self.rules.clear()
