"""Money received, less rentals completed, less refunds, is zero: the daily check on the stack."""

import json
from typing import Any

from tests.support.shop import Shop, eventually


def money_balance(shop: Shop) -> dict[str, Any]:
    answer = shop.stack.client("lambda").invoke(
        FunctionName=f"{shop.stack.outputs['BalanceMoneyFunctionName']}:live"
    )
    balance: dict[str, Any] = json.load(answer["Payload"])
    return balance


def test_the_daily_check_accounts_for_what_was_paid_and_for_what_a_dispute_took(
    shop: Shop,
) -> None:
    collectible = shop.add_collectible()
    before = money_balance(shop)

    rental = shop.checkout(collectible)
    shop.pay_and_complete(rental)

    after = money_balance(shop)
    assert after["completed"] >= before["completed"] + rental["total_fee"] * 100
    assert (after["difference"], after["unaccounted"]) == (0, [])

    (payment,) = shop.paymongo.payments(rental["rental_id"])
    shop.paymongo.lose_dispute(payment["id"], 150_000)
    taken = before["taken_back"] + 150_000
    eventually(lambda: money_balance(shop)["taken_back"] >= taken, "what the dispute took")
    assert money_balance(shop)["difference"] == 0
    assert shop.rental_row(rental["rental_id"])["fulfillmentAttention"] == "PaymentDisputed"
