"""Who asked to be told when a collectible is back: rows of the Lookups table, one for each of them,
which go once their one mail is sent, when they say stop, or after three months.

Everybody is told at once, and nothing is set aside for anybody. It is no notice of the outbox:
there is no rental behind it, and what the outbox keeps has no addresses.
"""

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from infra import clock, dynamo, mail
from infra.aws import is_transient
from infra.dynamo import Delete, Put
from infra.settings import setting
from infra.telemetry import count, logger
from rentals import allocation, catalogue
from rentals.errors import CollectibleNotFound, NotPossibleNow
from rentals.identity import customer_key, identity_secret
from rentals.mails import back_mail

_WAITING = "waiting"
_KEPT_SECONDS = 90 * 24 * 3600
# Mails of one collectible in one run; the next run goes on.
_AT_ONCE = 50
# Entries are `collectible id#keyed hash`; ids begin above the one, and hashes are below the other.
_BEFORE_ALL, _AFTER_EVERY_HASH = "#", "~"


def add(collectible_id: str, email: str) -> None:
    """Have somebody told once. Raises CollectibleNotFound, NotPossibleNow where no mail is sent."""
    if not mail.is_on():
        raise NotPossibleNow("this shop sends no mails yet")
    catalogue.offered(collectible_id)
    forget_at = int(clock.now().timestamp()) + _KEPT_SECONDS  # DynamoDB deletes it then
    row = {**_key(collectible_id, email), "email": email, "forgetAt": forget_at}
    dynamo.transact([Put(setting("LOOKUPS_TABLE"), row)])


def remove(collectible_id: str, email: str) -> None:
    """Have somebody told no more, who may not have asked."""
    dynamo.transact([Delete(setting("LOOKUPS_TABLE"), _key(collectible_id, email))])


def waited_for_by(email: str) -> list[str]:
    """Ids of the collectibles that somebody waits for."""
    return [
        each
        for each in _waited_for()
        if _query("entry = :entry", _key(each, email)["entry"], limit=1)
    ]


def tell(has_time: Callable[[], bool]) -> int:
    """Mail those who wait for what is there again; how many. Raises what a retry may cure."""
    told = 0
    for collectible_id in _waited_for():
        if not has_time():
            break
        if any(allocation.stock_by_warehouse(collectible_id).values()):
            told += sum(_tell(collectible_id, row) for row in _rows(collectible_id))
    return told


def _waited_for() -> Iterator[str]:
    """Collectibles that somebody waits for: one query of one row for each, however many wait."""
    after = _BEFORE_ALL
    while found := _query("entry > :entry", after, limit=1):
        collectible_id = str(found[0]["entry"]).partition("#")[0]
        yield collectible_id
        after = f"{collectible_id}#{_AFTER_EVERY_HASH}"


def _rows(collectible_id: str) -> list[dict[str, Any]]:
    return _query("begins_with(entry, :entry)", f"{collectible_id}#", limit=_AT_ONCE)


def _query(condition: str, entry: str, limit: int) -> list[dict[str, Any]]:
    values = {"key": _WAITING, "entry": entry}
    table = setting("LOOKUPS_TABLE")
    return dynamo.query(table, None, f"lookup = :key AND {condition}", values, limit=limit)


def _tell(collectible_id: str, row: dict[str, Any]) -> bool:
    """Whether a mail was sent: a run that is cut off before the row is deleted sends it again."""
    is_sent = False
    try:
        written = back_mail(catalogue.offered(collectible_id), setting("SITE_URL"))
        mail.send(row["email"], written.subject, written.text, tags={_WAITING: collectible_id})
        is_sent = True
    except CollectibleNotFound:
        logger.info("nobody is told of what was withdrawn")
    except ClientError as error:
        if is_transient(error):
            raise
        # Its message stays out: SES names the address in it.
        logger.warning("not told", extra={"problem": error.response["Error"]["Code"]})
        count("NoticeNotSent")
    key = {name: row[name] for name in ("lookup", "entry")}
    dynamo.transact([Delete(setting("LOOKUPS_TABLE"), key)])
    return is_sent


def _key(collectible_id: str, email: str) -> dict[str, str]:
    entry = f"{collectible_id}#{customer_key(email, identity_secret())}"
    return {"lookup": _WAITING, "entry": entry}
