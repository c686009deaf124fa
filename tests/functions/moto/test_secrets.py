"""Secrets are read seldom, and anew after a rotation."""

import json
from collections.abc import Iterator

import pytest

from infra import aws
from paymongo.keys import PayMongoKeys, other_webhook_secrets, paymongo_keys
from rentals.links import other_url_signing_keys, url_signing_key
from tests.support.sources import STACK_NAME

KEYS = {"secretKey": "sk_test_1", "publicKey": "pk_test_1", "webhookSecret": "whsk_1"}


@pytest.fixture
def reads(environment: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names that the secrets of the template are read by, as they are read."""
    client = aws.secretsmanager()
    names = {
        "mongocollectibles/paymongo": json.dumps(KEYS),
        f"{STACK_NAME}/url-signing-key": "signing-key",
    }
    for name, value in names.items():
        client.create_secret(Name=name, SecretString=value)
    found: list[str] = []

    def record(params: dict[str, str], **_: object) -> None:
        found.append(params["SecretId"])

    event = "provide-client-params.secretsmanager.GetSecretValue"
    aws.secretsmanager().meta.events.register(event, record)
    yield found
    aws.secretsmanager().meta.events.unregister(event, record)
    for name in names:
        client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


def test_secrets_are_found_by_the_names_in_the_template(reads: list[str]) -> None:
    assert paymongo_keys() == PayMongoKeys("sk_test_1", "whsk_1")
    assert url_signing_key() == b"signing-key"


def test_a_secret_is_read_once_and_kept(reads: list[str]) -> None:
    for _ in range(5):
        paymongo_keys()
        url_signing_key()

    assert len(reads) == 2


def test_a_rotated_secret_is_in_use_within_minutes(
    reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr("infra.secret_values.time.monotonic", lambda: now)
    paymongo_keys()
    aws.secretsmanager().put_secret_value(
        SecretId="mongocollectibles/paymongo",
        SecretString=json.dumps(KEYS | {"secretKey": "sk_live_2"}),
    )

    now += 299
    assert paymongo_keys().secret_key == "sk_test_1"
    now += 2
    assert paymongo_keys().secret_key == "sk_live_2"
    assert paymongo_keys().is_live
    assert len(reads) == 2


def test_a_secret_without_a_webhook_secret_yet_accepts_no_webhook(
    reads: list[str], environment: pytest.MonkeyPatch
) -> None:
    aws.secretsmanager().put_secret_value(
        SecretId="mongocollectibles/paymongo", SecretString='{"secretKey": "sk_test_1"}'
    )

    assert paymongo_keys().webhook_secret == ""


def test_keys_are_not_shown_when_they_are_printed() -> None:
    shown = repr(PayMongoKeys("sk_live_secret", "whsk_secret"))

    assert "secret" not in shown.replace("secret_key", "").replace("webhook_secret", "")


def rotate(name: str, value: str) -> None:
    aws.secretsmanager().put_secret_value(SecretId=name, SecretString=value)


def test_a_secret_that_was_never_rotated_has_no_other(reads: list[str]) -> None:
    paymongo_keys()

    assert list(other_webhook_secrets()) == []
    assert list(other_url_signing_keys()) == []


def test_the_secret_before_is_accepted_after_a_rotation(reads: list[str]) -> None:
    rotate("mongocollectibles/paymongo", json.dumps(KEYS | {"webhookSecret": "whsk_2"}))
    rotate(f"{STACK_NAME}/url-signing-key", "second-key")

    assert paymongo_keys().webhook_secret == "whsk_2"
    assert list(other_webhook_secrets()) == ["whsk_1"]
    assert url_signing_key() == b"second-key"
    assert list(other_url_signing_keys()) == [b"signing-key"]


def test_a_secret_newer_than_the_one_that_is_kept_is_found_when_it_is_needed(
    reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr("infra.secret_values.time.monotonic", lambda: now)
    assert paymongo_keys().webhook_secret == "whsk_1"
    rotate("mongocollectibles/paymongo", json.dumps(KEYS | {"webhookSecret": "whsk_2"}))

    now += 11
    assert paymongo_keys().webhook_secret == "whsk_1", "still the one that is kept"
    assert "whsk_2" in list(other_webhook_secrets())
    assert paymongo_keys().webhook_secret == "whsk_2"


def test_the_secret_before_is_accepted_also_where_somebody_forged_a_signature_earlier(
    reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forged signature has the previous secret looked up, and kept, before a rotation."""
    now = 1_000.0
    monkeypatch.setattr("infra.secret_values.time.monotonic", lambda: now)
    assert list(other_url_signing_keys()) == []

    rotate(f"{STACK_NAME}/url-signing-key", "after")
    now += 11
    assert list(other_url_signing_keys()) == [b"after"]

    assert url_signing_key() == b"after"
    assert list(other_url_signing_keys()) == [b"signing-key"]


def test_many_bad_signatures_cost_no_more_than_a_look_every_ten_seconds(
    reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr("infra.secret_values.time.monotonic", lambda: now)
    for _ in range(100):
        paymongo_keys()
        list(other_webhook_secrets())
        now += 0.1

    assert len(reads) <= 3
