"""What the console asks AWS, and the few things it may do there. Public APIs only."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from api.staff import MANAGERS
from rentals import given_back
from rentals.models import CENTAVOS_PER_PESO, Customer, PaymentStatus, Rental
from rentals.numbers import read_number
from rentals.rows import to_row
from tools.ops import attention, executions, finding, logs, money, rows, settling
from tools.ops.acknowledging import checked_note
from tools.ops.attention import Finding
from tools.ops.errors import CommandError
from tools.ops.executions import Execution, Machine, described
from tools.ops.finding import Lists
from tools.ops.history import Timeline
from tools.ops.logs import LogLine
from tools.ops.money import Entry
from tools.ops.rows import get_many
from tools.ops.target import Target
from tools.replay import samples
from tools.replay.facts import prepare
from tools.replay.sending import Answer, send_all, sender
from tools.sources.asl import StateMachine, parse

Json = dict[str, Any]

PAGE_SIZE = 25
# One call's worth: names further back are not searched.
SEARCHED = 1000
# DescribeExecution is throttled early, so this many settlements are looked into at most.
LOOKED_INTO = 50

# The request was logged before the row was written, perhaps by another clock.
_BEFORE_CHECKOUT = timedelta(minutes=1)
# Every call that shows something and changes nothing.
READS = frozenset(
    {
        "BatchGetItem",
        "DescribeExecution",
        "DescribeStacks",
        "DescribeStateMachine",
        "DescribeStateMachineForExecution",
        "FilterLogEvents",
        "GetCallerIdentity",
        "GetExecutionHistory",
        "ListExecutions",
        "ListStackResources",
        "ListStateMachines",
        "Query",
        "Scan",
    }
)
# Stores and warehouses change a few times a year.
_KEEP_NAMES_SECONDS = 60
# Rentals on one page of lists.
MOST_FOUND = 100
# Where a paid rental is.
_OF_FULFILLMENT = (
    "fulfillmentStatus", "closedReason", "fulfillmentAttention", "dueAt", "arrivedAt", "pickedUpAt",
    "returnedAt", "closedAt",
)  # fmt: skip
# What a rental's row shows: everything but who rents, the task token and the request's hash.
_RENTAL_ATTRIBUTES = (
    "id", "collectibleId", "collectibleName", "storeId", "warehouseId", "unitId", "duration",
    "dailyRate", "totalFee", "paymentMethod", "paymentStatus", "endReason", "eta",
    "checkoutSessionId", "checkoutUrl", "sessionClosedAt", "paymentIntentId", "paymentId",
    "amountPaid",
    "paymentCurrency", "surplusPaymentIds", "declinedEventIds", "holdExpiresAt",
    "refundRequestedAt", "refundId", "refundStatus", "attention", "followUp", "followUpAt",
    "acknowledgements",
    "paidAt", "paidWith", "deposit", "counterDeposit", "counterDepositReceipt", "chargeIds",
    "refundOrders", "refundsSeen", "disputesSeen",
    "createdAt", "updatedAt", "completedAt", "endedAt",
    *_OF_FULFILLMENT,
    "readyBy", "returnedStoreId", "foundAt", "lastUnitId", "deskLog", "isCarriedOver",
    "fulfillmentExecution", "fulfillmentDueAt",
)  # fmt: skip


MACHINES = ("RentalStateMachine", "SettlementStateMachine", "FulfillmentStateMachine")


class NotFoundError(CommandError):
    """There is no such state machine or execution; the message says which."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some executions, the newest first, and how to ask for those that follow."""

    executions: Sequence[Execution]
    next_token: str | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of a sample event."""

    event: str
    notes: Sequence[str]
    answers: Sequence[Answer]


def replayable() -> list[str]:
    """The sample events that tell of a rental."""
    return [name for name in samples.names() if samples.load(name).is_about_a_rental]


class Account:
    """A stack as an operator sees it. Raises botocore's errors, and NotFoundError."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._stepfunctions = target.client("stepfunctions")
        # What an execution was given never changes.
        self._rental_id_by_arn = lru_cache(maxsize=4000)(lambda arn: self.execution(arn).rental_id)
        self._names_at = lru_cache(maxsize=2)(lambda table, _: rows.names(target, table))

    # --- what is deployed ---

    @cached_property
    def _stack(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Outputs and physical ids by logical id; nothing where no such stack may be seen."""
        try:
            stack = self.target.stack
        except CommandError:
            return {}, {}
        except ClientError as error:
            if "AccessDenied" in error.response["Error"]["Code"]:
                return {}, {}
            raise
        return stack.outputs, stack.resources

    def arn_of(self, logical_id: str) -> str | None:
        """The ARN of one of the stack's state machines: `RentalStateMachine`."""
        return self._stack[0].get(f"{logical_id}Arn")

    def machines(self) -> list[Machine]:
        """The stack's state machines, or every one of the account if there is no such stack."""
        everything = {each.arn: each for each in self._every_machine()}
        ours = [everything[arn] for arn in map(self.arn_of, MACHINES) if arn in everything]
        return ours or sorted(everything.values(), key=lambda each: each.name)

    def _every_machine(self) -> list[Machine]:
        pages = self._stepfunctions.get_paginator("list_state_machines").paginate()
        return [
            Machine(each["stateMachineArn"]) for page in pages for each in page["stateMachines"]
        ]

    def label(self, machine: Machine) -> str:
        """A machine's name for people: `Rental` for `mongocollectibles-rental`."""
        name = machine.name.removeprefix(f"{self.target.stack_name}-")
        return name[:1].upper() + name[1:]

    def machine(self, name: str) -> Machine:
        """A state machine of the account by its name."""
        for each in self._every_machine():
            if each.name == name:
                return each
        raise NotFoundError(f"there is no state machine {name}")

    def definition(self, machine: Machine) -> StateMachine:
        """What a state machine does now."""
        answer = self._stepfunctions.describe_state_machine(stateMachineArn=machine.arn)
        return parse(json.loads(answer["definition"]))

    def definition_of(self, execution: Execution) -> StateMachine:
        """What the state machine did when this execution was started."""
        answer = self._stepfunctions.describe_state_machine_for_execution(
            executionArn=execution.arn
        )
        return parse(json.loads(answer["definition"]))

    # --- executions ---

    def executions(
        self, machine: Machine, status: str | None = None, token: str | None = None
    ) -> Page:
        """One page of a machine's executions, the newest first."""
        return self._list(machine, status, token, PAGE_SIZE)

    def search(self, machine: Machine, text: str, status: str | None = None) -> Page:
        """The executions whose name contains this, or whose rental this is, among the newest."""
        newest = self._list(machine, status, None, SEARCHED)
        wanted = text.lower()
        found = [each for each in newest.executions if wanted in each.name.lower()]
        others = [each for each in newest.executions if each not in found]
        found += [each for each in others[:LOOKED_INTO] if self.rental_id_of(each) == text]
        return Page(found, newest.next_token)

    def count(self, machine: Machine, status: str) -> str:
        """How many executions have a status: a number, or `1000+`."""
        page = self._list(machine, status, None, SEARCHED)
        return f"{len(page.executions)}{'+' if page.next_token else ''}"

    def execution(self, arn: str) -> Execution:
        """One execution with its input and output."""
        found = executions.describe(self.target, arn)
        if found is None:
            raise NotFoundError(f"there is no execution {arn}")
        return found

    def rental_id_of(self, execution: Execution) -> str | None:
        """The rental that an execution's input names, asked for once."""
        return self._rental_id_by_arn(execution.arn)

    def timeline(self, execution: Execution) -> Timeline:
        """Its whole history, read."""
        return executions.timeline(self.target, execution.arn, with_data=True)

    def rental_execution(self, rental_id: str) -> Execution | None:
        """The execution of a rental: its name is the rental id."""
        machine = self.arn_of("RentalStateMachine")
        if machine is None:
            return None
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:{rental_id}"
        return executions.describe(self.target, arn)

    def settlements(
        self, rental_id: str, since: datetime, own: Execution | None
    ) -> list[Execution]:
        """The settlements of a rental, the newest first; `own` is its own execution."""
        if self.arn_of("SettlementStateMachine") is None:
            return []
        return executions.settlements(
            self.target, rental_id, since, own, rental_id_of=self._rental_id_by_arn
        )

    def fulfillments(self, rental: Json) -> list[Execution]:
        """The executions that have followed a paid rental, the oldest first."""
        if self.arn_of("FulfillmentStateMachine") is None:
            return []
        return executions.of_fulfillment(self.target, rental, executions.describe)

    def _list(self, machine: Machine, status: str | None, token: str | None, size: int) -> Page:
        request: Json = {"stateMachineArn": machine.arn, "maxResults": size}
        if status:
            request["statusFilter"] = status
        if token:
            request["nextToken"] = token
        try:
            answer = self._stepfunctions.list_executions(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] == "StateMachineDoesNotExist":
                raise NotFoundError(f"there is no state machine {machine.name}") from None
            raise
        found = [described(each) for each in answer["executions"]]
        found.sort(key=lambda each: each.started_at, reverse=True)
        return Page(found, answer.get("nextToken"))

    # --- rows ---

    def attention(self) -> list[Finding]:
        """The rentals that need somebody, longest waiting first."""
        return attention.of_every_rental(self.target)

    def id_of(self, words: str) -> str:
        """The id of the rental that has this number, or the words as they are."""
        number = read_number(words)
        ids = rows.looked_up(self.target, f"number#{number}") if number else []
        return ids[0] if ids else words

    def rental(self, rental_id: str) -> Json | None:
        """A rental's row without personal data, or None."""
        return next(iter(self._rows("Rentals", [rental_id], _RENTAL_ATTRIBUTES)), None)

    def rentals(self, rental_ids: Iterable[str]) -> dict[str, Json]:
        """How rentals stand, by id."""
        attributes = (
            "id", "collectibleName", "paymentStatus", "endReason", "attention", "storeId",
            "completedAt", "readyBy", *_OF_FULFILLMENT,
        )  # fmt: skip
        return {row["id"]: row for row in self._rows("Rentals", rental_ids, attributes)}

    def names(self, table: str) -> dict[str, str]:
        """As rows.names, at most a minute old; nothing where there is no such stack."""
        try:
            return self._names_at(table, time.monotonic() // _KEEP_NAMES_SECONDS)
        except CommandError:
            return {}

    def find(self, words: str, lists: Lists, *, may_read_secret: bool) -> list[Json]:
        """The rentals that somebody means; by words that mean none, those of customers with such a
        name on these lists, which without words are shown themselves.
        """
        if words and (
            found := self.rentals(
                finding.meant(self.target, words, may_read_secret=may_read_secret)
            )
        ):
            return list(found.values())
        ids = finding.listed(self.target, lists)
        if words:
            ids = finding.named(self.target, ids, words)
        by_id = self.rentals(ids[:MOST_FOUND])
        return [by_id[each] for each in ids if each in by_id]

    def unit(self, unit_id: str) -> Json | None:
        """A unit's row, or None."""
        attributes = (
            "id", "collectibleId", "warehouseId", "isAvailable", "reservedBy", "status", "reason",
            "shelveAt",
        )  # fmt: skip
        return next(iter(self._rows("Units", [unit_id], attributes)), None)

    def _rows(self, table: str, ids: Iterable[str], attributes: Sequence[str]) -> list[Json]:
        """Rows by id; only the attributes that may be shown leave the database."""
        name = self._stack[1].get(f"{table}Table")
        if name is None:
            return []
        names = {f"#{number}": each for number, each in enumerate(attributes)}
        return get_many(
            self.target.dynamodb.meta.client,
            name,
            list(dict.fromkeys(ids)),
            ProjectionExpression=", ".join(names),
            ExpressionAttributeNames=names,
        )

    # --- what operators may do ---

    def stop(self, execution: Execution) -> None:
        """Stop an execution. It runs no Catch; for a rental, the settlement takes over, for a
        fulfillment the next one.
        """
        self._stepfunctions.stop_execution(
            executionArn=execution.arn, error="Stopped", cause="by an operator, in the console"
        )

    def settle(self, rental_id: str) -> str:
        """Start a settlement; the ARN of its execution. Raises NotFoundError."""
        try:
            return settling.start(self.target, rental_id)
        except CommandError as error:
            raise NotFoundError(str(error)) from None

    def money(self, rental: Json) -> list[Entry]:
        """What was paid, charged and given back of a paid rental, without who rents."""
        if rental["paymentStatus"] != PaymentStatus.COMPLETED:
            return []
        return money.entries(money.statement_of(self.target, _of_nobody(rental)))

    def refundable(self, rental_id: str) -> int:
        """Whole pesos of a rental's payment that are neither back nor ordered back.

        Raises NotFoundError.
        """
        row = self.rental(rental_id)
        if row is None:
            raise NotFoundError(f"there is no rental {rental_id}")
        left = given_back.left_of_own(Rental.from_row(_of_nobody(row)))
        return left // CENTAVOS_PER_PESO

    def refund_part(self, rental_id: str, pesos: int, reason: str, key: str) -> str:
        """Order a part of a rental's payment back as a manager at the desk does, by its function,
        and have it carried out; the settlement's ARN. Raises CommandError.
        """
        body = {"action": "refund", "amount": pesos, "reason": checked_note(reason), "key": key}
        claims = {
            "token_use": "id",
            "email": self.target.caller,
            "cognito:groups": MANAGERS,
        }
        event = {
            "httpMethod": "POST",
            "resource": "/api/desk/rentals/{rental_id}/money",
            "pathParameters": {"rental_id": rental_id},
            "headers": {"Content-Type": "application/json"},
            "requestContext": {"authorizer": {"claims": claims}},
            "body": json.dumps(body),
        }
        answer = self.target.client("lambda").invoke(
            FunctionName=self.target.stack.live("PostDeskMoneyFunction"), Payload=json.dumps(event)
        )
        response = json.load(answer["Payload"])
        if response.get("statusCode") != HTTPStatus.OK:
            said = json.loads(response.get("body") or "{}").get("error")
            raise CommandError(f"nothing was given back: {said or 'the function failed'}")
        return self.settle(rental_id)

    def replay(self, name: str, rental_id: str, times: int) -> Replay:
        """Send a sample event for this rental, so many times at once. Raises CommandError."""
        if name not in samples.names():
            raise CommandError("which event?", "choose one of events/")
        row = rows.rental(self.target, rental_id)
        sample, notes = prepare(self.target, samples.load(name), row)
        send = sender(self.target, sample, over_http=False)
        return Replay(name, notes, send_all(sample, send, times=times, at_once=times))

    def log(self, rental_id: str) -> list[LogLine]:
        """What the functions logged about a rental, the oldest first. Raises NotFoundError."""
        row = self.rental(rental_id)
        if row is None:
            raise NotFoundError(f"there is no rental {rental_id}")
        since = datetime.fromisoformat(row["createdAt"]) - _BEFORE_CHECKOUT
        return logs.of_rental(self.target, rental_id, since)


def _of_nobody(rental: Json) -> Json:
    """A row as it was read, without who rents, with what the domain wants to see there."""
    nobody = Customer(**{each.name: "" for each in fields(Customer)})
    return rental | {"customer": to_row(nobody), "requestHash": ""}


def allow_reading_only(target: Target) -> None:
    """Let nothing but what the console reads through, whoever makes the call with this target.

    To be called before its first client is made. What is refused raises PermissionError.
    """

    def refuse(model: Any, **_: Any) -> None:
        if model.name not in READS:
            raise PermissionError(f"read-only: {model.name} is refused")

    target.session.events.register("before-call.*", refuse)


def is_web_address(text: object) -> bool:
    """Whether a link may lead there."""
    return isinstance(text, str) and urlsplit(text).scheme in ("http", "https")
