"""Signatures of webhooks (docs/paymongo.md, Signature) and of our own redirect URLs."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paymongo.signatures import verify_webhook
from rentals.errors import InvalidSignature
from rentals.links import redirect_path, verify_redirect

SECRET = "whsk_unit"
NOW = 1_769_853_600
WEEK = 7 * 24 * 3600
BODY = b'{"data":{"id":"evt_1","attributes":{"type":"payment.paid","note":"\xc3\x91"}}}'
RENTAL_ID = "3f1f4c1e-9a57-5b0e-8f0a-000000000001"
KEY = b"url-signing-key"


def digest(body: bytes = BODY, sent_at: str = str(NOW), secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), f"{sent_at}.".encode() + body, hashlib.sha256).hexdigest()


def verify(
    header: str,
    body: bytes = BODY,
    secret: str = SECRET,
    *,
    is_live: bool = False,
    now: float = NOW,
    tolerance: float = WEEK,
) -> None:
    verify_webhook(header, body, secret, is_live=is_live, now=now, tolerance=tolerance)


def test_paymongos_own_header_is_accepted_in_either_mode() -> None:
    verify(f"t={NOW},te={digest()},li=")
    verify(f"t={NOW},te=,li={digest()}", is_live=True)


@pytest.mark.parametrize(
    "header",
    [
        f"li=,te={digest()},t={NOW}",
        f" t={NOW} , te={digest()} , li= ",
        f"t={NOW},te={digest()}",
        f"t={NOW},te={digest()},li=,v2=later",
    ],
    ids=["another order", "spaces", "no li", "a part of tomorrow"],
)
def test_parts_are_read_by_name(header: str) -> None:
    verify(header)


GENUINE = f"t={NOW},te={digest()},li="
REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "other mode": ("our mode is missing", {"is_live": True}),
    "live part": ("our mode is missing", {"header": f"t={NOW},te=,li={digest()}"}),
    "no secret, other mode": (
        "our mode is missing",
        {"header": f"t={NOW},te={digest(secret='')},li=", "is_live": True},
    ),
    "truncated": ("does not match the body", {"body": BODY[:-1]}),
    "with a newline": ("does not match the body", {"body": BODY + b"\n"}),
    "empty": ("does not match the body", {"body": b""}),
    "re-serialised": ("does not match the body", {"body": json.dumps(json.loads(BODY)).encode()}),
    "re-serialised compactly": (
        "does not match the body",
        {"body": json.dumps(json.loads(BODY), separators=(",", ":")).encode()},
    ),
    "another secret": (
        "does not match the body",
        {"header": f"t={NOW},te={digest(secret='whsk_other')},li="},
    ),
    "without a secret of our own": (
        "not readable",
        {"header": f"t={NOW},te={digest(secret='')},li=", "secret": ""},
    ),
    "too early": ("from the future", {"now": NOW - 301}),
    "too late": ("too old", {"now": NOW + WEEK + 1}),
    "much too late": ("too old", {"now": 2 * NOW}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_signature_is_refused_with_the_reason(name: str) -> None:
    reason, changes = REFUSED[name]

    with pytest.raises(InvalidSignature, match=reason):
        verify(**{"header": GENUINE} | changes)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t",
        ",,,",
        "=",
        f"te={digest()},li=",
        f"t=,te={digest()},li=",
        f"t={NOW}",
        f"t={NOW},te=,li=",
        f"t={NOW},te={digest()[:-1]},li=",
        f"t={NOW},te={digest()}0,li=",
        f"t={NOW},te={digest()}\n,li=,te={digest()}0",
        f"t={NOW},te={digest().upper()},li=",
        f"t={NOW},te={'z' * 64},li=",
        f"t={NOW},te={'0' * 64},li=",
        f"t={NOW},te={'é' * 64},li=",
        f"t={NOW + 1},te={digest()},li=",
        f"t=-{NOW},te={digest(sent_at=f'-{NOW}')},li=",
        f"t={NOW}.0,te={digest(sent_at=f'{NOW}.0')},li=",
        "t=١٧٦٩,te=" + digest(sent_at="١٧٦٩") + ",li=",
        "t=²,te=" + digest(sent_at="²") + ",li=",
        f"t={'9' * 13},te={digest(sent_at='9' * 13)},li=",
        f"t={'9' * 5000},te={digest(sent_at='9' * 5000)},li=",
        f"t={NOW},te={digest()},te={'0' * 64},li=",
        f"t={NOW},t={NOW + 1},te={digest()},li=",
    ],
)
def test_anything_else_is_refused_not_raised(header: str) -> None:
    with pytest.raises(InvalidSignature):
        verify(header)


@given(st.text(max_size=300))
def test_no_header_that_was_not_signed_gets_through(header: str) -> None:
    with pytest.raises(InvalidSignature):
        verify(header)


@pytest.mark.parametrize("age", [-300, 0, 136 * 60, WEEK])
def test_a_delivery_within_the_window_is_accepted(age: int) -> None:
    verify(f"t={NOW},te={digest()},li=", now=NOW + age)


def signature_of(path: str) -> str:
    return parse_qs(urlsplit(path).query)["signature"][0]


def test_a_redirect_url_names_its_rental_and_verifies() -> None:
    path = redirect_path("success", RENTAL_ID, KEY)

    assert urlsplit(path).path == "/payment/success"
    assert parse_qs(urlsplit(path).query)["rental_id"] == [RENTAL_ID]
    verify_redirect("success", RENTAL_ID, signature_of(path), KEY)


@pytest.mark.parametrize(
    ("outcome", "rental_id", "key"),
    [
        ("failed", RENTAL_ID, KEY),
        ("success", RENTAL_ID[:-1] + "2", KEY),
        ("success", "", KEY),
        ("success", RENTAL_ID, b"another key"),
    ],
)
def test_a_signature_is_good_for_one_rental_and_one_outcome(
    outcome: str, rental_id: str, key: bytes
) -> None:
    signature = signature_of(redirect_path("success", RENTAL_ID, KEY))

    with pytest.raises(InvalidSignature):
        verify_redirect(outcome, rental_id, signature, key)


@given(st.text(), st.text(max_size=70))
def test_a_redirect_that_we_did_not_sign_is_refused(rental_id: str, signature: str) -> None:
    with pytest.raises(InvalidSignature):
        verify_redirect("failed", rental_id, signature, KEY)


@pytest.mark.parametrize("garbage", ["é", "\x00", "x" * 10_000])
def test_garbage_in_a_redirect_is_refused_not_raised(garbage: str) -> None:
    with pytest.raises(InvalidSignature):
        verify_redirect("failed", RENTAL_ID, garbage, KEY)
    with pytest.raises(InvalidSignature):
        verify_redirect("failed", garbage, "0" * 64, KEY)
