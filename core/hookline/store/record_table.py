"""The table of all plugins' records: reading and writing it, and keeping what a record is to refer to.

Artifacts that a record is to refer to are noted in a lease before they are looked for, and the lease ends after the
record is written: whoever collects garbage meanwhile either finds the note, or has removed the file before the look.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hookline.errors import ArtifactError
from hookline.store.journal import SqliteStore
from hookline.store.leases import noted_pack
from hookline.store.locks import Forgetful, forget_in_children
from hookline.store.outputs import Stored, pack_outputs
from hookline.store.packs import OWN_FILE, read_place
from hookline.store.references import inside
from hookline.store.transactions import JournalWriter

__all__ = ["RecordTable"]


class RecordTable(Forgetful):
    """The records of all plugins in one store.

    Args:
        store: The store.
    """

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._writer: JournalWriter | None = None
        forget_in_children(self)

    def close(self) -> None:
        """Give the writing connection back."""
        with self._lock:
            writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def forget(self) -> None:
        """In a forked child: write through a connection of its own."""
        self._lock, self._writer = threading.Lock(), None

    def read(self, query: str, *values: object) -> list[Any]:
        """Read rows."""
        with self.store.reading() as connection:
            return connection.execute(query, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Cursor]:
        """Write what happens inside the block, wholly or not at all."""
        with self._lock:
            if self._writer is None:
                self.store.check_sound()
                self._writer = JournalWriter(self.store)
        with self._writer.transaction() as cursor:
            yield cursor

    @contextmanager
    def keeping(self, stored: Sequence[Stored], what: str) -> Iterator[None]:
        """Keep artifacts from being collected for the length of a block.

        Args:
            stored: The artifacts.
            what: What refers to them, in words.

        Raises:
            ArtifactError: One of them is not there.
        """
        artifacts = self.store.artifacts
        lease = artifacts.leases.lease("")
        try:
            for item in inside(stored):
                packed = read_place(item.place)
                if packed or item.place == OWN_FILE:
                    lease.note(noted_pack(packed[0]) if packed else item.digest)
            for item in stored:
                if not artifacts.has(pack_outputs([item])):
                    raise ArtifactError(
                        f"artifact {item.digest.hex()}, to which {what} is to refer, is missing",
                        help="make it again: run the workflow that made it, or resume it",
                    )
            yield
        finally:
            lease.close()
