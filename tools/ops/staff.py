"""Accounts of store staff, in the stack's user pool (Amazon Cognito)."""

import secrets
import string
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from api.staff import MANAGERS, group_of
from tools.ops.errors import CommandError
from tools.ops.target import Target

# Without those that look alike: it is read out and typed once.
_LETTERS = "".join(sorted(set(string.ascii_letters + string.digits) - set("0O1lI")))
_LENGTH = 12


@dataclass(frozen=True)
class Staff:
    """The accounts of a user pool; `client` is boto3's for cognito-idp."""

    client: Any
    pool_id: str

    def add(self, email: str, groups: Iterable[str], password: str | None = None) -> str | None:
        """Make an account with exactly these groups, or give an existing one these.

        Returns the first password of a new account; with `password`, that is the account's own and
        need not be changed.
        """
        first = password or first_password()
        account = {"UserPoolId": self.pool_id, "Username": email}
        made: str | None = first
        try:
            self.client.admin_create_user(
                **account,
                TemporaryPassword=first,
                MessageAction="SUPPRESS",
                UserAttributes=[
                    {"Name": "email", "Value": email},
                    {"Name": "email_verified", "Value": "true"},
                ],
            )
        except self.client.exceptions.UsernameExistsException:
            made = None
        if password:
            self.client.admin_set_user_password(**account, Password=password, Permanent=True)
        self._set_groups(account, set(groups))
        return made

    def _set_groups(self, account: dict[str, str], wanted: set[str]) -> None:
        pages = self.client.get_paginator("admin_list_groups_for_user").paginate(**account)
        there = {each["GroupName"] for page in pages for each in page["Groups"]}
        for group in sorted(there - wanted):
            self.client.admin_remove_user_from_group(**account, GroupName=group)
        for group in sorted(wanted - there):
            with suppress(self.client.exceptions.GroupExistsException):
                self.client.create_group(UserPoolId=self.pool_id, GroupName=group)
            self.client.admin_add_user_to_group(**account, GroupName=group)

    def reset(self, email: str) -> str:
        """End the account's sessions, and its password: returns one for the next time."""
        password = first_password()
        account = {"UserPoolId": self.pool_id, "Username": email}
        with _known(self.client, email):
            self.client.admin_set_user_password(**account, Password=password, Permanent=False)
            self.client.admin_user_global_sign_out(**account)
        return password

    def remove(self, email: str) -> None:
        """End the account's sessions, and the account."""
        account = {"UserPoolId": self.pool_id, "Username": email}
        with _known(self.client, email):
            self.client.admin_user_global_sign_out(**account)
            self.client.admin_delete_user(**account)


def of_stack(target: Target) -> Staff:
    """The accounts of a stack. Raises CommandError when it has no user pool."""
    return Staff(target.client("cognito-idp"), target.stack.physical_id("StaffPool"))


def groups_for(target: Target, stores: Iterable[str], *, is_manager: bool) -> set[str]:
    """The groups of somebody who works at these stores. Raises CommandError for unknown ones."""
    wanted = set(stores)
    if not wanted and not is_manager:
        raise CommandError("where does this person work?", "give --store ID, or --manager")
    known = {each["id"] for each in target.table("Stores").scan()["Items"]}
    if wanted - known:
        raise CommandError(
            f"there is no store {', '.join(sorted(wanted - known))}",
            f"there is {', '.join(sorted(known))}",
        )
    return {group_of(each) for each in wanted} | ({MANAGERS} if is_manager else set())


def first_password() -> str:
    """A password that StaffPool takes (template.yaml), to be used once."""
    while True:
        password = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
        kinds = (str.islower, str.isupper, str.isdigit)
        if all(any(map(kind, password)) for kind in kinds):
            return password


@contextmanager
def _known(client: Any, email: str) -> Iterator[None]:
    try:
        yield
    except client.exceptions.UserNotFoundException:
        raise CommandError(f"nobody has the account {email!r}") from None
