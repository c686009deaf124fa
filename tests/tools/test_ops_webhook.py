"""Registering the webhook: whatever was there before, afterwards PayMongo delivers to us."""

import json
from typing import Any

import httpx
import pytest

from rentals.errors import PaymentProviderUnavailable
from tools.ops import webhook
from tools.ops.account import Account, Keys
from tools.ops.errors import CommandError

Json = dict[str, Any]

URL = "https://site.example/api/webhooks/paymongo"


class PayMongoWebhooks:
    """The part of PayMongo that knows webhook endpoints."""

    def __init__(self, *, shows_secrets: bool = False) -> None:
        self.endpoints: dict[str, Json] = {}
        self.writes: list[str] = []
        self.loses_answers = False
        self._shows_secrets = shows_secrets

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/v1/webhooks").strip("/")
        if request.method == "GET":
            shown = [self._resource(each) for each in self.endpoints]
            return httpx.Response(200, json={"data": self._resource(path) if path else shown})
        self.writes.append(f"{request.method} {path}")
        webhook_id, _, action = path.partition("/")
        if action:
            self.endpoints[webhook_id]["status"] = f"{action}d"
        else:
            sent = json.loads(request.content)["data"]["attributes"]
            webhook_id = webhook_id or f"hook_{len(self.endpoints) + 1}"
            made = {"status": "enabled", "secret_key": f"whsk_of_{webhook_id}"}
            self.endpoints.setdefault(webhook_id, made).update(sent)
        if self.loses_answers:
            raise httpx.ReadTimeout("lost")
        is_new = request.method == "POST" and not action
        return httpx.Response(200, json={"data": self._resource(webhook_id, secret=is_new)})

    def _resource(self, webhook_id: str, *, secret: bool = False) -> Json:
        attributes = dict(self.endpoints[webhook_id])
        if not (secret or self._shows_secrets):
            del attributes["secret_key"]
        return {"id": webhook_id, "type": "webhook", "attributes": attributes}


class Secrets:
    """One secret of Secrets Manager."""

    class exceptions:  # noqa: N801 - as boto3 names it
        ResourceNotFoundException = KeyError

    def __init__(self, value: Json | None) -> None:
        self.value = value

    def get_secret_value(self, SecretId: str) -> Json:  # noqa: N803
        if self.value is None:
            raise KeyError(SecretId)
        return {"SecretString": json.dumps(self.value)}

    def put_secret_value(self, SecretId: str, SecretString: str) -> None:  # noqa: N803
        self.value = json.loads(SecretString)


class World:
    def __init__(self, *, shows_secrets: bool = False, keys: Json | None = None) -> None:
        self.paymongo = PayMongoWebhooks(shows_secrets=shows_secrets)
        self.secrets = Secrets({"secretKey": "sk_test_unit"} if keys is None else keys)
        self.keys = Keys(self.secrets, "shop/paymongo")
        self.account = Account(
            "https://paymongo.example",
            "sk_test_unit",
            transport=httpx.MockTransport(self.paymongo),
        )

    def register(self, **options: bool) -> list[str]:
        return webhook.register(self.account, self.keys, URL, **options)

    def check(self) -> list[str]:
        return list(webhook.check(self.account, self.keys, URL).problems)

    @property
    def stored(self) -> str:
        assert self.secrets.value is not None
        return str(self.secrets.value.get("webhookSecret", ""))


def test_the_first_registration_stores_the_secret_beside_the_keys() -> None:
    world = World()

    world.register()

    assert world.secrets.value == {
        "secretKey": "sk_test_unit",
        "webhookSecret": "whsk_of_hook_1",
    }
    assert world.paymongo.endpoints["hook_1"]["events"] == list(webhook.EVENTS)
    assert world.check() == []


def test_registering_again_changes_nothing() -> None:
    world = World()
    world.register()
    before = list(world.paymongo.writes)

    assert world.register() == []
    assert world.paymongo.writes == before


def test_what_is_wrong_is_told_and_put_right() -> None:
    world = World()
    world.register()
    world.paymongo.endpoints["hook_1"] |= {"status": "disabled", "events": ["payment.paid", "x.y"]}

    assert len(world.check()) == 2
    world.register()

    assert world.check() == []
    assert world.paymongo.endpoints["hook_1"]["status"] == "enabled"
    assert "x.y" in world.paymongo.endpoints["hook_1"]["events"]


def test_an_endpoint_of_another_site_is_left_alone() -> None:
    world = World()
    webhook.register(world.account, world.keys, "https://other.example/api/webhooks/paymongo")

    world.register()

    assert len(world.paymongo.endpoints) == 2
    assert world.stored == "whsk_of_hook_2"


def test_a_secret_that_was_lost_is_read_back_where_paymongo_shows_it() -> None:
    world = World(shows_secrets=True)
    world.paymongo.loses_answers = True
    with pytest.raises(PaymentProviderUnavailable):
        world.register()
    world.paymongo.loses_answers = False
    assert world.check()

    world.register()

    assert world.stored == "whsk_of_hook_1"
    assert len(world.paymongo.endpoints) == 1
    assert world.check() == []


def test_a_secret_that_paymongo_does_not_show_needs_a_new_endpoint() -> None:
    world = World()
    world.register()
    world.secrets.value = {"secretKey": "sk_test_unit"}

    with pytest.raises(CommandError) as refused:
        world.register()
    assert "--replace" in str(refused.value.hint)
    assert world.check()

    world.register(replace=True)
    assert world.stored == "whsk_of_hook_2"
    assert world.paymongo.endpoints["hook_1"]["status"] == "disabled"
    assert world.check() == []


@pytest.mark.parametrize("keys", [{}, {"secretKey": "pk_test_public"}, {"secretKey": ""}])
def test_without_keys_nothing_is_made_at_paymongo(keys: Json) -> None:
    world = World(keys=keys)

    with pytest.raises(CommandError, match="secret"):
        world.register()
    assert world.paymongo.writes == []


def test_a_missing_secret_is_explained() -> None:
    world = World()
    world.secrets.value = None

    with pytest.raises(CommandError) as refused:
        world.register()
    assert "create-secret" in str(refused.value.hint)
    assert world.paymongo.writes == []


def test_enabling_is_for_endpoints_that_exist() -> None:
    world = World()
    with pytest.raises(CommandError, match="no endpoint"):
        webhook.enable(world.account, URL)
    world.register()
    world.account.disable_webhook("hook_1")

    assert webhook.enable(world.account, URL) == ["enabled hook_1"]
    assert webhook.enable(world.account, URL) == []


def test_live_mode_wants_https() -> None:
    world = World(keys={"secretKey": "sk_live_unit"})
    plain = "http://site.example/api/webhooks/paymongo"
    webhook.register(world.account, world.keys, plain)

    assert webhook.check(world.account, world.keys, plain).problems == (
        "live mode needs an https address",
    )
