"""Who works at the desk, by their identity token (Amazon Cognito), and where."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from api.requests import Event
from api.responses import HttpError

MANAGERS = "managers"
_STORE = "store-"


@dataclass(frozen=True, slots=True)
class Staff:
    """Somebody who signed in. Managers act at every store, others at those of their groups."""

    name: str
    stores: tuple[str, ...]
    is_manager: bool

    def at(self, store_id: str | None) -> str | None:
        """The store that they act at: the one that is said, or else their only one.

        Raises HttpError: 401 for a store that is not theirs, 400 when it must be said.
        """
        if store_id is None and not self.is_manager and len(self.stores) != 1:
            raise HttpError(
                HTTPStatus.BAD_REQUEST, "STORE_NEEDED", f"say which store: {', '.join(self.stores)}"
            )
        wanted = store_id or next(iter(self.stores), None)
        if not self.is_manager and wanted not in self.stores:
            raise HttpError(
                HTTPStatus.UNAUTHORIZED, "NOT_YOUR_STORE", "you are not signed in for this store"
            )
        return wanted


def group_of(store_id: str) -> str:
    """The group of those who work at a store."""
    return f"{_STORE}{store_id}"


def staff_of(claims: Mapping[str, Any]) -> Staff:
    """Whose identity token has these claims.

    Its groups are a list in the token, and text in what API Gateway makes of it: `a,b` or `[a b]`.
    """
    claim = claims.get("cognito:groups", "")
    groups = re.findall(r"[^\s,\[\]]+", claim) if isinstance(claim, str) else claim
    stores = sorted(each.removeprefix(_STORE) for each in groups if each.startswith(_STORE))
    return Staff(str(claims["email"]), tuple(stores), MANAGERS in groups)


def signed_in(event: Event) -> Staff:
    """Who sent a request that the authorizer let through. Raises HttpError 401.

    An access token is as well signed, but made for Cognito and not for us.
    """
    claims = (event["requestContext"].get("authorizer") or {}).get("claims") or {}
    if claims.get("token_use") != "id":
        raise HttpError(HTTPStatus.UNAUTHORIZED, "NOT_SIGNED_IN", "please sign in")
    return staff_of(claims)
