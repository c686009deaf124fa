"""Records in memory, written through to SQLite so that an acknowledged change is never lost."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from tools.paymongo_sandbox.clock import Clock
from tools.paymongo_sandbox.resources import (
    CheckoutSession,
    Delivery,
    Event,
    Payment,
    PaymentIntent,
    Record,
    Refund,
    Webhook,
)

R = TypeVar("R", bound=Record)

_KINDS: tuple[type[Record], ...] = (
    CheckoutSession,
    PaymentIntent,
    Payment,
    Refund,
    Webhook,
    Event,
    Delivery,
)


class StateFileError(Exception):
    """The state file cannot be opened or is not one of ours."""


class Store:
    """Everything the account holds.

    Reads come from memory. A save is one SQLite transaction, so records saved together are
    found together after a crash. Used from one thread, the event loop's.
    """

    def __init__(self, clock: Clock, state_file: Path | None = None) -> None:
        """Opens the state file, or keeps everything in memory. Raises StateFileError."""
        self.clock = clock
        self._records: dict[type[Record], dict[str, Record]] = {kind: {} for kind in _KINDS}
        try:
            # TestClient runs the application in a thread of its own, never in two at once.
            self._database = sqlite3.connect(state_file or ":memory:", check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS records"
                " (kind TEXT NOT NULL, id TEXT PRIMARY KEY, body TEXT NOT NULL)"
            )
            kinds = {kind.KIND: kind for kind in _KINDS}
            rows = self._database.execute("SELECT kind, id, body FROM records ORDER BY rowid")
            for kind, record_id, body in rows:
                self._records[kinds[kind]][record_id] = kinds[kind](**json.loads(body))
        except (sqlite3.Error, OSError, KeyError, TypeError, ValueError) as error:
            raise StateFileError(f"cannot use the state file {state_file}: {error}") from error

    def save(self, *records: Record) -> None:
        """Writes new or changed records in one transaction, with the time."""
        for record in records:
            record.updated_at = self.clock.now()
            record.created_at = record.created_at or record.updated_at
        rows = [(record.KIND, record.id, json.dumps(vars(record))) for record in records]
        with self._database:
            self._database.executemany(
                "INSERT INTO records (kind, id, body) VALUES (?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                rows,
            )
        for record in records:
            self._records[type(record)][record.id] = record

    def get(self, kind: type[R], record_id: str) -> R:
        """A record that is known to exist. Raises KeyError."""
        record = self._records[kind][record_id]
        assert isinstance(record, kind)
        return record

    def find(self, kind: type[R], record_id: str, livemode: bool | None = None) -> R | None:
        """A record by id, of one mode unless `livemode` is None."""
        if record_id not in self._records[kind]:
            return None
        record = self.get(kind, record_id)
        return record if livemode is None or record.livemode == livemode else None

    def all(self, kind: type[R]) -> Iterator[R]:
        """All records of a kind, oldest first."""
        for record_id in list(self._records[kind]):
            yield self.get(kind, record_id)

    def clear(self, *, keep: tuple[type[Record], ...] = ()) -> None:
        """Forgets everything except the given kinds."""
        forgotten = [kind for kind in _KINDS if kind not in keep]
        with self._database:
            self._database.executemany(
                "DELETE FROM records WHERE kind = ?", [(kind.KIND,) for kind in forgotten]
            )
        for kind in forgotten:
            self._records[kind].clear()

    def close(self) -> None:
        """Closes the state file."""
        self._database.close()
