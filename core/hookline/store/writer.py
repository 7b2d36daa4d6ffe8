"""Recording a run: group commits that hold only while this driver owns the run."""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any, Self

from hookline.errors import OwnershipError
from hookline.model.states import Kind, RunState
from hookline.store import schema
from hookline.store.flight import Flight
from hookline.store.locks import RunLock, StoreLock
from hookline.store.rows import Decision, Failure, Group, Log, NodeRow, Note, Span
from hookline.store.segments import append_segment, entry

if TYPE_CHECKING:
    from hookline.store.journal import SqliteStore

__all__ = ["JournalWriter", "SqliteRunWriter"]

_log = logging.getLogger("hookline.store")

CHECKPOINT_AT = 32 << 20
_REUSABLE = int(Kind.GREW)
_SPANS = 16  # more ranges than these are told as one that spans them all
_WITH_EPOCH = frozenset({"attempts", "decisions", "nodes"})
_STEPS = (256, 32, 4, 1)


_ATTEMPTS = "node, item, attempt, kind, key, outputs, started_us, duration_us, worker"
_FAILURES = ", ".join(Failure._fields)
_NOTES = ", ".join(Note._fields)
_LOGS = ", ".join(Log._fields)
_DECISIONS = ", ".join(Decision._fields[:-1])
_NODES = "node, name, step, code, shape, length, options, bindings, place, parent, parent_item, extra"


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


class SqliteRunWriter:
    """The right to record one run; see :class:`hookline.store.protocol.RunWriter`.

    Made by ``store.start_run`` and ``store.take_run``.
    """

    def __init__(
        self, writer: JournalWriter, lock: RunLock, flight: Flight, *, run: int, run_id: str, epoch: int
    ) -> None:
        self.run_id = run_id
        self.run = run
        self.epoch = epoch
        self.flight = flight
        self._writer = writer
        self._lock = lock
        self._fixed = (run, epoch)
        self._codes: dict[bytes, int] = {}
        self._node_codes: dict[int, int | None] = {}
        self._statements: dict[tuple[str, int], str] = {}
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def commit(self, group: Group) -> int:
        """Record a group, wholly or not at all, and give the sequence number of the commit."""
        learned: dict[bytes, int] = {}
        nodes: dict[int, int | None] = {}
        with self._owned() as cursor:
            ranges, reusable = _survey(group)
            cursor.execute(
                "INSERT INTO commits (run, epoch, time_us, ranges) VALUES (?, ?, ?, ?)",
                (*self._fixed, time.time_ns() // 1000, json.dumps(ranges, separators=(",", ":"))),
            )
            sequence: int = cursor.lastrowid or 0
            for fingerprint, parts in group.code:
                self._code(cursor, fingerprint, learned, parts)
            if group.nodes:
                self._insert_nodes(cursor, group.nodes, sequence, learned, nodes)
            self._insert(cursor, "attempts", _ATTEMPTS, group.attempts, sequence)
            self._insert(cursor, "failures", _FAILURES, group.failures, sequence)
            self._insert(cursor, "notes", _NOTES, group.notes, sequence)
            self._insert(cursor, "logs", _LOGS, group.logs, sequence)
            self._insert(cursor, "decisions", _DECISIONS, [row[:9] for row in group.decisions], sequence)
            self._count(cursor, group.counters)
            self._index(cursor, reusable, nodes, sequence, novel=group.novel)
        self._codes.update(learned)
        self._node_codes.update(nodes)
        return sequence

    def heartbeat(self) -> int:
        """Say that the driver lives; tells what ``cancelled`` tells."""
        with self._owned() as cursor:
            cursor.execute("UPDATE runs SET heartbeat_us = ? WHERE run = ?", (time.time_ns() // 1000, self.run))
            row = cursor.execute("SELECT cancel FROM runs WHERE run = ?", (self.run,)).fetchone()
        return int(row[0])

    def cancelled(self) -> int:
        """Tell whether somebody asked to stop: 0 no, 1 stop launching, 2 kill."""
        with self._writer.store.reading() as connection:
            row = connection.execute("SELECT cancel FROM runs WHERE run = ?", (self.run,)).fetchone()
        return int(row[0]) if row else 0

    def set_state(self, state: RunState) -> None:
        """Change the state of a run that goes on."""
        with self._owned() as cursor:
            cursor.execute("UPDATE runs SET state = ? WHERE run = ?", (state.value, self.run))

    def finish(self, state: RunState, *, error: str | None = None, result: bytes | None = None) -> None:
        """Record how the run ended."""
        now = time.time_ns() // 1000
        with self._owned() as cursor:
            cursor.execute(
                "UPDATE runs SET state = ?, error = ?, result = coalesce(?, result), finished_us = ?, heartbeat_us = ?"
                " WHERE run = ?",
                (state.value, error, result, now, now, self.run),
            )

    def close(self) -> None:
        """Give the ownership back; what still stands in the flight file counts as in flight no more."""
        if not self._closed and not self._writer.forgotten:
            self._closed = True
            self.flight.remove()
            self._writer.close()
            self._lock.release()

    @contextmanager
    def _owned(self) -> Iterator[sqlite3.Cursor]:
        with self._writer.transaction() as cursor:
            row = cursor.execute(
                "SELECT epoch, owner_host, owner_pid, heartbeat_us FROM runs WHERE run = ?", (self.run,)
            ).fetchone()
            if row is None or row[0] != self.epoch:
                raise lost_ownership(self.run_id, row)
            yield cursor

    def _code(
        self, cursor: sqlite3.Cursor, fingerprint: bytes, learned: dict[bytes, int], parts: bytes | None = None
    ) -> int:
        if parts is None:
            known = self._codes.get(fingerprint) or learned.get(fingerprint)
            if known is not None:
                return known
        cursor.execute(
            "INSERT INTO code (fingerprint, parts) VALUES (?, ?) ON CONFLICT (fingerprint) DO UPDATE"
            " SET parts = excluded.parts WHERE code.parts IS NULL AND excluded.parts IS NOT NULL",
            (fingerprint, parts),
        )
        row = cursor.execute("SELECT code FROM code WHERE fingerprint = ?", (fingerprint,)).fetchone()
        learned[fingerprint] = row[0]
        return int(row[0])

    def _insert_nodes(
        self,
        cursor: sqlite3.Cursor,
        rows: Sequence[NodeRow],
        sequence: int,
        learned: dict[bytes, int],
        nodes: dict[int, int | None],
    ) -> None:
        ready = []
        for row in rows:
            code = None if row.fingerprint is None else self._code(cursor, row.fingerprint, learned)
            nodes[row.node] = code
            ready.append((*row[:3], code, *row[4:]))
        self._insert(cursor, "nodes", _NODES, ready, sequence, "OR REPLACE")

    def _insert(
        self,
        cursor: sqlite3.Cursor,
        table: str,
        columns: str,
        rows: Sequence[Sequence[Any]],
        sequence: int,
        conflict: str = "",
    ) -> None:
        at, count = 0, len(rows)
        for step in _STEPS:
            while count - at >= step:
                part = rows[at : at + step]
                values = chain((*self._fixed, sequence), chain.from_iterable(part))
                cursor.execute(self._statement(table, columns, step, conflict), tuple(values))
                at += step

    def _statement(self, table: str, columns: str, rows: int, conflict: str) -> str:
        text = self._statements.get((table, rows))
        if text is None:
            if not conflict and table != "attempts":
                conflict = "OR REPLACE"
            # The same run, epoch and sequence in every row, bound once.
            head, fixed = ("run, epoch, sequence", "?1,?2,?3") if table in _WITH_EPOCH else ("run, sequence", "?1,?3")
            row = f"({fixed},{','.join('?' * (columns.count(',') + 1))})"
            text = f"INSERT {conflict} INTO {table} ({head}, {columns}) VALUES {','.join([row] * rows)}"
            self._statements[table, rows] = text
        return text

    def _count(self, cursor: sqlite3.Cursor, counters: dict[tuple[int, str], int]) -> None:
        for (node, state), count in counters.items():
            cursor.execute("INSERT OR REPLACE INTO counters VALUES (?, ?, ?, ?)", (self.run, node, str(state), count))

    def _index(
        self,
        cursor: sqlite3.Cursor,
        reusable: dict[int, list[Any]],
        nodes: dict[int, int | None],
        sequence: int,
        *,
        novel: bool,
    ) -> None:
        entries: dict[int, list[bytes]] = {}
        run = self.run
        for node, rows in reusable.items():
            code = nodes[node] if node in nodes else self._code_of_node(cursor, node, nodes)
            if code is not None:
                entries.setdefault(code, []).extend([entry(row[4], run, node, row[1], row[2]) for row in rows])
        for code, found in entries.items():
            append_segment(cursor, code, sequence, run, found, novel=novel)

    def _code_of_node(self, cursor: sqlite3.Cursor, node: int, nodes: dict[int, int | None]) -> int | None:
        if node in self._node_codes:
            return self._node_codes[node]
        row = cursor.execute(
            "SELECT code FROM nodes WHERE run = ? AND node = ? ORDER BY epoch DESC LIMIT 1", (self.run, node)
        ).fetchone()
        nodes[node] = row[0] if row else None
        return nodes[node]


def lost_ownership(run_id: str, row: Sequence[Any] | None) -> OwnershipError:
    """Word that another driver has the run now."""
    if row is None:
        return OwnershipError(f"run {run_id} was deleted while it was being recorded")
    return OwnershipError(
        f"run {run_id} belongs to another driver: {owner_words(row[1], row[2], row[3])}",
        help="this driver stops and records nothing more",
    )


def owner_words(host: str | None, pid: int | None, heartbeat_us: int | None) -> str:
    """Say who owns a run."""
    beat = "no heartbeat yet"
    if heartbeat_us:
        ago = max(0, time.time_ns() // 1000 - heartbeat_us) // 1_000_000
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(heartbeat_us / 1e6))
        beat = f"last heartbeat {at} ({ago} s ago)"
    return f"host {host or 'unknown'}, process {pid or 'unknown'}, {beat}"


def _survey(group: Group) -> tuple[dict[str, list[Span]], dict[int, list[Any]]]:
    """Find the ranges of rows per table for the event cursor, and the attempts that later runs may reuse."""
    ranges: dict[str, list[Span]] = {}
    reusable: dict[int, list[Any]] = {}
    for row in group.attempts:
        if row[3] <= _REUSABLE and row[4] is not None:
            rows = reusable.get(row[0])
            if rows is None:
                rows = reusable[row[0]] = []
            rows.append(row)
    for table, items in (
        ("nodes", [(row.node, 0, 1) for row in group.nodes]),
        ("attempts", _items(group.attempts)),
        ("decisions", [(row.node, row.low, row.high) for row in group.decisions]),
        ("failures", _items(group.failures)),
        ("notes", _items(group.notes)),
        ("logs", _items(group.logs)),
    ):
        if items:
            ranges[table] = _spans(items)
    return ranges, reusable


def _items(rows: Sequence[Sequence[Any]]) -> list[tuple[int, int, int]]:
    by_node: dict[int, list[int]] = {}
    for row in rows:
        items = by_node.get(row[0])
        if items is None:
            items = by_node[row[0]] = []
        items.append(row[1])
    return [(node, min(items), max(items) + 1) for node, items in by_node.items()]


def _spans(ranges: Sequence[tuple[int, int, int]]) -> list[Span]:
    if len(ranges) <= _SPANS:
        return [(node, node + 1, low, high) for node, low, high in ranges]
    nodes, lows, highs = zip(*ranges, strict=True)
    return [(min(nodes), max(nodes) + 1, min(lows), max(highs))]
