"""Putting secrets where the functions read them, and rotating them. None is ever printed."""

import json
import secrets
import time

from api.authorize_distribution import ORIGIN_KEY_HEADER
from tools.ops.errors import CommandError
from tools.ops.target import Target

_KEY_BYTES = 48
# A function that has read the key just now does not look for a newer one (infra/secret_values.py).
_LOOKED_UP_AGAIN_SECONDS = 12.0


def store_keys(target: Target, secret_key: str, public_key: str) -> str:
    """Store PayMongo's keys, leaving a webhook's secret as it is. Returns the secret's name.

    Raises CommandError for what is no key of PayMongo's, or a pair of different modes.
    """
    modes = {
        key.split("_")[1]
        for key, kind in ((secret_key, "sk"), (public_key, "pk"))
        if key.startswith((f"{kind}_test_", f"{kind}_live_"))
    }
    if len(modes) != 1 or not (secret_key.startswith("sk_") and public_key.startswith("pk_")):
        raise CommandError(
            "these are not PayMongo's keys", "sk_test_... and pk_test_..., or both of live mode"
        )
    client = target.client("secretsmanager")
    name = target.stack.parameters["PayMongoSecretName"]
    try:
        stored = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    except client.exceptions.ResourceNotFoundException:
        client.create_secret(
            Name=name,
            Description="PayMongo's keys and webhook secret",
            SecretString=json.dumps({"secretKey": secret_key, "publicKey": public_key}),
        )
        return name
    value = json.dumps(stored | {"secretKey": secret_key, "publicKey": public_key})
    client.put_secret_value(SecretId=name, SecretString=value)
    return name


def rotate_url_key(target: Target) -> str:
    """Make a new key for redirect URLs; those signed with the one before stay good until the next
    rotation. Returns the secret's name.
    """
    name = f"{target.stack_name}/url-signing-key"
    target.client("secretsmanager").put_secret_value(
        SecretId=name, SecretString=secrets.token_urlsafe(_KEY_BYTES)
    )
    return name


def rotate_origin_key(target: Target) -> str:
    """Make a new key for what the distribution sends to the API, and have it sent. The API accepts
    the one before as well, so the distribution may take its minutes. Cut short, it goes on where it
    was. Returns the secret's name. Raises CommandError while the distribution is being changed.
    """
    name = f"{target.stack_name}/origin-key"
    store, cloudfront = target.client("secretsmanager"), target.client("cloudfront")
    distribution_id = target.stack.outputs["SiteDistributionId"]
    answer = cloudfront.get_distribution(Id=distribution_id)
    if answer["Distribution"]["Status"] != "Deployed":
        raise CommandError("the distribution is being changed", "try again in some minutes")
    config = answer["Distribution"]["DistributionConfig"]
    (sent,) = (
        header
        for origin in config["Origins"]["Items"]
        for header in origin.get("CustomHeaders", {}).get("Items", ())
        if header["HeaderName"] == ORIGIN_KEY_HEADER
    )
    key = store.get_secret_value(SecretId=name)["SecretString"]
    if sent["HeaderValue"] == key:
        key = secrets.token_urlsafe(_KEY_BYTES)
        store.put_secret_value(SecretId=name, SecretString=key)
        time.sleep(_LOOKED_UP_AGAIN_SECONDS)
    sent["HeaderValue"] = key
    cloudfront.update_distribution(
        Id=distribution_id, IfMatch=answer["ETag"], DistributionConfig=config
    )
    return name
