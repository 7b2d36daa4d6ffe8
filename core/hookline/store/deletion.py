"""Deleting runs, so that nobody who still needs a result loses it.

A deleted run is gone with its row, in one transaction; what else belongs to it follows in pieces, so that drivers don't
wait for long. Its attempts come last, and not all of them: what other runs reused stays as long as one of these is
there, since their rows only point to it; and while any run is in progress no attempt goes, because its driver may have
found one just now and not said so yet. What stays is found again by the next deletion, or by collecting garbage.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from hookline.errors import OwnershipError, UsageError
from hookline.store.locks import maintaining
from hookline.store.lookup import DELETIONS
from hookline.store.ownership import driven_runs
from hookline.store.transactions import JournalWriter
from hookline.store.writer import owner_words

if TYPE_CHECKING:
    from hookline.store.journal import SqliteStore
    from hookline.store.rows import RunRow

__all__ = ["Deleted", "Needed", "Purged", "delete_runs", "purge"]

_PIECE = 5000  # rows
_KEYS = {
    "nodes": ("node", "epoch"),
    "failures": ("node", "item", "attempt"),
    "notes": ("node", "item", "attempt", "position"),
    "logs": ("node", "item", "attempt", "stream"),
    "decisions": ("node", "low", "epoch"),
    "counters": ("node", "state"),
    "grown": ("node", "item"),
}
_ATTEMPT = ("node", "item", "attempt")

Span = tuple[int, int]
Tell = Callable[[int], object]


class Purged(NamedTuple):
    """What :func:`purge` did.

    Attributes:
        rows: How many rows it removed.
        waiting: Whether results stay until no run is in progress.
    """

    rows: int
    waiting: bool


class Deleted(NamedTuple):
    """What :func:`delete_runs` did.

    Attributes:
        runs: Which runs it deleted.
        rows: How many rows went with them.
        waiting: Whether results stay until no run is in progress.
    """

    runs: list[RunRow]
    rows: int
    waiting: bool


def delete_runs(
    store: SqliteStore, runs: Sequence[RunRow], tell: Tell = lambda _: None, *, leave_driven: bool = False
) -> Deleted:
    """Delete runs, all or none of them.

    Args:
        store: The store.
        runs: The runs.
        tell: Called with the number of rows removed so far.
        leave_driven: Whether to leave out runs that are being driven.

    Returns:
        Which runs went; their artifacts go when garbage is collected.

    Raises:
        OwnershipError: One of them is being driven.
        UsageError: One of them was deleted by somebody else.
        StoreError: Another process is cleaning up.
    """
    with maintaining(store.path):
        with _writing(store) as writer:
            deleted = _delete_rows(writer, store, runs, leave_driven)
        return Deleted(deleted, *purge(store, tell))


def purge(store: SqliteStore, tell: Tell = lambda _: None) -> Purged:
    """Remove what belongs to deleted runs and nobody needs; to be called while :func:`maintaining`.

    Args:
        store: The store.
        tell: Called with the number of rows removed so far.
    """
    rows = 0
    with _writing(store) as writer:
        for table, key in _KEYS.items():
            for run in _ownerless(store, table):
                for count in _delete_all(writer, table, key, run):
                    rows += count
                    tell(rows)
        rows += _delete_commits(writer)
        ownerless = _ownerless(store, "attempts")
        waiting = False
        for run in ownerless:
            for count in _delete_attempts(writer, store, run):
                waiting = waiting or count < 0
                rows += max(count, 0)
                tell(rows)
        if ownerless and not waiting:
            _delete_code(writer, store)
    return Purged(rows, waiting)


class Needed:
    """Which attempts of deleted runs are needed by the runs that are there.

    Args:
        connection: Reads the journal.
    """

    def __init__(self, connection: sqlite3.Connection | sqlite3.Cursor) -> None:
        self.runs: frozenset[int] = frozenset(row[0] for row in connection.execute("SELECT run FROM runs"))
        spans: dict[tuple[int, int], list[Span]] = {}
        for run, source, node, low, count in connection.execute(
            "SELECT run, source_run, source_node, source_low, high - low FROM decisions WHERE source_run IS NOT NULL"
        ):
            if run in self.runs and source not in self.runs:
                spans.setdefault((source, node), []).append((low, low + count))
        self._spans = {key: _merged(found) for key, found in spans.items()}

    def __call__(self, run: int, node: int, item: int) -> bool:
        """Tell whether an attempt has to stay."""
        if run in self.runs:
            return True
        spans = self._spans.get((run, node), [])
        at = bisect_right(spans, (item, 1 << 62)) - 1
        return at >= 0 and item < spans[at][1]


@contextmanager
def _writing(store: SqliteStore) -> Iterator[JournalWriter]:
    store.check_sound()
    with closing(JournalWriter(store)) as writer:
        yield writer


def _delete_rows(writer: JournalWriter, store: SqliteStore, runs: Sequence[RunRow], leave_driven: bool) -> list[RunRow]:
    deleted = []
    with writer.transaction() as cursor:
        driven = driven_runs(store.path)
        for row in runs:
            if row.id in driven:
                if leave_driven:
                    continue
                raise OwnershipError(
                    f"run {row.id} is running, nothing was deleted: "
                    f"{owner_words(row.owner_host, row.owner_pid, row.heartbeat_us)}",
                    help=f"wait for it, or stop it: hookline runs cancel {row.id}",
                )
            cursor.execute("DELETE FROM runs WHERE run = ?", (row.run,))
            if not cursor.rowcount:
                raise UsageError(f"run {row.id} is gone already, nothing was deleted")
            deleted.append(row)
    return deleted


def _ownerless(store: SqliteStore, table: str) -> list[int]:
    """List the numbers of deleted runs that have rows in a table, by leaps from run to run."""
    with store.reading() as connection:
        found = [-1]
        while (row := connection.execute(f"SELECT min(run) FROM {table} WHERE run > ?", found[-1:]).fetchone())[0]:
            found.append(row[0])
        # Read last: a run that begins in between has rows, and would be missing here.
        there = {row[0] for row in connection.execute("SELECT run FROM runs")}
    return [run for run in found[1:] if run not in there]


def _delete_all(writer: JournalWriter, table: str, key: Sequence[str], run: int) -> Iterator[int]:
    columns = ", ".join(key)
    while True:
        with writer.transaction() as cursor:
            last = cursor.execute(
                f"SELECT {columns} FROM {table} WHERE run = ? ORDER BY {columns} LIMIT 1 OFFSET {_PIECE}", (run,)
            ).fetchone()
            rest = "" if last is None else f" AND ({columns}) < ({', '.join('?' * len(key))})"
            cursor.execute(f"DELETE FROM {table} WHERE run = ?{rest}", (run, *(last or ())))
            count = cursor.rowcount
        yield count
        if last is None:
            return


def _delete_commits(writer: JournalWriter) -> int:
    removed, low = 0, 0
    while True:
        with writer.transaction() as cursor:
            high = cursor.execute(
                f"SELECT max(sequence) FROM (SELECT sequence FROM commits WHERE sequence > ? ORDER BY sequence"
                f" LIMIT {_PIECE})",
                (low,),
            ).fetchone()[0]
            if high is None:
                return removed
            cursor.execute(
                "DELETE FROM commits WHERE sequence > ? AND sequence <= ? AND run NOT IN (SELECT run FROM runs)",
                (low, high),
            )
            removed += cursor.rowcount
            low = high


def _delete_attempts(writer: JournalWriter, store: SqliteStore, run: int) -> Iterator[int]:
    """Delete a run's attempts but those that are needed; yields how many per piece, -1 where a driver is in the way."""
    at: Sequence[int] = (-1, -1, -1)
    seen, needed = -1, None
    while True:
        with writer.transaction() as cursor:
            if driven_runs(store.path):
                yield -1
                return
            newest = cursor.execute("SELECT coalesce(max(sequence), 0) FROM commits").fetchone()[0]
            if needed is None or newest != seen:
                # A run may have come and gone since the last transaction.
                seen, needed = newest, Needed(cursor)
            rows = cursor.execute(
                "SELECT node, item, attempt FROM attempts WHERE run = ? AND (node, item, attempt) > (?, ?, ?)"
                f" ORDER BY node, item, attempt LIMIT {_PIECE}",
                (run, *at),
            ).fetchall()
            unneeded = [(run, *row) for row in rows if not needed(run, row[0], row[1])]
            if len(unneeded) == len(rows) and rows:
                cursor.execute(
                    "DELETE FROM attempts WHERE run = ? AND (node, item, attempt) > (?, ?, ?)"
                    " AND (node, item, attempt) <= (?, ?, ?)",
                    (run, *at, *rows[-1]),
                )
            else:
                cursor.executemany(
                    "DELETE FROM attempts WHERE run = ? AND node = ? AND item = ? AND attempt = ?", unneeded
                )
            if unneeded:
                cursor.execute(
                    "INSERT INTO records (owner, key, version, value, time_us) VALUES (?, ?, 1, 1, 0)"
                    " ON CONFLICT (owner, key, version) DO UPDATE SET value = value + 1",
                    DELETIONS,
                )
        yield len(unneeded)
        if len(rows) < _PIECE:
            return
        at = rows[-1]


def _delete_code(writer: JournalWriter, store: SqliteStore) -> None:
    """Delete the code that no task has any more, and its part of the cache index."""
    with writer.transaction() as cursor:
        if driven_runs(store.path):
            return
        unused = cursor.execute(
            "SELECT code FROM code WHERE code NOT IN (SELECT code FROM nodes WHERE code IS NOT NULL)"
        ).fetchall()
        for (code,) in unused:
            spans = cursor.execute("SELECT base, base + chunks FROM segments WHERE code = ?", (code,)).fetchall()
            cursor.executemany("DELETE FROM chunks WHERE chunk >= ? AND chunk < ?", spans)
            cursor.execute("DELETE FROM segments WHERE code = ?", (code,))
            cursor.execute("DELETE FROM code WHERE code = ?", (code,))


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for low, high in sorted(spans):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged
