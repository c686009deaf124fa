"""Store staff at the desk of a running stack: signed in, over HTTP."""

import time
from functools import cache
from typing import Any

import httpx

from api.staff import MANAGERS, group_of
from tests.support.shop import Json, Shop
from tools.local.stack import STAFF_EMAIL, STAFF_PASSWORD, LocalStack
from tools.ops.staff import Staff

PASSWORD = "Long-enough-for-1"
# A token lasts for 15 minutes (template.yaml), some searches for an hour.
_SIGN_IN_AGAIN_SECONDS = 600


@cache
def accounts(stack: LocalStack) -> Staff:
    """The accounts of the stack's staff."""
    return Staff(stack.client("cognito-idp"), stack.outputs["StaffPoolId"])


class Desk:
    """Somebody at a store's desk."""

    def __init__(
        self, shop: Shop, email: str = STAFF_EMAIL, password: str = STAFF_PASSWORD
    ) -> None:
        self._site = shop.site
        self._account = email, password
        self._sign_in()

    def _sign_in(self) -> None:
        self._since = time.monotonic()
        self.session = self.sign_in(*self._account).json()["data"]

    def sign_in(self, email: str, password: str, **more: str) -> httpx.Response:
        """POST the session's route."""
        body = {"email": email, "password": password, **more}
        return self._site.post("/api/desk/session", json=body)

    def get(self, path: str, **query: str) -> httpx.Response:
        """GET a route of the desk."""
        return self._site.get(f"/api/desk/{path}", params=query, headers=self._headers())

    def post(self, path: str, body: Json) -> httpx.Response:
        """POST to a route of the desk."""
        return self._site.post(f"/api/desk/{path}", json=body, headers=self._headers())

    def do(self, rental_id: str, action: str, **more: Any) -> httpx.Response:
        """Do something with a rental."""
        return self.post(f"rentals/{rental_id}/actions", {"action": action, **more})

    def details(self, rental_id: str) -> Json:
        """The rental as the desk shows it."""
        answer = self.get(f"rentals/{rental_id}")
        assert answer.status_code == 200, answer.text
        data: Json = answer.json()["data"]
        return data

    def _headers(self) -> dict[str, str]:
        if time.monotonic() - self._since > _SIGN_IN_AGAIN_SECONDS:
            self._sign_in()
        return {"Authorization": self.session["id_token"]}


def staff_of_store(shop: Shop, store_id: str, *others: str) -> Desk:
    """Somebody who works at these stores only."""
    email = f"{'.'.join((store_id, *others))}@example.com"
    groups = [group_of(each) for each in (store_id, *others)]
    accounts(shop.stack).add(email, groups, PASSWORD)
    return Desk(shop, email, PASSWORD)


def manager(shop: Shop) -> Desk:
    """Whom `make run` tells of."""
    desk = Desk(shop)
    assert desk.session["is_manager"], MANAGERS
    return desk
