"""Which requests are the same request."""

import uuid
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rentals.checkout import CheckoutRequest, rental_id_for
from rentals.models import PaymentMethod
from tests.support.samples import CUSTOMER

REQUEST = CheckoutRequest(
    collectible_id="col-001",
    store_id="store-a",
    duration=3,
    payment_method=PaymentMethod.GCASH,
    customer=CUSTOMER,
)

texts = st.text(max_size=40)
# Letters whose cases correspond one to one, as in the e-mail addresses that are accepted.
emails = st.text("abcxyz0123456789.@-+", min_size=1, max_size=40)
keys = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255)


@given(emails, keys)
def test_the_same_customer_and_key_mean_the_same_rental(email: str, key: str) -> None:
    assert rental_id_for(email, key) == rental_id_for(email, key)


@given(emails, keys)
def test_case_and_space_around_an_address_do_not_matter(email: str, key: str) -> None:
    assert rental_id_for(f"  {email.upper()}\t", key) == rental_id_for(email, key)


@given(emails, emails, keys, keys)
def test_another_customer_or_key_means_another_rental(
    email: str, other_email: str, key: str, other_key: str
) -> None:
    same = (email, key) == (other_email, other_key)

    assert (rental_id_for(email, key) == rental_id_for(other_email, other_key)) is same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ana@example.com", "1x"), ("ana@example.com1", "x")),
        (("ana@example.com", '","x'), ('ana@example.com","', "x")),
        (("ana@example.com", ""), ("", "ana@example.com")),
    ],
)
def test_ids_do_not_collide_by_concatenation(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert rental_id_for(*one) != rental_id_for(*other)


def test_without_a_key_every_request_is_another_rental() -> None:
    ids = {rental_id_for("ana@example.com", None) for _ in range(100)}

    assert len(ids) == 100
    assert {str(uuid.UUID(each)) for each in ids} == ids


def test_an_id_says_nothing_about_its_customer_and_names_an_execution() -> None:
    rental_id = rental_id_for("ana@example.com", "key-1")

    assert uuid.UUID(rental_id).version == 5
    assert "ana" not in rental_id


@pytest.mark.parametrize(
    "changes",
    [
        {"collectible_id": "col-002"},
        {"store_id": "store-b"},
        {"duration": 4},
        {"payment_method": PaymentMethod.CARD},
        *(
            {"customer": replace(CUSTOMER, **{name: "9999"})}
            for name in ("name", "email", "phone", "address", "city", "postal_code")
        ),
    ],
)
def test_the_digest_notices_every_change_of_the_body(changes: dict[str, Any]) -> None:
    assert replace(REQUEST, **changes).digest() != REQUEST.digest()


def test_the_digest_of_an_equal_body_is_equal() -> None:
    assert replace(REQUEST, customer=replace(CUSTOMER)).digest() == REQUEST.digest()


@given(texts, texts, texts, texts)
def test_text_moved_from_one_field_to_the_next_changes_the_digest(
    name: str, phone: str, other_name: str, other_phone: str
) -> None:
    one = replace(REQUEST, customer=replace(CUSTOMER, name=name, phone=phone))
    other = replace(REQUEST, customer=replace(CUSTOMER, name=other_name, phone=other_phone))

    assert (one.digest() == other.digest()) is ((name, phone) == (other_name, other_phone))
