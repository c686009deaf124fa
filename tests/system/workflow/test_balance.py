"""Money received, less rentals completed, less refunds, is zero: the daily check on the stack."""

from tests.support.shop import Shop, eventually


def test_the_daily_check_accounts_for_what_was_paid_and_for_what_a_dispute_took(
    shop: Shop,
) -> None:
    collectible = shop.add_collectible()
    before = shop.money_balance()

    rental = shop.checkout(collectible)
    shop.pay_and_complete(rental)

    after = shop.money_balance()
    assert after["completed"] >= before["completed"] + rental["total_fee"] * 100
    assert (after["difference"], after["unaccounted"]) == (0, [])

    (payment,) = shop.paymongo.payments(rental["rental_id"])
    shop.paymongo.lose_dispute(payment["id"], 150_000)
    taken = before["taken_back"] + 150_000
    eventually(lambda: shop.money_balance()["taken_back"] >= taken, "what the dispute took")
    assert shop.money_balance()["difference"] == 0
    assert shop.rental_row(rental["rental_id"])["fulfillmentAttention"] == "PaymentDisputed"
