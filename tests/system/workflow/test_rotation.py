"""Secrets are rotated while customers pay: what was signed before is accepted after."""

import json
import uuid

from tests.support.sandbox import event_body
from tests.support.shop import Shop, eventually
from tools.local.stack import STACK_NAME


def answer(shop: Shop, body: bytes, secret: str) -> int:
    signature = shop.paymongo.signature(body, secret=secret)
    return shop.post_webhook(body, signature).status_code


def test_redirects_signed_before_a_rotation_still_work(shop: Shop) -> None:
    rental = shop.checkout(shop.add_collectible())
    secrets = shop.stack.client("secretsmanager")
    secrets.put_secret_value(
        SecretId=f"{STACK_NAME}/url-signing-key", SecretString=uuid.uuid4().hex
    )

    page = shop.follow(shop.cancel_url(rental["rental_id"]))

    assert page == f"/failed.html?rental_id={rental['rental_id']}"
    shop.wait_for_status(rental["rental_id"], "cancelled")
    later = shop.checkout(shop.add_collectible())
    shop.follow(shop.cancel_url(later["rental_id"]))
    shop.wait_for_status(later["rental_id"], "cancelled")


def test_webhooks_signed_with_the_secret_before_are_accepted(shop: Shop) -> None:
    secrets = shop.stack.client("secretsmanager")
    keys = json.loads(
        secrets.get_secret_value(SecretId="mongocollectibles/paymongo")["SecretString"]
    )
    before = keys["webhookSecret"]
    secrets.put_secret_value(
        SecretId="mongocollectibles/paymongo",
        SecretString=json.dumps(keys | {"webhookSecret": "whsk_after_the_rotation"}),
    )
    body = event_body("payment.unknown", {}, event_id="evt_rotation")
    try:
        assert answer(shop, body, before) == 200
        # Within ten seconds also where the secret was read just before; PayMongo tries again.
        eventually(lambda: answer(shop, body, "whsk_after_the_rotation") == 200, "the new secret")
        assert answer(shop, body, before) == 200
        assert answer(shop, body, "whsk_forged") == 401
    finally:
        secrets.put_secret_value(
            SecretId="mongocollectibles/paymongo", SecretString=json.dumps(keys)
        )
