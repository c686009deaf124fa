"""Who gets to the desk, and who does not."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.desk import PASSWORD, Desk, accounts, manager, staff_of_store
from tests.support.shop import Json, Shop, eventually
from tools.local.stack import STAFF_EMAIL, STAFF_PASSWORD
from tools.ops.staff import first_password

ROUTES = [
    ("GET", "today?store_id=store-a"),
    ("GET", "rentals?q=MC-2222-2222"),
    ("GET", "rentals/unknown"),
    ("POST", "rentals/unknown/actions"),
    ("POST", "rentals/unknown/photographs"),
]
every_route = pytest.mark.parametrize(("verb", "path"), ROUTES)


def cognito(shop: Shop) -> Any:
    return accounts(shop.stack).client


def tokens(shop: Shop, client_id: str, email: str, password: str) -> Json:
    answer: Json = cognito(shop).initiate_auth(
        ClientId=client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": email, "PASSWORD": password},
    )["AuthenticationResult"]
    return answer


def new_client(shop: Shop, pool_id: str, **settings: Any) -> str:
    client: Json = cognito(shop).create_user_pool_client(
        UserPoolId=pool_id,
        ClientName=uuid.uuid4().hex,
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        **settings,
    )["UserPoolClient"]
    return str(client["ClientId"])


def nobodys(shop: Shop) -> str:
    return ""


def tampered(shop: Shop) -> str:
    """A manager's, with another letter in its signature."""
    token: str = manager(shop).session["id_token"]
    return token[:-10] + ("A" if token[-10] != "A" else "B") + token[-9:]


def another_pools(shop: Shop) -> str:
    """Somebody of the same name, in a pool of their own."""
    pool_id = cognito(shop).create_user_pool(PoolName="foreign", UsernameAttributes=["email"])[
        "UserPool"
    ]["Id"]
    foreign = type(accounts(shop.stack))(cognito(shop), pool_id)
    foreign.add(STAFF_EMAIL, ["managers"], PASSWORD)
    return str(tokens(shop, new_client(shop, pool_id), STAFF_EMAIL, PASSWORD)["IdToken"])


def an_access_token(shop: Shop) -> str:
    """Of the seeded manager."""
    client_id = new_client(shop, accounts(shop.stack).pool_id)
    return str(tokens(shop, client_id, STAFF_EMAIL, STAFF_PASSWORD)["AccessToken"])


@pytest.mark.parametrize("token", [nobodys, tampered, another_pools, an_access_token])
@every_route
def test_nobody_else_gets_in(
    shop: Shop, token: Callable[[Shop], str], verb: str, path: str
) -> None:
    answer = shop.site.request(
        verb, f"/api/desk/{path}", json={}, headers={"Authorization": token(shop)}
    )

    assert (answer.status_code, answer.json()["code"]) == (401, "NOT_SIGNED_IN")


def test_an_identity_token_expires(shop: Shop) -> None:
    client_id = new_client(
        shop,
        accounts(shop.stack).pool_id,
        IdTokenValidity=1,
        TokenValidityUnits={"IdToken": "seconds"},
    )
    token = tokens(shop, client_id, STAFF_EMAIL, STAFF_PASSWORD)["IdToken"]

    def status() -> int:
        headers = {"Authorization": token}
        return shop.site.get("/api/desk/today?store_id=store-a", headers=headers).status_code

    assert eventually(lambda: status() == 401, "the token to expire")


# --- signing in ---


@pytest.mark.parametrize(
    ("email", "password"),
    [
        (STAFF_EMAIL, "wrong"),
        ("nobody-has-this@example.com", STAFF_PASSWORD),
    ],
)
def test_a_wrong_password_and_an_unknown_address_are_answered_alike(
    shop: Shop, email: str, password: str
) -> None:
    answer = manager(shop).sign_in(email, password)

    assert answer.status_code == 401
    assert answer.json() == {
        "success": False,
        "code": "SIGN_IN_FAILED",
        "error": "the e-mail address or the password is not right, or the session is over",
    }


def test_a_first_password_is_replaced_once(shop: Shop) -> None:
    staff, desk = accounts(shop.stack), manager(shop)
    email = f"{uuid.uuid4().hex}@example.com"
    first = staff.add(email, [])
    assert first is not None

    needed = desk.sign_in(email, first)
    assert (needed.status_code, needed.json()["code"]) == (409, "NEW_PASSWORD_REQUIRED")
    signed_in = desk.sign_in(email, first, new_password=PASSWORD)
    assert signed_in.status_code == 200, signed_in.text
    assert desk.sign_in(email, first).status_code == 401
    assert desk.sign_in(email, PASSWORD).json()["data"]["name"] == email


def test_a_reset_account_needs_its_new_password_and_its_sessions_end(shop: Shop) -> None:
    staff, desk = accounts(shop.stack), manager(shop)
    email = f"{uuid.uuid4().hex}@example.com"
    staff.add(email, [], PASSWORD)
    refresh_token = Desk(shop, email, PASSWORD).session["refresh_token"]

    first = staff.reset(email)

    assert desk.sign_in(email, PASSWORD).status_code == 401
    assert desk.sign_in(email, first).status_code == 409
    answer = shop.site.post("/api/desk/session", json={"refresh_token": refresh_token})
    assert answer.status_code == 401


def test_a_removed_account_is_gone(shop: Shop) -> None:
    staff, desk = accounts(shop.stack), manager(shop)
    email = f"{uuid.uuid4().hex}@example.com"
    staff.add(email, [], PASSWORD)

    staff.remove(email)

    assert desk.sign_in(email, PASSWORD).status_code == 401


def test_a_session_goes_on_until_it_is_signed_out_of(shop: Shop) -> None:
    desk = manager(shop)
    again = {"refresh_token": desk.session["refresh_token"]}

    gone_on = shop.site.post("/api/desk/session", json=again)
    assert gone_on.json()["data"] | {"id_token": ""} == desk.session | {"id_token": ""}
    for _ in range(2):
        out = shop.site.post("/api/desk/sign-out", json=again)
        assert (out.status_code, out.json()["data"]) == (200, {"signed_out": True})
    assert shop.site.post("/api/desk/session", json=again).status_code == 401


def test_what_is_printed_as_a_first_password_is_taken_by_the_pool(shop: Shop) -> None:
    policy = cognito(shop).describe_user_pool(UserPoolId=accounts(shop.stack).pool_id)["UserPool"][
        "Policies"
    ]["PasswordPolicy"]

    for password in (first_password(), STAFF_PASSWORD):
        assert len(password) >= policy["MinimumLength"]
        assert not policy["RequireSymbols"]
        assert any(map(str.islower, password))
        assert any(map(str.isupper, password))
        assert any(map(str.isdigit, password))


# --- where ---


def test_somebody_sees_the_day_of_their_own_store_only(shop: Shop) -> None:
    desk = staff_of_store(shop, "store-b")

    assert desk.get("today").json()["data"]["store_id"] == "store-b"
    refused = desk.get("today", store_id="store-a")
    assert (refused.status_code, refused.json()["code"]) == (401, "NOT_YOUR_STORE")


def test_somebody_of_several_stores_says_which(shop: Shop) -> None:
    desk = staff_of_store(shop, "store-a", "store-b")

    refused = desk.get("today")
    assert (refused.status_code, refused.json()["code"]) == (400, "STORE_NEEDED")
    assert desk.get("today", store_id="store-b").status_code == 200


def test_a_manager_sees_every_store(shop: Shop) -> None:
    desk = manager(shop)

    assert desk.get("today").status_code == 400
    for store_id in ("store-a", "store-b", "store-c"):
        assert desk.get("today", store_id=store_id).json()["data"]["store_id"] == store_id
