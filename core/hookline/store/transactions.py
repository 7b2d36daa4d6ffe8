"""Writing to the journal: one transaction at a time, all of them under the store's lock."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hookline.errors import OwnershipError
from hookline.store import schema
from hookline.store.locks import StoreLock

if TYPE_CHECKING:
    from hookline.store.journal import SqliteStore

__all__ = ["JournalWriter"]

_log = logging.getLogger("hookline.store")

CHECKPOINT_AT = 32 << 20


class JournalWriter:
    """A writing connection: every transaction under the store's lock, one at a time.

    Args:
        store: The store whose journal is written.
    """

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self._lock = StoreLock(store.path / schema.LOCK)
        self._mutex = threading.RLock()
        self._log_file = store.journal.with_name(store.journal.name + "-wal")
        self._moved_at = 0
        with self._lock:
            self._connection = schema.Connection(store.journal, write=True, durability=store.durability)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Cursor]:
        """Record what happens inside the block, wholly or not at all."""
        self.store.check_sound()
        if self.forgotten:
            raise OwnershipError(
                "a forked child tried to record into its parent's run", help="record from the driver process only"
            )
        with self._mutex, self._lock:
            raw = self._connection.raw
            try:
                cursor = raw.cursor()
                cursor.execute("BEGIN IMMEDIATE")
                try:
                    yield cursor
                    cursor.execute("COMMIT")
                except BaseException:
                    if raw.in_transaction:
                        raw.rollback()
                    raise
                self._checkpoint()
            except sqlite3.Error as error:
                raise self.store.failed(error) from error

    @property
    def forgotten(self) -> bool:
        """Whether this is a forked child's copy, which must leave everything alone."""
        return self._connection.forgotten

    def close(self) -> None:
        """Move the log into the journal where nobody is in the way, and give the connection back."""
        if self.forgotten:
            return
        with self._mutex:
            with self._lock:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.raw.execute("PRAGMA busy_timeout = 0")
                    self._connection.raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                self._connection.close()
            self._lock.close()

    def _checkpoint(self) -> None:
        """Move the log into the journal each time it has grown by so much; it starts anew when nobody reads it."""
        try:
            size = self._log_file.stat().st_size
        except OSError:
            return
        if size < self._moved_at:
            self._moved_at = 0
        if size - self._moved_at < CHECKPOINT_AT:
            return
        self._moved_at = size
        try:
            self._connection.raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.OperationalError as error:
            # The transaction is durable in the log; moving it can wait until there is room.
            _log.warning("can't move the log into the journal yet: %s", error)
