"""What a lost dispute takes is neither kept nor given back: it goes by its own name."""

from rentals.balance import balance
from rentals.models import PaymentStatus, Rental
from rentals.statement import Statement
from tests.support.samples import pending_rental

LONG_AGO = "2026-01-31T10:00:00.000Z"
OPEN, LOST, WON = (f"pay_1#dispute_1#200000#{each}" for each in ("open", "lost", "won"))


def completed(*disputes: str, **changes: object) -> Rental:
    return pending_rental(
        payment_status=PaymentStatus.COMPLETED,
        payment_id="pay_1",
        amount_paid=600_000,
        payment_currency="PHP",
        total_fee_centavos=600_000,
        disputes_seen=frozenset(disputes),
        **changes,
    )


def test_a_dispute_takes_nothing_until_it_is_lost() -> None:
    assert Statement(completed(OPEN)).taken_back == 0
    assert Statement(completed(OPEN, WON)).taken_back == 0
    assert Statement(completed(OPEN, LOST)).taken_back == 200_000
    assert Statement(completed(LOST, "pay_2#dispute_2#1#lost")).taken_back == 200_000


def test_the_balance_names_what_was_taken_and_stays_in_balance() -> None:
    found = balance([Statement(completed(LOST))], LONG_AGO)

    assert (found.received, found.completed, found.taken_back) == (600_000, 400_000, 200_000)
    assert (found.difference, found.unaccounted) == (0, [])


def test_no_more_is_taken_than_was_kept() -> None:
    back = frozenset({"pay_1#ref_1#500000#succeeded#2026-01-31T10:00:00.000Z#"})
    found = balance([Statement(completed(LOST, refunds_seen=back))], LONG_AGO)

    assert (found.refunded, found.taken_back, found.completed) == (500_000, 100_000, 0)
    assert found.difference == 0
