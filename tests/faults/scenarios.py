"""What customers and operators do while calls fail, and what must be true afterwards."""

import threading
import time
import uuid
from collections.abc import Callable

import httpx

from rentals.checkout import rental_id_for
from rentals.clock import timestamp_in
from rentals.dynamo import from_attributes
from rentals.repository import customer_key
from tests.workflow.shop import Json, Shop, eventually
from tools.audit import Violation, violations
from tools.local.stack import TABLE_PREFIX

# boto3's resources are not thread-safe.
_ONE_AT_A_TIME = threading.Lock()
_TRIES = 8
_QUIET_SECONDS = 60.0
# After this long without an ending, time passes faster: what is overdue is made due.
_NUDGE_AFTER_SECONDS = 3.0
_ENDED_UNPAID = {"failed", "cancelled", "expired", "rejected"}


class Visit:
    """One customer, one rental, one unit; patient with errors, as a person with a browser is."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.email = f"{uuid.uuid4().hex}@example.com"
        self.key = uuid.uuid4().hex
        self.rental_id = rental_id_for(self.email, self.key)
        with _ONE_AT_A_TIME:
            self.collectible_id = shop.add_collectible(units=1)
        self.url: str | None = None

    def checkout(self) -> bool:
        """Check out, asking again after errors. Returns whether there is something to pay."""
        body = self.shop.body(self.collectible_id)
        body["customer"]["email"] = self.email
        for _ in range(_TRIES):
            answer = self._patiently(lambda: self.shop.post_checkout(body, self.key))
            if answer is not None and answer.status_code < 500:
                break
            if answer is not None and answer.status_code == 502 and "code" in answer.json():
                break  # PayMongo is down, says the API itself
        view = eventually(self._payable_or_ended, "a payment URL or an ending", _QUIET_SECONDS)
        self.url = view["payment_url"]
        return self.url is not None

    def _payable_or_ended(self) -> Json | None:
        view = self.view()
        if view is None or (view["status"] == "pending" and not view["payment_url"]):
            self._nudge()
            return None
        return view

    def view(self) -> Json | None:
        """The rental as the API shows it, or None while the API fails."""
        answer = self._patiently(lambda: self.shop.site.get(f"/api/rentals/{self.rental_id}"))
        if answer is None or answer.status_code != 200:
            return None
        data: Json = answer.json()["data"]
        return data

    def on_hosted_page(self, outcome: str) -> None:
        """Press a button on PayMongo's page and follow where it leads, trying errors once more."""
        assert self.url
        answer = httpx.post(self.url, data={"outcome": outcome}, timeout=60)
        if answer.status_code == 303:
            target = answer.headers["location"]
            for _ in range(2):
                back = self._patiently(lambda: httpx.get(target, timeout=60))
                if back is not None and back.status_code < 500:
                    return

    def stop_execution(self) -> None:
        """What an operator's Stop button does."""
        self.shop.stop_execution(self.rental_id)

    def settle_at_paymongo(self, **options: bool) -> None:
        """Money arrives without anybody pressing a button."""
        row = self._row()
        assert row
        self.shop.paymongo.settle(row["checkoutSessionId"], **options)

    def withdraw_units(self) -> None:
        """Somebody takes the collectible's units out of stock."""
        for unit in self._units():
            self.shop.dynamodb.delete_item(
                TableName=f"{TABLE_PREFIX}-Units", Key={"id": {"S": unit["id"]}}
            )

    def has_money_on_record(self) -> bool:
        """Whether a payment is written on the rental."""
        row = self._row()
        return bool(row and row.get("paymentId"))

    def wait_until_ended(self) -> None:
        """Until the rental is over, nudging what is overdue."""
        started = time.monotonic()

        def ended() -> bool:
            if time.monotonic() - started > _NUDGE_AFTER_SECONDS:
                self._nudge()
            return self._is_over()

        eventually(ended, f"rental {self.rental_id} to end", _QUIET_SECONDS)

    def problems(self) -> list[Violation | str]:
        """Violations of the promise and untruths on the customer's page."""
        row = self._row()
        mine = [row] if row else []
        payments = [
            each for each in self.shop.paymongo.ledger() if each.rental_id == self.rental_id
        ]
        found: list[Violation | str] = list(
            violations(
                mine,
                self._units(),
                [each for each in [self._get("Customers", customer_key(self.email))] if each],
                payments,
                hold_seconds=self.shop.hold_seconds,
            )
        )
        view = self.view()
        status = view["status"] if view else None
        if any(payment.kept for payment in payments):
            expected = {"completed"}
        elif any(payment.is_paid for payment in payments):
            expected = {"refunded"}
        else:
            expected = _ENDED_UNPAID
        if row and status not in expected:
            found.append(f"the customer is told {status}, expected {expected}")
        return found

    def _row(self) -> Json | None:
        return self._get("Rentals", self.rental_id)

    def _get(self, table: str, key: str) -> Json | None:
        answer = self.shop.dynamodb.get_item(
            TableName=f"{TABLE_PREFIX}-{table}", Key={"id": {"S": key}}, ConsistentRead=True
        )
        return from_attributes(answer["Item"]) if "Item" in answer else None

    def _units(self) -> list[Json]:
        keys = self.shop.dynamodb.query(
            TableName=f"{TABLE_PREFIX}-Units",
            IndexName="collectibleId-index",
            KeyConditionExpression="collectibleId = :collectible",
            ExpressionAttributeValues={":collectible": {"S": self.collectible_id}},
        )["Items"]
        units = [self._get("Units", key["id"]["S"]) for key in keys]
        return [unit for unit in units if unit]

    def _is_over(self) -> bool:
        row = self._row()
        if row is None:
            return True
        if row["paymentStatus"] == "pending" or row.get("followUp") in ("payment", "attention"):
            return False
        return not self._is_running()

    def _is_running(self) -> bool:
        try:
            return bool(self.shop.execution(self.rental_id)["status"] == "RUNNING")
        except self.shop.stepfunctions.exceptions.ExecutionDoesNotExist:
            return False

    def _nudge(self) -> None:
        """Two minutes pass: what the reconciler would look at later, it looks at now."""
        row = self._row()
        if row is None or "followUp" not in row:
            return
        try:
            self.shop.dynamodb.update_item(
                TableName=f"{TABLE_PREFIX}-Rentals",
                Key={"id": {"S": self.rental_id}},
                UpdateExpression="SET followUpAt = :past",
                ConditionExpression="attribute_exists(followUp)",
                ExpressionAttributeValues={":past": {"S": timestamp_in(-1)}},
            )
        except self.shop.dynamodb.exceptions.ConditionalCheckFailedException:
            return
        self.shop.stack.client("lambda").invoke(
            FunctionName=self.shop.stack.outputs["ReconcileFunctionName"], Payload=b"{}"
        )
        time.sleep(0.3)

    @staticmethod
    def _patiently(request: Callable[[], httpx.Response]) -> httpx.Response | None:
        try:
            return request()
        except httpx.HTTPError:
            return None


def paid(visit: Visit) -> None:
    """Pays, and comes back to the site."""
    if visit.checkout():
        visit.on_hosted_page("paid")


def declined(visit: Visit) -> None:
    """Three cards, three refusals."""
    if visit.checkout():
        for _ in range(3):
            visit.on_hosted_page("failed")


def cancelled(visit: Visit) -> None:
    """Gives up on PayMongo's page."""
    if visit.checkout():
        visit.on_hosted_page("cancelled")


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
        eventually(visit.has_money_on_record, "the payment to be recorded")


def late_and_sold_out(visit: Visit) -> None:
    """As late, but the unit has been taken out of stock."""
    if visit.checkout():
        visit.on_hosted_page("cancelled")
        visit.wait_until_ended()
        visit.withdraw_units()
        visit.settle_at_paymongo()
        eventually(visit.has_money_on_record, "the payment to be recorded")


SCENARIOS: dict[str, Callable[[Visit], None]] = {
    each.__name__: each
    for each in (
        paid, declined, cancelled, expired, stopped, stopped_when_paid, late, late_and_sold_out,
    )
}  # fmt: skip
