"""What customers and operators do while calls fail, and what must be true afterwards."""

import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

import httpx

from infra.clock import now_timestamp, timestamp_in
from infra.dynamo import from_attributes, to_attributes
from rentals.identity import rental_id_for
from rentals.repository import new_row
from tests.support.domain import domain_of
from tests.support.samples import CUSTOMER, pending_rental
from tests.support.shop import Json, Shop, eventually
from tools.local.stack import STACK_NAME, TABLE_PREFIX, LocalStack
from tools.ops.promise import Violation, violations

Found = TypeVar("Found")

# boto3's resources are not thread-safe.
_ONE_AT_A_TIME = threading.Lock()
_TRIES = 8
_QUIET_SECONDS = 60.0
# After this long without an ending, and then again, what is overdue is made due.
_NUDGE_EVERY_SECONDS = 3.0
_LOOK_EVERY_SECONDS = 0.25
_RENTAL_OF_FAILED: dict[str, str] = {}
_ENDED_UNPAID = {"failed", "cancelled", "expired", "rejected"}


@cache
def _identity_secret(stack: LocalStack) -> bytes:
    answer = stack.client("secretsmanager").get_secret_value(SecretId=f"{STACK_NAME}/identity-key")
    return str(answer["SecretString"]).encode()


class Visit:
    """One customer, one rental, one unit; patient with errors, as a person with a browser is."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.email = f"{uuid.uuid4().hex}@example.com"
        self.key = uuid.uuid4().hex
        self.rental_id = rental_id_for(self.email, self.key, _identity_secret(shop.stack))
        with _ONE_AT_A_TIME:
            self.collectible_id = shop.add_collectible(units=1)
        self.url: str | None = None
        self._nudged_at = 0.0

    def checkout(self) -> bool:
        """Check out, asking again after errors. Returns whether there is something to pay."""
        body = self.shop.body(self.collectible_id)
        body["customer"]["email"] = self.email
        for _ in range(_TRIES):
            answer = self.patiently(lambda: self.shop.post_checkout(body, self.key))
            if answer is not None and answer.status_code < 500:
                break
            if answer is not None and answer.status_code == 502 and "code" in answer.json():
                break  # PayMongo is down, says the API itself
        else:
            if self.row() is None:
                return False  # gives up, and nothing was ever written
        row = self.wait_for(self._payable_or_ended, "a payment URL or an ending")
        self.url = row.get("paymentUrl")
        return self.url is not None

    def _payable_or_ended(self) -> Json | None:
        row = self.row()
        is_payable_or_ended = row and ("paymentUrl" in row or row["paymentStatus"] != "pending")
        return row if is_payable_or_ended else None

    def wait_for(self, look: Callable[[], Found | None], what: str) -> Found:
        """As in `shop`, nudging what is overdue; looks at tables, which costs no function."""

        def look_or_nudge() -> Found | None:
            found = look()
            if not found and time.monotonic() - self._nudged_at > _NUDGE_EVERY_SECONDS:
                self.time_passes()
                self._nudged_at = time.monotonic()
            return found

        self._nudged_at, what = time.monotonic(), f"{what} of {self.rental_id}"
        return eventually(look_or_nudge, what, _QUIET_SECONDS, _LOOK_EVERY_SECONDS)

    def see_again(self, shop: Shop) -> str | None:
        """After a restart: the status of the rental, if there is one."""
        self.shop = shop
        row = self.row()
        return row["paymentStatus"] if row else None

    def write_without_execution(self) -> None:
        """What checkout leaves behind when it ends before it has started an execution."""
        customer = replace(CUSTOMER, email=self.email)
        rental = pending_rental(
            id=self.rental_id,
            collectible_id=self.collectible_id,
            customer=customer,
            created_at=now_timestamp(),
            source_key=uuid.uuid4().hex,
        )
        rows = {
            "Customers": {
                "id": rental.source_key,
                "openRentals": {f"{rental.created_at}#{rental.id}"},
            },
            "Rentals": new_row(rental),
        }
        for table, row in rows.items():
            self.shop.dynamodb.put_item(
                TableName=f"{TABLE_PREFIX}-{table}", Item=to_attributes(row)
            )

    def view(self) -> Json | None:
        """The rental as the API shows it, to somebody who reloads a page that does not come."""
        for _ in range(_TRIES):
            answer = self.patiently(
                lambda: self.shop.site.get(
                    f"/api/rentals/{self.rental_id}", headers=self.shop.key_of(self.rental_id)
                )
            )
            if answer is not None and answer.status_code == 200:
                data: Json = answer.json()["data"]
                return data
            if answer is not None and answer.status_code < 500:
                return None
        return None

    def on_hosted_page(self, outcome: str) -> None:
        """Press a button on PayMongo's page and follow where it leads, trying errors once more."""
        assert self.url
        answer = self.shop.elsewhere.post(self.url, data={"outcome": outcome})
        if answer.status_code == 303:
            self._follow(answer.headers["location"])

    def cancel(self) -> None:
        """On our own page, trying errors again."""
        path = f"/api/rentals/{self.rental_id}/cancel"
        for _ in range(_TRIES):
            answer = self.patiently(
                lambda: self.shop.site.post(path, headers=self.shop.key_of(self.rental_id))
            )
            if answer is not None and answer.status_code < 500:
                return

    def come_back(self) -> None:
        """Where PayMongo sends the browser after paying."""
        session = self.shop.paymongo.api(f"/v1/checkout_sessions/{self._session_id()}")
        self._follow(session["attributes"]["success_url"])

    def _follow(self, url: str) -> None:
        for _ in range(2):
            back = self.patiently(lambda: self.shop.elsewhere.get(url))
            if back is None or back.status_code >= 500:
                continue
            # Led to the rental's own page, where the same can be asked for again.
            if not back.headers.get("location", "").startswith("/rental.html"):
                return

    def stop_execution(self) -> None:
        """What an operator's Stop button does."""
        self.shop.stop_execution(self.rental_id)

    def settle_at_paymongo(self, **options: Any) -> None:
        """Money arrives without anybody pressing a button."""
        self.shop.paymongo.settle(self._session_id(), **options)

    def _session_id(self) -> str:
        row = self.row()
        assert row
        return str(row["checkoutSessionId"])

    def withdraw_units(self) -> None:
        """Somebody takes the collectible's units out of stock."""
        for unit in self.units():
            self.shop.dynamodb.delete_item(
                TableName=f"{TABLE_PREFIX}-Units", Key={"id": {"S": unit["id"]}}
            )

    def wait_until_ended(self) -> None:
        """Until the rental is over, nudging what is overdue."""
        self.wait_for(self._is_over, "the end")

    def wait_until_paid(self) -> None:
        """Until a payment is written on the rental."""
        self.wait_for(lambda: (self.row() or {}).get("paymentId"), "a payment")

    def wait_until_somebody_is_told(self) -> None:
        """Until a settlement of the rental has failed, which raises the alarm."""
        self.wait_for(self._is_told, "a failed settlement")

    def _is_told(self) -> bool:
        failed = self.shop.stepfunctions.list_executions(
            stateMachineArn=self.shop.stack.outputs["SettlementStateMachineArn"],
            statusFilter="FAILED",
        )["executions"]
        for arn in {each["executionArn"] for each in failed} - _RENTAL_OF_FAILED.keys():
            described = self.shop.stepfunctions.describe_execution(executionArn=arn)
            _RENTAL_OF_FAILED[arn] = json.loads(described["input"])["rental_id"]
        return self.rental_id in _RENTAL_OF_FAILED.values()

    def problems(self) -> list[Violation | str]:
        """Violations of the promise and untruths on the customer's page."""
        row = self.row()
        mine = [row] if row else []
        counted = self._get("Customers", row["sourceKey"]) if row else None
        payments = self.shop.paymongo.ledger(self.rental_id)
        with domain_of(self.shop.stack):
            found: list[Violation | str] = list(
                violations(
                    mine,
                    self.units(),
                    [counted] if counted else [],
                    payments,
                    charges=self.charges().values(),
                )
            )
        view = self.view()
        status = view["status"] if view else None
        if any(payment.kept for payment in payments) or (row and "completedAt" in row):
            expected = {"completed"}
        elif any(payment.is_paid for payment in payments):
            expected = {"refunded"}
        else:
            expected = _ENDED_UNPAID
        if row and status not in expected:
            found.append(f"the customer is told {status}, expected {expected}")
        return found

    def row(self) -> Json | None:
        """The rental as it is stored, if it is."""
        return self._get("Rentals", self.rental_id)

    def charges(self) -> dict[str, Json]:
        """The rental's charges as they are stored, by id."""
        ids = (self.row() or {}).get("chargeIds", ())
        return {each: row for each in ids if (row := self._get("Charges", each))}

    def _get(self, table: str, key: str) -> Json | None:
        answer = self.shop.dynamodb.get_item(
            TableName=f"{TABLE_PREFIX}-{table}", Key={"id": {"S": key}}, ConsistentRead=True
        )
        return from_attributes(answer["Item"]) if "Item" in answer else None

    def units(self) -> list[Json]:
        """The collectible's units as they are stored."""
        keys = self.shop.dynamodb.query(
            TableName=f"{TABLE_PREFIX}-Units",
            IndexName="collectibleId-index",
            KeyConditionExpression="collectibleId = :collectible",
            ExpressionAttributeValues={":collectible": {"S": self.collectible_id}},
        )["Items"]
        units = [self._get("Units", key["id"]["S"]) for key in keys]
        return [unit for unit in units if unit]

    def _is_over(self) -> bool:
        row = self.row()
        if row is None:
            return True
        follow_up = row.get("followUp", "")
        if row["paymentStatus"] == "pending" or follow_up.startswith("attention"):
            return False
        if follow_up.startswith("payment") and "paymentId" in row:
            return False
        if row["paymentStatus"] == "refunded" and row.get("refundStatus") in (None, "failed"):
            return False
        return self.is_followed(row) and not self._is_running()

    def is_followed(self, row: Json) -> bool:
        """Whether an execution knows where a paid rental is: waits there, or is over with it."""
        status = row.get("fulfillmentStatus")
        if status in (None, "closed"):
            return status is None or "fulfillmentClock" not in row
        try:
            is_running = self.shop.fulfillment(self.rental_id)["status"] == "RUNNING"
        except self.shop.stepfunctions.exceptions.ExecutionDoesNotExist:
            return False
        return bool(is_running and status == row.get("awaitedStatus"))

    def _is_running(self) -> bool:
        try:
            return bool(self.shop.execution(self.rental_id)["status"] == "RUNNING")
        except self.shop.stepfunctions.exceptions.ExecutionDoesNotExist:
            return False

    def time_passes(self) -> None:
        """Two minutes pass: what the reconciler and the clock would look at later, they do now."""
        if self._is_made_due("followUp", "followUpAt"):
            self.shop.run_reconciler()
        if self._is_made_due("fulfillmentClock", "fulfillmentDueAt"):
            self.shop.run_clock()

    def _is_made_due(self, index_key: str, at: str) -> bool:
        if index_key not in (self.row() or {}):
            return False
        try:
            self.shop.dynamodb.update_item(
                TableName=f"{TABLE_PREFIX}-Rentals",
                Key={"id": {"S": self.rental_id}},
                UpdateExpression=f"SET {at} = :past",
                ConditionExpression=f"attribute_exists({index_key})",
                ExpressionAttributeValues={":past": {"S": timestamp_in(-1)}},
            )
        except self.shop.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    @staticmethod
    def patiently(request: Callable[[], httpx.Response]) -> httpx.Response | None:
        """The answer, or None when none came."""
        try:
            return request()
        except httpx.HTTPError:
            return None


def paid(visit: Visit) -> None:
    """Pays; PayMongo tells us, and then the browser comes back."""
    if visit.checkout():
        visit.settle_at_paymongo()
        visit.wait_until_paid()
        visit.come_back()


def paid_and_back_first(visit: Visit) -> None:
    """Pays, and comes back to the site before PayMongo tells us."""
    if visit.checkout():
        visit.settle_at_paymongo(silently=True)
        visit.come_back()


def never_started(visit: Visit) -> None:
    """Checkout wrote the rental and died: the reconciler ends it."""
    visit.write_without_execution()
    visit.time_passes()


def declined(visit: Visit) -> None:
    """Three cards, three refusals."""
    if visit.checkout():
        for _ in range(3):
            visit.on_hosted_page("failed")


def cancelled(visit: Visit) -> None:
    """Gives up on PayMongo's page."""
    if visit.checkout():
        visit.on_hosted_page("cancelled")


def cancelled_here(visit: Visit) -> None:
    """Cancels on our own page."""
    if visit.checkout():
        visit.cancel()


def expired(visit: Visit) -> None:
    """Leaves the page open until the hold is over."""
    visit.checkout()


def stopped(visit: Visit) -> None:
    """An operator stops the execution of an unpaid rental."""
    if visit.checkout():
        visit.stop_execution()


def stopped_when_paid(visit: Visit) -> None:
    """An operator stops the execution just after the money arrived, before anybody told us."""
    if visit.checkout():
        visit.settle_at_paymongo(silently=True)
        visit.stop_execution()


def late(visit: Visit) -> None:
    """Cancels, and the money arrives all the same."""
    if visit.checkout():
        visit.on_hosted_page("cancelled")
        visit.wait_until_ended()
        visit.settle_at_paymongo()
        visit.wait_until_paid()


def late_and_sold_out(visit: Visit) -> None:
    """As late, but the unit has been taken out of stock."""
    if visit.checkout():
        visit.on_hosted_page("cancelled")
        visit.wait_until_ended()
        visit.withdraw_units()
        visit.settle_at_paymongo()
        visit.wait_until_paid()


def wrong_amount(visit: Visit) -> None:
    """A payment that is not the total: money back, and somebody is told."""
    if visit.checkout():
        visit.settle_at_paymongo(amount=100)
        visit.wait_until_somebody_is_told()


def unheard(visit: Visit) -> None:
    """Pays, and nobody tells us: the reconciler asks."""
    if visit.checkout():
        visit.settle_at_paymongo(silently=True)
        visit.time_passes()
        visit.wait_until_paid()


SCENARIOS: dict[str, Callable[[Visit], None]] = {
    each.__name__: each
    for each in (
        paid, paid_and_back_first, unheard, never_started, declined, cancelled, cancelled_here,
        expired, stopped, stopped_when_paid, late, late_and_sold_out, wrong_amount,
    )
}  # fmt: skip
# Needs a hold that is over before the test is.
EXPIRED = expired.__name__
# Elsewhere the reconciler has calls to make by chance only.
RECONCILED = {unheard.__name__, never_started.__name__}
