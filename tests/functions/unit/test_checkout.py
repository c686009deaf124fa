"""Which requests are the same request."""

import itertools
import uuid
from dataclasses import fields, replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rentals.checkout import CheckoutRequest, poll_times
from rentals.identity import customer_key, rental_id_for, source_key
from rentals.models import Customer, PaymentMethod
from tests.support import waiting
from tests.support.samples import CUSTOMER, IDENTITY_SECRET, OTHER_CUSTOMERS, REQUEST, another

texts = st.text(max_size=40)
# Letters whose cases correspond one to one, as in the e-mail addresses that are accepted.
emails = st.text("abcxyz0123456789.@-+", min_size=1, max_size=40)
keys = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255)


@given(emails, keys)
def test_the_same_customer_and_key_mean_the_same_rental(email: str, key: str) -> None:
    assert rental_id_for(email, key, IDENTITY_SECRET) == rental_id_for(email, key, IDENTITY_SECRET)


@given(emails, keys)
def test_case_and_space_around_an_address_do_not_matter(email: str, key: str) -> None:
    assert rental_id_for(f"  {email.upper()}\t", key, IDENTITY_SECRET) == rental_id_for(
        email, key, IDENTITY_SECRET
    )


@given(emails, emails, keys, keys)
def test_another_customer_or_key_means_another_rental(
    email: str, other_email: str, key: str, other_key: str
) -> None:
    same = (email, key) == (other_email, other_key)

    assert (
        rental_id_for(email, key, IDENTITY_SECRET)
        == rental_id_for(other_email, other_key, IDENTITY_SECRET)
    ) is same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ana@example.com", "1x"), ("ana@example.com1", "x")),
        (("ana@example.com", '","x'), ('ana@example.com","', "x")),
        (("ana@example.com", ""), ("", "ana@example.com")),
    ],
)
def test_ids_do_not_collide_by_concatenation(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert rental_id_for(*one, IDENTITY_SECRET) != rental_id_for(*other, IDENTITY_SECRET)


def test_without_a_key_every_request_is_another_rental() -> None:
    ids = {rental_id_for("ana@example.com", None, IDENTITY_SECRET) for _ in range(100)}

    assert len(ids) == 100
    assert {str(uuid.UUID(each)) for each in ids} == ids


def test_an_id_says_nothing_about_its_customer_and_names_an_execution() -> None:
    rental_id = rental_id_for("ana@example.com", "key-1", IDENTITY_SECRET)

    assert uuid.UUID(rental_id).version == 5
    assert "ana" not in rental_id


@given(emails, keys)
def test_who_does_not_know_the_secret_computes_neither_id_nor_key(email: str, key: str) -> None:
    assert rental_id_for(email, key, IDENTITY_SECRET) != rental_id_for(email, key, b"another")
    assert customer_key(email, IDENTITY_SECRET) != customer_key(email, b"another")


def test_a_customer_has_one_key_however_the_address_is_written() -> None:
    assert customer_key(" Ana@Example.com", IDENTITY_SECRET) == customer_key(
        "ana@example.com", IDENTITY_SECRET
    )
    assert customer_key("ana@example.com", IDENTITY_SECRET) != customer_key(
        "ben@example.com", IDENTITY_SECRET
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"),
        ("192.0.2.7", "::ffff:192.0.2.7"),
    ],
)
def test_one_source_has_one_key(one: str, other: str) -> None:
    assert source_key(one, IDENTITY_SECRET) == source_key(other, IDENTITY_SECRET)


@pytest.mark.parametrize(
    ("one", "other"), [("2001:db8:1:2::1", "2001:db8:1:3::1"), ("192.0.2.7", "192.0.2.8")]
)
def test_two_sources_have_two_keys(one: str, other: str) -> None:
    assert source_key(one, IDENTITY_SECRET) != source_key(other, IDENTITY_SECRET)


CHANGES = {
    each.name: another(getattr(REQUEST, each.name))
    for each in fields(CheckoutRequest)
    if each.name != "customer"
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_digest_notices_every_change_of_the_body(name: str) -> None:
    assert replace(REQUEST, **{name: CHANGES[name]}).digest() != REQUEST.digest()


@pytest.mark.parametrize(("name", "customer"), OTHER_CUSTOMERS.items())
def test_the_digest_notices_every_change_of_the_customer(name: str, customer: Customer) -> None:
    assert replace(REQUEST, customer=customer).digest() != REQUEST.digest()


def test_the_digest_of_an_equal_body_is_equal() -> None:
    assert replace(REQUEST, customer=replace(CUSTOMER)).digest() == REQUEST.digest()


def test_the_digest_of_an_address_in_capitals_is_equal_because_it_is_the_same_customer() -> None:
    customer = replace(CUSTOMER, email=CUSTOMER.email.upper())

    assert replace(REQUEST, customer=customer).digest() == REQUEST.digest()


@given(texts, texts, texts, texts)
def test_text_moved_from_one_field_to_the_next_changes_the_digest(
    name: str, phone: str, other_name: str, other_phone: str
) -> None:
    one = replace(REQUEST, customer=replace(CUSTOMER, name=name, phone=phone))
    other = replace(REQUEST, customer=replace(CUSTOMER, name=other_name, phone=other_phone))

    assert (one.digest() == other.digest()) is ((name, phone) == (other_name, other_phone))


# --- waiting for the payment URL (docs/performance.md, Waiting) ---

MOST_LATE_SECONDS = 0.05


def test_the_payment_url_is_found_soon_after_it_is_there() -> None:
    for samples in (waiting.LOCAL, waiting.with_paymongo()):
        late, _ = waiting.evaluate(poll_times, samples)
        assert late < MOST_LATE_SECONDS


def test_no_schedule_that_finds_it_as_soon_needs_fewer_reads() -> None:
    real = waiting.with_paymongo()
    _, reads = waiting.evaluate(poll_times, real)

    for first in (0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.75):
        for pause in (0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.3):
            evenly = partial(itertools.count, first, pause)
            late, reads_of_it = waiting.evaluate(evenly, real)
            late = max(late, waiting.evaluate(evenly, waiting.LOCAL)[0])
            assert late >= MOST_LATE_SECONDS or reads <= reads_of_it * 1.02


def test_a_release_knows_the_requests_of_the_release_before() -> None:
    """What stands on rows: a repeated request must find its rental, whatever was released since."""
    request = CheckoutRequest("col-001", "store-a", 3, PaymentMethod.GCASH, CUSTOMER)

    assert request.digest() == "5c9c71a4febb11487c69a4ec15bf39767fbf6a7482e0a47f26dc2c4d13ae2222"
