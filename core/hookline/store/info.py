"""What there is to know about a store as a whole."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.errors import StoreVersionError
from hookline.store import schema
from hookline.store.journal import open_store
from hookline.store.leftovers import tree_size

if TYPE_CHECKING:
    from hookline.store.journal import SqliteStore

__all__ = ["StoreInfo", "store_info"]


@dataclass(frozen=True)
class StoreInfo:
    """A store in numbers; sizes are in bytes.

    Attributes:
        path: Its folder.
        format: The format that it has.
        newest_format: The newest that this program knows.
        journal_size: Of the journal.
        log_size: Of the journal's log, which holds what was not moved into the journal yet.
        free_size: Of the pages in the journal that nothing uses and that later runs fill.
        artifact_files: How many artifacts have a file of their own.
        packs: How many files hold several artifacts each.
        artifact_size: Of both together.
        other_size: Of all else: folders of attempts, copies, locks, copies of the journal in older formats.
        runs: How many runs; None where the format is another, as for the next.
        attempts: How many attempts.
        durability: What a power cut may cost.
        sqlite: The version of SQLite.
    """

    path: Path
    format: int
    newest_format: int
    journal_size: int
    log_size: int
    free_size: int
    artifact_files: int
    packs: int
    artifact_size: int
    other_size: int
    runs: int | None
    attempts: int | None
    durability: str
    sqlite: str


def store_info(folder: Path, durability: str = "full") -> StoreInfo:
    """Measure a store; a store of an older format is measured without being opened.

    Args:
        folder: The store's.
        durability: How it would be opened.

    Raises:
        StoreError: There is no store, or it is damaged, or of a newer format.
    """
    runs = attempts = None
    free = 0
    try:
        with open_store(folder, durability=durability) as store:
            runs, attempts, free = _counts(store)
    except StoreVersionError:
        if schema.read_version(folder / schema.JOURNAL) > schema.VERSION:
            raise
    journal = folder / schema.JOURNAL
    log = journal.with_name(journal.name + "-wal")
    root = folder / "artifacts"
    files = [path for path in (root / "objects").glob("*/*/*") if path.is_file()]
    packs = list((root / "packs").glob("*.pack"))
    artifact_size = sum(path.stat().st_size for path in (*files, *packs))
    journal_size, log_size = journal.stat().st_size, log.stat().st_size if log.exists() else 0
    return StoreInfo(
        path=folder,
        format=schema.read_version(journal),
        newest_format=schema.VERSION,
        journal_size=journal_size,
        log_size=log_size,
        free_size=free,
        artifact_files=len(files),
        packs=len(packs),
        artifact_size=artifact_size,
        other_size=max(0, tree_size(folder) - journal_size - log_size - artifact_size),
        runs=runs,
        attempts=attempts,
        durability=durability,
        sqlite=sqlite3.sqlite_version,
    )


def _counts(store: SqliteStore) -> tuple[int, int, int]:
    with store.reading() as connection:

        def one(query: str) -> int:
            return int(connection.execute(query).fetchone()[0])

        return (
            one("SELECT count(*) FROM runs"),
            one("SELECT count(*) FROM attempts"),
            one("PRAGMA freelist_count") * one("PRAGMA page_size"),
        )
