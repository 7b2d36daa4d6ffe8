"""The journal file: how it is created, recognised, upgraded and opened."""

from __future__ import annotations

import ctypes
import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from hookline.errors import StoreError, StoreVersionError, UsageError
from hookline.store.durable import make_folder, scratch_name, sync_folder, write_file
from hookline.store.locks import Forgetful, StoreLock, forget_in_children
from hookline.store.place import check_local, damaged, journal_error, storage_error

__all__ = [
    "APPLICATION_ID",
    "JOURNAL",
    "LOCK",
    "VERSION",
    "Connection",
    "check_header",
    "check_tables",
    "create",
    "migrate",
    "prepare_folder",
    "read_version",
]

JOURNAL = "journal.sqlite3"
LOCK = "lock"
APPLICATION_ID = 0x686F6F6B
MIGRATIONS = Path(__file__).parent / "migrations"
VERSION = max(int(path.name[:4]) for path in MIGRATIONS.glob("[0-9]*.sql"))

TABLES = frozenset(
    (
        "attempts",
        "chunks",
        "code",
        "commits",
        "counters",
        "decisions",
        "failures",
        "grown",
        "logs",
        "nodes",
        "notes",
        "records",
        "runs",
        "segments",
    )
)

_MAGIC = b"SQLite format 3\x00"
_FOLDERS = ("locks", "flight", "artifacts")


class Connection(Forgetful):
    """A connection to the journal that a forked child neither uses nor closes.

    Attributes:
        raw: The ``sqlite3`` connection, without automatic transactions.
        forgotten: Whether this is a forked child's copy.
    """

    def __init__(self, path: Path, *, write: bool, durability: str = "full") -> None:
        self.path = path
        self.forgotten = False
        try:
            self.raw = _connect(path, write=write)
            try:
                self._prepare(write, durability)
            except sqlite3.Error:
                self.raw.close()
                raise
        except sqlite3.Error as error:
            raise journal_error(error, path) from error
        forget_in_children(self)

    def close(self) -> None:
        """Close; of a writing connection only under the store's lock."""
        if self.forgotten:
            return
        try:
            self.raw.close()
        except sqlite3.Error as error:
            raise journal_error(error, self.path) from error

    def forget(self) -> None:
        """In a forked child: never close what the parent still uses, not even when the child ends."""
        self.forgotten = True
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.raw))

    def _prepare(self, write: bool, durability: str) -> None:
        run = self.raw.execute
        run("PRAGMA cell_size_check = ON")
        if write:
            run("PRAGMA journal_mode = WAL")
            run(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")
            run("PRAGMA wal_autocheckpoint = 0")
            run("PRAGMA journal_size_limit = 0")
            run("PRAGMA secure_delete = OFF")
            run("PRAGMA cache_size = -16384")
        else:
            run("PRAGMA query_only = ON")


def prepare_folder(folder: Path) -> None:
    """Make the store's folder ready for a journal, durably.

    Raises:
        UsageError: The folder holds other things, or is on a network file system.
        StoreError: The folder can't be written.
    """
    check_local(folder)
    try:
        if folder.is_dir():
            names = {entry.name for entry in folder.iterdir()}
            if JOURNAL not in names and names - {LOCK, ".gitignore", *_FOLDERS} - _scratch(names):
                raise UsageError(
                    f"'{folder}' is not a hookline store, and is not empty",
                    help="give a new or an empty folder: --store PATH",
                )
        make_folder(folder)
        if not (folder / ".gitignore").exists():
            write_file(folder / ".gitignore", [b"*\n"])
        for name in _FOLDERS:
            make_folder(folder / name)
        sync_folder(folder)
    except OSError as error:
        raise storage_error(error, error.filename or folder) from error


def create(folder: Path) -> None:
    """Create the journal unless it is there; under its final name it is always whole."""
    journal = folder / JOURNAL
    lock = StoreLock(folder / LOCK)
    try:
        with lock:
            if journal.exists():
                return
            for leftover in folder.glob(f".{JOURNAL}.*"):
                leftover.unlink(missing_ok=True)
            scratch = folder / scratch_name(JOURNAL)
            _build(scratch)
            scratch.rename(journal)
            sync_folder(folder)
    except sqlite3.Error as error:
        raise journal_error(error, journal) from error
    except OSError as error:
        raise storage_error(error, error.filename or journal) from error
    finally:
        lock.close()


def check_header(journal: Path) -> None:
    """Read the first bytes of a journal, without opening it, and refuse what this program must not touch.

    Raises:
        StoreDamagedError: The file is not a journal.
        StoreVersionError: The file is of a newer, or of an older, format.
        StoreError: The file can't be read.
    """
    check_version(journal, read_version(journal))


def read_version(journal: Path) -> int:
    """Read the format from the first bytes of a journal, without opening it.

    Raises:
        StoreDamagedError: The file is not a journal.
        StoreError: The file can't be read.
    """
    if sqlite3.sqlite_version_info < (3, 35):
        raise StoreError(
            f"this Python's SQLite is {sqlite3.sqlite_version}; the journal needs 3.35 or newer",
            help="use another Python build",
        )
    try:
        with journal.open("rb") as file:
            header = file.read(100)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise storage_error(error, journal) from error
    if len(header) < 100 or header[:16] != _MAGIC:
        raise damaged(journal, "its first bytes are not those of a journal")
    page = int.from_bytes(header[16:18], "big")
    page = 65536 if page == 1 else page
    if page < 512 or page & (page - 1) or size < page:
        raise damaged(journal, "its header makes no sense")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise damaged(journal, "it is a database, and not one that hookline made")
    return int.from_bytes(header[60:64], "big")


def check_version(journal: Path, version: int) -> None:
    """Refuse formats that this program does not know."""
    if version > VERSION:
        raise StoreVersionError(
            f"the store '{journal.parent}' has format {version}; this hookline knows formats up to {VERSION}",
            help="upgrade hookline, or use another store: --store PATH",
        )
    if version < VERSION:
        raise StoreVersionError(
            f"the store '{journal.parent}' has format {version}; this hookline needs format {VERSION}",
            help="run `hookline store upgrade`",
        )


def check_tables(connection: sqlite3.Connection, journal: Path) -> None:
    """Refuse a journal that lacks tables of this format."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    check_version(journal, version)
    there = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if missing := sorted(TABLES - there):
        raise damaged(journal, f"it has no table '{missing[0]}'")


def migrate(connection: sqlite3.Connection, *, folder: Path = MIGRATIONS) -> int:
    """Bring a journal to the newest format, in one transaction.

    Args:
        connection: Without automatic transactions, under the store's lock.
        folder: Where the numbered files are.

    Returns:
        The format that it has now.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    steps = sorted((int(path.name[:4]), path) for path in folder.glob("[0-9]*.sql"))
    connection.execute("BEGIN IMMEDIATE")
    try:
        for number, path in steps:
            if number > version:
                for statement in _statements(path.read_text(encoding="utf-8")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
                version = number
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return version


def _build(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrate(connection)
        # The mode is kept in the file; it becomes one file again when this connection closes.
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _connect(path: Path, *, write: bool) -> sqlite3.Connection:
    def opened(query: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"file:{quote(os.fspath(path.absolute()))}?{query}",
            uri=True,
            timeout=60.0,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )

    if write:
        return opened("mode=rw")
    connection = opened("mode=ro")
    try:
        connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
    except sqlite3.DatabaseError as error:
        connection.close()
        # On a read-only file system SQLite can't make its shared memory; without a log nothing can change either.
        log = path.with_name(path.name + "-wal")
        writable = os.access(path.parent, os.W_OK)
        if writable or (log.exists() and log.stat().st_size) or not isinstance(error, sqlite3.OperationalError):
            raise
        connection = opened("mode=ro&immutable=1")
    return connection


def _statements(text: str) -> list[str]:
    statements, gathered = [], ""
    for line in text.splitlines(keepends=True):
        gathered += line
        if sqlite3.complete_statement(gathered):
            statements.append(gathered)
            gathered = ""
    return statements


def _scratch(names: set[str]) -> set[str]:
    return {
        name
        for name in names
        if name.startswith(".") and name.endswith((".tmp", ".tmp-wal", ".tmp-shm", ".tmp-journal"))
    }
