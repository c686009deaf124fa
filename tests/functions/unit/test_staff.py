"""Who works at the desk, and where, by what their token says."""

from typing import Any

import pytest

from api.responses import HttpError
from api.staff import MANAGERS, Staff, group_of, signed_in, staff_of

CLAIMS = {"email": "maria@example.com", "token_use": "id"}
ONE = Staff("maria@example.com", ("store-a",), is_manager=False)
SEVERAL = Staff("maria@example.com", ("store-a", "store-b"), is_manager=False)
MANAGER = Staff("maria@example.com", (), is_manager=True)
AT_A, AT_B = group_of("store-a"), group_of("store-b")


@pytest.mark.parametrize(
    ("claim", "stores", "is_manager"),
    [
        ([AT_B, AT_A, MANAGERS], ("store-a", "store-b"), True),  # in the token itself
        (f"{AT_A},{MANAGERS}", ("store-a",), True),  # as API Gateway hands it on
        (f"[{AT_A} {AT_B}]", ("store-a", "store-b"), False),  # as the local engine does
        (AT_A, ("store-a",), False),
        (f"[{MANAGERS}]", (), True),
        (group_of("managers"), ("managers",), False),  # a store of that name
        ("", (), False),
    ],
)
def test_groups_say_where_somebody_acts(
    claim: str | list[str], stores: tuple[str, ...], is_manager: bool
) -> None:
    found = staff_of(CLAIMS | {"cognito:groups": claim})

    assert found == Staff("maria@example.com", stores, is_manager)


def test_somebody_without_groups_acts_nowhere() -> None:
    staff = staff_of(CLAIMS)

    assert staff == Staff("maria@example.com", (), is_manager=False)
    with pytest.raises(HttpError):
        staff.at(None)


@pytest.mark.parametrize(
    ("staff", "said", "store"),
    [
        (ONE, None, "store-a"),
        (ONE, "store-a", "store-a"),
        (SEVERAL, "store-b", "store-b"),
        (MANAGER, "store-z", "store-z"),
        (MANAGER, None, None),
    ],
)
def test_where_somebody_acts(staff: Staff, said: str | None, store: str | None) -> None:
    assert staff.at(said) == store


@pytest.mark.parametrize(
    ("staff", "said", "code"),
    [
        (ONE, "store-b", "NOT_YOUR_STORE"),
        (SEVERAL, "store-c", "NOT_YOUR_STORE"),
        (SEVERAL, None, "STORE_NEEDED"),
    ],
)
def test_where_somebody_cannot_act(staff: Staff, said: str | None, code: str) -> None:
    with pytest.raises(HttpError) as refused:
        staff.at(said)
    assert refused.value.code == code
    assert refused.value.status != 403


def event_with(claims: Any) -> dict[str, Any]:
    return {"requestContext": {"authorizer": claims}}


def test_an_identity_token_is_somebody() -> None:
    event = event_with({"claims": CLAIMS | {"cognito:groups": AT_A}})

    assert signed_in(event) == ONE


@pytest.mark.parametrize(
    "authorizer",
    [
        None,
        {},
        {"claims": {}},
        {"claims": CLAIMS | {"token_use": "access"}},
        {"claims": {"email": "maria@example.com"}},
    ],
)
def test_anything_else_is_nobody(authorizer: Any) -> None:
    with pytest.raises(HttpError) as refused:
        signed_in(event_with(authorizer))
    assert (refused.value.status, refused.value.code) == (401, "NOT_SIGNED_IN")


def test_a_request_that_no_authorizer_saw_is_nobodys() -> None:
    with pytest.raises(HttpError):
        signed_in({"requestContext": {}})
