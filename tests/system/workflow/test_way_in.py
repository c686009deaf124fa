"""The API answers what comes by the distribution, and nothing else."""

import httpx
import pytest

from api.authorize_distribution import ORIGIN_KEY_HEADER
from tests.support.shop import Shop, eventually
from tools.local.stack import LocalStack
from tools.ops import secret_store
from tools.ops.target import choose

# The engine has no gateway responses: 403 there is 401 on AWS (openapi.yaml).
REFUSED = {401, 403}


def past(stack: LocalStack, path: str, **headers: str) -> int:
    """What the stage answers to who calls it past the distribution."""
    api = f"{stack.settings.aws_url}/_aws/execute-api/{stack.outputs['ApiId']}/prod"
    return httpx.get(api + path, headers=headers, timeout=60).status_code


def origin_key(stack: LocalStack) -> str:
    """What the distribution sends now."""
    answer = stack.client("secretsmanager").get_secret_value(
        SecretId=f"{stack.settings.stack_name}/origin-key"
    )
    return str(answer["SecretString"])


@pytest.mark.parametrize("path", ["/api/stores", "/api/rentals/unknown"])
def test_the_stage_refuses_who_comes_past_the_distribution(shop: Shop, path: str) -> None:
    assert past(shop.stack, path) == 401
    assert past(shop.stack, path, **{ORIGIN_KEY_HEADER: "guessed"}) in REFUSED
    assert shop.site.get(path, headers={ORIGIN_KEY_HEADER: "guessed"}).status_code not in REFUSED


def test_the_key_is_rotated_while_customers_come(shop: Shop) -> None:
    before, target = origin_key(shop.stack), choose(endpoint_url=shop.stack.settings.aws_url)
    assert shop.site.get("/api/stores").status_code == 200

    secret_store.rotate_origin_key(target)

    after = origin_key(shop.stack)
    assert after != before
    for key in (before, after):
        assert past(shop.stack, "/api/stores", **{ORIGIN_KEY_HEADER: key}) == 200
    assert shop.site.get("/api/stores").status_code == 200

    # Once more, so that the first one would be refused: the front door has the new one.
    secret_store.rotate_origin_key(target)
    assert origin_key(shop.stack) not in (before, after)
    eventually(lambda: shop.site.get("/api/stores").status_code == 200, "the front door's new key")
