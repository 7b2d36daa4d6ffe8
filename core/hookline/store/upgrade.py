"""Upgrading a store to the newest format: forward only, after a copy, in one transaction."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from hookline.errors import OwnershipError, StoreError
from hookline.store import schema
from hookline.store.durable import scratch_name, sync_folder
from hookline.store.locks import StoreLock, maintaining
from hookline.store.ownership import driven_runs
from hookline.store.place import check_local, damaged, journal_error, storage_error

__all__ = ["Upgraded", "upgrade"]

_PAGES = 4096  # copied at a time
_MARGIN = 16 << 20

Tell = Callable[[str, int, int], object]


class Upgraded(NamedTuple):
    """What :func:`upgrade` did.

    Attributes:
        before: The format that the store had.
        after: The format that it has.
        copy: The journal as it was; None where there was nothing to do.
    """

    before: int
    after: int
    copy: Path | None


def upgrade(folder: Path, *, migrations: Path = schema.MIGRATIONS, tell: Tell = lambda *_: None) -> Upgraded:
    """Bring a store to the newest format.

    The journal is copied before it is touched. Whatever ends the upgrade early leaves the old format in force; calling
    this again begins anew, or finds nothing to do.

    Args:
        folder: The store's.
        migrations: Where the numbered migrations are.
        tell: Called with what is being done, and how far it is: done, of all.

    Returns:
        What was done.

    Raises:
        StoreVersionError: The store is of a newer format.
        StoreDamagedError: The journal is damaged; it was left alone.
        OwnershipError: A driver is recording.
        StoreError: There is no store, or no room for the copy.
    """
    journal = folder / schema.JOURNAL
    check_local(folder)
    if not journal.exists():
        raise StoreError(f"there is no store at '{folder}'", help="name a store: --store PATH")
    before = schema.read_version(journal)
    if before > schema.VERSION:
        schema.check_version(journal, before)
    if before == schema.VERSION:
        return Upgraded(before, before, None)
    lock = StoreLock(folder / schema.LOCK)
    try:
        with maintaining(folder), lock:
            _refuse_drivers(folder)
            _check_room(journal)
            return _upgrade(journal, migrations, tell)
    except sqlite3.Error as error:
        raise journal_error(error, journal) from error
    except OSError as error:
        raise storage_error(error, error.filename or journal) from error
    finally:
        lock.close()


def _upgrade(journal: Path, migrations: Path, tell: Tell) -> Upgraded:
    with closing(schema.Connection(journal, write=True)) as connection:
        raw = connection.raw
        before: int = raw.execute("PRAGMA user_version").fetchone()[0]
        copy = None
        if before < schema.VERSION:
            copy = _copy(raw, journal, before, tell)
            tell("changing the format", 0, 0)
            schema.migrate(raw, folder=migrations)
        # The format stands in the first page, where it is read before anything is opened.
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        schema.check_tables(raw, journal)
        return Upgraded(before, schema.VERSION, copy)


def _copy(source: sqlite3.Connection, journal: Path, version: int, tell: Tell) -> Path:
    target = journal.with_name(f"{journal.name}.format-{version}")
    scratch = journal.with_name(scratch_name(journal.name))
    try:
        with closing(sqlite3.connect(scratch, isolation_level=None)) as copy:
            source.backup(
                copy,
                pages=_PAGES,
                progress=lambda _, rest, total: tell("copying the journal", total - rest, total),
            )
            tell("checking the copy", 0, 0)
            found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise damaged(journal, found.splitlines()[-1])
            copy.execute("PRAGMA journal_mode = DELETE").fetchone()
        with scratch.open("rb+") as file:
            os.fsync(file.fileno())
        scratch.rename(target)
        sync_folder(journal.parent)
    finally:
        scratch.unlink(missing_ok=True)
    return target


def _refuse_drivers(folder: Path) -> None:
    driven = sorted(driven_runs(folder))
    if driven:
        raise OwnershipError(
            f"run {driven[0]} is being recorded into the store '{folder}', nothing was changed",
            help="wait for it, or stop it; then upgrade",
        )


def _check_room(journal: Path) -> None:
    log = journal.with_name(journal.name + "-wal")
    size = journal.stat().st_size + (log.stat().st_size if log.exists() else 0)
    # Once for the copy, and as much again for what the log may hold until it is moved into the journal.
    needed = 2 * size + _MARGIN
    free = shutil.disk_usage(journal.parent).free
    if free < needed:
        raise storage_error(
            OSError(
                errno.ENOSPC,
                f"the upgrade needs {needed:,} bytes for a copy of the journal, and {free:,} are free",
            ),
            journal.parent,
        )
