"""What may come in, and what a caller is told about what may not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.bodies import Body, Checkout, Customer, Quote, idempotency_key, parse
from api.responses import HttpError
from rentals.models import PaymentMethod
from tests.support.samples import CUSTOMER, Json, checkout_body


def errors_of(body: Json, kind: type[Body] = Checkout) -> Json:
    """Message by field of what is wrong with a body."""
    with pytest.raises(HttpError) as refusal:
        parse(kind, body)
    assert refusal.value.status == 400
    assert refusal.value.code == "VALIDATION_ERROR"
    errors = {each["field"]: each["message"] for each in refusal.value.field_errors or ()}
    assert errors
    for field in errors:
        assert field in str(refusal.value)
    return errors


def test_a_field_without_a_name_is_named_so() -> None:
    assert errors_of(checkout_body() | {"": 1}) == {'""': "is not a known field"}


def test_a_valid_body_becomes_a_request() -> None:
    request = parse(Checkout, checkout_body()).request()

    assert (request.collectible_id, request.store_id, request.duration) == (
        "col-001",
        "store-a",
        3,
    )
    assert request.payment_method is PaymentMethod.GCASH
    assert request.customer == CUSTOMER


def test_space_around_text_is_dropped() -> None:
    body = checkout_body(
        collectible_id=" col-001\n",
        store_id="\tstore-a ",
        customer={name: f"  {value} " for name, value in checkout_body()["customer"].items()},
    )

    assert parse(Checkout, body) == parse(Checkout, checkout_body())


@pytest.mark.parametrize("method", PaymentMethod)
def test_every_payment_method_is_accepted(method: PaymentMethod) -> None:
    assert parse(Checkout, checkout_body(payment_method=str(method))).payment_method is method


@pytest.mark.parametrize("duration", [1, 6, 7, 365])
def test_durations_of_a_day_to_a_year_are_accepted(duration: int) -> None:
    assert parse(Checkout, checkout_body(duration=duration)).duration == duration


NOT_A_NUMBER = "must be a whole number, not text or a fraction"
METHODS = f"must be one of {', '.join(PaymentMethod)}"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("duration", 0, "must be at least 1"),
        ("duration", -3, "must be at least 1"),
        ("duration", 366, "must be at most 365"),
        ("duration", 10**30, "must be at most 365"),
        ("duration", "7", NOT_A_NUMBER),
        ("duration", 1.5, NOT_A_NUMBER),
        ("duration", 7.0, NOT_A_NUMBER),
        ("duration", float("nan"), NOT_A_NUMBER),
        ("duration", True, NOT_A_NUMBER),
        ("duration", None, NOT_A_NUMBER),
        ("duration", [3], NOT_A_NUMBER),
        ("payment_method", "paypal", METHODS),
        ("payment_method", "GCASH", METHODS),
        ("payment_method", ["gcash"], METHODS),
        ("payment_method", None, METHODS),
        ("collectible_id", "", "must not be empty"),
        ("collectible_id", "x" * 65, "must be at most 64 characters"),
        ("store_id", "   ", "must not be empty"),
        ("store_id", 1, "must be text"),
        ("customer", None, "must be an object"),
        ("customer", [], "must be an object"),
        ("customer", "Ana", "must be an object"),
        ("discount", 100, "is not a known field"),
    ],
)
def test_a_wrong_field_is_named_with_what_to_change(field: str, value: Any, message: str) -> None:
    assert errors_of({**checkout_body(), field: value}) == {field: message}


EMAIL = "must be an e-mail address"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "", "must not be empty"),
        ("name", " \t", "must not be empty"),
        ("name", "x" * 101, "must be at most 100 characters"),
        ("name", "x" * 60_000, "must be at most 100 characters"),
        ("name", "Ana\nCruz", "must not contain control characters"),
        ("name", "Ana\x00", "must not contain control characters"),
        ("name", 5, "must be text"),
        ("email", "", EMAIL),
        ("email", "ana", EMAIL),
        ("email", "ana@", EMAIL),
        ("email", "ana@example", EMAIL),
        ("email", "ana cruz@example.com", EMAIL),
        ("email", "ana@example.com,bob@example.com", EMAIL),
        ("email", f"{'a' * 243}@example.com", EMAIL),
        ("email", f"ana@{'a.' * 124}example.com", EMAIL),
        ("email", f"ana@{'a' * 64}.com", EMAIL),
        ("email", "Ana Cruz <ana@example.com>", EMAIL),
        ("email", "ana@-example.com", EMAIL),
        ("email", "ana@example-.com", EMAIL),
        ("email", "ana@example..com", EMAIL),
        ("email", "ana@example.com.", EMAIL),
        ("email", "ana@exa_mple.com", EMAIL),
        ("email", "ana@[127.0.0.1]", EMAIL),
        ("email", '"ana cruz"@example.com', EMAIL),
        ("email", "ana@example.com\r\nBcc: b@example.com", EMAIL),
        ("email", "jos\u00e9@example.com", EMAIL),
        ("email", "ana@b\u00fccher.example", EMAIL),
        ("email", None, "must be text"),
        ("phone", "123 456", "must contain at least 7 digits"),
        ("phone", "((((((((", "must contain at least 7 digits"),
        ("phone", "123456", "must be 7 to 20 digits, spaces, +, - and brackets"),
        ("phone", "1" * 21, "must be 7 to 20 digits, spaces, +, - and brackets"),
        ("phone", "0917-CALL-ANA", "must be 7 to 20 digits, spaces, +, - and brackets"),
        ("phone", "١٢٣٤٥٦٧", "must be 7 to 20 digits, spaces, +, - and brackets"),
        ("phone", "0917 123 456", "must be complete, like 0917 123 4567"),
        (
            "phone",
            "+63 917 123 45678",
            "must be complete, like 0917 123 4567",
        ),
        ("phone", 9_170_000_000, "must be text"),
        ("address", "x" * 201, "must be at most 200 characters"),
        ("city", "x" * 101, "must be at most 100 characters"),
        ("postal_code", "120", "must be 4 digits"),
        ("postal_code", "12000", "must be 4 digits"),
        ("postal_code", "12a0", "must be 4 digits"),
        ("postal_code", "١٢٠٠", "must be 4 digits"),
        ("postal_code", 1200, "must be text"),
        ("nickname", "Annie", "is not a known field"),
    ],
)
def test_a_wrong_field_of_the_customer_is_named_with_what_to_change(
    field: str, value: Any, message: str
) -> None:
    body = checkout_body(customer={field: value})

    assert errors_of(body) == {f"customer.{field}": message}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x" * 100),
        ("name", "Ñandú Macapagal-Arroyo 日本"),
        ("address", "x" * 200),
        ("phone", "1234567"),
        ("phone", "+63 (917) 000-0000"),
        ("email", "a+b.c@sub.example.ph"),
        ("email", "o'neil_{x}@xn--bcher-kva.example"),
        ("email", ".ana..cruz.@example.c"),
        ("name", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        ("address", "1 Rizal \U0001f469\u200d\U0001f680 Street"),
        ("email", f"{'a' * 64}@{'a' * 63}.co"),
    ],
)
def test_unusual_and_longest_values_are_accepted(field: str, value: str) -> None:
    request = parse(Checkout, checkout_body(customer={field: value}))

    assert getattr(request.customer, field) == value


@pytest.mark.parametrize(
    ("field", "pasted", "kept"),
    [
        ("phone", "\u202a+63 917 123 4567\u202c", "+63 917 123 4567"),
        ("phone", "\u2068+63\u00a0917\u2009123\u00a04567\u2069", "+63 917 123 4567"),
        ("email", "\u200eana@example.com\ufeff", "ana@example.com"),
        ("email", "ana\u200b@example.com", "ana@example.com"),
        ("name", "\u200dAna\u00a0Cruz\u200c\u00ad", "Ana Cruz"),
        ("postal_code", "\u20661200\u2069", "1200"),
    ],
)
def test_what_phones_and_messengers_paste_around_text_is_dropped(
    field: str, pasted: str, kept: str
) -> None:
    body = parse(Checkout, checkout_body(customer={field: pasted}))

    assert getattr(body.customer, field) == kept


def test_everything_wrong_is_reported_at_once() -> None:
    body = checkout_body(
        duration="7",
        payment_method="cash",
        extra=1,
        customer={"email": "ana", "phone": "1", "postal_code": ""},
    )
    del body["store_id"]
    del body["customer"]["city"]

    assert set(errors_of(body)) == {
        "store_id",
        "duration",
        "payment_method",
        "extra",
        "customer.email",
        "customer.phone",
        "customer.postal_code",
        "customer.city",
    }


def test_every_field_is_required() -> None:
    assert errors_of({}) == dict.fromkeys(
        ["collectible_id", "store_id", "duration", "payment_method", "customer"], "is required"
    )
    assert errors_of({**checkout_body(), "customer": {}}) == dict.fromkeys(
        [f"customer.{name}" for name in Customer.model_json_schema()["required"]], "is required"
    )
    assert errors_of({}, Quote) == dict.fromkeys(
        ["collectible_id", "store_id", "duration"], "is required"
    )


def test_a_message_never_repeats_what_was_sent() -> None:
    secret = "4343434343434345"
    body = checkout_body(
        collectible_id=secret * 9,
        payment_method=secret,
        customer=dict.fromkeys(checkout_body()["customer"], f"{secret}\x00" * 20),
    )

    assert secret not in str(errors_of(body).values())


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(st.sampled_from([*checkout_body(), "other"]) | st.text(), values, max_size=7),
    st.dictionaries(st.sampled_from([*checkout_body()["customer"], "other"]), values, max_size=7),
)
def test_whatever_comes_in_is_a_request_or_a_clear_refusal(changes: Json, customer: Json) -> None:
    body = checkout_body(customer=customer) | changes
    refusal: HttpError | None = None
    try:
        parse(Checkout, body)
    except HttpError as error:
        refusal = error

    if refusal is not None:
        assert refusal.field_errors
        assert all(each["message"] for each in refusal.field_errors)


@pytest.mark.parametrize("key", [None, "a", "~!" * 127, "3f1f4c1e-9a57-5b0e-8f0a-000000000001"])
def test_an_idempotency_key_of_visible_ascii_is_accepted(key: str | None) -> None:
    assert idempotency_key(key) == key


@pytest.mark.parametrize("key", ["", " ", "a b", "a\n", "x" * 256, "ñ", "\x7f"])
def test_any_other_idempotency_key_is_refused(key: str) -> None:
    with pytest.raises(HttpError) as refusal:
        idempotency_key(key)

    assert refusal.value.status == 400
    assert refusal.value.field_errors == [
        {"field": "Idempotency-Key", "message": "must be 1 to 255 visible ASCII characters"}
    ]
