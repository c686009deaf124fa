"""What is paid and given back after the checkout while calls fail."""

from collections.abc import Callable

from infra.clock import timestamp_in
from tests.search.faults.scenarios import Visit
from tests.search.faults.second_half import at_the_desk, do, rent, trying, wait_for
from tests.support.shop import Json
from tools.local.stack import TABLE_PREFIX

_TRIES = 8
_DEPOSIT = 5_000


def _with_deposit(visit: Visit) -> bool:
    visit.shop.dynamodb.update_item(
        TableName=f"{TABLE_PREFIX}-Collectibles",
        Key={"id": {"S": visit.collectible_id}},
        UpdateExpression="SET deposit = :pesos",
        ExpressionAttributeValues={":pesos": {"N": str(_DEPOSIT)}},
    )
    return rent(visit)


def _ask(visit: Visit, path: str, **query: int) -> Json:
    """POST to a route of the rental's customer, trying errors again."""
    key = visit.shop.key_of(visit.rental_id)
    path = f"/api/rentals/{visit.rental_id}/{path}"
    return trying(visit, lambda: visit.shop.site.post(path, headers=key, params=query))


def _money(visit: Visit, **body: str | int) -> Json:
    desk, path = at_the_desk(visit), f"rentals/{visit.rental_id}/money"
    return trying(visit, lambda: desk.post(path, body))


def _pay(visit: Visit, charge: Json) -> None:
    """Pay a charge on its session, and wait until it is known."""
    row = visit.charges()[charge["charge_id"]]
    visit.shop.paymongo.settle(row["checkoutSessionId"])
    visit.wait_for(
        lambda: visit.charges()[charge["charge_id"]]["status"] == "paid", "a paid charge"
    )


def _wait_for_refunds(visit: Visit, *centavos: int) -> None:
    def look() -> bool:
        refunds = visit.shop.paymongo.refunds(visit.rental_id)
        known = (visit.row() or {}).get("refundsSeen", ())
        done = sum("#succeeded#" in each for each in known)
        return sorted(e["amount"] for e in refunds) == sorted(centavos) and done == len(centavos)

    visit.wait_for(look, "refunds")


def kept_longer_and_broken(visit: Visit) -> None:
    """Two days more are paid; it comes back two days late and damaged for more than the deposit."""
    if _with_deposit(visit):
        do(visit, "arrived", "picked_up")
        wait_for(visit, "picked_up")
        _pay(visit, _ask(visit, "extension", days=2))
        visit.shop.dynamodb.update_item(
            TableName=f"{TABLE_PREFIX}-Rentals",
            Key={"id": {"S": visit.rental_id}},
            UpdateExpression="SET dueAt = :before",
            ExpressionAttributeValues={":before": {"S": timestamp_in(-47 * 3600)}},
        )
        do(visit, "returned")
        wait_for(visit, "returned")
        do(visit, "inspected", condition="damaged", note="an ear broke", amount=4_500)
        wait_for(visit, "closed")
        [damage] = [key for key, row in visit.charges().items() if row["kind"] == "damage"]
        _pay(visit, _ask(visit, f"charges/{damage}/payment"))


def deposit_given_back(visit: Visit) -> None:
    """It comes back in time and whole."""
    if _with_deposit(visit):
        do(visit, "arrived", "picked_up", "returned", "inspected")
        wait_for(visit, "closed")
        _wait_for_refunds(visit, _DEPOSIT * 100)


def changed_their_mind(visit: Visit) -> None:
    """The customer cancels what is paid, while it is on its way."""
    if rent(visit):
        _ask(visit, "cancel", refund=6_000)
        wait_for(visit, "closed")
        _wait_for_refunds(visit, 600_000)


def two_equal_refunds(visit: Visit) -> None:
    """Somebody at the desk gives the same sum back twice, for two reasons."""
    if rent(visit):
        for key in ("wait", "rain"):
            _money(visit, action="refund", amount=200, reason=f"the {key}", key=key)
        _wait_for_refunds(visit, 20_000, 20_000)


# The functions that each is about.
FUNCTIONS: dict[Callable[[Visit], None], set[str]] = {
    kept_longer_and_broken: {
        "PostExtensionFunction",
        "PostChargePaymentFunction",
        "PostDeskActionFunction",
        "PostPayMongoWebhookFunction",
    },
    deposit_given_back: {"PostDeskActionFunction", "RefundPaymentFunction"},
    changed_their_mind: {"PostCancelFunction", "RefundPaymentFunction"},
    two_equal_refunds: {"PostDeskMoneyFunction", "RefundPaymentFunction"},
}
