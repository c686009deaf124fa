"""Rentals that are paid."""

from tests.workflow.shop import Shop


def test_paid_by_webhook(shop: Shop) -> None:
    collectible = shop.add_collectible(units=2)
    rental = shop.checkout(collectible)

    assert shop.on_hosted_page(rental, "paid").status_code == 303

    completed = shop.wait_for_status(rental["rental_id"], "completed")
    assert completed["payment_url"] is None
    execution = shop.wait_for_execution(rental["rental_id"])
    assert execution["status"] == "SUCCEEDED"
    assert shop.states_of(rental["rental_id"]) == [
        "ReserveUnit",
        "PriceRental",
        "CreatePaymentSession",
        "AwaitPayment",
        "ConfirmRental",
        "RentalConfirmed",
    ]
    assert shop.available(collectible) == 1
